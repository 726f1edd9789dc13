/*
 * Messages to sockets and from them: each call is its op, awaited, but where the kernel does not
 * take up what it has begun with when it has waited. There each attempt is an op of its own, which
 * does not wait, and the waiting is another. Between two ops nothing is in flight that whoever
 * closes the descriptor would end: so before each there is a look whether it still means the
 * socket, and if it does not the call ends as what is in flight does then, with -ECANCELED.
 */
#include <core/loop.h>
#include <errno.h>
#include <limits.h>
#include <net/message.h>
#include <net/which_file.h>
#include <net/zero_copy.h>
#include <op/make.h>
#include <op/op.h>
#include <poll.h>
#include <sys/stat.h>
#include <whorl/net.h>
#include <whorl/op.h>
#include <whorl/task.h>

/* --- By attempts --- */

/* Between two looks at what no poll tells of. */
#define PAUSE_FIRST WHORL_US(50)
#define PAUSE_MOST WHORL_MS(10)

/* What is waited for between two attempts. */
struct patience {
    short events;  /* of the socket; 0: none tells, and there is a look now and then */
    bool is_tried; /* they were there, and in vain so far */
    int64_t pause; /* until the next look: ever longer */
};

/* A poll for what does not come is a pause that a close of the descriptor ends, and of which a
 * virtual clock knows that others are waited for. What comes all the same, as from a socket that is
 * shut down for receiving, would come at once each time. */
static int await_look(int fd, int64_t pause)
{
    whorl_op nothing = whorl_op_poll(fd, POLLPRI);
    nothing.timeout = pause;
    int events = whorl_op_await(&nothing);
    return events == -ETIMEDOUT ? 0 : events < 0 ? events : whorl_sleep(pause);
}

/* What a poll tells of may be none of what an attempt finds, as a byte out of band before one that
 * peeks: so it is not asked twice in a row. */
static int await_change(int fd, struct patience *patience)
{
    patience->is_tried = patience->events && !patience->is_tried;
    if (patience->is_tried)
        return whorl_poll(fd, (unsigned)patience->events);
    int64_t pause = patience->pause;
    patience->pause = 2 * pause < PAUSE_MOST ? 2 * pause : PAUSE_MOST;
    return await_look(fd, pause);
}

static bool is_open(const whorl_op *op, struct which_file socket)
{
    struct stat now;
    return !closers_hold(loop_here, op) && fstat(op->fd, &now) == 0 && is_same_file(socket, &now);
}

/* Runs `op`, which does not wait, until it finds what it needs. */
static int run_by_attempts(const whorl_op *op, struct patience patience)
{
    struct stat status;
    if (fstat(op->fd, &status) != 0)
        return -errno;
    struct which_file socket = which_file(&status);
    for (bool is_first = true;; is_first = false) {
        whorl_op attempt = *op;
        int result = whorl_op_await(&attempt);
        if (result == -EBADF && !is_first && !is_open(op, socket))
            break;
        if (result != -EAGAIN)
            return result;
        int error = is_open(op, socket) ? await_change(op->fd, &patience) : -EBADF;
        if (error < 0 && error != -EBADF)
            return error;
        if (!is_open(op, socket))
            break;
    }
    return -ECANCELED; /* as what is in flight on a descriptor that is closed */
}

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
        struct patience patience = {.events = POLLIN, .pause = PAUSE_FIRST};
        return run_by_attempts(&attempt, patience);
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
    struct patience patience = {.events = message->msg_namelen > 0 ? 0 : POLLOUT,
                                .pause = PAUSE_FIRST};
    whorl_op attempt = whorl_op_sendmsg(fd, message, flags | MSG_DONTWAIT);
    return run_by_attempts(&attempt, patience);
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
