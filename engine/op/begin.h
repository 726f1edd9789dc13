/* The start of an op, inline: for the calls that are on every hot path. */
#ifndef OP_BEGIN_H
#define OP_BEGIN_H

#include <op/admission.h>
#include <op/op.h>
#include <op/token.h>

/* Fills an op with its deadline. */
void op_fill_timed(struct loop *loop, whorl_op *op, enum ring_link link);

/* Whether an op that the kernel lacks, or whose descriptor is being closed, has ended for that; it
 * may have become another that does the same. */
bool op_ends_at_once(struct loop *loop, whorl_op *op);

/* Fills the op, and its deadline if it has one. */
static inline __attribute__((always_inline)) void op_fill_one(struct loop *loop, whorl_op *op,
                                                              enum ring_link link)
{
    op->generation = ++loop->op_generation;
    op->owed = 1;
    if (__builtin_expect(op->deadline != WHORL_FOREVER, 0))
        op_fill_timed(loop, op, link);
    else
        ring_fill(&loop->ring, op, token_of(op, TOKEN_OP), link);
}

static inline void op_set_in_flight(struct loop *loop, struct task *self, whorl_op *op,
                                    unsigned state)
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

/* Starts an op whose deadline is set. As op_begin. */
static inline __attribute__((always_inline)) void op_begin_now(struct loop *loop, struct task *self,
                                                               whorl_op *op)
{
    assert(!(op->state & OP_IN_FLIGHT));
    assert(self == loop->current || self == &loop->host);
    bool is_plain = !loop->closing && ring_supports(&loop->ring, op->code);
    if (__builtin_expect(!is_plain, 0) && op_ends_at_once(loop, op))
        return;
    unsigned position = op_take_position(op);
    unsigned admitted = admission_ask(loop, op);
    if (__builtin_expect(admitted == OP_QUEUED, 0)) {
        op_set_in_flight(loop, self, op, OP_QUEUED | position);
        admission_queue(loop, op);
        return;
    }
    loop_reserve(loop, 2);
    op_set_in_flight(loop, self, op, admitted | position);
    op_fill_one(loop, op, RING_LINK_NONE);
}

/* The same for one that has a timeout. */
void op_begin_timed(struct loop *loop, struct task *self, whorl_op *op);

/* As op_begin. */
static inline __attribute__((always_inline)) void op_begin_inline(struct loop *loop,
                                                                  struct task *self, whorl_op *op)
{
    if (__builtin_expect(op->timeout != WHORL_FOREVER, 0)) {
        op_begin_timed(loop, self, op);
        return;
    }
    op->deadline = WHORL_FOREVER;
    op_begin_now(loop, self, op);
}

#endif
