/* The access log: a line for each request, in the common log format. Lines are collected and
 * written behind the connections. One that the disk does not take is told on stderr, the first
 * time. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "httpd.h"

int access_log_open(struct server *self)
{
    const char *name = self->options.access_log;
    if (name == NULL)
        return 0;
    if (strcmp(name, "-") != 0)
        return whorl_file_open(name, O_WRONLY | O_CREAT | O_APPEND, NULL, &self->log);
    int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    int error = fd < 0 ? -errno : whorl_file_from_fd(fd, NULL, &self->log);
    if (fd >= 0 && error != 0)
        whorl_close(fd);
    return error;
}

static void complain(struct server *self, int error)
{
    if (error >= 0 || error == -ECANCELED || self->log_failed)
        return;
    self->log_failed = true;
    fprintf(stderr, "httpd: the access log cannot be written: %s\n", strerror(-error));
}

void access_log_close(struct server *self)
{
    if (self->log == NULL)
        return;
    whorl_shield shield;
    whorl_shield_begin(&shield, WHORL_SECONDS(10));
    complain(self, whorl_file_close(self->log));
    whorl_shield_end(&shield, 0);
}

intptr_t access_log_run(void *arg)
{
    struct server *self = arg;
    while (whorl_sleep(WHORL_SECONDS(1)) == 0 && whorl_mutex_lock(&self->logging) == 0) {
        complain(self, whorl_file_flush(self->log));
        whorl_mutex_unlock(&self->logging);
    }
    return 0;
}

/* The line as it may stand in the log: what is no plain character is written \xHH. */
static char *escape(struct words line)
{
    char *made = malloc(line.len * 4 + 1), *end = made;
    if (made == NULL)
        return NULL;
    for (size_t i = 0; i < line.len; i++) {
        unsigned char byte = (unsigned char)line.text[i];
        bool plain = byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
        end += sprintf(end, plain ? "%c" : "\\x%02X", byte);
    }
    *end = '\0';
    return made;
}

void access_log_add(struct connection *from)
{
    struct server *self = from->server;
    char peer[NI_MAXHOST] = "-", date[64];
    time_t now = time(NULL);
    struct tm tm;
    if (self->log == NULL || from->status == 0)
        return;
    if (from->peer.len > 0)
        getnameinfo(&from->peer.any, from->peer.len, peer, sizeof peer, NULL, 0, NI_NUMERICHOST);
    strftime(date, sizeof date, "%d/%b/%Y:%H:%M:%S +0000", gmtime_r(&now, &tm));
    char *line = escape(request_line(&from->request));
    if (whorl_mutex_lock(&self->logging) == 0) {
        complain(self,
                 (int)whorl_file_printf(self->log, "%s - - [%s] \"%s\" %d %" PRId64 "\n", peer,
                                        date, line != NULL ? line : "", from->status, from->sent));
        whorl_mutex_unlock(&self->logging);
    }
    free(line);
}
