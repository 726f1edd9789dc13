/*
 * See server.h. Prints "listening on 127.0.0.1 port N", and serves until it is killed, or the shell
 * that has started it ends, however that does. Its arguments may instead be a letter and a number
 * of bytes: then it prints the file that it would serve.
 */
#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>

enum { BACKLOG = 512, PATHS = 256 };

static struct {
    char path[2048];
    int visits;
} seen[PATHS];

static int at_once, most;

int most_at_once(void)
{
    return most;
}

int send_all(int fd, const void *data, size_t len)
{
    const char *at = data;
    while (len > 0) {
        ssize_t sent = whorl_send(fd, at, len, 0);
        if (sent < 0)
            return (int)sent;
        at += sent;
        len -= (size_t)sent;
    }
    return 0;
}

int send_text(int fd, const char *format, ...)
{
    char *text;
    va_list arguments;
    va_start(arguments, format);
    int len = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (len < 0)
        return -ENOMEM;
    int error = send_all(fd, text, (size_t)len);
    free(text);
    return error;
}

/* No two stretches of a file are the same, so that none can be taken for another. */
static char byte_at(char letter, int64_t at)
{
    return (char)(at % 8 == 0 ? letter : 'a' + (at / 8 >> at % 8 * 4) % 16);
}

int send_file(int fd, char letter, int64_t from, int64_t to)
{
    char buf[4096];
    while (from < to) {
        size_t len = 0;
        for (; len < sizeof buf && from < to; from++)
            buf[len++] = byte_at(letter, from);
        int error = send_all(fd, buf, len);
        if (error != 0)
            return error;
    }
    return 0;
}

static int count_visit(const char *path)
{
    for (int i = 0; i < PATHS; i++) {
        if (seen[i].visits == 0)
            snprintf(seen[i].path, sizeof seen[i].path, "%s", path);
        if (strcmp(seen[i].path, path) == 0)
            return ++seen[i].visits;
    }
    return 0;
}

/* The value of a header, cut at the end of its line; "" if there is none. */
static void find_header(const char *head, const char *name, char *value, size_t room)
{
    *value = '\0';
    for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, strlen(name)) != 0)
            continue;
        line += strlen(name);
        snprintf(value, room, "%.*s", (int)strcspn(line, "\r"), line);
        return;
    }
}

/* Reads the head of a request. False if none comes. */
static bool read_request(visit *self)
{
    size_t len = 0;
    while (strstr(self->head, "\r\n\r\n") == NULL) {
        ssize_t got = whorl_recv(self->fd, self->head + len, sizeof self->head - len - 1, 0);
        if (got <= 0)
            return false;
        len += (size_t)got;
        self->head[len] = '\0';
    }
    char range[64];
    find_header(self->head, "Range: ", range, sizeof range);
    find_header(self->head, "If-Range: ", self->validator, sizeof self->validator);
    if (sscanf(range, "bytes=%ld-", &self->from) != 1)
        self->from = -1;
    return sscanf(self->head, "GET %2047s", self->path) == 1;
}

static intptr_t serve(void *arg)
{
    visit *self = calloc(1, sizeof *self);
    self->fd = (int)(intptr_t)arg;
    if (read_request(self)) {
        self->number = count_visit(self->path);
        most = ++at_once > most ? at_once : most;
        answer_visit(self);
        at_once--;
    }
    whorl_close(self->fd);
    free(self);
    return 0;
}

static intptr_t listen_and_serve(void *arg)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = whorl_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)arg;
    if (fd < 0 || whorl_bind(fd, (struct sockaddr *)&address, len) != 0 ||
        whorl_listen(fd, BACKLOG) != 0 || getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return -EIO;
    printf("listening on 127.0.0.1 port %d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        int peer = whorl_accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        if (peer >= 0)
            whorl_release(whorl_spawn(serve, (void *)(intptr_t)peer));
        else if (peer != -ECONNABORTED)
            return peer;
    }
}

int main(int argc, char **argv)
{
    if (argc == 3) {
        for (int64_t i = 0; i < atoll(argv[2]); i++)
            putchar(byte_at(*argv[1], i));
        return 0;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    return whorl_run(listen_and_serve, NULL) < 0;
}
