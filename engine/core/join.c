/*
 * Joining and releasing tasks: who may ask for a task that has ended, and until when.
 *
 * A task's block is kept while it has references: one is the handle's, until the first join returns
 * or the task is released; each task that waits in a join holds another.
 */
#include <core/loop.h>
#include <errno.h>

/* Takes a cancelled joiner out of the target's list and lets it go on. */
static void join_cancel(struct task *self)
{
    struct task *target = self->wait_object;
    struct joiner **link = &target->joiners;
    while ((*link)->task != self)
        link = &(*link)->next;
    *link = (*link)->next;
    if (!*link)
        target->joiners_end = link;
    task_wake(self, -ECANCELED);
}

static const struct wait_kind join_wait = {.name = "join", .cancel = join_cancel};

/* Whether `task` is `self`, or waits, through joins, for it; which nobody does if nobody joins
 * it. */
static bool join_leads_to(const struct task *task, const struct task *self)
{
    while (self->joiners && task != self && task->wait == &join_wait)
        task = task->wait_object;
    return task == self;
}

/* Gives up the handle's reference, if it is still there. */
static void handle_take(struct task *task)
{
    if (!task->handle_taken) {
        task->handle_taken = true;
        task->references--;
    }
}

intptr_t whorl_join(whorl_task *handle)
{
    int error;
    struct loop *loop = loop_here;
    struct task *target = task_of_handle(loop, handle, &error);
    if (!target)
        return error;
    struct task *self = loop->current;
    if (join_leads_to(target, self))
        return -EDEADLK;
    if (!target->ended && self->cancelled)
        return task_refuse(loop, self);

    target->references++;
    if (!target->ended) {
        struct joiner joiner = {.task = self};
        *target->joiners_end = &joiner;
        target->joiners_end = &joiner.next;
        error = task_park(loop, self, &join_wait, target);
    }
    intptr_t result = error;
    if (!error) {
        result = target->result;
        handle_take(target);
    }
    task_unref(target);
    return result;
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
    handle_take(task);
    task_unref(task);
    return 0;
}
