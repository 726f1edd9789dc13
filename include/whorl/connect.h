/*
 * Connections: to a host and a service by whichever of its addresses answers first, and to unix
 * sockets.
 *
 *     whorl_stream *stream;
 *     int error = whorl_stream_connect_tcp("example.org", "http", NULL, NULL, &stream);
 *     if (error)
 *         return error;
 *     ...
 *     whorl_stream_close(stream);
 *
 * A name may have many addresses, of both families, of which some do not answer. They are tried in
 * the order of RFC 8305 (happy eyeballs): as whorl_resolve gives them, with the families in turn;
 * the next one as soon as one has failed, or has not answered for options.attempt_delay; the
 * earlier ones go on. The first that is connected wins; the others are ended, and closed, before
 * the call returns. One who gives up, for a timeout or a cancel, has nothing left behind either.
 *
 * Every call also gives -EPERM outside a task, and -ECANCELED in a cancelled one.
 */
#ifndef WHORL_CONNECT_H
#define WHORL_CONNECT_H

#include <whorl/base.h>
#include <whorl/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Each 0 or NULL: the default. */
typedef struct whorl_connect_options {
    int family;                /* AF_INET or AF_INET6 alone; default: both */
    int nagle;                 /* not 0: TCP_NODELAY is left off; default: it is set, as small
                                  writes are not to wait for the peer's acknowledgements */
    int64_t timeout;           /* ns for all, the lookup of the name included; default: none */
    int64_t attempt_delay;     /* ns before the next address is tried beside the former ones; at
                                  least 10 ms; default 250 ms; WHORL_FOREVER: one after the other */
    const char *local_host;    /* connect from this address, or name, of this machine; default: the
                                  one that leads there */
    const char *local_service; /* connect from this port; default: a free one */
} whorl_connect_options;

/* Connects to `service` (a port, or a name of services(5)) at `host` (a name or an address; NULL:
 * this machine, by its loopback). Returns a descriptor, with O_CLOEXEC, the caller's to close.
 *   -ETIMEDOUT  options.timeout has run out, whatever has become of the addresses
 * If no address is connected, the error is that of the one that came furthest, in this order:
 *   -ECONNREFUSED, -ECONNRESET   nobody listens there
 *   -ETIMEDOUT                   TCP has given up
 *   -EHOSTUNREACH                and others of connect(2), socket(2) and bind(2): -EINVAL where no
 *                                way leads from local_host to there
 *   -EAFNOSUPPORT, -EADDRNOTAVAIL, -ENETUNREACH  there is no way from here; or no local_host for it
 * Nothing was tried:
 *   -EINVAL  service is NULL, or an option is out of its range; but the family: -EAFNOSUPPORT
 *   else     as whorl_resolve says, which whorl_resolve_explain puts into words; also of local_host
 *            and local_service */
WHORL_API int whorl_tcp_connect(const char *host, const char *service,
                                const whorl_connect_options *options);

/* Connects to a unix socket of a stream kind: at a path, or with "@name" at an abstract name
 * (unix(7)). Of the options only the timeout counts. While the listener's queue is full it waits.
 * Returns a descriptor, as above.
 *   -ENOENT        there is no such path, or it is empty
 *   -ECONNREFUSED  nobody listens there; also: no such abstract name of a stream socket
 *   -ENAMETOOLONG  it is longer than 107 bytes
 *   -EPROTOTYPE    the socket is of another kind
 *   -ETIMEDOUT     options.timeout has run out
 *   -EINVAL        path is NULL or "@", or the timeout is negative
 *   else           as connect(2) and socket(2) say */
WHORL_API int whorl_unix_connect(const char *path, const whorl_connect_options *options);

/* The same, with a stream over the connection, which is to be given to whorl_stream_close or
 * _abort; on an error *stream is NULL, and nothing is left open. Either set of options may be NULL.
 * Returns 0, or the errors of the calls above and of whorl_stream_open. */
WHORL_API int whorl_stream_connect_tcp(const char *host, const char *service,
                                       const whorl_connect_options *options,
                                       const whorl_stream_options *stream_options,
                                       whorl_stream **stream);
WHORL_API int whorl_stream_connect_unix(const char *path, const whorl_connect_options *options,
                                        const whorl_stream_options *stream_options,
                                        whorl_stream **stream);

#ifdef __cplusplus
}
#endif

#endif
