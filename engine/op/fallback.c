/* Operations as system calls: none of these waits for a peer; ftruncate may wait for the disk. */
#include <errno.h>
#include <op/fallback.h>
#include <sys/socket.h>
#include <unistd.h>

static int result_of(int returned)
{
    return returned < 0 ? -errno : returned;
}

int fallback_ftruncate(const whorl_op *op)
{
    return result_of(ftruncate(op->fd, (off_t)op->offset));
}

int fallback_bind(const whorl_op *op)
{
    return result_of(
        bind(op->fd, (const struct sockaddr *)(uintptr_t)op->addr, (socklen_t)op->offset));
}

int fallback_listen(const whorl_op *op)
{
    return result_of(listen(op->fd, (int)op->len));
}
