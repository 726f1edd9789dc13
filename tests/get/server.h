/*
 * A web server that behaves badly when it is asked to: the test double of all that can go wrong
 * with a download. Each connection is a task and serves one request;
 * the path says what becomes of it.
 */
#ifndef TESTS_GET_SERVER_H
#define TESTS_GET_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <whorl.h>

/* Bytes of most files that it serves, and after how many it breaks off. */
enum { FILE_BYTES = 100000, BROKEN_AT = 40000 };

typedef struct visit {
    int fd;
    int number;      /* of the requests for this path so far, this one included: from 1 */
    char head[8192]; /* of the request */
    char path[2048];
    int64_t from;           /* of its Range; -1: none */
    char validator[256];    /* of its If-Range; "": none */
    const char *parameters; /* behind the name of the behaviour in the path; "" if none */
} visit;

/* Sends all of it. 0, or -errno. */
int send_all(int fd, const void *data, size_t len);

/* Sends a text as printf(3) makes it. 0, or -errno. */
int send_text(int fd, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Sends the bytes [from, to) of a file that `letter` tells from others. 0, or -errno. */
int send_file(int fd, char letter, int64_t from, int64_t to);

/* The most requests that were served at the same time. */
int most_at_once(void);

/* Does with a visit what its path says. */
void answer_visit(visit *self);

#endif
