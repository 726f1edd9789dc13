/*
 * Tasks: fibers that run on their loop's thread, one at a time, until they wait.
 *
 * A task is spawned, runs its function, and ends with its result. Its handle is valid until it is
 * given back, by whorl_join or whorl_release, or until the run ends. A handle that was given back
 * is refused with -EINVAL (of 65,535 that come after it, one may be taken for it). Tasks that are
 * never joined or released keep one page each until the run ends.
 *
 * In C++, a task must not wait inside a catch block: the language counts exceptions by thread, and
 * other tasks run on it meanwhile. An exception must not leave a task's function.
 */
#ifndef WHORL_TASK_H
#define WHORL_TASK_H

#include <whorl/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct whorl_task whorl_task;

/* Longest task name kept, in bytes; the rest is cut off. */
#define WHORL_NAME_MAX 31

/* How a task is spawned. All zero is the default of each. */
typedef struct whorl_spawn_options {
    const char *name;  /* copied; default "task-N" with N counted by the loop */
    size_t stack_size; /* bytes, WHORL_STACK_MIN to _MAX; default the loop's */
    int eager;  /* not 0: the task runs at once, until it first waits; the spawner goes on next */
    int *error; /* where to put 0, or why there is no task, as -errno; may be NULL */
    int contain_overflow; /* not 0: a stack overflow ends the task alone; see below */
} whorl_spawn_options;

/* A task that uses up its stack ends the program, with a sentence on stderr that names it. One
 * that was spawned with contain_overflow is ended in its place, and the sentence says so: its
 * function ends as if it had returned -EOVERFLOW (a deferred handler: as if it had returned), and
 * what it has left behind, operations in flight, scopes, groups, deferred handlers, is ended as
 * after any return. For a server's handlers, of which one must not take all down.
 *
 * Lost is what the dropped frames held: memory from malloc, descriptors, locks that they had taken
 * (a whorl_mutex as well), what they were in the middle of changing; in C++, destructors do not
 * run. So the program still ends
 *   - if the overflow strikes inside the C library (which may hold malloc's lock, or a FILE's), the
 *     dynamic loader, liburing, the C++ runtime, the unwinder, or the engine itself: all would wait
 *     for such a lock for ever, in silence. What else it strikes in is the program's affair: its
 *     own code, also where a library calls it back or where it handles a signal on the task's
 *     stack, and other libraries;
 *   - if that cannot be told: the program is linked statically with the C library, or with an
 *     engine that was built with link-time optimisation or without objcopy;
 *   - on processors other than x86-64 (LP64) and aarch64.
 * As ever, only what touches the page below the stack is known as overflow: a large array, or
 * alloca, may step over it, unless the program is compiled with -fstack-clash-protection. */

/* Makes a task that will run fn(arg), after the tasks that are ready now. What `arg` leads to must
 * stay until the task has ended: a gather or a group waits for that whatever happens, a join does
 * not if its caller is cancelled. Does not wait, and is no
 * waiting point: a cancelled task can spawn. No malloc; the stack comes from the loop's pool.
 * Returns the task's handle, to be given to whorl_join or whorl_release; NULL if there is no memory
 * for a stack (then nothing has changed), fn is NULL, or the caller is no task. A task spawned when
 * main has already returned starts cancelled. */
WHORL_API whorl_task *whorl_spawn(whorl_fn *fn, void *arg);

/* The same with options (NULL: all defaults). *options->error tells why it returned NULL:
 *   -EINVAL  fn is NULL, or the stack size is out of bounds
 *   -ENOMEM  no memory for a stack; without WHORL_FEATURE_GUARD_INSTALL also: vm.max_map_count
 *   reached
 *   -EPERM   not inside a task */
WHORL_API whorl_task *whorl_spawn_with(const whorl_spawn_options *options, whorl_fn *fn, void *arg);

/* Waits until `task` has ended, takes its handle back and returns its result. Any number of tasks
 * may wait for the same one: all get the result, and the handle is gone when the first of them
 * returns. Cancelling the joiner does not cancel `task`.
 *   -ECANCELED  the calling task is cancelled and `task` has not ended; the handle stays valid
 *   -EDEADLK    the task is the caller, or waits, through joins, gathers and groups, for its end
 *   -EINVAL     the handle was given back before
 *   -EPERM      not inside a task of the same loop
 * Each may as well be the task's own result; whorl_cancelling(whorl_self()) tells a cancel
 * apart. */
WHORL_API intptr_t whorl_join(whorl_task *task);

/* Gives the handle back without waiting: the task goes on alone and leaves nothing behind at its
 * end.
 *   -EINVAL, -EPERM  as for whorl_join */
WHORL_API int whorl_release(whorl_task *task);

/* Cancels a task. A cancel is a level, not an event: the call in which the task waits, and every
 * later one, gives -ECANCELED, until the task ends or calls whorl_uncancel. An operation that does
 * its work all the same gives its result, and the cancel shows at the next call. A refused call
 * still lets other tasks run before it returns. whorl_close and whorl_shutdown always do their
 * work. A task that has not run yet never runs its function and ends with -ECANCELED. Cancelling
 * twice is cancelling once; a task may cancel itself. Returns 0; does not wait.
 *   -EALREADY        the task has ended
 *   -EINVAL, -EPERM  as for whorl_join */
WHORL_API int whorl_cancel(whorl_task *task);

/* Takes the calling task's cancel back, so that it may wait again as if it had never been
 * cancelled. Returns 1 if a cancel was there, 0 if not. -EPERM: not inside a task. */
WHORL_API int whorl_uncancel(void);

/* 1 if the task is cancelled and lives, else 0. -EINVAL, -EPERM as for whorl_join. */
WHORL_API int whorl_cancelling(whorl_task *task);

/* 1 if the task has ended, else 0. -EINVAL, -EPERM as for whorl_join. */
WHORL_API int whorl_is_done(whorl_task *task);

/* 1 if the task has ended with -ECANCELED, else 0. -EINVAL, -EPERM as for whorl_join. */
WHORL_API int whorl_is_cancelled(whorl_task *task);

/* The calling task's handle, valid as long as the task lives or was not joined; a task that was
 * released can still use it on itself. NULL outside a task. */
WHORL_API whorl_task *whorl_self(void);

/* The task's name: a string that lives as long as the handle is valid. NULL where whorl_join would
 * give -EINVAL or -EPERM. */
WHORL_API const char *whorl_name(whorl_task *task);

/* Gives the task another name (copied, cut at WHORL_NAME_MAX bytes).
 *   -EINVAL          also: the name is NULL
 *   -EINVAL, -EPERM  as for whorl_join */
WHORL_API int whorl_set_name(whorl_task *task, const char *name);

/* Calls each(task, arg) once for every task of the loop that lives, the caller among them, the
 * newest first, until it gives something else than 0. `task` is valid until `each` returns, also
 * where its handle was given back: it may be asked for its name and the like, and be cancelled.
 * `each` must not wait; it may spawn tasks, which are not shown. Returns 0,
 * or what the last `each` gave.
 *   -EBUSY   `each` has waited, and the task that it was called for has ended meanwhile
 *   -EINVAL  each is NULL
 *   -EPERM   not inside a task */
WHORL_API int whorl_each_task(int (*each)(whorl_task *task, void *arg), void *arg);

/* How many operations the task has in flight: started (op.h), and not ended.
 *   -EINVAL, -EPERM  as for whorl_join */
WHORL_API ssize_t whorl_in_flight(whorl_task *task);

/* Lets every task that is ready run before the caller goes on. Returns 0.
 *   -ECANCELED, -EPERM */
WHORL_API int whorl_yield(void);

/* Waits at least `ns` nanoseconds; 0 or less is whorl_yield. Returns 0. Tasks whose time comes at
 * the same nanosecond wake in the order in which they went to sleep.
 *   -ECANCELED, -EPERM */
WHORL_API int whorl_sleep(int64_t ns);

/* Waits until whorl_now() is at least `deadline`; a time that has passed is whorl_yield. Returns 0.
 *   -ECANCELED, -EPERM */
WHORL_API int whorl_sleep_until(int64_t deadline);

/* The time now: nanoseconds of CLOCK_MONOTONIC, read at each call; inside a task of a loop with a
 * virtual clock, that clock's. From: anywhere. */
WHORL_API int64_t whorl_now(void);

#ifdef __cplusplus
}
#endif

#endif
