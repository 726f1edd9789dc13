/* Waiting for a task with a limit: when it is reached, the task is cancelled, and still awaited. */
#include <core/deadlock.h>
#include <core/interrupt.h>
#include <core/loop.h>
#include <errno.h>
#include <whorl/scope.h>

/* The first wait, which time or the caller's cancel may cut short. A limit that is reached already
 * leaves the task no turn to begin in. */
static int join_within(struct loop *loop, struct task *target, int64_t ns, intptr_t *result)
{
    if (wait_would_be_circular(loop, target))
        return -EDEADLK;
    if (!target->ended && (ns <= 0 || loop->current->interrupted))
        return -ECANCELED;
    whorl_timeout scope;
    whorl_timeout_begin(&scope, ns);
    int error = task_join(loop, target, JOIN_INTERRUPTIBLE, result);
    whorl_timeout_end(&scope, 0);
    return error;
}

/* The whole of it, for one who holds a reference to `target`, whose handle another may take
 * meanwhile. */
static intptr_t wait_for(struct loop *loop, struct task *target, int64_t ns)
{
    intptr_t result = 0;
    int error = join_within(loop, target, ns, &result);
    if (error != -ECANCELED)
        return error ? error : result;
    if (!target->ended)
        task_cancel(target);
    error = task_join(loop, target, JOIN_TO_THE_END, &result);
    if (error || result != -ECANCELED)
        return error ? error : result;
    return loop->current->interrupted ? -ECANCELED : -ETIMEDOUT;
}

intptr_t whorl_wait_for(whorl_task *handle, int64_t ns)
{
    int error;
    struct loop *loop = loop_here;
    struct task *target = task_of_handle(loop, handle, &error);
    if (!target)
        return error;
    target->references++;
    intptr_t result = wait_for(loop, target, ns);
    task_unref(target);
    return result;
}
