/* See last_look.h. */
#include <errno.h>
#include <op/last_look.h>
#include <poll.h>

static bool is_readable(int fd)
{
    struct pollfd look = {.fd = fd, .events = POLLIN};
    return poll(&look, 1, 0) == 1 && (look.revents & POLLIN);
}

/* An error ends it in any case: it would come again and again, as for want of descriptors. Nobody
 * would have what one takes for which nobody waits; a chain has ended behind its member; and who
 * arms a multishot op knows of others at its socket by itself. */
bool last_look_is_due(whorl_op *op, int32_t verdict)
{
    bool is_cancelled = verdict == -ECANCELED && (op->state & OP_CANCEL_WANTED);
    bool is_plain = (op->state & (OP_AWAITED | OP_CHAINED | OP_MANY)) == OP_AWAITED;
    if (op->code != RING_OP_ACCEPT || !is_plain || (!is_cancelled && verdict != -ETIMEDOUT))
        return false;
    if ((op->flags & WHORL_OP_FIXED_FILE) || !is_readable(op->fd))
        return false;
    if (verdict == -ETIMEDOUT)
        op->state |= OP_TIMED_OUT;
    op->deadline = WHORL_FOREVER;
    op->state |= OP_LAST_LOOK;
    return true;
}
