/*
 * Descriptors passed to another process over a unix socket, and who is at its other end.
 *
 * The sockets may be of any type: SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM. On a stream, descriptors
 * come with the first byte that was sent with them; one receive does not go beyond the bytes of the
 * next that brings some.
 */
#ifndef WHORL_PASS_H
#define WHORL_PASS_H

#include <sys/socket.h>
#include <whorl/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The most descriptors that one call sends (the kernel's SCM_MAX_FD). */
#define WHORL_PASS_MAX 253

/* Sends `len` bytes, and with them copies of n descriptors. The caller's own stay open, and may be
 * closed when this has returned. Returns the bytes sent, which on a stream may be fewer than len:
 * the descriptors have gone with the first of them.
 *   -EINVAL        n is above WHORL_PASS_MAX; fds is NULL while n is not 0, or buf likewise; or len
 *                  is 0 on a stream, where no byte could bring them
 *   -EBADF         one of them is no descriptor
 *   -ETOOMANYREFS  too many are on their way that nobody has received (unix(7))
 *   -ECANCELED, -EPERM, and as sendmsg(2) says; nothing was sent */
WHORL_API ssize_t whorl_send_fds(int fd, const void *buf, size_t len, const int *fds, size_t n);

/* What came beside the bytes. */
typedef struct whorl_received {
    size_t fds; /* descriptors that were put into fds[] */
    int flags;  /* of recvmsg(2): MSG_CTRUNC: more came than there was room for, or than this
                   process may open: those are closed. MSG_TRUNC: the message was longer than len,
                   and is cut. MSG_EOR */
} whorl_received;

/* Receives bytes, and the descriptors that come with them, at most `room` (more than WHORL_PASS_MAX
 * never come): each with O_CLOEXEC, the caller's to close. `received` may be NULL: then all
 * descriptors are closed that come, and room must be 0. A cancelled receive has lost none: if some
 * have come it gives its result. Returns the bytes; 0 where the peer has ended, or the message is
 * empty.
 *   -EINVAL  fds or received is NULL while room is not 0; or buf is while len is not 0
 *   -ECANCELED, -EPERM, and as recvmsg(2) says; nothing was received */
WHORL_API ssize_t whorl_receive_fds(int fd, void *buf, size_t len, int *fds, size_t room,
                                    whorl_received *received);

/* Who was at the other end when it connected, or called socketpair(2) or listen(2). */
typedef struct whorl_credentials {
    pid_t pid; /* 0: not of this process's namespace */
    uid_t uid;
    gid_t gid;
} whorl_credentials;

/* The peer of a unix socket that is connected, by SO_PEERCRED. Returns 0. Does not wait. From: any
 * thread, also outside a task.
 *   -ENOTCONN    it has no peer, or is of datagrams and not of a pair
 *   -EOPNOTSUPP  it is no unix socket
 *   -EINVAL      credentials is NULL
 *   -EBADF, -ENOTSOCK */
WHORL_API int whorl_peer_credentials(int fd, whorl_credentials *credentials);

#ifdef __cplusplus
}
#endif

#endif
