/*
 * Calls at a later time: tasks that begin then, and take no memory of the caller's until then.
 *
 *     whorl_task *call = whorl_call_later(WHORL_SECONDS(2), remind, user);
 *     ...
 *     whorl_call_cancel(call);
 *
 * The handle is that of a task: whorl_join waits for the call and gives its result, whorl_release
 * lets it go on alone, whorl_cancel before its time ends it with -ECANCELED and without a call of
 * its function. It is a task from the start: at main's end it is cancelled like any other.
 */
#ifndef WHORL_LATER_H
#define WHORL_LATER_H

#include <whorl/base.h>
#include <whorl/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Has fn(arg) called, in a task of its own, `ns` nanoseconds from now; <= 0: as soon as the tasks
 * that are ready now have run; WHORL_FOREVER: not by itself, so that only a cancel ends it. Calls
 * begin in the order of their times, and those of the same time in the order in which they were
 * asked for. What `arg` leads to must stay until the call has ended. Does not wait; no malloc: the
 * stack comes from the loop's pool at once.
 * Returns the task's handle; NULL if there is no memory for a stack, fn is NULL, or the caller is
 * no task. One that is asked for when main has already returned starts cancelled, and never calls.
 */
WHORL_API whorl_task *whorl_call_later(int64_t ns, whorl_fn *fn, void *arg);

/* The same at a point in time, as whorl_now gives it; one that has passed is as soon as can be. */
WHORL_API whorl_task *whorl_call_at(int64_t deadline, whorl_fn *fn, void *arg);

/* Takes the handle back, and sees to it that a call that has not begun never will. Does not wait.
 * Returns 0.
 *   -EALREADY        it has begun, and goes on alone, or has ended; the handle is taken back all
 *                    the same
 *   -EINVAL, -EPERM  as for whorl_join */
WHORL_API int whorl_call_cancel(whorl_task *call);

/* The time at which a call will begin; WHORL_FOREVER if it will not by itself.
 *   -EALREADY        its time has come, or it was cancelled, or the task was never put off
 *   -EINVAL, -EPERM  as for whorl_join */
WHORL_API int64_t whorl_call_when(whorl_task *call);

#ifdef __cplusplus
}
#endif

#endif
