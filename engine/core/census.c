/* Who lives in a loop, and what he has in flight. */
#include <core/loop.h>
#include <errno.h>

int whorl_each_task(int (*each)(whorl_task *task, void *arg), void *arg)
{
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    if (!each)
        return -EINVAL;
    struct task *outer = loop->shown;
    struct task *task = loop->live;
    int result = 0;
    while (task && result == 0) {
        task->references++;
        loop->shown = task;
        result = each(task_handle(task), arg);
        if (result == 0 && task->ended)
            result = -EBUSY;
        struct task *next = task->live_next;
        task_unref(task);
        task = next;
    }
    loop->shown = outer;
    return result;
}

ssize_t whorl_in_flight(whorl_task *handle)
{
    int error;
    const struct task *task = task_of_handle(loop_here, handle, &error);
    return task ? (ssize_t)task->in_flight : error;
}
