/*
 * The access log: a line for each request, in the common log format.
 *
 * A connection puts its line into memory and goes on; a task writes what is there. So a disk, or
 * whoever reads a pipe, holds up nobody: where it is slower than the requests, lines are left out
 * that find no room. That, and what cannot be written, is told on stderr, the first time. Lines are
 * whole, also where a disk was full in the middle of one.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../service/service.h"
#include "httpd.h"

/* Bytes of lines that wait, and of those from which on they are not to wait for long. */
enum { WAITING_MOST = 1 << 20, WAITING_MANY = WAITING_MOST / 4 };

/* Of a line, what is not the request's. */
enum { REST_MOST = NI_MAXHOST + 128 };

/* For what is left when the server ends. */
#define LAST_TIME WHORL_SECONDS(2)

/* A FIFO that nobody reads yet is opened for reading too, since that waits for no reader (fifo(7)).
 */
static int open_file(const char *name)
{
    int fd = whorl_open(name, O_WRONLY | O_NONBLOCK | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd == -ENXIO)
        return whorl_open(name, O_RDWR | O_APPEND | O_CLOEXEC, 0);
    if (fd >= 0)
        (void)fcntl(fd, F_SETFL, O_APPEND);
    return fd;
}

int access_log_open(struct server *server)
{
    struct access_log *self = &server->log;
    const char *name = server->options.access_log;
    if (name == NULL)
        return 0;
    self->lines = malloc(WAITING_MOST);
    self->full = malloc(WAITING_MOST);
    if (self->lines == NULL || self->full == NULL)
        return -ENOMEM;
    self->fd = strcmp(name, "-") == 0 ? fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0) : open_file(name);
    return self->fd == -1 ? -errno : self->fd < 0 ? self->fd : 0;
}

static void complain(struct access_log *self, const char *why)
{
    if (!self->failed)
        service_tell("the access log cannot be written: %s", why);
    self->failed = true;
}

/* Of a line that was written in part: all lines end. */
static size_t rest_of_line(const struct access_log *self)
{
    const char *at = self->full + self->written;
    if (self->written == 0 || at[-1] == '\n')
        return 0;
    return (size_t)((char *)memchr(at, '\n', self->full_len) + 1 - at);
}

/* Writes all lines that are there; what a cancel cuts off can be gone on with. Where that fails,
 * they are left out, but for the rest of a line that was begun: it is written before all others, so
 * that none stands in its middle. */
static int write_lines(struct access_log *self)
{
    while (self->len + self->full_len > 0) {
        if (self->full_len == 0) {
            char *empty = self->full;
            self->full = self->lines;
            self->full_len = self->len;
            self->lines = empty;
            self->len = self->written = 0;
        }
        ssize_t put = whorl_write(self->fd, self->full + self->written, self->full_len);
        if (put == -ECANCELED)
            return -ECANCELED;
        if (put > 0) {
            self->written += (size_t)put;
            self->full_len -= (size_t)put;
            continue;
        }
        complain(self, strerror((int)-put));
        self->full_len = rest_of_line(self);
        if (self->full_len > 0)
            return 0;
    }
    return 0;
}

intptr_t access_log_run(void *arg)
{
    struct access_log *self = &((struct server *)arg)->log;
    int result = 0;
    while (result == 0) {
        whorl_timeout second;
        whorl_timeout_begin(&second, WHORL_SECONDS(1));
        result = (int)whorl_timeout_end(&second, whorl_event_wait(&self->wanted));
        if (result == 0 || result == -ETIMEDOUT)
            result = write_lines(self);
        whorl_event_clear(&self->wanted);
    }
    return 0;
}

void access_log_close(struct server *server)
{
    struct access_log *self = &server->log;
    whorl_shield shield;
    whorl_timeout limit;
    if (self->fd >= 0) {
        whorl_shield_begin(&shield, WHORL_FOREVER);
        whorl_timeout_begin(&limit, LAST_TIME);
        if (whorl_timeout_end(&limit, write_lines(self)) != 0)
            complain(self, "whoever takes it is too slow");
        whorl_shield_end(&shield, 0);
        whorl_close(self->fd);
        whorl_event_destroy(&self->wanted);
    }
    free(self->lines);
    free(self->full);
}

/* Puts bytes as they may stand in the log: what is no plain character is written \xHH. Returns
 * where they end. */
static char *put_escaped(char *at, struct words words)
{
    for (size_t i = 0; i < words.len; i++) {
        unsigned char byte = (unsigned char)words.text[i];
        bool plain = byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
        at += sprintf(at, plain ? "%c" : "\\x%02X", byte);
    }
    return at;
}

void access_log_add(const struct connection *from)
{
    struct access_log *self = &from->server->log;
    struct words asked = request_line(&from->request);
    char peer[NI_MAXHOST] = "-", date[64];
    time_t now = time(NULL);
    struct tm tm;
    if (self->fd < 0)
        return;
    if (WAITING_MOST - self->len < REST_MOST + 4 * asked.len)
        return complain(self, "lines come faster than they are taken; some are left out");
    if (from->peer.len > 0)
        getnameinfo(&from->peer.any, from->peer.len, peer, sizeof peer, NULL, 0, NI_NUMERICHOST);
    strftime(date, sizeof date, "%d/%b/%Y:%H:%M:%S +0000", gmtime_r(&now, &tm));
    char *at = self->lines + self->len;
    at += sprintf(at, "%s - - [%s] \"", peer, date);
    at = put_escaped(at, asked);
    if (from->status > 0)
        at += sprintf(at, "\" %d %" PRId64 "\n", from->status, from->sent);
    else
        at += sprintf(at, "\" - 0\n"); /* it was not answered */
    self->len = (size_t)(at - self->lines);
    if (self->len >= WAITING_MANY)
        whorl_event_set(&self->wanted);
}
