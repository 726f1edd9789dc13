/*
 * Sockets: the calls of POSIX, with its arguments; each parks only the calling task.
 *
 * Every call also gives -EPERM outside a task, -ECANCELED in a cancelled one, and the errors of the
 * manual page that its text names. Memory behind a pointer is the engine's until the call returns.
 * With MSG_DONTWAIT a call that would wait gives -EAGAIN instead; whether a socket has O_NONBLOCK
 * makes no difference. No call raises SIGPIPE. Closing is whorl_close, in fs.h.
 */
#ifndef WHORL_NET_H
#define WHORL_NET_H

#include <sys/socket.h>
#include <whorl/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* socket(2): a new descriptor, the caller's to close. SOCK_CLOEXEC as with socket(2). */
WHORL_API int whorl_socket(int domain, int type, int protocol);

/* bind(2), listen(2). */
WHORL_API int whorl_bind(int fd, const struct sockaddr *addr, socklen_t len);
WHORL_API int whorl_listen(int fd, int backlog);

/* accept(2), accept4(2): the new connection's descriptor, the caller's to close. `addr` and `len`
 * may be NULL together; *len is the room in addr before, the address's size after. A cancelled
 * accept has taken no connection off the queue. A task that accepts over and over gets one
 * connection each time the loop turns, and turns are long where thousands of tasks are busy:
 * whorl_serve takes many in a turn. Of all that wait here for one socket the kernel wakes one for a
 * connection: is that one cancelled, or its time up, at this moment, it gives the connection all
 * the same, if nobody else has it, so that none is left to wait for the next one. */
WHORL_API int whorl_accept(int fd, struct sockaddr *addr, socklen_t *len);
WHORL_API int whorl_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags);

/* connect(2). After a connect that was cancelled or timed out the socket's state is unspecified, as
 * after an interrupted connect(2): close it. A unix socket with O_NONBLOCK waits for room in the
 * listener's queue by trying again, every 10 ms at the latest; one without waits in a thread of the
 * kernel. */
WHORL_API int whorl_connect(int fd, const struct sockaddr *addr, socklen_t len);

/* recv(2), send(2): bytes done, which may be fewer than asked; recv gives 0 when the peer has
 * finished sending. With MSG_WAITALL both go on until all is done; a cancel then gives the count so
 * far, if there is one. A recv with MSG_PEEK gives what has come all the same; so does one of
 * SOCK_SEQPACKET, which is one message; and over TCP one goes on behind an urgent byte's place.
 *
 * To a unix datagram socket that is not connected back and has no room the kernel sends an empty
 * datagram, and send gives 0 (Linux 6.18): there use whorl_sendmsg, which sends it whole, or what
 * datagram.h has. */
WHORL_API ssize_t whorl_recv(int fd, void *buf, size_t len, int flags);
WHORL_API ssize_t whorl_send(int fd, const void *buf, size_t len, int flags);

/* recvmsg(2), sendmsg(2).
 *
 * From a unix socket a recvmsg with room for control messages gives what has come, with MSG_WAITALL
 * too: one that goes on would lose descriptors (Linux 6.18, with SO_PASSCRED or its kin).
 *
 * To a unix datagram peer that has no room, a sendmsg waits by looking again, every 10 ms at the
 * latest, where no poll tells of that room: for a peer that the message names, and where a poll has
 * told of it in vain, as others have taken it. So does such a recvmsg, where others have taken what
 * had come.
 *
 * With config.zero_copy, a send or sendmsg of as many bytes (without MSG_DONTWAIT, and without a
 * control message) lets the kernel send from the caller's memory itself (before Linux 6.3 it
 * copies). It returns when the kernel needs that no more: when a TCP peer has acknowledged the
 * bytes; a cancel, or a whorl_close of the descriptor, ends the sending, but waits for that too. To
 * a socket to which the kernel is found to copy after all, as over loopback, it goes as without. */
WHORL_API ssize_t whorl_recvmsg(int fd, struct msghdr *message, int flags);
WHORL_API ssize_t whorl_sendmsg(int fd, const struct msghdr *message, int flags);

/* shutdown(2). Does not wait, and works in a cancelled task too. */
WHORL_API int whorl_shutdown(int fd, int how);

/* Waits until one of `events` (POLLIN, POLLOUT, ... of poll(2)) is there, or an error or hang-up.
 * Returns the set of those that are; a peer that has finished sending may add POLLRDHUP unasked,
 * which alone ends no wait but that of an op in a chain. */
WHORL_API int whorl_poll(int fd, unsigned events);

#ifdef __cplusplus
}
#endif

#endif
