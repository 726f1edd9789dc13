/*
 * A line for each request, in the common log format. Lines are collected and written behind the
 * connections; a task of its own brings them to the file once a second. One that the disk does not
 * take is told on stderr, the first time.
 */
#ifndef HTTPD_ACCESS_LOG_H
#define HTTPD_ACCESS_LOG_H

#include <whorl.h>

#include "request.h"

struct access_log {
    whorl_file *file; /* NULL: no log is kept */
    whorl_mutex mutex;
    bool complained;
};

/* `name` is that of a file, to which is added, or "-": stderr; NULL: no log. 0 or -errno. */
int access_log_open(struct access_log *self, const char *name);

/* Writes what is held and closes it, in a cancelled task too. */
void access_log_close(struct access_log *self);

/* One request: the client's address, the request's first line, its status, the bytes of the
 * answer's body. */
void access_log_add(struct access_log *self, int fd, const char *line, int status, int64_t sent);

/* A task: brings what is held to the file, until it is cancelled. */
intptr_t access_log_run(void *access_log);

/* The line as it may stand in the log: what is no plain character is written \xHH. malloc'd; NULL:
 * no memory. */
char *access_log_escape(struct words line);

#endif
