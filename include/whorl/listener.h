/*
 * Listeners, and servers: a task for each connection.
 *
 *     static intptr_t echo(whorl_stream *stream, void *arg) { ... }
 *
 *     whorl_listener *listener;
 *     int error = whorl_listen_tcp("localhost", "7777", NULL, &listener);
 *     if (error)
 *         return error;
 *     error = whorl_serve(listener, echo, NULL, 1000);
 *     whorl_listener_close(listener);
 *
 * One request to the kernel brings all connections that come (multishot accept). A connection that
 * was taken off the queue and that nobody has asked for yet is kept for the next accept, and closed
 * with the listener; so no more than a few are taken ahead.
 *
 * A listener belongs to the loop in which it was made. Several tasks may accept from it, first
 * come, first served.
 *
 * Every call also gives -EINVAL if listener, or what a result goes to, is NULL, and -EPERM outside
 * a task of the listener's loop. Calls that may wait give -ECANCELED in a cancelled task.
 */
#ifndef WHORL_LISTENER_H
#define WHORL_LISTENER_H

#include <sys/socket.h>
#include <whorl/base.h>
#include <whorl/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct whorl_listener whorl_listener;

/* Each 0: the default. */
typedef struct whorl_listener_options {
    int backlog;    /* connections that wait to be accepted; default 4096, which
                       net.core.somaxconn may lower */
    int reuse_port; /* not 0: SO_REUSEPORT, so that several listeners, also of other processes,
                       share the port */
    int family;     /* AF_INET or AF_INET6 alone; default: both */
    mode_t mode;    /* of a unix socket's file; default: by the umask */
} whorl_listener_options;

/* Listens for TCP at every address of `host`: a name, or an address of IPv4 or IPv6; NULL: all of
 * this machine's. `service` is a port or a name of services(5); NULL or "0": a free port, the same
 * at each address. SO_REUSEADDR is set, so that a restart need not wait. *listener is to be given
 * to whorl_listener_close; NULL on an error. Returns 0.
 *   -EADDRINUSE     somebody listens there
 *   -EADDRNOTAVAIL  no address of `host` is this machine's
 *   -EACCES         the port is below net.ipv4.ip_unprivileged_port_start, and the program has no
 *                   right to it
 *   -EINVAL         an option is out of its range
 *   else            as whorl_resolve says, and socket(2), bind(2), listen(2) */
WHORL_API int whorl_listen_tcp(const char *host, const char *service,
                               const whorl_listener_options *options, whorl_listener **listener);

/* Listens at a path, or with "@name" at an abstract name (unix(7)). A socket's file that nobody
 * listens at any more is replaced; one of this listener's is removed with it. Returns 0.
 *   -EADDRINUSE    somebody listens there, or the path is no socket
 *   -ENAMETOOLONG  it is longer than 107 bytes
 *   else           as socket(2), bind(2), listen(2) say */
WHORL_API int whorl_listen_unix(const char *path, const whorl_listener_options *options,
                                whorl_listener **listener);

/* A listener over a socket that listens, as a supervisor hands it down; the descriptor belongs to
 * it from then on, on an error it does not. Does not wait. Returns 0.
 *   -EINVAL  it does not listen
 *   -EBADF, -ENOTSOCK, -ENOMEM */
WHORL_API int whorl_listener_from_fd(int fd, whorl_listener **listener);

/* Stops listening, closes what was taken ahead, and gives the listener back. Works in a cancelled
 * task. Tasks that wait in whorl_listener_accept get -ECANCELED first. Returns 0.
 *   -EBUSY  a server runs on it (whorl_listener_stop ends it), or another task closes it; nothing
 *           was done */
WHORL_API int whorl_listener_close(whorl_listener *listener);

/* The port of a TCP listener, in the host's order. Does not wait.
 *   -ENOTSUP  it is none */
WHORL_API int whorl_listener_port(const whorl_listener *listener);

/* The address of socket number `index` (from 0) of the listener, as getsockname(2) gives it.
 * Returns 0. Does not wait.
 *   -ENOENT  there are not so many */
WHORL_API int whorl_listener_address(const whorl_listener *listener, unsigned index,
                                     struct sockaddr *addr, socklen_t *len);

/* The next connection: its descriptor, with O_CLOEXEC, the caller's to close. Connections that
 * broke off in the queue are passed over. While no descriptor or memory is left (-EMFILE, -ENFILE,
 * -ENOBUFS, -ENOMEM) it waits, and goes on when there is. */
WHORL_API int whorl_listener_accept(whorl_listener *listener);

/* --- Servers --- */

/* Serves one connection, in a task of its own. The stream is closed when it returns, if it has not
 * closed, aborted or detached it itself. Its result >= 0: all went well. */
typedef intptr_t whorl_handler(whorl_stream *stream, void *arg);

/* Each 0: the default. */
typedef struct whorl_serve_options {
    size_t limit;      /* connections served at a time; default 10,000. More wait to be accepted */
    int64_t grace;     /* ns from the stop until handlers are cancelled; default 10 s; -1: none */
    size_t stack_size; /* of a handler's task; default config.stack_size */
    const char *name;  /* of the handlers' tasks, and in what is logged; default "connection" */
    whorl_stream_options stream;
    /* Told of each handler that failed; default: a line on stderr. `peer` is its address, as text.
     * In the handler's task, which may wait. */
    void (*failed)(void *arg, const char *peer, intptr_t result);
} whorl_serve_options;

/* Runs handler(stream, arg) in a task for each connection that comes, at most `limit` at a time (0:
 * the default), until whorl_listener_stop, or until the calling task is cancelled. Then it accepts
 * no more, lets the handlers end by themselves until options.grace has passed, cancels those that
 * are left, and waits for them. A handler that fails, or uses up its stack, ends its own connection
 * and is logged; the others go on. When no descriptor is left, it waits until there is one; a spare
 * one serves to turn clients away meanwhile, so that they need not wait for a timeout of their own.
 * Returns 0 after a stop.
 *   -ECANCELED  the calling task was cancelled
 *   -EBUSY      a server runs on this listener already, or whorl_listener_stop came first
 *   -EINVAL     an option is out of its range
 *   -EMFILE, -ENFILE, -ENOMEM  it could not begin
 *   else        accepting failed, in a way that waiting does not mend */
WHORL_API int whorl_serve(whorl_listener *listener, whorl_handler *handler, void *arg,
                          size_t limit);
WHORL_API int whorl_serve_with(whorl_listener *listener, whorl_handler *handler, void *arg,
                               const whorl_serve_options *options);

/* Has the server on the listener end gracefully, as above; does not wait for it. Returns 0.
 *   -EALREADY  it ends already
 *   -ESRCH     none runs; one that begins later gets -EBUSY */
WHORL_API int whorl_listener_stop(whorl_listener *listener);

/* Connections that are being served. Does not wait. */
WHORL_API size_t whorl_listener_live(const whorl_listener *listener);

#ifdef __cplusplus
}
#endif

#endif
