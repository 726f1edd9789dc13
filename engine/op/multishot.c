/* Multishot ops: see multishot.h. Of those in flight, loop->ops_at_rest are unattended. */
#include <assert.h>
#include <op/multishot.h>

_Static_assert(offsetof(struct multishot, op) == 0, "a multishot op is found by its op");

void multishot_arm(struct loop *loop, struct multishot *self)
{
    assert(self->kind);
    op_begin_soon(loop, &self->op, OP_MANY);
    if (self->attended == 0)
        loop->ops_at_rest++;
    if (loop->closing && closers_hold(loop, &self->op))
        op_ask_cancel(loop, &self->op);
}

void multishot_arm_now(struct loop *loop, struct multishot *self)
{
    assert(self->kind);
    op_begin_in_background(loop, &self->op);
    if (!(self->op.state & OP_IN_FLIGHT)) {
        self->kind->ended(self, self->op.result);
        return;
    }
    self->op.state |= OP_MANY;
    if (self->attended == 0)
        loop->ops_at_rest++;
}

void multishot_disarm(struct loop *loop, struct multishot *self)
{
    if (multishot_is_armed(self))
        op_ask_cancel(loop, &self->op);
}

int multishot_join(struct loop *loop, struct task *self, struct multishot *multishot,
                   enum op_patience patience)
{
    if (!multishot_is_armed(multishot))
        return 0;
    multishot_attend(loop, multishot);
    int error = op_join(loop, self, &multishot->op, patience);
    multishot_leave(loop, multishot);
    return error;
}

void multishot_attend(struct loop *loop, struct multishot *self)
{
    self->attendant = loop->current;
    if (self->attended++ == 0 && multishot_is_armed(self))
        loop->ops_at_rest--;
}

void multishot_leave(struct loop *loop, struct multishot *self)
{
    assert(self->attended > 0);
    if (--self->attended == 0 && multishot_is_armed(self))
        loop->ops_at_rest++;
}

void multishot_settle(struct loop *loop, whorl_op *op)
{
    struct multishot *self = (struct multishot *)op;
    if (op->state & OP_CANCEL_WANTED)
        self->attended--;
    else if (self->attended == 0)
        loop->ops_at_rest--;
    self->kind->ended(self, op->result);
}
