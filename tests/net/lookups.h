/*
 * Lookups of names without a network: this stands between the engine and getaddrinfo(3), by the
 * linker's --wrap, and answers as the program tells it. For a program of one such header; the flags
 * to link with are lookups_flags of Makefile.am.
 */
#ifndef TESTS_NET_LOOKUPS_H
#define TESTS_NET_LOOKUPS_H

#include "os/threads.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>

/* What answers; NULL: the C library. On a thread. An error of getaddrinfo(3), or a list that
 * answer_with has made. */
typedef int lookup_hook(const char *host, const char *service, const struct addrinfo *hints,
                        struct addrinfo **list);
static lookup_hook *lookup_by;

static atomic_int lookups_begun, lookups_ended, lookups_may_end;
static atomic_int answers_held; /* lists that nobody has freed */

int __real_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **list);
int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **list);
void __real_freeaddrinfo(struct addrinfo *list);
void __wrap_freeaddrinfo(struct addrinfo *list);

int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **list)
{
    atomic_fetch_add(&lookups_begun, 1);
    int error = lookup_by ? lookup_by(host, service, hints, list)
                          : __real_getaddrinfo(host, service, hints, list);
    if (error == 0)
        atomic_fetch_add(&answers_held, 1);
    atomic_fetch_add(&lookups_ended, 1);
    return error;
}

void __wrap_freeaddrinfo(struct addrinfo *list)
{
    if (!lookup_by)
        __real_freeaddrinfo(list);
    for (struct addrinfo *next; lookup_by && list; list = next) {
        next = list->ai_next;
        free(list);
    }
    atomic_fetch_sub(&answers_held, 1);
}

/* Sets what answers, and counts anew. No thread has a lookup. */
static inline void answer_lookups_by(lookup_hook *hook)
{
    lookup_by = hook;
    atomic_store(&lookups_begun, 0);
    atomic_store(&lookups_ended, 0);
    atomic_store(&lookups_may_end, 0);
    atomic_store(&answers_held, 0);
}

/* An address, in front of a list. */
static inline struct addrinfo *answer_before(struct addrinfo *next, const char *text,
                                             in_port_t port)
{
    struct {
        struct addrinfo info;
        struct sockaddr_in6 in6;
    } *one = calloc(1, sizeof *one);
    if (!one)
        abort();
    struct sockaddr_in *in4 = (struct sockaddr_in *)&one->in6;
    bool is_in6 = strchr(text, ':') != NULL;
    one->info = (struct addrinfo){.ai_family = is_in6 ? AF_INET6 : AF_INET,
                                  .ai_addr = (struct sockaddr *)&one->in6,
                                  .ai_addrlen = is_in6 ? sizeof one->in6 : sizeof *in4,
                                  .ai_next = next};
    one->in6.sin6_family = (sa_family_t)one->info.ai_family;
    one->in6.sin6_port = htons(port);
    if (inet_pton(one->info.ai_family, text,
                  is_in6 ? (void *)&one->in6.sin6_addr : (void *)&in4->sin_addr) != 1)
        abort();
    return &one->info;
}

/* Puts a list of these addresses, one after the other with spaces between, into *list. */
static inline int answer_with(const char *texts, in_port_t port, struct addrinfo **list)
{
    char all[1024], *words[64];
    size_t count = 0;
    if (strlen(texts) >= sizeof all)
        abort();
    strcpy(all, texts);
    for (char *rest = all, *word; (word = strtok_r(rest, " ", &rest)) && count < count_of(words);)
        words[count++] = word;
    *list = NULL;
    while (count > 0)
        *list = answer_before(*list, words[--count], port);
    return 0;
}

/* An address as text: "127.0.0.1:80", "[::1]:80"; with a scope, "[fe80::1%2]:80". */
typedef struct address_text {
    char text[80];
} address_text;

static inline address_text text_of(const whorl_address *address)
{
    address_text result = {"?"};
    char host[INET6_ADDRSTRLEN];
    const struct sockaddr_in6 *in6 = &address->in6;
    if (address->any.sa_family == AF_INET && address->len == sizeof address->in4 &&
        inet_ntop(AF_INET, &address->in4.sin_addr, host, sizeof host))
        snprintf(result.text, sizeof result.text, "%s:%u", host, ntohs(address->in4.sin_port));
    if (address->any.sa_family == AF_INET6 && address->len == sizeof *in6 &&
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host)) {
        char scope[16] = "";
        if (in6->sin6_scope_id)
            snprintf(scope, sizeof scope, "%%%u", in6->sin6_scope_id);
        snprintf(result.text, sizeof result.text, "[%s%s]:%u", host, scope, ntohs(in6->sin6_port));
    }
    return result;
}

/* Resolves, and checks that this is what comes, as text with spaces between; "" for an error. */
#define check_resolves(host, service, options, expected)                                           \
    check_resolves_at(host, service, options, expected, __LINE__)

static inline int check_resolves_at(const char *host, const char *service,
                                    const whorl_resolve_options *options, const char *expected,
                                    int line)
{
    whorl_address addresses[WHORL_ADDRESSES_MAX];
    char text[8192] = "";
    int count = whorl_resolve(host, service, options, addresses, count_of(addresses));
    for (int i = 0; i < count; i++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%s", i ? " " : "",
                 text_of(&addresses[i]).text);
    }
    if (strcmp(text, expected) != 0)
        check_failed("line %d: %s gives \"%s\" (%d), not \"%s\"", line, host ? host : "no host",
                     text, count, expected);
    return count;
}

/* The result alone. */
static inline int resolve_quickly(const char *host, const whorl_resolve_options *options)
{
    whorl_address address;
    return whorl_resolve(host, "7", options, &address, 1);
}

#endif
