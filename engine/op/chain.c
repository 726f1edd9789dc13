/*
 * Chains: several ops in order, one submission, one wait.
 *
 * The kernel starts each when the one before it has succeeded. A chain that is cancelled, or runs
 * out of time, leaves the rest undone, and that may be a close: those are run once it is over, so
 * that no descriptor stays open which nobody expects to be.
 */
#include <op/batch.h>
#include <op/table.h>

static int chain_check(struct loop *loop, whorl_op *ops, size_t n)
{
    int error = batch_check(loop->current, ops, n);
    if (error)
        return error;
    for (size_t i = 0; i < n; i++) {
        if (!is_made(&ops[i]))
            return -EINVAL;
        if (!ring_supports(&loop->ring, ops[i].code) && !op_stand_in(loop, &ops[i]))
            return -EOPNOTSUPP;
        if (loop->closing && closers_hold(loop, &ops[i]))
            return -EBADF;
    }
    return op_slots(ops, n) > loop->ring.entries ? -E2BIG : 0;
}

/* The first member whose time is up before it begins; n if there is none. */
static size_t chain_expired(const whorl_op *ops, size_t n)
{
    size_t i = 0;
    while (i < n && ops[i].timeout > 0)
        i++;
    return i;
}

static void chain_run(struct loop *loop, whorl_op *ops, size_t n)
{
    struct op_wait wait = {.ops = ops, .count = n, .deadline = WHORL_FOREVER};
    op_begin_chain(loop, loop->current, ops, n);
    for (size_t i = 0; i < n; i++)
        wait_add(&wait, &ops[i]);
    op_wait(loop, loop->current, &wait);
}

/* Runs a chain up to a member whose time is up: a nop goes in its place, and tells whether the
 * chain came that far. */
static void chain_run_to_expired(struct loop *loop, whorl_op *ops, size_t n, size_t expired)
{
    whorl_op asked = ops[expired];
    ops[expired] = whorl_op_nop();
    chain_run(loop, ops, expired + 1);
    bool reached = ops[expired].result == 0;
    ops[expired] = asked;
    op_end_unstarted(&ops[expired], reached ? -ETIMEDOUT : -ECANCELED);
    if (reached)
        ops[expired].state |= OP_TIMED_OUT;
    end_made(ops, n);
}

/* --- Closes that were left undone --- */

/* Whether a cancel or a timeout has ended the chain, and not a failure alone. A member may have
 * done part of its work by then. */
static bool chain_was_cut(const whorl_op *ops, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool asked = ops[i].state & (OP_CANCEL_WANTED | OP_TIMED_OUT);
        bool ended_here = ops[i].result < 0 || (i + 1 < n && ops[i + 1].result == -ECANCELED);
        if (asked && ended_here)
            return true;
    }
    return false;
}

/* Whether the chain was to open what the close is for, and has not. */
static bool was_not_opened(const whorl_op *ops, const whorl_op *close)
{
    const whorl_op *op = close;
    while (op > ops && close->slot) {
        op--;
        bool opens = op->code == RING_OP_OPENAT || op->code == RING_OP_OPENAT2;
        if (opens && op->slot == close->slot)
            return op->result < 0;
    }
    return false;
}

static bool wants_close(const whorl_op *ops, const whorl_op *op)
{
    return op->code == RING_OP_CLOSE && (op->result == -ECANCELED || op->result == -ETIMEDOUT) &&
           !was_not_opened(ops, op);
}

/* Runs them; returns how many there were. */
static size_t chain_close(struct loop *loop, whorl_op *ops, size_t n)
{
    struct op_wait wait = {.ops = ops, .count = n, .deadline = WHORL_FOREVER};
    size_t closed = 0;
    loop->current->wait_object = &wait;
    for (size_t i = 0; i < n; i++) {
        whorl_op *op = &ops[i];
        if (!wants_close(ops, op))
            continue;
        int64_t timeout = op->timeout;
        op->timeout = WHORL_FOREVER;
        op->state = 0;
        op_begin(loop, loop->current, op);
        op->timeout = timeout;
        wait_add(&wait, op);
        closed++;
    }
    if (wait.pending > 0)
        op_wait(loop, loop->current, &wait);
    return closed;
}

/* The first error in order; -ECANCELED only where there is no other, as it is what the others
 * follow from. */
static int chain_error(const whorl_op *ops, size_t n)
{
    int error = 0;
    for (size_t i = 0; i < n; i++) {
        if (ops[i].result < 0 && ops[i].result != -ECANCELED)
            return ops[i].result;
        if (ops[i].result == -ECANCELED)
            error = -ECANCELED;
    }
    return error;
}

int whorl_link_ops(whorl_op *ops, size_t n)
{
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    int error = chain_check(loop, ops, n);
    if (error || n == 0)
        return error;
    bool refused = loop->current->interrupted;
    size_t expired = chain_expired(ops, n);
    if (refused)
        end_made(ops, n);
    else if (expired < n)
        chain_run_to_expired(loop, ops, n, expired);
    else
        chain_run(loop, ops, n);
    size_t closed = refused || chain_was_cut(ops, n) ? chain_close(loop, ops, n) : 0;
    if (refused && closed == 0)
        task_refuse(loop, loop->current);
    return chain_error(ops, n);
}
