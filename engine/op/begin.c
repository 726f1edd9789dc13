/* Starting ops: from made to in flight. */
#include <assert.h>
#include <errno.h>
#include <op/begin.h>
#include <op/table.h>
#include <op/token.h>

bool op_is_release(const whorl_op *op)
{
    return op_kinds[op->code].release;
}

void op_end_unstarted(whorl_op *op, int result)
{
    assert(!(op->state & OP_IN_FLIGHT));
    op->result = result;
    op->state = OP_ENDED;
}

void op_fill_timed(struct loop *loop, whorl_op *op, enum ring_link link)
{
    int64_t end = ring_clock(&loop->ring, op->deadline);
    op->phase.timespec.seconds = end / 1000000000;
    op->phase.timespec.nanoseconds = end % 1000000000;
    ring_fill(&loop->ring, op, token_of(op, TOKEN_OP),
              link == RING_LINK_HARD ? link : RING_LINK_SOFT);
    if (op->state & OP_CHAINED) {
        op->owed++;
        ring_fill_deadline(&loop->ring, &op->phase.timespec, token_of(op, TOKEN_OWED_DEADLINE),
                           link, RING_REPORT_ALWAYS);
    } else {
        ring_fill_deadline(&loop->ring, &op->phase.timespec, token_of(op, TOKEN_DEADLINE), link,
                           RING_REPORT_REFUSAL);
    }
}

/* A registered file has no descriptor that a system call could use. */
static int run_fallback(const whorl_op *op)
{
    op_fallback *fallback = op_kinds[op->code].fallback;
    return fallback && !(op->flags & WHORL_OP_FIXED_FILE) ? fallback(op) : -EOPNOTSUPP;
}

bool op_stand_in(struct loop *loop, whorl_op *op)
{
    if (op->code != RING_OP_SEND_ZC && op->code != RING_OP_SENDMSG_ZC)
        return false;
    op->code = op->code == RING_OP_SEND_ZC ? RING_OP_SEND : RING_OP_SENDMSG;
    assert(ring_supports(&loop->ring, op->code));
    return true;
}

bool op_ends_at_once(struct loop *loop, whorl_op *op)
{
    if (loop->closing && closers_hold(loop, op)) {
        op_end_unstarted(op, -EBADF);
        return true;
    }
    if (ring_supports(&loop->ring, op->code) || op_stand_in(loop, op))
        return false;
    op_end_unstarted(op, run_fallback(op));
    return true;
}

void op_begin_timed(struct loop *loop, struct task *self, whorl_op *op)
{
    if (op->timeout <= 0) {
        op_end_unstarted(op, -ETIMEDOUT);
        return;
    }
    op->deadline = deadline_after(whorl_now(), op->timeout);
    op_begin_now(loop, self, op);
}

void op_begin(struct loop *loop, struct task *self, whorl_op *op)
{
    op_begin_inline(loop, self, op);
}

void op_begin_chain(struct loop *loop, struct task *self, whorl_op *ops, size_t n)
{
    int64_t now = whorl_now();
    unsigned admitted = admission_ask_chain(loop, ops, n);
    unsigned queued = admitted & OP_QUEUED;
    if (!queued)
        loop_reserve(loop, op_slots(ops, n));
    for (size_t i = 0; i < n; i++) {
        int64_t ns = ops[i].timeout;
        ops[i].deadline = ns == WHORL_FOREVER ? WHORL_FOREVER : deadline_after(now, ns);
        op_set_in_flight(loop, self, &ops[i], OP_CHAINED | queued | op_take_position(&ops[i]));
    }
    if (queued) {
        admission_queue(loop, ops);
        return;
    }
    ops[n - 1].state |= (uint16_t)admitted;
    op_fill(loop, ops, n);
}

void op_fill(struct loop *loop, whorl_op *ops, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        enum ring_link link = i + 1 == n                         ? RING_LINK_NONE
                              : ops[i].flags & WHORL_OP_HARDLINK ? RING_LINK_HARD
                                                                 : RING_LINK_SOFT;
        op_fill_one(loop, &ops[i], link);
    }
}

void op_begin_again(struct loop *loop, whorl_op *op)
{
    assert((op->state & OP_IN_FLIGHT) && op->owed == 0);
    loop_reserve(loop, 2);
    op_fill_one(loop, op, RING_LINK_NONE);
}

void op_begin_soon(struct loop *loop, whorl_op *op, unsigned state)
{
    assert(!(op->state & OP_IN_FLIGHT) && op->timeout == WHORL_FOREVER);
    op->deadline = WHORL_FOREVER;
    op_set_in_flight(loop, &loop->host, op, state);
    op_submit_soon(loop, op);
}

void op_listen(struct loop *loop)
{
    struct inbox *inbox = loop->inbox;
    whorl_op op = whorl_op_read(inbox->eventfd, &inbox->heard, sizeof inbox->heard);
    loop_reserve(loop, 1);
    ring_fill(&loop->ring, &op, TOKEN_WAKE, RING_LINK_NONE);
    inbox->listening = true;
}

int whorl_op_start(whorl_op *op)
{
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    if (!op || op_check(op))
        return -EINVAL;
    if (op->state & OP_IN_FLIGHT)
        return -EBUSY;
    op_begin(loop, loop->current, op);
    return 0;
}
