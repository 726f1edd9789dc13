/*
 * Ops of the loop's: no task's end cancels them, and any task may wait for one. Their owner is the
 * loop's host, except while a task waits. The loop ends when they have ended.
 */
#ifndef OP_BACKGROUND_H
#define OP_BACKGROUND_H

#include <op/op.h>

/* Starts an op of the loop's; it has no timeout. As op_begin. */
void op_begin_in_background(struct loop *loop, whorl_op *op);

/* Whether a wait ends early when its task is interrupted. */
enum op_patience { OP_INTERRUPTIBLE, OP_PATIENT };

/* Waits for an op of the loop's to end. 0; or -ECANCELED: the task was interrupted, and the op goes
 * on. */
int op_join(struct loop *loop, struct task *self, whorl_op *op, enum op_patience patience);

#endif
