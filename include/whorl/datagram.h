/*
 * Datagrams: UDP over IPv4 and IPv6, and unix sockets. Messages that arrive whole, or not at all.
 *
 *     whorl_datagram *socket;
 *     int error = whorl_datagram_open(NULL, "7777", NULL, &socket);
 *     if (error)
 *         return error;
 *     whorl_message message;
 *     while (whorl_datagram_receive(socket, &message) == 0)
 *         whorl_datagram_send_to(socket, message.data, message.len, message.peer,
 *                                message.peer_len);
 *     whorl_datagram_close(socket);
 *
 * Receiving begins with the first call that receives. From then on one request to the kernel brings
 * all that comes (multishot recvmsg), into buffers that the datagram sockets of a loop share: one
 * on which nothing comes holds none. When about as many as options.queue have not been received by
 * the program, the request is ended; what comes then waits in the socket's own buffer, and when
 * that is full (SO_RCVBUF) the kernel drops it, or, of a unix socket, lets the sender wait. Where
 * the kernel lacks the feature (before Linux 6.0) a datagram is received when a call wants one; the
 * calls behave alike.
 *
 * A datagram that is larger than options.largest is cut, and its message says so. The default holds
 * every UDP datagram.
 *
 * Several tasks may receive from one socket, first come, first served, and send. One socket belongs
 * to the loop in which it was opened. One that is left open at the end of the run is closed then.
 *
 * Cancel: a call that gives -ECANCELED, or -ETIMEDOUT, has received or sent nothing: what came is
 * there for the next call.
 *
 * Errors of the network, such as -ECONNREFUSED where nobody listens at the peer's address, come
 * late, and to a connected socket as a rule: whichever call receives or sends next tells the error,
 * once, and has no effect; the socket goes on. What was received before is received first.
 *
 * Every call also gives -EINVAL if the socket, or what a result goes to, is NULL, -EPERM outside a
 * task of the loop in which it was opened, and -EBADF while another task closes it. Calls that may
 * wait give -ECANCELED in a cancelled task, and -ETIMEDOUT when options.timeout runs out.
 */
#ifndef WHORL_DATAGRAM_H
#define WHORL_DATAGRAM_H

#include <sys/socket.h>
#include <whorl/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct whorl_datagram whorl_datagram;

/* Each 0: the default. */
typedef struct whorl_datagram_options {
    size_t largest;  /* bytes of the largest datagram to be received whole; default 64 KiB, and as
                        many where less is asked for; most 16 MiB. Above the default each is
                        received by a request of its own, into memory of its own: for unix
                        sockets */
    unsigned queue;  /* datagrams received ahead of the program; default 64, most 1024 */
    int64_t timeout; /* ns that a call waits; default: for ever */
    int family;      /* AF_INET or AF_INET6 alone; default: both */
    int reuse_port;  /* not 0: SO_REUSEPORT, so that several sockets, also of other processes, share
                        the port */
    int broadcast;   /* not 0: as whorl_datagram_set_broadcast */
} whorl_datagram_options;

/* A UDP socket at an address of `host`, which is a name, or an address of IPv4 or IPv6; the first
 * of a name's addresses that is this machine's. NULL: at all addresses, of both families if the
 * options do not choose one (IPv4 peers show as "::ffff:192.0.2.1" then). `service` is a port or a
 * name of services(5); NULL or "0": a free port. So with both NULL it is a socket to send from. It
 * is to be given to whorl_datagram_close; NULL on an error. Returns 0.
 *   -EADDRINUSE     somebody has the port
 *   -EADDRNOTAVAIL  no address of `host` is this machine's
 *   -EACCES         the port is below net.ipv4.ip_unprivileged_port_start, and the program has no
 *                   right to it
 *   -EINVAL         an option is out of its range; but the family: -EAFNOSUPPORT
 *   else            as whorl_resolve says, and socket(2), bind(2) */
WHORL_API int whorl_datagram_open(const char *host, const char *service,
                                  const whorl_datagram_options *options, whorl_datagram **socket);

/* A unix socket at a path, or with "@name" at an abstract name (unix(7)); NULL: at an abstract name
 * that the kernel makes up, so that peers can answer. A socket's file that belongs to nobody any
 * more is replaced; of several programs that find one at the same time, one does. This socket's
 * file is removed with it, if it is still its own. Waits for a path alone. Returns 0.
 *   -EADDRINUSE    somebody is there, or the path is no socket
 *   -ENAMETOOLONG  it is longer than 107 bytes
 *   -EINVAL        it is empty, or "@"; or an option is out of its range
 *   else           as socket(2), bind(2) say; and unlink(2), of a file that is to be replaced */
WHORL_API int whorl_datagram_open_unix(const char *path, const whorl_datagram_options *options,
                                       whorl_datagram **socket);

/* One over a descriptor of such a socket, bound or connected or not, which belongs to it from then
 * on; on an error it does not, and *socket is NULL. Of the options, largest, queue, timeout and
 * broadcast count. Does not wait. Returns 0.
 *   -EPROTOTYPE    its type is not SOCK_DGRAM
 *   -EAFNOSUPPORT  it is neither of UDP nor unix
 *   -EINVAL        an option is out of its range
 *   -EBADF, -ENOTSOCK, -ENOMEM */
WHORL_API int whorl_datagram_from_fd(int fd, const whorl_datagram_options *options,
                                     whorl_datagram **socket);

/* Closes the socket and gives it back, with what came and was not received. Works in a cancelled
 * task. Tasks that wait in other calls of it get -ECANCELED first. Returns 0.
 *   -EBUSY  another task closes it already; nothing was done */
WHORL_API int whorl_datagram_close(whorl_datagram *socket);

/* The descriptor; it stays the socket's. For calls such as setsockopt(2) and getsockname(2), not
 * for receiving or closing. From: anywhere.
 *   -EBADF   another task closes it at this moment
 *   -EINVAL  socket is NULL */
WHORL_API int whorl_datagram_fd(const whorl_datagram *socket);

/* The port of a UDP socket, in the host's order. Does not wait.
 *   -ENOTSUP  it is a unix socket */
WHORL_API int whorl_datagram_port(const whorl_datagram *socket);

/* Another timeout, from the next call on; 0: none. Does not wait. Returns 0.
 *   -EINVAL  it is negative */
WHORL_API int whorl_datagram_set_timeout(whorl_datagram *socket, int64_t ns);

/* Connects to a peer: whorl_datagram_send goes to it, and only what it sends is received, and the
 * network's errors are told. May be done again, for another peer; for one of the other family only
 * after whorl_datagram_connect_to has taken the connection back. Returns 0.
 *   -EAFNOSUPPORT  a unix socket: use whorl_datagram_connect_to
 *   else           as whorl_resolve says, and connect(2) */
WHORL_API int whorl_datagram_connect(whorl_datagram *socket, const char *host, const char *service);

/* The same, to an address, by connect(2), whose errors it gives: AF_UNSPEC takes the connection
 * back, and a port that the kernel has chosen, for another. Does not wait. */
WHORL_API int whorl_datagram_connect_to(whorl_datagram *socket, const struct sockaddr *addr,
                                        socklen_t len);

/* --- Receiving --- */

/* A datagram. `size` is what it had before it was cut: it was if size > len. `peer` is who sent it,
 * as whorl_address_text writes it; peer_len is 0 if that one has no address, as a unix socket that
 * has not bound. */
typedef struct whorl_message {
    const char *data;
    size_t len;
    size_t size;
    const struct sockaddr *peer;
    socklen_t peer_len;
} whorl_message;

/* The next datagram, in place: `data` and `peer` stay until the next call that receives from this
 * socket, by whichever task. Returns 0; a datagram may well be empty.
 *   -ENOMEM  no memory to receive into: it is there for the next call */
WHORL_API int whorl_datagram_receive(whorl_datagram *socket, whorl_message *message);

/* The next datagram, copied: its first `len` bytes to buf. `peer` and `peer_len` may be NULL
 * together; *peer_len is the room in peer before, the address's size after. Returns the datagram's
 * size, which is above `len` if it was cut. */
WHORL_API ssize_t whorl_datagram_receive_from(whorl_datagram *socket, void *buf, size_t len,
                                              struct sockaddr *peer, socklen_t *peer_len);

/* Waits for one datagram, and gives it with those that are there as well, at most n, in place as
 * above. Returns how many.
 *   -EINVAL  also: n is 0 */
WHORL_API int whorl_datagram_receive_many(whorl_datagram *socket, whorl_message *messages,
                                          size_t n);

/* --- Sending --- */

/* Sends a datagram to the peer to which the socket is connected, or to an address. Waits while the
 * kernel has no room for it. Returns len.
 *   -EDESTADDRREQ, -ENOTCONN  it is not connected
 *   -EMSGSIZE  it is too large: for UDP, above 65,507 bytes (IPv4), or 65,527 (IPv6)
 *   -EACCES    a broadcast address, and broadcast is off
 *   -EAGAIN    the kernel, or the network's interface, has dropped it for want of room: send later
 *   -EINVAL    also: buf is NULL while len is not 0; or addr, likewise
 *   else       as sendto(2) says */
WHORL_API ssize_t whorl_datagram_send(whorl_datagram *socket, const void *buf, size_t len);
WHORL_API ssize_t whorl_datagram_send_to(whorl_datagram *socket, const void *buf, size_t len,
                                         const struct sockaddr *addr, socklen_t addr_len);

/* Sends n datagrams, in order: of each, `data`, `len`, and to `peer`, or if peer_len is 0 as
 * whorl_datagram_send. (So what was received in place may be sent back.) Up to 128 go with one
 * submission; from a unix socket each goes with its own. Stops at the first that fails. Returns how
 * many were sent; or, of none, the error of the first. An error that comes later is told when the
 * rest is sent.
 *   -EINVAL  also: n is 0, or above INT_MAX
 *   -ENOMEM  none was sent */
WHORL_API ssize_t whorl_datagram_send_many(whorl_datagram *socket, const whorl_message *messages,
                                           size_t n);

/* --- Broadcast and multicast. None of these waits; each returns 0, or also an error of
 * setsockopt(2); those of multicast give -EAFNOSUPPORT for a unix socket. --- */

/* Lets it send to broadcast addresses, or not. */
WHORL_API int whorl_datagram_set_broadcast(whorl_datagram *socket, int on);

/* Receives what is sent to a group, such as "239.255.0.1" or "ff02::114", on an interface, such as
 * "eth0"; NULL: one that the kernel chooses. And no longer.
 *   -EINVAL         `group` is not the address of one
 *   -EAFNOSUPPORT   the socket is of another family
 *   -ENODEV         there is no such interface, or none to choose
 *   -EADDRINUSE     it does already
 *   -EADDRNOTAVAIL  (leave) it does not */
WHORL_API int whorl_datagram_join(whorl_datagram *socket, const char *group, const char *interface);
WHORL_API int whorl_datagram_leave(whorl_datagram *socket, const char *group,
                                   const char *interface);

/* Whether this machine receives too what is sent to a group; on at first. */
WHORL_API int whorl_datagram_set_multicast_loop(whorl_datagram *socket, int on);

/* How many routers may pass on what is sent to a group: 0 to 255; 1, this network alone, at first.
 *   -EINVAL  it is out of its range */
WHORL_API int whorl_datagram_set_multicast_hops(whorl_datagram *socket, int hops);

/* The interface by which what is for a group is sent; NULL: as routes say, at first.
 *   -ENODEV  there is no such one */
WHORL_API int whorl_datagram_set_multicast_interface(whorl_datagram *socket, const char *interface);

#ifdef __cplusplus
}
#endif

#endif
