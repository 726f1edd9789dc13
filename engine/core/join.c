/*
 * Joining and releasing tasks: who may ask for a task that has ended, and until when.
 *
 * A task's block is kept while it has references: one is the handle's, until the first join returns
 * or the task is released; each task that waits in a join holds another.
 */
#include <core/deadlock.h>
#include <core/interrupt.h>
#include <core/loop.h>
#include <errno.h>

static void join_over(struct watcher *watcher, struct task *target)
{
    (void)target;
    task_wake(watcher->waiter, 0);
}

/* A task that waits for another's end; on its own stack. */
struct joiner {
    struct watcher watcher;
    struct task *target;
};

static void join_cancel(struct task *self)
{
    struct joiner *joiner = self->wait_object;
    task_unwatch(joiner->target, &joiner->watcher);
    task_wake(self, -ECANCELED);
}

static struct task *join_awaited(const struct task *self, size_t index)
{
    return index == 0 ? ((const struct joiner *)self->wait_object)->target : NULL;
}

static const struct wait_kind join_wait = {
    .name = "the end of", .cancel = join_cancel, .awaited = join_awaited, .needs_all = true};

/* He has cancelled the task before; it may have taken that back. */
static void end_cancel(struct task *self)
{
    struct task *target = ((struct joiner *)self->wait_object)->target;
    if (!target->ended)
        task_cancel(target);
}

static const struct wait_kind end_wait = {.name = "the end, after its cancel, of",
                                          .cancel = end_cancel,
                                          .awaited = join_awaited,
                                          .needs_all = true};

int task_join(struct loop *loop, struct task *target, enum join_mode mode, intptr_t *result)
{
    struct task *self = loop->current;
    if (wait_would_be_circular(loop, target))
        return -EDEADLK;
    int error = 0;
    target->references++;
    if (!target->ended && self->interrupted && mode == JOIN_INTERRUPTIBLE) {
        error = task_refuse(loop, self);
    } else if (!target->ended) {
        struct joiner joiner = {.target = target};
        joiner.watcher = (struct watcher){.ended = join_over, .waiter = self, .object = &joiner};
        task_watch(target, &joiner.watcher);
        error = task_park(loop, self, mode == JOIN_INTERRUPTIBLE ? &join_wait : &end_wait, &joiner);
    }
    /* It may have ended since the cancel. */
    if (target->ended) {
        error = 0;
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
