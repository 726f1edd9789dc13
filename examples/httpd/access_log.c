/* See access_log.h. */
#include "access_log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int access_log_open(struct access_log *self, const char *name)
{
    static const whorl_mutex unlocked = WHORL_MUTEX_INIT;
    *self = (struct access_log){.mutex = unlocked};
    if (name == NULL)
        return 0;
    if (strcmp(name, "-") != 0)
        return whorl_file_open(name, O_WRONLY | O_CREAT | O_APPEND, NULL, &self->file);
    int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int error = whorl_file_from_fd(fd, NULL, &self->file);
    if (error != 0)
        whorl_close(fd);
    return error;
}

static void complain(struct access_log *self, int error)
{
    if (error == 0 || error == -ECANCELED || self->complained)
        return;
    self->complained = true;
    fprintf(stderr, "httpd: the access log cannot be written: %s\n", strerror(-error));
}

void access_log_close(struct access_log *self)
{
    if (self->file == NULL)
        return;
    whorl_shield shield;
    whorl_shield_begin(&shield, WHORL_SECONDS(10));
    complain(self, whorl_file_close(self->file));
    whorl_shield_end(&shield, 0);
    self->file = NULL;
}

static void peer_name(int fd, char name[INET6_ADDRSTRLEN])
{
    struct sockaddr_storage storage;
    socklen_t len = sizeof storage;
    const struct sockaddr_in *v4 = (const void *)&storage;
    const struct sockaddr_in6 *v6 = (const void *)&storage;
    strcpy(name, "-");
    if (getpeername(fd, (struct sockaddr *)&storage, &len) != 0)
        return;
    if (storage.ss_family == AF_INET)
        inet_ntop(AF_INET, &v4->sin_addr, name, INET6_ADDRSTRLEN);
    else if (storage.ss_family == AF_INET6)
        inet_ntop(AF_INET6, &v6->sin6_addr, name, INET6_ADDRSTRLEN);
}

void access_log_add(struct access_log *self, int fd, const char *line, int status, int64_t sent)
{
    char peer[INET6_ADDRSTRLEN], date[64];
    time_t now = time(NULL);
    struct tm tm;
    peer_name(fd, peer);
    strftime(date, sizeof date, "%d/%b/%Y:%H:%M:%S +0000", gmtime_r(&now, &tm));
    if (whorl_mutex_lock(&self->mutex) != 0)
        return;
    if (self->file != NULL) {
        ssize_t put = whorl_file_printf(self->file, "%s - - [%s] \"%s\" %d %" PRId64 "\n", peer,
                                        date, line, status, sent);
        complain(self, put < 0 ? (int)put : 0);
    }
    whorl_mutex_unlock(&self->mutex);
}

intptr_t access_log_run(void *arg)
{
    struct access_log *self = arg;
    while (whorl_sleep(WHORL_SECONDS(1)) == 0) {
        if (whorl_mutex_lock(&self->mutex) != 0)
            break;
        complain(self, whorl_file_flush(self->file));
        whorl_mutex_unlock(&self->mutex);
    }
    return 0;
}

char *access_log_escape(struct words line)
{
    char *made = malloc(line.len * 4 + 1), *end = made;
    for (size_t i = 0; made != NULL && i < line.len; i++) {
        unsigned char byte = (unsigned char)line.text[i];
        bool plain = byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
        end += sprintf(end, plain ? "%c" : "\\x%02X", byte);
    }
    if (made != NULL)
        *end = '\0';
    return made;
}
