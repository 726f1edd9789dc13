/*
 * Messages to sockets and from them: each call is its op, awaited, but where the kernel does not
 * take up what it has begun with when it has waited. There each attempt is an op of its own, which
 * does not wait, and the waiting is another. Between two ops nothing is in flight that whoever
 * closes the descriptor would end: after each it may mean another socket.
 */
#include <core/loop.h>
#include <errno.h>
#include <limits.h>
#include <net/which_file.h>
#include <net/zero_copy.h>
#include <op/make.h>
#include <poll.h>
#include <sys/stat.h>
#include <whorl/net.h>
#include <whorl/op.h>
#include <whorl/task.h>

static bool is_still(int fd, struct which_file socket)
{
    struct stat now;
    return fstat(fd, &now) == 0 && is_same_file(socket, &now);
}

/* --- Receiving --- */

#define NEVER_TWICE (MSG_DONTWAIT | MSG_WAITALL | MSG_PEEK | MSG_ERRQUEUE | MSG_OOB)

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

static ssize_t receive_by_attempts(int fd, struct msghdr *message, int flags)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return -errno;
    struct which_file socket = which_file(&status);
    do {
        whorl_op attempt = whorl_op_recvmsg(fd, message, flags | MSG_DONTWAIT);
        int result = whorl_op_await(&attempt);
        if (result != -EAGAIN)
            return result;
        int events = is_still(fd, socket) ? whorl_poll(fd, POLLIN) : -EBADF;
        if (events < 0)
            return events;
    } while (is_still(fd, socket));
    return -EBADF;
}

ssize_t whorl_recvmsg(int fd, struct msghdr *message, int flags)
{
    if (may_be_filled_twice(fd, message, flags))
        return receive_by_attempts(fd, message, flags);
    whorl_op op = whorl_op_recvmsg(fd, message, flags);
    return whorl_op_await(&op);
}

/* --- Sending --- */

/* Between two looks whether a peer that no poll tells of has room. */
#define PAUSE_FIRST WHORL_US(50)
#define PAUSE_MOST WHORL_MS(10)

/* For a unix datagram that has no room the kernel reads the message before it waits, and sends what
 * is left of it after: nothing (Linux 6.18). */
static bool is_sent_empty(int fd)
{
    int domain = 0, type = 0;
    socklen_t len = sizeof domain;
    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_UNIX &&
           getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_DGRAM;
}

/* Waits until there may be room. Where the message names its peer, no poll tells of that one's
 * queue: then it is looked at ever more rarely. */
static int await_room(int fd, const struct msghdr *message, int64_t *pause)
{
    int64_t now = *pause;
    *pause = now < PAUSE_MOST ? 2 * now : now;
    if (message->msg_namelen > 0)
        return whorl_sleep(now);
    return whorl_poll(fd, POLLOUT);
}

static ssize_t send_by_attempts(int fd, const struct msghdr *message, int flags)
{
    int64_t pause = PAUSE_FIRST;
    struct stat status;
    if (fstat(fd, &status) != 0)
        return -errno;
    struct which_file socket = which_file(&status);
    do {
        whorl_op attempt = whorl_op_sendmsg(fd, message, flags | MSG_DONTWAIT);
        int result = whorl_op_await(&attempt);
        if (result != -EAGAIN)
            return result;
        int error = is_still(fd, socket) ? await_room(fd, message, &pause) : -EBADF;
        if (error < 0)
            return error;
    } while (is_still(fd, socket));
    return -EBADF;
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
        return send_by_attempts(fd, message, flags);
    if (loop && loop->zero_copy && zero_copy_wanted(loop, fd, bytes_of(message), flags)) {
        whorl_op whole = whorl_op_sendmsg_zc(fd, message, flags);
        int result = whorl_op_await(&whole);
        if (!zero_copy_was_refused(loop, &whole))
            return result;
    }
    whorl_op op = whorl_op_sendmsg(fd, message, flags);
    return whorl_op_await(&op);
}
