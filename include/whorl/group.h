/*
 * Groups: tasks that end together (a nursery, a task group).
 *
 *     whorl_group group;
 *     whorl_group_init(&group);
 *     int result = accept_many(&group);    // the body: calls whorl_group_spawn
 *     result = whorl_group_wait(&group, result);
 *
 * A group is a scope of the task that began it, its owner, and nests with timeouts and shields: the
 * one begun last is ended first. Its children are tasks, started by the owner, by other children,
 * or by any task of the loop that knows the group. whorl_group_wait returns when all have ended.
 *
 * The first error of a child aborts the group: the other children are cancelled, the waits of the
 * owner's body give -ECANCELED until whorl_group_wait, and nothing can be spawned any more. An
 * error is a result below 0 other than -ECANCELED: a child that is cancelled by itself harms
 * nobody. The -ESHUTDOWN of a group that was aborted before is none either.
 *
 * The owner ends after its children: a child that joins it gets -EDEADLK.
 *
 * The struct is the caller's, and must stay until whorl_group_wait has returned. If the owner's
 * function returns without that, the children are cancelled and awaited before the owner ends; a
 * group on its stack stays long enough for that.
 */
#ifndef WHORL_GROUP_H
#define WHORL_GROUP_H

#include <whorl/base.h>
#include <whorl/task.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct whorl_group {
    void *engine[24]; /* the engine's */
} whorl_group;

/* One error of a group. */
typedef struct whorl_group_error {
    int error;                     /* -errno */
    char name[WHORL_NAME_MAX + 1]; /* of the task: a child, or the owner for its body */
} whorl_group_error;

/* Begins a group of the calling task. Takes no memory; does not wait. Returns 0.
 *   -EBUSY   it is the calling task's innermost scope already
 *   -EINVAL  group is NULL
 *   -EPERM   not inside a task */
WHORL_API int whorl_group_init(whorl_group *group);

/* Spawns a child that runs fn(arg). Does not wait. The child leaves nothing behind but its error,
 * if it ends with one. Returns 0.
 *   -ESHUTDOWN  the group was aborted, cancelled or has ended, or its owner is cancelled and waits
 *   for its end
 *   -EINVAL     group or fn is NULL
 *   -ENOMEM     no memory for a stack
 *   -EPERM      not inside a task of the same loop */
WHORL_API int whorl_group_spawn(whorl_group *group, whorl_fn *fn, void *arg);

/* The same with options, of which *options->error is not used, and may be NULL. With `task` not
 * NULL the child's handle goes there, to be given to whorl_join or whorl_release: for its result,
 * or to cancel it alone.
 *   -EINVAL  also: the stack size is out of bounds */
WHORL_API int whorl_group_spawn_with(whorl_group *group, const whorl_spawn_options *options,
                                     whorl_fn *fn, void *arg, whorl_task **task);

/* The same as whorl_group_spawn, but waits until fewer than `limit` children live. Tasks that wait
 * here get their turns in the order in which they came.
 *   -ECANCELED  the caller is cancelled; no child was made
 *   -ESHUTDOWN  also: while it waited
 *   -EINVAL     also: limit is 0 */
WHORL_API int whorl_group_spawn_limited(whorl_group *group, size_t limit, whorl_fn *fn, void *arg);

/* How many children live. -EINVAL, -EPERM as for whorl_group_spawn. */
WHORL_API ssize_t whorl_group_live(const whorl_group *group);

/* Ends the group early, and without an error: the children are cancelled, and so are the waits of
 * the body, as by a child's error. Does not wait; a second call does nothing. Returns 0.
 *   -EINVAL  group is NULL
 *   -EPERM   not inside a task of the same loop */
WHORL_API int whorl_group_cancel(whorl_group *group);

/* Waits until every child has ended, and ends the group. `result` is what the body came to: an
 * error aborts the group like a child's; -ECANCELED cancels the children. When the owner is
 * cancelled meanwhile, or an outer timeout runs out, the children are cancelled, and awaited all
 * the same. Returns the first error in time, of a child or of the body; else -ECANCELED, if the
 * body was cancelled but not by the group itself, or if the owner was and a child ended with
 * -ECANCELED for it; else 0.
 *   -EINVAL  group is NULL
 *   -EPERM   not the calling task's innermost scope; nothing has changed */
WHORL_API int whorl_group_wait(whorl_group *group, intptr_t result);

/* The same, and lists every error: *count is the room in `errors` before, and after how many errors
 * there were; the array holds as many of them as it has room for, in the order of time.
 *   -EINVAL  also: count is NULL, or errors is NULL while *count is not 0 */
WHORL_API int whorl_group_wait_errors(whorl_group *group, intptr_t result,
                                      whorl_group_error *errors, size_t *count);

#ifdef __cplusplus
}
#endif

#endif
