/*
 * Scopes: stretches of a task's code with a time limit, or in which cleanup may still wait; and
 * cleanup at the task's end.
 *
 *     whorl_timeout scope;
 *     whorl_timeout_begin(&scope, WHORL_SECONDS(2));
 *     intptr_t result = talk_to(peer);
 *     result = whorl_timeout_end(&scope, result);
 *
 * A scope belongs to the task that began it. Scopes nest: the one begun last is ended first. Their
 * structs are the caller's, on its stack as a rule, and must stay from begin to end; a task's
 * function must not return with one open. Beginning and ending make no system call and take no
 * memory, so they cannot fail for want of either.
 */
#ifndef WHORL_SCOPE_H
#define WHORL_SCOPE_H

#include <whorl/base.h>
#include <whorl/task.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct whorl_timeout {
    void *engine[10]; /* the engine's */
} whorl_timeout;

typedef struct whorl_shield {
    void *engine[10]; /* the engine's */
} whorl_shield;

/* Begins a scope that runs out `ns` nanoseconds from now; <= 0: it has run out, and the next wait
 * says so; WHORL_FOREVER: never. When it runs out, the call in which the task waits, and every
 * later one until the scope's end, gives -ECANCELED, as if the task were cancelled. Returns 0; does
 * not wait.
 *   -EBUSY   it is the calling task's innermost scope already
 *   -EINVAL  scope is NULL
 *   -EPERM   not inside a task */
WHORL_API int whorl_timeout_begin(whorl_timeout *scope, int64_t ns);

/* The same, until a point in time as whorl_now counts. */
WHORL_API int whorl_timeout_begin_at(whorl_timeout *scope, int64_t deadline);

/* Moves an open scope's end to another point in time; WHORL_FOREVER disables it. Any open scope of
 * the task may be moved. Returns 0.
 *   -ETIMEDOUT  it has run out already
 *   -EINVAL     scope is NULL
 *   -EPERM      not an open scope of the calling task */
WHORL_API int whorl_timeout_reschedule(whorl_timeout *scope, int64_t deadline);

/* Ends the scope and returns what its body came to: `result`, as the body gave it, but -ETIMEDOUT
 * where that is -ECANCELED because this scope ran out. Of nested scopes that have run out the
 * outermost says so, the inner ones leave -ECANCELED; and where the task is cancelled as well, so
 * does this one. A body that finished all the same keeps its result.
 *   -EINVAL  scope is NULL
 *   -EPERM   not the calling task's innermost scope; nothing has changed */
WHORL_API intptr_t whorl_timeout_end(whorl_timeout *scope, intptr_t result);

/* Begins a scope in which the task may wait although it is cancelled, an outer timeout has run out,
 * or an outer group was aborted: for cleanup. After `ns` nanoseconds it protects no longer.
 * Timeouts begun inside work as ever. Returns 0; does not wait.
 *   -EBUSY   as for whorl_timeout_begin
 *   -EINVAL  scope is NULL, or ns is WHORL_FOREVER: cleanup must have a limit
 *   -EPERM   not inside a task */
WHORL_API int whorl_shield_begin(whorl_shield *scope, int64_t ns);

/* Ends the scope and returns `result`. What it hid shows at the next wait.
 *   -EINVAL, -EPERM  as for whorl_timeout_end */
WHORL_API intptr_t whorl_shield_end(whorl_shield *scope, intptr_t result);

/* Waits for `task` at most `ns` nanoseconds, takes its handle back and returns its result. When the
 * time is up the task is cancelled, and awaited until it has ended: the call gives -ETIMEDOUT, or
 * the task's own result if it finished all the same. With ns <= 0 that is at once: a task that has
 * not run yet never runs its function. When the caller is cancelled meanwhile, the task is
 * cancelled and awaited likewise, for -ECANCELED instead.
 *   -EDEADLK, -EINVAL, -EPERM  as for whorl_join */
WHORL_API intptr_t whorl_wait_for(whorl_task *task, int64_t ns);

/* Has fn(arg) run at the calling task's end: when its function has returned, and what that left in
 * flight has ended; before anybody learns of the end. What was deferred last runs first. A handler
 * may wait, and defer more; its result is dropped. It runs in a shield of config.defer_limit, so
 * that a cancel of the task is hidden from it that long. Takes memory. Is no waiting point: works
 * in a cancelled task too. Returns 0.
 *   -EINVAL  fn is NULL
 *   -ENOMEM  the handler will not run
 *   -EPERM   not inside a task */
WHORL_API int whorl_defer(whorl_fn *fn, void *arg);

#ifdef __cplusplus
}
#endif

#endif
