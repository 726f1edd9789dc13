/*
 * What a task has deferred to its end.
 *
 *     deferred --> begun --> gone
 *
 * The handlers of a task are a list, the newest first. Each runs on the task's own stack, after the
 * task's function, in a shield. It may leave ops in flight or scopes open in its dead frames, as
 * the function may: so nothing is called between a handler's return and the settling of that, and
 * the handler's shield lies in memory of its own until then.
 */
#ifndef CORE_DEFER_H
#define CORE_DEFER_H

#include <core/interrupt.h>

struct deferred {
    struct deferred *next;
    whorl_fn *fn;
    void *arg;
    bool begun;
    struct scope shield;
};

/* Runs the newest handler of the running task that has not begun, if there is one. The handlers
 * begun before must have settled. */
void deferred_run(struct task *self);

/* Takes back the handler fn(arg) that a task has deferred, unless it has begun. */
void deferred_take_back(struct task *task, whorl_fn *fn, void *arg);

/* Frees what a task that will never run again has deferred. */
void deferred_drop(struct task *task);

#endif
