/* Giving a function to a thread, and waiting for its result. */
#include <errno.h>
#include <os/pool.h>
#include <whorl/thread.h>

/* What a task waits for here; on its stack. */
struct errand {
    struct job job; /* first: the job is the errand */
    struct task *task;
};

static void end_wait(struct errand *errand, int result)
{
    struct task *task = errand->task;
    task->loop->jobs--;
    task_wake(task, result);
}

static bool take(struct loop *loop, struct inbox_node *node)
{
    (void)loop;
    end_wait((struct errand *)node, 0);
    return true;
}

/* One that runs is waited for. */
static void thread_cancel(struct task *self)
{
    struct errand *errand = self->wait_object;
    if (pool_withdraw(self->loop->pool, &errand->job))
        end_wait(errand, -ECANCELED);
}

static const struct wait_kind thread_wait = {.name = "a thread", .cancel = thread_cancel};

intptr_t whorl_to_thread(whorl_fn *fn, void *arg)
{
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    if (!fn)
        return -EINVAL;
    struct task *self = loop->current;
    if (self->interrupted)
        return task_refuse(loop, self);
    struct errand errand = {.job = {.node.take = take, .fn = fn, .arg = arg}, .task = self};
    int error = pool_give(loop, &errand.job);
    if (error)
        return error;
    loop->jobs++;
    error = task_park(loop, self, &thread_wait, &errand);
    return error ? error : errand.job.result;
}
