/* Answers: status lines, headers, and the pages that tell of errors. */
#ifndef HTTPD_ANSWER_H
#define HTTPD_ANSWER_H

#include "connection.h"

/* The head of an answer as it is put together. */
struct answer {
    struct connection *connection;
    size_t len;
    char head[1024];
};

/* The line of the status and the headers that all answers have. */
void answer_begin(struct answer *self, struct connection *connection, int status);

/* More headers, each with its end of line. They have room: what is added is the server's own. */
void answer_add(struct answer *self, const char *data, size_t len);
void answer_printf(struct answer *self, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Ends the head and sends it, with a body, which a client that asked by HEAD does not get.
 * 0 or -errno: the connection is to be closed. */
int answer_send(struct answer *self, const void *body, size_t len);

/* A page that tells of a status, with more headers, or "". After one that leaves the connection in
 * doubt (400, 408, 413, 414, 431, 501, 505) it is closed. 0 or -errno. */
int answer_status(struct connection *connection, int status, const char *headers);

/* A redirect to another path, with its query. 0 or -errno. */
int answer_redirect(struct connection *connection, const char *location, size_t len);

/* A page that was made for this request. 0 or -errno. */
int answer_page(struct connection *connection, const char *page, size_t len);

/* The status for an error of the file system. */
int answer_status_of(int error);

#endif
