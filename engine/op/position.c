/* What a short write leaves to be done: see core/ring_position.c. */
#include <fcntl.h>
#include <op/op.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static size_t asked(const whorl_op *op)
{
    if (op->code == RING_OP_WRITE)
        return op->len;
    const struct iovec *iov = (const struct iovec *)(uintptr_t)op->addr;
    size_t total = 0;
    for (uint32_t i = 0; i < op->len; i++)
        total += iov[i].iov_len;
    return total;
}

void op_mend_position(const whorl_op *op)
{
    struct stat status;
    if ((size_t)op->result >= asked(op) || (op->flags & WHORL_OP_FIXED_FILE))
        return;
    if (fstat(op->fd, &status) != 0 || !(S_ISREG(status.st_mode) || S_ISBLK(status.st_mode)) ||
        !ring_leaves_position())
        return;
    if ((op->op_flags & RWF_APPEND) || (fcntl(op->fd, F_GETFL) & O_APPEND))
        lseek(op->fd, 0, SEEK_END);
    else
        lseek(op->fd, op->result, SEEK_CUR);
}
