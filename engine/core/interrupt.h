/*
 * What interrupts a task: its cancel, and scopes that are over; and what hides them.
 *
 * A task's open scopes form a stack. A timeout that has run out, or a group that was aborted,
 * interrupts the task until it is closed; a shield that has not run out hides everything outside of
 * it: outer scopes and the cancel. `interrupted` is the verdict over all of them, kept up to date,
 * so that a wait has one byte to look at. A timeout or a group that comes and goes without being
 * over does not change it, and costs the same at any depth.
 */
#ifndef CORE_INTERRUPT_H
#define CORE_INTERRUPT_H

#include <core/task.h>

enum scope_kind {
    SCOPE_TIMEOUT,
    SCOPE_SHIELD,
    SCOPE_GROUP,
    SCOPE_CLEANUP, /* the shield of a deferred handler */
};

/* Lives in the caller's memory, from open to close. */
struct scope {
    struct task *task;
    struct scope *outer;
    struct timer timer; /* not armed: never, or it has fired */
    enum scope_kind kind;
    bool over; /* has run out, or was aborted */
#if WHORL_DEBUG
    void *place; /* in the program, that began it */
#endif
} __attribute__((may_alias));

/* Opens a scope of the running task; it is the innermost then. A deadline that is not after `now`
 * has been reached. 0; -EBUSY if it is the innermost already. */
int scope_open(struct loop *loop, struct scope *scope, enum scope_kind kind, int64_t deadline,
               int64_t now);

/* The same until `ns` from now; <= 0: it is over. */
int scope_open_for(struct loop *loop, struct scope *scope, enum scope_kind kind, int64_t ns);

/* Has the deadline of an open scope that is not over at another point in time. Returns false if it
 * has been reached; then the scope is over. */
bool scope_move(struct loop *loop, struct scope *scope, int64_t deadline, int64_t now);

/* Marks an open scope as over: it has run out, or was aborted. */
void scope_set_over(struct scope *scope);

/* Notes which call of the program opened the scope, for a message in debug builds. In the function
 * that the program called. */
#if WHORL_DEBUG
#define SCOPE_NOTE_PLACE(scope) ((scope)->place = __builtin_return_address(0))
#else
#define SCOPE_NOTE_PLACE(scope) ((void)(scope))
#endif

/* Closes the innermost scope of the running task. */
void scope_close(struct loop *loop, struct scope *scope);

/* Closes what the function of a parked task has left open: groups by the loop's hook; timeouts and
 * shields are misuse, of which a debug build tells on stderr, with the place that began them. */
void scopes_abandon(struct loop *loop, struct task *task);

/* Makes up `interrupted` anew, of a task that runs or cannot be cut short. */
void task_judge(struct task *task);

/* Sets the cancel level. Where that is news, and nothing hides it, a wait in which the task is
 * parked is ended; also one that was to be ended before, as it may be for other tasks, and those
 * may have taken their cancel back. */
void task_cancel(struct task *task);

#endif
