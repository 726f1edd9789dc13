/*
 * Joining and releasing tasks: who may ask for a task that has ended, and until when.
 *
 * A task's block is kept while it has references: one is the handle's, until the first join returns
 * or the task is released; each task that waits in a join holds another.
 */
#include <core/loop.h>
#include <errno.h>

/* A task that waits for another's end; on its own stack. */
struct joiner {
    struct watcher watcher;
    struct task *task;
    struct task *target;
};

static void join_over(struct watcher *watcher, struct task *target)
{
    (void)target;
    task_wake(((struct joiner *)watcher)->task, 0);
}

static void join_cancel(struct task *self)
{
    struct joiner *joiner = self->wait_object;
    task_unwatch(joiner->target, &joiner->watcher);
    task_wake(self, -ECANCELED);
}

static const struct wait_kind join_wait = {.name = "join", .cancel = join_cancel};
static const struct wait_kind end_wait = {.name = "the end of a task that it has cancelled"};

static bool is_joining(const struct task *task)
{
    return task->wait == &join_wait || task->wait == &end_wait;
}

/* Whether `task` is `self`, or waits, through joins, for it; which nobody does if nobody joins
 * it. */
static bool join_leads_to(const struct task *task, const struct task *self)
{
    while (self->watchers && task != self && is_joining(task))
        task = ((const struct joiner *)task->wait_object)->target;
    return task == self;
}

bool task_join_is_deadlock(const struct loop *loop, const struct task *target)
{
    return join_leads_to(target, loop->current);
}

int task_join(struct loop *loop, struct task *target, enum join_mode mode, intptr_t *result)
{
    struct task *self = loop->current;
    if (join_leads_to(target, self))
        return -EDEADLK;
    if (!target->ended && self->interrupted && mode == JOIN_INTERRUPTIBLE)
        return task_refuse(loop, self);

    int error = 0;
    target->references++;
    if (!target->ended) {
        struct joiner joiner = {.watcher.ended = join_over, .task = self, .target = target};
        task_watch(target, &joiner.watcher);
        error = task_park(loop, self, mode == JOIN_INTERRUPTIBLE ? &join_wait : &end_wait, &joiner);
    }
    if (!error) {
        *result = target->result;
        task_take_handle(target);
    }
    task_unref(target);
    return error;
}

intptr_t whorl_join(whorl_task *handle)
{
    int error;
    struct loop *loop = loop_here;
    struct task *target = task_of_handle(loop, handle, &error);
    if (!target)
        return error;
    intptr_t result = 0;
    error = task_join(loop, target, JOIN_INTERRUPTIBLE, &result);
    return error ? error : result;
}

int whorl_release(whorl_task *handle)
{
    int error;
    struct task *task = task_of_handle(loop_here, handle, &error);
    if (!task)
        return error;
    if (task->handle_taken)
        return -EINVAL;
    task->references++;
    task_take_handle(task);
    task_unref(task);
    return 0;
}
