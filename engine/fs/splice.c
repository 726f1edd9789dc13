/*
 * Bytes moved between descriptors without passing through the program.
 *
 * The kernel runs splice and tee in a worker, which waits there until there is something to move.
 * So a poll goes before, in one chain with it: a task that waits for a pipe keeps no worker, and
 * still both descriptors are in flight, and closing either of them ends the chain.
 */
#include <core/loop.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <whorl/fs.h>
#include <whorl/op.h>

#define KNOWN_FLAGS (SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT)

/* Errors that would else come only when there is something to move, or never, as the wrong end of a
 * pipe has nothing. 0, and whether it would wait at all. */
static int judge(int fd_in, const whorl_op *made, bool *waits)
{
    if (made->op_flags & ~KNOWN_FLAGS)
        return -EINVAL;
    int in = fcntl(fd_in, F_GETFL), out = fcntl(made->fd, F_GETFL);
    if (in < 0 || out < 0 || (in & O_ACCMODE) == O_WRONLY || (out & O_ACCMODE) == O_RDONLY)
        return -EBADF;
    bool never = (made->op_flags & SPLICE_F_NONBLOCK) || ((in | out) & O_NONBLOCK);
    *waits = !never && made->len > 0;
    return 0;
}

static ssize_t move(int fd_in, whorl_op made)
{
    if (!loop_here)
        return -EPERM;
    bool waits;
    int error = judge(fd_in, &made, &waits);
    if (error)
        return error;
    if (!waits)
        return whorl_op_await(&made);
    whorl_op chain[2];
    do {
        chain[0] = whorl_op_poll(fd_in, POLLIN);
        chain[1] = made;
        error = whorl_link_ops(chain, 2);
    } while (error == -EINTR); /* members of chains are not submitted again */
    return error ? error : chain[1].result;
}

/* What the op is to make of a call's offset: one that is negative is wrong, even if it is -1. */
static off_t offset_of(const off_t *offset)
{
    if (!offset)
        return -1;
    return *offset < 0 ? -2 : *offset;
}

ssize_t whorl_splice(int fd_in, off_t *offset_in, int fd_out, off_t *offset_out, size_t len,
                     unsigned flags)
{
    ssize_t moved = move(fd_in, whorl_op_splice(fd_in, offset_of(offset_in), fd_out,
                                                offset_of(offset_out), len, flags));
    if (moved > 0 && offset_in)
        *offset_in += moved;
    if (moved > 0 && offset_out)
        *offset_out += moved;
    return moved;
}

ssize_t whorl_tee(int fd_in, int fd_out, size_t len, unsigned flags)
{
    return move(fd_in, whorl_op_tee(fd_in, fd_out, len, flags));
}
