/* Sockets by the names of POSIX: each call is its op, awaited; but shutdown, which does not wait.
 */
#include <core/loop.h>
#include <errno.h>
#include <fcntl.h>
#include <net/attempts.h>
#include <net/message.h>
#include <net/zero_copy.h>
#include <op/make.h>
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
    int result = whorl_op_await(&op);
    /* A unix socket, and a queue that is full, for which no poll waits. One that blocks has waited
     * for as long as its SO_SNDTIMEO says. */
    if (result != -EAGAIN || !(fcntl(fd, F_GETFL) & O_NONBLOCK))
        return result;
    op = whorl_op_connect(fd, addr, len);
    return run_by_attempts(&op, 0);
}

ssize_t whorl_recv(int fd, void *buf, size_t len, int flags)
{
    whorl_op op = make_recv(fd, buf, len, message_receive_flags(fd, flags));
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
