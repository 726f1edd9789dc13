/* Polls that end for what is asked: see poll.h. */
#include <op/poll.h>
#include <poll.h>

/* Whether what a completion tells is a reason to end. The result of an op for changes is negative
 * until its first completion. */
static bool is_reason(const whorl_op *op, int32_t result)
{
    int32_t none = POLLRDHUP & ~(int32_t)op->op_flags;
    if ((op->flags & RING_ROOM) && op->result < 0)
        none |= POLLERR;
    return result < 0 || (result & ~none) != 0;
}

bool poll_take(struct loop *loop, whorl_op *op, int32_t *result, unsigned marks)
{
    bool is_found = op->len == RING_POLL_CHANGES && op->result > 0;
    bool ends = is_found || is_reason(op, *result);
    if (marks & RING_MORE) {
        if (!is_found)
            op->result = ends ? *result : 0;
        if (ends && !is_found)
            op_cancel_soon(loop, op);
        return false;
    }
    if (is_found)
        *result = op->result;
    bool goes_on = !ends && !(op->state & OP_CHAINED);
    if (goes_on)
        *result = -EINTR;
    op->len = goes_on ? RING_POLL_CHANGES : 0;
    return true;
}
