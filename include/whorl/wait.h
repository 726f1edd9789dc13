/*
 * Waiting for several tasks without taking part in their fate: nothing here cancels a task.
 */
#ifndef WHORL_WAIT_H
#define WHORL_WAIT_H

#include <whorl/base.h>
#include <whorl/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/* When whorl_wait returns. */
enum whorl_when {
    WHORL_FIRST_COMPLETED, /* one of the tasks has ended */
    WHORL_FIRST_EXCEPTION, /* one has ended with an error, -ECANCELED not counted, or all have */
    WHORL_ALL_COMPLETED,   /* all have ended */
};

/* Waits until of n tasks as many have ended as `when` says, at most `ns` nanoseconds (<= 0: others
 * run once, as in whorl_yield). Cancels nothing, and takes no handle back. A task may stand in the
 * array more than once. Memory is taken for more than 32 tasks. Returns how many of the n have
 * ended, be it that the time was up; whorl_is_done tells which.
 *   -ECANCELED  the caller is cancelled, and what it waits for has not come
 *   -EDEADLK    the caller is one of the tasks
 *   -EINVAL     a handle was given back before, tasks is NULL while n is not 0, or `when` is
 *   unknown
 *   -ENOMEM
 *   -EPERM      not inside a task of the same loop */
WHORL_API ssize_t whorl_wait(whorl_task *const *tasks, size_t n, enum whorl_when when, int64_t ns);

/* Goes through tasks in the order in which they end:
 *
 *     whorl_as_completed each;
 *     size_t index;
 *     intptr_t result;
 *     whorl_as_completed_begin(&each, tasks, n, WHORL_SECONDS(2));
 *     while (whorl_as_completed_next(&each, &index, &result) == 1)
 *         use(index, result);
 *     whorl_as_completed_end(&each);
 */
typedef struct whorl_as_completed {
    void *engine[1]; /* the engine's */
} whorl_as_completed;

/* Begins, with a limit of `ns` nanoseconds from now for all of them together. Takes memory, until
 * whorl_as_completed_end; the array may go when this returns. A task may stand in it more than
 * once. Does not wait. Returns 0.
 *   -EDEADLK, -EINVAL, -ENOMEM, -EPERM  as for whorl_wait; -EINVAL also: each is NULL */
WHORL_API int whorl_as_completed_begin(whorl_as_completed *each, whorl_task *const *tasks, size_t n,
                                       int64_t ns);

/* Waits for the next task to end, puts its place in the array into *index and its result into
 * *result (either may be NULL), and takes its handle back. Tasks that have ended already come at
 * once, also when the time is up or the caller is cancelled. Returns 1; 0 when each was given.
 *   -ETIMEDOUT  the time is up
 *   -ECANCELED  the caller is cancelled; this may be called again
 *   -EINVAL     each is NULL
 *   -EPERM      not inside the task that began */
WHORL_API int whorl_as_completed_next(whorl_as_completed *each, size_t *index, intptr_t *result);

/* Ends it, at any point; without that, its memory is lost. Tasks that were not given go on, and
 * their handles are still the program's. Does not wait. Returns 0.
 *   -EINVAL, -EPERM  as for whorl_as_completed_next */
WHORL_API int whorl_as_completed_end(whorl_as_completed *each);

#ifdef __cplusplus
}
#endif

#endif
