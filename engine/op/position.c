/*
 * A file's position, where the kernel does not move it.
 *
 * A write that came to less than asked: see core/ring_position.c.
 *
 * O_DIRECT: what the device completes later moves no position (seen on 6.18), what is done in the
 * submission does, and afterwards nobody can tell which it was. So such an op is given its part of
 * the file when it starts, by an offset, and the position moves then: ops that are in flight at the
 * same time, or stand in a chain, have each its own part, in the order of starting. One that ends
 * with less moves the position back to where its bytes end. What is appended goes to the end in any
 * case; the position follows when it has ended.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <limits.h>
#include <op/op.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static size_t asked(const whorl_op *op)
{
    if (op->code == RING_OP_WRITE || op->code == RING_OP_READ)
        return op->len;
    const struct iovec *iov = (const struct iovec *)(uintptr_t)op->addr;
    size_t total = 0;
    for (uint32_t i = 0; i < op->len; i++)
        total += iov[i].iov_len;
    return total;
}

static bool is_write(const whorl_op *op)
{
    return op->code == RING_OP_WRITE || op->code == RING_OP_WRITEV;
}

static bool appends(const whorl_op *op, int flags)
{
    return is_write(op) && ((op->op_flags & RWF_APPEND) || (flags & O_APPEND));
}

/* --- Short writes --- */

static void mend_short_write(const whorl_op *op)
{
    struct stat status;
    if ((size_t)op->result >= asked(op) || (op->flags & WHORL_OP_FIXED_FILE))
        return;
    if (fstat(op->fd, &status) != 0 || !(S_ISREG(status.st_mode) || S_ISBLK(status.st_mode)) ||
        !ring_leaves_position())
        return;
    if (appends(op, fcntl(op->fd, F_GETFL)))
        lseek(op->fd, 0, SEEK_END);
    else
        lseek(op->fd, op->result, SEEK_CUR);
}

/* --- O_DIRECT --- */

/* Vectors that the kernel will refuse are not looked at. */
static bool has_vectors(const whorl_op *op)
{
    return op->addr && op->len <= IOV_MAX;
}

/* Moves the position by `len`, in one step, as other threads may do the same; of a device, to its
 * end at most. The position before; -1 if there is none, or it cannot go that far. */
static off_t advance(int fd, size_t len)
{
    struct stat status;
    off_t end = lseek(fd, (off_t)len, SEEK_CUR);
    if (end >= 0)
        return end - (off_t)len;
    if (fstat(fd, &status) != 0 || !S_ISBLK(status.st_mode))
        return -1;
    off_t start = lseek(fd, 0, SEEK_CUR);
    return start >= 0 && lseek(fd, 0, SEEK_END) >= 0 ? start : -1;
}

unsigned op_take_direct(whorl_op *op)
{
    int flags = fcntl(op->fd, F_GETFL);
    if (flags < 0 || !(flags & O_DIRECT))
        return 0;
    if (appends(op, flags))
        return OP_AT_POSITION;
    bool is_vectored = op->code == RING_OP_READV || op->code == RING_OP_WRITEV;
    off_t start = is_vectored && !has_vectors(op) ? -1 : advance(op->fd, asked(op));
    if (start < 0)
        return 0;
    op->offset = (uint64_t)start;
    return OP_AT_POSITION;
}

static void settle_direct(whorl_op *op)
{
    if (op->offset == UINT64_MAX) {
        if (op->result > 0)
            lseek(op->fd, 0, SEEK_END);
        return;
    }
    off_t end = (off_t)op->offset + (op->result > 0 ? op->result : 0);
    op->offset = UINT64_MAX;
    if (op->result >= 0 && (size_t)op->result == asked(op))
        return;
    if (lseek(op->fd, 0, SEEK_CUR) > end)
        lseek(op->fd, end, SEEK_SET);
}

void op_settle_position(whorl_op *op)
{
    if (op->state & OP_AT_POSITION)
        settle_direct(op);
    else if (is_write(op) && op->result > 0)
        mend_short_write(op);
}
