/* Sockets by the names of POSIX: each call is its op, awaited; but shutdown, which does not wait.
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

int whorl_socket(int domain, int type, int protocol)
{
    whorl_op op = whorl_op_socket(domain, type, protocol);
    return whorl_op_await(&op);
}

int whorl_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
    whorl_op op = whorl_op_bind(fd, addr, len);
    return whorl_op_await(&op);
}

int whorl_listen(int fd, int backlog)
{
    whorl_op op = whorl_op_listen(fd, backlog);
    return whorl_op_await(&op);
}

int whorl_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
    whorl_op op = whorl_op_accept(fd, addr, len, flags);
    return whorl_op_await(&op);
}

int whorl_accept(int fd, struct sockaddr *addr, socklen_t *len)
{
    return whorl_accept4(fd, addr, len, 0);
}

int whorl_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    whorl_op op = whorl_op_connect(fd, addr, len);
    return whorl_op_await(&op);
}

ssize_t whorl_recv(int fd, void *buf, size_t len, int flags)
{
    whorl_op op = make_recv(fd, buf, len, flags);
    return whorl_op_await(&op);
}

ssize_t whorl_send(int fd, const void *buf, size_t len, int flags)
{
    struct loop *loop = loop_here;
    if (loop && zero_copy_wanted(loop, fd, len, flags)) {
        whorl_op whole = whorl_op_send_zc(fd, buf, len, flags);
        int result = whorl_op_await(&whole);
        if (!zero_copy_was_refused(loop, &whole))
            return result;
    }
    whorl_op op = make_send(fd, buf, len, flags);
    return whorl_op_await(&op);
}

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

static bool is_still(int fd, struct which_file socket)
{
    struct stat now;
    return fstat(fd, &now) == 0 && is_same_file(socket, &now);
}

/* Each attempt is an op of its own, which does not wait. Between two ops nothing is in flight that
 * whoever closes the descriptor would end: after each it may mean another socket. */
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
    if (loop && loop->zero_copy && zero_copy_wanted(loop, fd, bytes_of(message), flags)) {
        whorl_op whole = whorl_op_sendmsg_zc(fd, message, flags);
        int result = whorl_op_await(&whole);
        if (!zero_copy_was_refused(loop, &whole))
            return result;
    }
    whorl_op op = whorl_op_sendmsg(fd, message, flags);
    return whorl_op_await(&op);
}

/* The ring would send it to a kernel worker, for a call that never waits. */
int whorl_shutdown(int fd, int how)
{
    if (!loop_here)
        return -EPERM;
    return shutdown(fd, how) < 0 ? -errno : 0;
}

int whorl_poll(int fd, unsigned events)
{
    whorl_op op = whorl_op_poll(fd, events);
    return whorl_op_await(&op);
}
