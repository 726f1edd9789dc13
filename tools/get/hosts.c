/* See hosts.h. */
#include "hosts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void hosts_open(hosts *self, unsigned most, unsigned per_host)
{
    *self = (hosts){.per_host = per_host};
    whorl_semaphore_init(&self->places, most);
}

static void drop(host *self)
{
    curl_slist_free_all(self->addresses);
    curl_free(self->name);
    curl_free(self->port);
    free(self);
}

void hosts_close(hosts *self)
{
    while (self->first != NULL) {
        host *gone = self->first;
        self->first = gone->next;
        drop(gone);
    }
}

static bool is_numeric(const char *name)
{
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
}

/* What curl answers by itself (RFC 6761). */
static bool is_localhost(const char *name)
{
    static const char suffix[] = ".localhost";
    size_t len = strlen(name);
    return strcasecmp(name, suffix + 1) == 0 ||
           (len >= sizeof suffix && strcasecmp(name + len - (sizeof suffix - 1), suffix) == 0);
}

/* The host and port of a URL, to be freed with curl_free. An IPv6 address loses its brackets. */
static int take_apart(const char *url, char **name, char **port)
{
    CURLU *parts = curl_url();
    *name = *port = NULL;
    bool is_good = parts != NULL && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
                   curl_url_get(parts, CURLUPART_HOST, name, CURLU_PUNYCODE) == CURLUE_OK &&
                   curl_url_get(parts, CURLUPART_PORT, port, CURLU_DEFAULT_PORT) == CURLUE_OK;
    curl_url_cleanup(parts);
    if (!is_good) {
        curl_free(*name);
        return -EINVAL;
    }
    size_t len = strlen(*name);
    if (len >= 2 && (*name)[0] == '[' && (*name)[len - 1] == ']') {
        memmove(*name, *name + 1, len - 2);
        (*name)[len - 2] = '\0';
    }
    return 0;
}

/* The host with that name and port, which become its own; a new one where there is none. */
static host *find(hosts *self, char *name, char *port)
{
    for (host *at = self->first; at != NULL; at = at->next) {
        if (strcasecmp(at->name, name) != 0 || strcmp(at->port, port) != 0)
            continue;
        curl_free(name);
        curl_free(port);
        return at;
    }
    host *made = calloc(1, sizeof *made);
    if (made == NULL) {
        curl_free(name);
        curl_free(port);
        return NULL;
    }
    *made = (host){.next = self->first, .name = name, .port = port};
    made->is_numeric = is_numeric(name) || is_localhost(name);
    whorl_semaphore_init(&made->places, self->per_host);
    self->first = made;
    return made;
}

host *hosts_find(hosts *self, const char *url, struct failure *failure)
{
    char *name, *port;
    if (take_apart(url, &name, &port) != 0) {
        failure_tell(failure, FAILURE_FINAL,
                     "\"%s\" has no host that could be asked: see that it is right", url);
        return NULL;
    }
    host *found = find(self, name, port);
    if (found == NULL)
        failure_tell(failure, FAILURE_FINAL, "there is no memory left: run it with fewer URLs");
    return found;
}

/* In this order: who waits for its host holds up nobody of another. */
int hosts_enter(hosts *self, host *at)
{
    int error = whorl_semaphore_acquire(&at->places);
    if (error != 0)
        return error;
    error = whorl_semaphore_acquire(&self->places);
    if (error != 0)
        whorl_semaphore_release(&at->places);
    return error;
}

void hosts_leave(hosts *self, host *at)
{
    whorl_semaphore_release(&self->places);
    whorl_semaphore_release(&at->places);
}

/* --- Names --- */

/* What a thread of the pool is given. */
typedef struct look_up {
    const char *name;
    const char *port;
    struct addrinfo *found;
    int status; /* getaddrinfo's */
} look_up;

static intptr_t block_in_look_up(void *arg)
{
    look_up *asked = arg;
    struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    asked->status = getaddrinfo(asked->name, asked->port, &wanted, &asked->found);
    return 0;
}

/* NAME:PORT:ADDRESS,ADDRESS,... as CURLOPT_RESOLVE wants it; NULL for want of memory. */
static struct curl_slist *in_curls_words(const host *self, const struct addrinfo *found)
{
    char *line = NULL;
    size_t len;
    FILE *out = open_memstream(&line, &len);
    if (out == NULL)
        return NULL;
    fprintf(out, "%s:%s:", self->name, self->port);
    for (const struct addrinfo *at = found; at != NULL; at = at->ai_next) {
        char address[NI_MAXHOST];
        if (getnameinfo(at->ai_addr, at->ai_addrlen, address, sizeof address, NULL, 0,
                        NI_NUMERICHOST) != 0)
            continue;
        const char *form = at->ai_family == AF_INET6 ? "%s[%s]" : "%s%s";
        fprintf(out, form, at == found ? "" : ",", address);
    }
    struct curl_slist *list =
        fclose(out) == 0 && line != NULL ? curl_slist_append(NULL, line) : NULL;
    free(line);
    return list;
}

/* With the host's mutex held. */
static int look_up_now(host *self, struct failure *failure)
{
    look_up asked = {.name = self->name, .port = self->port};
    intptr_t error = whorl_to_thread(block_in_look_up, &asked);
    if (error == -ECANCELED)
        return (int)error;
    if (error < 0)
        return failure_tell(failure, FAILURE_FINAL, "no thread can be had to look \"%s\" up: %s",
                            self->name, strerror((int)-error));
    if (asked.status != 0)
        return failure_tell(
            failure, asked.status == EAI_AGAIN ? FAILURE_TRANSIENT : FAILURE_FINAL,
            "the host \"%s\" cannot be found: %s; see that its name is right, and that this "
            "machine is on line",
            self->name, gai_strerror(asked.status));
    self->addresses = in_curls_words(self, asked.found);
    freeaddrinfo(asked.found);
    if (self->addresses == NULL)
        return failure_tell(failure, FAILURE_FINAL,
                            "there is no memory left: run it with fewer URLs");
    return 0;
}

int host_look_up(host *self, struct failure *failure)
{
    if (self->is_numeric || self->addresses != NULL)
        return 0;
    int error = whorl_mutex_lock(&self->looking_up);
    if (error != 0)
        return error;
    error = self->addresses != NULL ? 0 : look_up_now(self, failure);
    whorl_mutex_unlock(&self->looking_up);
    return error;
}
