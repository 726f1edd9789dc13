/*
 * What the services among the examples have in common beside their options: they tell where they
 * listen, and what happens, they want many descriptors, they look how a connection fares, and
 * SIGTERM or SIGINT asks them to stop, a second one at once.
 */
#ifndef EXAMPLES_SERVICE_H
#define EXAMPLES_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <whorl.h>

/* For main, before the run. Keeps both signals pending from here on until service_serve takes them,
 * so that one that comes early stops the service too, and does not kill it; and what is closed. */
void service_begin(void);

/* For the main of what is no service, too. Where stdin, stdout or stderr is closed, no other file
 * comes in its place: using it fails as before. */
void service_keep_closed(void);

struct service {
    whorl_listener *listener;
    whorl_handler *handler;   /* of each connection */
    whorl_fn *beside;         /* a task beside them, cancelled when they have ended; NULL: none */
    void (*stopping)(void *); /* the first signal has come; does not wait; NULL: nothing to do */
    void *arg;                /* of all three */
    whorl_serve_options options;
};

/* Serves connections until a signal stops that: the first has no more accepted, and those that are
 * open end until options.grace is over, or the second signal cuts them. Without options.failed,
 * failures are told, but not those of clients who break off or stand still. 0 after a stop; or
 * -errno: why it could not go on. */
int service_serve(const struct service *service);

/* Prints "listening on" and each address of the listener: with its port, or a unix socket's name.
 * 0, or -errno of the printing. */
int service_say_where(whorl_listener *listener);

/* Tells a line on stderr, with the program's name before it; returns -1. Does not wait: where there
 * is no room, as in a pipe that nobody reads, the line is left out. */
int service_tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Closes a stream of open_memstream. False: there was no memory for all of *text; fclose(3) does
 * not say so where it is the very last that had none. */
bool service_end_text(FILE *stream, char *const *text);

/* The state of a TCP socket: TCP_ESTABLISHED or another of <netinet/tcp.h>; one that has broken off
 * is in TCP_CLOSE, though bytes of it are there still. -1: it is no TCP socket. */
int service_tcp_state(int fd);

/* Bytes that a socket was given and that its peer's side has yet to take (SIOCOUTQ: of a unix
 * socket, of the buffers that they are in); of one that has broken off there are none. */
int service_unsent(int fd);

/* For how many ns a peer may take nothing of what is on its way to it; and when it has all, be
 * silent, and speak on. */
struct service_patience {
    int64_t to_take, to_speak, to_end;
};

/* Reads what a peer sends still that has been sent the end: its bytes, where nobody reads them,
 * turn a close into a reset, which may cost it what it has not read. Until it ends, or the patience
 * does; or, in a service that is stopping, until it has all: nothing tells of that, so there is a
 * look now and then. */
void service_hear_out(whorl_stream *stream, struct service_patience patience,
                      const bool *is_stopping);

/* Has the process open as many descriptors as the system lets it. How many connections there may be
 * at a time: `wanted`, or fewer, and then it tells that; of more, some would be accepted that could
 * not be served. Each needs so many descriptors, and all of them *together so many more (NULL:
 * none), for which half of all are kept at most; *together becomes how many are left for that. */
size_t service_connections(size_t wanted, size_t each, size_t *together);

#endif
