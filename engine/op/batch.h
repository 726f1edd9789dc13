/* What batches and chains of ops have in common. */
#ifndef OP_BATCH_H
#define OP_BATCH_H

#include <errno.h>
#include <op/op.h>

/* Marks an op that has been started as awaited by `wait`, or counts its result if it has ended. */
static inline void wait_add(struct op_wait *wait, whorl_op *op)
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
static inline int batch_check(const struct task *self, const whorl_op *ops, size_t n)
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

static inline bool is_made(const whorl_op *op)
{
    return !(op->state & (OP_IN_FLIGHT | OP_ENDED));
}

/* Ends ops that were never started because of the caller's cancel or an earlier error. */
static inline void end_made(whorl_op *ops, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (is_made(&ops[i]))
            op_end_unstarted(&ops[i], -ECANCELED);
}

#endif
