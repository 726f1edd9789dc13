/* Starting ops: from made to in flight. */
#include <assert.h>
#include <errno.h>
#include <op/admission.h>
#include <op/op.h>
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

/* Fills an op with its deadline. */
static __attribute__((noinline)) void fill_timed(struct loop *loop, whorl_op *op,
                                                 enum ring_link link)
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

/* Fills the op, and its deadline if it has one. */
static inline __attribute__((always_inline)) void fill(struct loop *loop, whorl_op *op,
                                                       enum ring_link link)
{
    op->generation = ++loop->op_generation;
    op->owed = 1;
    if (__builtin_expect(op->deadline != WHORL_FOREVER, 0))
        fill_timed(loop, op, link);
    else
        ring_fill(&loop->ring, op, token_of(op, TOKEN_OP), link);
}

static inline void set_in_flight(struct loop *loop, struct task *self, whorl_op *op, unsigned state)
{
    op->state = (uint16_t)(OP_IN_FLIGHT | state);
    op->owed = 0;
    op->attempts = 0;
    op->owner = self;
    whorl_op **bucket = op_list(loop, op);
    op->next = *bucket;
    op->link = bucket;
    if (op->next)
        op->next->link = &op->next;
    *bucket = op;
    self->in_flight++;
    loop->ops_in_flight++;
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

void op_begin(struct loop *loop, struct task *self, whorl_op *op)
{
    assert(!(op->state & OP_IN_FLIGHT));
    assert(self == loop->current || self == &loop->host);
    op->deadline = WHORL_FOREVER;
    if (__builtin_expect(op->timeout != WHORL_FOREVER, 0)) {
        if (op->timeout <= 0) {
            op_end_unstarted(op, -ETIMEDOUT);
            return;
        }
        op->deadline = deadline_after(whorl_now(), op->timeout);
    }
    if (__builtin_expect(loop->closing, 0) && closers_hold(loop, op)) {
        op_end_unstarted(op, -EBADF);
        return;
    }
    if (__builtin_expect(!ring_supports(&loop->ring, op->code), 0) && !op_stand_in(loop, op)) {
        op_end_unstarted(op, run_fallback(op));
        return;
    }
    unsigned position = op_take_position(op);
    unsigned admitted = admission_ask(loop, op);
    if (__builtin_expect(admitted == OP_QUEUED, 0)) {
        set_in_flight(loop, self, op, OP_QUEUED | position);
        admission_queue(loop, op);
        return;
    }
    loop_reserve(loop, 2);
    set_in_flight(loop, self, op, admitted | position);
    fill(loop, op, RING_LINK_NONE);
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
        set_in_flight(loop, self, &ops[i], OP_CHAINED | queued | op_take_position(&ops[i]));
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
        fill(loop, &ops[i], link);
    }
}

void op_begin_again(struct loop *loop, whorl_op *op)
{
    assert((op->state & OP_IN_FLIGHT) && op->owed == 0);
    loop_reserve(loop, 2);
    fill(loop, op, RING_LINK_NONE);
}

void op_begin_soon(struct loop *loop, whorl_op *op, unsigned state)
{
    assert(!(op->state & OP_IN_FLIGHT) && op->timeout == WHORL_FOREVER);
    op->deadline = WHORL_FOREVER;
    set_in_flight(loop, &loop->host, op, state);
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
