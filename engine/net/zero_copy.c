/* When to send without copying: see zero_copy.h. */
#include <errno.h>
#include <net/zero_copy.h>

#define SLOWEST_DOUBT 12 /* at most 4096 sends go by between two tries */

bool zero_copy_is_due(struct loop *loop, int fd)
{
    if (!(loop->ring.features & WHORL_FEATURE_SEND_ZC) ||
        (*zero_copy_place(loop, fd) & zero_copy_bit(fd)))
        return false;
    if (loop->zero_copy_pause > 0) {
        loop->zero_copy_pause--;
        return false;
    }
    return true;
}

static void doubt(struct loop *loop)
{
    loop->zero_copy_pause = 1U << loop->zero_copy_doubt;
    if (loop->zero_copy_doubt < SLOWEST_DOUBT)
        loop->zero_copy_doubt++;
}

bool zero_copy_was_refused(struct loop *loop, const whorl_op *op)
{
    int copied = whorl_op_has_copied(op);
    if (copied == 0)
        loop->zero_copy_doubt = 0;
    if (copied > 0)
        doubt(loop);
    if (copied > 0 || op->result == -EOPNOTSUPP)
        *zero_copy_place(loop, op->fd) |= zero_copy_bit(op->fd);
    return op->result == -EOPNOTSUPP || op->result == -ENOMEM || op->result == -ENOBUFS;
}
