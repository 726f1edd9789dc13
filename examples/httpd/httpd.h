/*
 * What the rooms of httpd share: the server (main.c), its connections (connection.c), and their
 * answers (answer.c), for GET (files.c) and PUT (upload.c). Everything runs on one thread. The
 * protocol as text, which waits for nothing, is in ../http.
 *
 * Calls that answer give 0; or the status that is still to be told, as by answer_status; or -errno:
 * there is nobody any more to be told.
 */
#ifndef HTTPD_HTTPD_H
#define HTTPD_HTTPD_H

#include <sys/queue.h>
#include <whorl.h>

#include "../http/content.h"
#include "../http/path.h"
#include "../http/request.h"
#include "../http/status.h"

/* The command line. Times are nanoseconds. */
struct options {
    const char *directory;
    const char *address; /* NULL: all of this machine's */
    const char *access_log;
    bool upload, no_listing;
    size_t port, max_connections, max_uri, max_header, max_body;
    int64_t header_timeout, body_timeout, send_timeout, keep_alive, grace;
};

/* Lines wait in memory until they are written, so that no connection waits for that. */
enum { ACCESS_LOG_MOST = 1 << 20 };

struct access_log {
    int fd;              /* -1: none is kept */
    whorl_task *writer;  /* NULL: none */
    whorl_event wanted;  /* lines are there, or it is closed */
    bool closed, pauses; /* after a failure */
    bool failed;         /* which was told */
    size_t len;          /* of lines */
    char lines[ACCESS_LOG_MOST];
};

struct server {
    struct options options;
    int root; /* the served directory */
    whorl_listener *listener;
    struct access_log log;
    time_t second;                /* in which this was made: */
    char common[96];              /* the headers of every answer */
    whorl_mutex replacing;        /* who holds it replaces a file */
    size_t descriptors;           /* for requests, beside the connections' */
    size_t descriptors_taken;     /* of them */
    int64_t last_upload;          /* the time that it was given: ns since 1970 */
    LIST_HEAD(, connection) idle; /* those that wait for a request */
    bool stopping;
};

struct connection {
    struct server *server;
    whorl_stream *stream;
    whorl_address peer; /* for the access log */
    struct request request;
    bool keep_alive; /* another request may follow this one */
    int status;      /* of the answer; 0: none was given */
    int64_t sent;    /* bytes of its body */
    size_t head_len;
    char head[512]; /* of the answer, as it is put together */
    LIST_ENTRY(connection) idle;
    whorl_group waiting; /* round that: to end it, it is cancelled */
};

/* The handler of whorl_serve; arg is the server. */
intptr_t connection_serve(whorl_stream *stream, void *server);

/* Ends the connections that are idle. */
void connection_end_idle(struct server *server);

/* Whether what is left of the body can be read away, so that another request may follow. */
bool connection_may_skip_body(const struct connection *self);

/* Reads the rest of the body, and gives it to the sink. 0, or a status, or -errno. */
int connection_read_body(struct connection *self, request_sink *sink, void *arg);

/* --- Answers --- */

/* Begins a head with the line of the status and the headers that all answers have. Another request
 * follows none that leaves the connection in doubt. */
void answer_begin(struct connection *self, int status);

/* Adds headers, each with its end of line. They have room: they are the server's own. */
void answer_printf(struct connection *self, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Ends the head, with more headers of any length, or "", and sends it, with a body, which a client
 * that asked by HEAD does not get. 0 or -errno. */
int answer_send(struct connection *self, const char *headers, const void *body, size_t len);

/* A page that was made for this request; one that tells of a status. 0 or -errno. */
int answer_page(struct connection *self, int status, const char *headers, const char *page,
                size_t len);
int answer_status(struct connection *self, int status, const char *headers);

/* The status for an error of the file system. */
int answer_status_of(int error);

int files_answer(struct connection *self, const struct path *path);  /* GET, HEAD */
int upload_answer(struct connection *self, const struct path *path); /* PUT */

/* Opens what is below the served directory, and follows no link out of it, and no absolute one. A
 * descriptor, or -errno. */
int open_beneath(const struct server *server, const char *name, uint64_t flags);

/* --- Descriptors (descriptors.c) --- */

/* How many a request for the path may need at a time. */
size_t descriptors_needed(const struct connection *self, const struct path *path);

/* Sets so many aside, when they are left. 0; 503: they were not in time; or -errno. */
int descriptors_take(struct server *server, size_t count);
void descriptors_give(struct server *server, size_t count);

/* --- The access log (access_log.c) --- */

/* Opens the file that the options name, if any, and has a task write to it. 0 or -errno. */
int access_log_open(struct server *server);

/* Writes what is held, unless that takes long, and closes it. */
void access_log_close(struct server *server);

/* Adds a line for the request that was answered. */
void access_log_add(const struct connection *connection);

#endif
