/* Ops of the loop's: see background.h. */
#include <assert.h>
#include <errno.h>
#include <op/background.h>

/* Has the op belong to another task, or to the host. */
static void hand_to(struct task *owner, whorl_op *op)
{
    ((struct task *)op->owner)->in_flight--;
    op->owner = owner;
    owner->in_flight++;
}

void op_begin_in_background(struct loop *loop, whorl_op *op)
{
    assert(op->timeout == WHORL_FOREVER);
    op_begin(loop, &loop->host, op);
}

/* The task goes on without it. */
static void background_cancel(struct task *self)
{
    whorl_op *op = ((struct op_wait *)self->wait_object)->ops;
    op->state &= (uint16_t)~OP_AWAITED;
    hand_to(&self->loop->host, op);
    task_wake(self, -ECANCELED);
}

static const struct wait_kind background_wait = {.name = "io", .cancel = background_cancel};
static const struct wait_kind background_end_wait = {.name = "the end of io"};

/* Not inline: the wait is on the caller's stack, which gcc 12 does not trust to outlive a park. */
static __attribute__((noinline)) int park(struct loop *loop, struct task *self,
                                          struct op_wait *wait, enum op_patience patience)
{
    const struct wait_kind *kind =
        patience == OP_INTERRUPTIBLE ? &background_wait : &background_end_wait;
    wait->ops->state |= OP_AWAITED;
    return task_park(loop, self, kind, wait);
}

int op_join(struct loop *loop, struct task *self, whorl_op *op, enum op_patience patience)
{
    if (!(op->state & OP_IN_FLIGHT))
        return 0;
    if (self->interrupted && patience == OP_INTERRUPTIBLE)
        return -ECANCELED;
    assert(op->owner == &loop->host);
    hand_to(self, op);
    struct op_wait wait = {.ops = op, .count = 1, .pending = 1, .deadline = WHORL_FOREVER};
    return park(loop, self, &wait, patience);
}
