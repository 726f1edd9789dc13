/* Batches and chains: several ops, one submission, one wait. */
#include <errno.h>
#include <op/op.h>
#include <op/table.h>

/* Marks an op that has been started as awaited by `wait`, or counts its result if it has ended. */
static void wait_add(struct op_wait *wait, whorl_op *op)
{
    if (op->state & OP_IN_FLIGHT) {
        op->state |= OP_AWAITED;
        wait->pending++;
        if (op->deadline < wait->deadline)
            wait->deadline = op->deadline;
    } else if (op->result < 0 && !wait->error) {
        wait->error = op->result;
    }
}

/* 0, or why the ops cannot be awaited together by `self`. */
static int batch_check(const struct task *self, const whorl_op *ops, size_t n)
{
    if (!ops && n > 0)
        return -EINVAL;
    for (size_t i = 0; i < n; i++) {
        if (op_check(&ops[i]))
            return -EINVAL;
        if ((ops[i].state & OP_IN_FLIGHT) && ops[i].owner != self)
            return -EPERM;
    }
    return 0;
}

static bool is_made(const whorl_op *op)
{
    return !(op->state & (OP_IN_FLIGHT | OP_ENDED));
}

/* Ends ops that were never started because of the caller's cancel or an earlier error. */
static void end_made(whorl_op *ops, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (is_made(&ops[i]))
            op_end_unstarted(&ops[i], -ECANCELED);
}

int whorl_gather_ops(whorl_op *ops, size_t n)
{
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    struct task *self = loop->current;
    int error = batch_check(self, ops, n);
    if (error)
        return error;
    struct op_wait wait = {.ops = ops, .count = n, .fail_fast = true, .deadline = WHORL_FOREVER};
    self->wait_object = &wait;
    bool refused = self->interrupted;
    /* Those in flight first: filling the others may submit, and end some of them. */
    for (size_t i = 0; i < n; i++)
        if (!is_made(&ops[i]))
            wait_add(&wait, &ops[i]);
    for (size_t i = 0; i < n; i++) {
        if (is_made(&ops[i]) && ((!wait.error && !refused) || op_is_release(&ops[i]))) {
            op_begin(loop, self, &ops[i]);
            wait_add(&wait, &ops[i]);
        }
    }
    if (wait.error)
        op_wait_fail(self);
    size_t unstarted = 0;
    for (size_t i = 0; i < n; i++)
        unstarted += is_made(&ops[i]);
    end_made(ops, n);
    if (wait.pending > 0)
        op_wait(loop, self, &wait);
    else if (refused && unstarted > 0)
        task_refuse(loop, self);
    if (!wait.error && unstarted > 0)
        wait.error = -ECANCELED;
    return wait.error;
}

/* --- Chains --- */

/* Submission slots that the chain takes: one each, and one for each deadline. */
static size_t chain_slots(const whorl_op *ops, size_t n)
{
    size_t slots = n;
    for (size_t i = 0; i < n; i++)
        slots += ops[i].timeout != WHORL_FOREVER;
    return slots;
}

static int chain_check(struct loop *loop, const whorl_op *ops, size_t n)
{
    int error = batch_check(loop->current, ops, n);
    if (error)
        return error;
    for (size_t i = 0; i < n; i++) {
        if (!is_made(&ops[i]))
            return -EINVAL;
        if (!ring_supports(&loop->ring, ops[i].code))
            return -EOPNOTSUPP;
        if (loop->closing && closers_hold(loop, &ops[i]))
            return -EBADF;
    }
    return chain_slots(ops, n) > loop->ring.entries ? -E2BIG : 0;
}

static void chain_begin(struct loop *loop, struct op_wait *wait)
{
    int64_t now = whorl_now();
    loop_reserve(loop, (unsigned)chain_slots(wait->ops, wait->count));
    for (size_t i = 0; i < wait->count; i++) {
        whorl_op *op = &wait->ops[i];
        enum ring_link link = i + 1 == wait->count            ? RING_LINK_NONE
                              : op->flags & WHORL_OP_HARDLINK ? RING_LINK_HARD
                                                              : RING_LINK_SOFT;
        op_begin_linked(loop, loop->current, op, link, now);
        wait_add(wait, op);
    }
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
    chain_begin(loop, &wait);
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
    end_made(ops, n);
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
    if (loop->current->interrupted) {
        end_made(ops, n);
        return task_refuse(loop, loop->current);
    }
    size_t expired = chain_expired(ops, n);
    if (expired < n)
        chain_run_to_expired(loop, ops, n, expired);
    else
        chain_run(loop, ops, n);
    return chain_error(ops, n);
}
