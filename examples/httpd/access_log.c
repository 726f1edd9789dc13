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
#include <string.h>
#include <unistd.h>

#include "../service/service.h"
#include "httpd.h"

/* Of a line, what is not the request's. */
enum { REST_MOST = NI_MAXHOST + 128 };

/* For what is left when the server ends; before a write that has failed is tried again. */
#define LAST_TIME WHORL_SECONDS(2)
#define PAUSE WHORL_SECONDS(1)

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

static int copy_of_stderr(void)
{
    int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    return fd < 0 ? -errno : fd;
}

static void complain(struct access_log *self, const char *why)
{
    if (!self->failed)
        service_tell("the access log cannot be written: %s", why);
    self->failed = true;
}

/* Until what has failed is tried again: a second, or the close. New lines wait for that too. 0, or
 * -ECANCELED. */
static int pause_writing(struct access_log *self)
{
    whorl_timeout limit;
    self->pauses = true;
    whorl_timeout_begin(&limit, PAUSE);
    int result = (int)whorl_timeout_end(&limit, whorl_event_wait(&self->wanted));
    self->pauses = false;
    return result == -ETIMEDOUT ? 0 : result;
}

/* A task: brings lines to the file as they come, until the log is closed, and has none or cannot be
 * written. What fails before is tried again, so that no line stands in the middle of another. */
static intptr_t run(void *arg)
{
    struct access_log *self = arg;
    ssize_t put = 0;
    while (put >= 0 && (!self->closed || self->len > 0)) {
        put = self->len > 0 ? whorl_write(self->fd, self->lines, self->len)
                            : whorl_event_wait(&self->wanted);
        whorl_event_clear(&self->wanted);
        if (put > 0) {
            self->len -= (size_t)put;
            memmove(self->lines, self->lines + put, self->len);
        } else if (put < 0 && put != -ECANCELED) {
            complain(self, strerror((int)-put));
            put = self->closed ? put : pause_writing(self);
        }
    }
    return put < 0 ? put : 0;
}

int access_log_open(struct server *server)
{
    struct access_log *self = &server->log;
    const char *name = server->options.access_log;
    if (name == NULL)
        return 0;
    self->fd = strcmp(name, "-") == 0 ? copy_of_stderr() : open_file(name);
    if (self->fd < 0)
        return self->fd;
    self->writer = whorl_spawn(run, self);
    return self->writer != NULL ? 0 : -ENOMEM;
}

void access_log_close(struct server *server)
{
    struct access_log *self = &server->log;
    if (self->writer != NULL) {
        self->closed = true;
        whorl_event_set(&self->wanted);
        if (whorl_wait_for(self->writer, LAST_TIME) != 0)
            complain(self, "whoever takes it is too slow");
    }
    if (self->fd >= 0)
        whorl_close(self->fd);
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
    if (ACCESS_LOG_MOST - self->len < REST_MOST + 4 * asked.len)
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
    if (!self->pauses)
        whorl_event_set(&self->wanted);
}
