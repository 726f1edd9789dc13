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
 * Where twice as many connections are wanted as may wait at once, or 1,024 more, as by a server far
 * from its limit, one request to the kernel brings all that come (multishot accept, Linux 5.19);
 * else as many as are asked for. What nobody has asked for stays in the kernel's queue: no more
 * than a few are taken ahead, as for an accept that was cancelled. Those go to the next accept, or
 * are closed with the listener. One that is left open at the end of the run is closed then. The
 * kernel notes the limit of descriptors (RLIMIT_NOFILE) as it is asked: one that is lowered later
 * does not hold for the connections that were asked for before.
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
    int backlog;    /* connections that wait to be accepted, at each socket; default 4096, which
                       net.core.somaxconn may lower */
    int reuse_port; /* TCP: not 0: SO_REUSEPORT, so that several listeners, also of other processes
                       of the same user, share the port */
    int family;     /* TCP: AF_INET or AF_INET6 alone; default: both */
    mode_t mode;    /* of a unix socket's file, whatever the umask; default: by the umask */
} whorl_listener_options;

/* Listens for TCP at every address of `host` that this machine has: a name, or an address of IPv4
 * or IPv6; NULL: all of this machine's, of both kinds. Each has a socket of its own. `service` is a
 * port or a name of services(5); NULL or "0": a free port, the same at each address. SO_REUSEADDR
 * is set, so that a restart need not wait; and TCP_NODELAY, which connections inherit. *listener is
 * to be given to whorl_listener_close; NULL on an error. Returns 0.
 *   -EADDRINUSE     somebody listens there, or no port is free at all addresses
 *   -EADDRNOTAVAIL  no address of `host` is this machine's
 *   -EACCES         the port is below net.ipv4.ip_unprivileged_port_start, and the program has no
 *                   right to it
 *   -EINVAL         an option is out of its range
 *   -ENOMEM
 *   else            as whorl_resolve says, and socket(2), bind(2), listen(2) */
WHORL_API int whorl_listen_tcp(const char *host, const char *service,
                               const whorl_listener_options *options, whorl_listener **listener);

/* Listens at a path, or with "@name" at an abstract name (unix(7)). The file of a socket that its
 * program has left behind is replaced; of several programs that find one at the same time, one
 * does. The listener's file is removed with it, if it is still its own. Returns 0.
 *   -EADDRINUSE    somebody is there, or the path is no socket
 *   -ENAMETOOLONG  it is longer than 107 bytes
 *   -EINVAL        also: path is empty, or "@"; or an option is out of its range
 *   -ENOMEM
 *   else           as socket(2), bind(2), listen(2) say; and unlink(2), of a file that is to be
 *                  replaced; and chmod(2) */
WHORL_API int whorl_listen_unix(const char *path, const whorl_listener_options *options,
                                whorl_listener **listener);

/* A listener over a socket that listens, as a supervisor hands it down; the descriptor belongs to
 * it from then on, with O_CLOEXEC, on an error it does not. Other processes may accept from the
 * socket, too: so each connection is asked for by itself. One that comes just as the listener is
 * closed may wait until the next one comes, if the others wait already. Does not wait. Returns 0.
 *   -EINVAL  it does not listen, or is of another kind than SOCK_STREAM
 *   -EBADF, -ENOTSOCK, -ENOMEM */
WHORL_API int whorl_listener_from_fd(int fd, whorl_listener **listener);

/* Stops listening, closes what was taken ahead, and gives the listener back. Works in a cancelled
 * task. Tasks that wait in whorl_listener_accept get -ECANCELED first. Returns 0.
 *   -EBUSY  a server runs on it (whorl_listener_stop ends it), or another task closes it; nothing
 *           was done */
WHORL_API int whorl_listener_close(whorl_listener *listener);

/* The port of a TCP listener, in the host's order. Does not wait.
 *   -ENOTSUP  it is none
 *   -ENOENT   it listens no more: a server on it has ended */
WHORL_API int whorl_listener_port(const whorl_listener *listener);

/* The address of socket number `index` (from 0) of the listener, as getsockname(2) gives it.
 * Returns 0. Does not wait.
 *   -ENOENT  there are not so many; none, after a server on it has ended */
WHORL_API int whorl_listener_address(const whorl_listener *listener, unsigned index,
                                     struct sockaddr *addr, socklen_t *len);

/* The next connection: its descriptor, with O_CLOEXEC, the caller's to close. Errors of one
 * connection (see accept(2)) are passed over. While no descriptor or memory is left (-EMFILE,
 * -ENFILE, -ENOBUFS, -ENOMEM) it waits: it is tried again after 10 ms, then ever more slowly, up to
 * a second. A call that gives -ECANCELED has taken no connection.
 *   -EBUSY  a server runs on the listener, or has ended
 *   else    accepting has failed, in a way that waiting does not mend; so will later calls */
WHORL_API int whorl_listener_accept(whorl_listener *listener);

/* --- Servers --- */

/* Serves one connection, in a task of its own. When it has returned, and what it has left behind or
 * deferred (whorl_defer) has ended, the stream is closed, if it was not closed, aborted or detached
 * before, nor another task is about to. Its result >= 0: all went well, and what it wrote is sent
 * first, which holds the connection's place meanwhile. Else, and once the server's grace is over,
 * what the kernel takes at once is sent. So a handler that sets itself a deadline does its last
 * drain within it.
 *
 * Its task is released: whorl_self gives a handle by which it can do to itself what others do to
 * tasks, such as whorl_cancel, and which is no longer one for others (-EINVAL). Who wants to end a
 * handler alone gives it a scope for that, such as a whorl_group round its work. */
typedef intptr_t whorl_handler(whorl_stream *stream, void *arg);

/* Each 0: the default. */
typedef struct whorl_serve_options {
    size_t limit;      /* connections served at a time; default 10,000. More wait to be accepted */
    int64_t grace;     /* ns from the stop until handlers are cancelled; default 10 s; -1: none;
                          WHORL_FOREVER: they are not */
    size_t stack_size; /* of a handler's task; default config.stack_size */
    const char *name;  /* of the handlers' tasks, and in what is logged; default "connection" */
    whorl_stream_options stream;
    /* Told of each connection that failed; default: a line on stderr, which is left out where it
     * would have to wait. `arg` is the handler's, `peer` the peer's address, as text. In the
     * handler's task, which may wait; or in the serving one, where there was no memory for that. */
    void (*failed)(void *arg, const char *peer, intptr_t result);
} whorl_serve_options;

/* Runs handler(stream, arg) in a task for each connection that comes, at most `limit` at a time (0:
 * the default), until whorl_listener_stop, or until the calling task is cancelled. Then it stops
 * listening for good, so that who connects is refused, and lets the handlers end by themselves,
 * those included of the connections that were accepted before, until options.grace has passed,
 * cancels those that are left, and waits for them. A cancel of the calling task after a stop ends
 * the grace.
 *
 * A connection fails if its handler gives an error, or uses up its stack (-EOVERFLOW, within what
 * whorl_spawn_options.contain_overflow can contain; then the peer is told by a reset), if not all
 * that it wrote could be sent, or if there was no memory for it (-ENOMEM). It is closed and told
 * of, and the others go on. To be cancelled is no failure.
 *
 * When no descriptor is left, clients that come are accepted in the place of a spare one and closed
 * at once, so that they need not wait for a timeout of their own, until others have come free.
 *
 * Returns 0 after a stop.
 *   -ECANCELED  the calling task was cancelled
 *   -EBUSY      a server runs on this listener already, or has ended; whorl_listener_stop came
 *               first; or tasks wait in whorl_listener_accept
 *   -EINVAL     handler is NULL, or an option is out of its range
 *   -EMFILE, -ENFILE, -ENOMEM  it could not begin
 *   else        accepting failed, in a way that waiting does not mend */
WHORL_API int whorl_serve(whorl_listener *listener, whorl_handler *handler, void *arg,
                          size_t limit);
WHORL_API int whorl_serve_with(whorl_listener *listener, whorl_handler *handler, void *arg,
                               const whorl_serve_options *options);

/* Has the server on the listener end gracefully, as above; does not wait for it. None begins on
 * this listener after that. Returns 0.
 *   -EALREADY  it ends already
 *   -ESRCH     none runs */
WHORL_API int whorl_listener_stop(whorl_listener *listener);

/* Connections that are being served; 0 where no server runs. Does not wait. */
WHORL_API size_t whorl_listener_live(const whorl_listener *listener);

#ifdef __cplusplus
}
#endif

#endif
