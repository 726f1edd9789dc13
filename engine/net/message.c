/*
 * Messages to sockets and from them: each call is its op, awaited, but where the kernel does not
 * take up what it has begun with when it has waited: there it is made by attempts.
 */
#include <core/loop.h>
#include <limits.h>
#include <net/attempts.h>
#include <net/message.h>
#include <net/zero_copy.h>
#include <op/make.h>
#include <op/op.h>
#include <poll.h>
#include <whorl/net.h>
#include <whorl/op.h>

/* --- Receiving --- */

#define NEVER_TWICE (MSG_DONTWAIT | MSG_ERRQUEUE | MSG_OOB)

/* Whether the kernel may begin to fill the room for control messages, find no bytes, and go on
 * behind what it has put there when some have come: so it does for a unix stream with SO_PASSCRED
 * and its kin (Linux 6.18), and then does not count what was first, so that descriptors are lost
 * behind the end. */
static bool may_be_filled_twice(int fd, const struct msghdr *message, int flags)
{
    int domain = 0;
    socklen_t len = sizeof domain;
    return message && message->msg_controllen > 0 && !(flags & NEVER_TWICE) &&
           getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_UNIX;
}

int message_receive_flags(int fd, int flags)
{
    int type = 0;
    socklen_t len = sizeof type;
    bool joins = (flags & MSG_WAITALL) && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
                 type == SOCK_SEQPACKET;
    return joins ? flags & ~MSG_WAITALL : flags;
}

ssize_t whorl_recvmsg(int fd, struct msghdr *message, int flags)
{
    flags = message_receive_flags(fd, flags);
    if (may_be_filled_twice(fd, message, flags)) {
        int once = (flags & ~MSG_WAITALL) | MSG_DONTWAIT;
        whorl_op attempt = whorl_op_recvmsg(fd, message, once);
        return run_by_attempts(&attempt, POLLIN);
    }
    whorl_op op = whorl_op_recvmsg(fd, message, flags);
    return whorl_op_await(&op);
}

/* --- Sending --- */

/* For a unix datagram that has no room the kernel reads the message before it waits, and sends what
 * is left of it after: nothing (Linux 6.18). */
static bool is_sent_empty(int fd)
{
    int domain = 0, type = 0;
    socklen_t len = sizeof domain;
    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_UNIX &&
           getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_DGRAM;
}

/* No poll tells of the queue of a peer that the message names. */
ssize_t message_send_unix(int fd, const struct msghdr *message, int flags)
{
    whorl_op attempt = whorl_op_sendmsg(fd, message, flags | MSG_DONTWAIT);
    return run_by_attempts(&attempt, message->msg_namelen > 0 ? 0 : POLLOUT);
}

/* The bytes of a message; 0 for one that has more than bytes, or is none. */
static size_t bytes_of(const struct msghdr *message)
{
    size_t bytes = 0;
    if (!message || message->msg_controllen > 0 || !message->msg_iov)
        return 0;
    for (size_t i = 0; i < message->msg_iovlen && i < IOV_MAX; i++)
        bytes += message->msg_iov[i].iov_len;
    return bytes;
}

ssize_t whorl_sendmsg(int fd, const struct msghdr *message, int flags)
{
    struct loop *loop = loop_here;
    if (loop && message && !(flags & MSG_DONTWAIT) && is_sent_empty(fd))
        return message_send_unix(fd, message, flags);
    if (loop && loop->zero_copy && zero_copy_wanted(loop, fd, bytes_of(message), flags)) {
        whorl_op whole = whorl_op_sendmsg_zc(fd, message, flags);
        int result = whorl_op_await(&whole);
        if (!zero_copy_was_refused(loop, &whole))
            return result;
    }
    whorl_op op = whorl_op_sendmsg(fd, message, flags);
    return whorl_op_await(&op);
}
