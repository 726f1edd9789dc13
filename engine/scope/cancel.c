/*
 * Cancel: a level on a task.
 *
 * task_cancel sets it and ends the wait in which the task is parked, by the wait's own kind; every
 * later wait looks at the level before it begins. Nothing clears it but whorl_uncancel or the
 * task's end.
 */
#include <core/interrupt.h>
#include <core/loop.h>
#include <errno.h>

int whorl_cancel(whorl_task *handle)
{
    int error;
    struct task *task = task_of_handle(loop_here, handle, &error);
    if (!task)
        return error;
    if (task->ended)
        return -EALREADY;
    task_cancel(task);
    return 0;
}

int whorl_uncancel(void)
{
    struct task *self = task_here();
    if (!self)
        return -EPERM;
    int was = self->cancelled;
    self->cancelled = false;
    task_judge(self);
    return was;
}

int whorl_cancelling(whorl_task *handle)
{
    int error;
    struct task *task = task_of_handle(loop_here, handle, &error);
    return task ? task->cancelled && !task->ended : error;
}

int whorl_is_cancelled(whorl_task *handle)
{
    int error;
    struct task *task = task_of_handle(loop_here, handle, &error);
    return task ? task->ended && task->result == -ECANCELED : error;
}
