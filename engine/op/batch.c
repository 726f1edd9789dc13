/* Batches: several ops, one submission, one wait. */
#include <op/batch.h>

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
