/*
 * What interrupts a task: its cancel, and scopes that have run out; and what hides them.
 *
 * A task's open scopes form a stack. A timeout that has run out interrupts the task until it is
 * ended; a shield that has not hides everything outside of it: outer timeouts and the cancel.
 * `interrupted` is the verdict over all of them, kept up to date by task_judge, so that a wait has
 * one byte to look at.
 */
#ifndef CORE_INTERRUPT_H
#define CORE_INTERRUPT_H

#include <core/task.h>

enum scope_kind { SCOPE_TIMEOUT, SCOPE_SHIELD };

/* Lives in the caller's whorl_timeout or whorl_shield, from begin to end. */
struct scope {
    struct task *task;
    struct scope *outer;
    struct timer timer; /* not armed: never, or it has fired */
    enum scope_kind kind;
    bool expired;
} __attribute__((may_alias));

/* Makes up `interrupted` anew, and ends the wait of a parked task that has become so, if that wait
 * can be cut short. */
void task_judge(struct task *task);

/* Sets the cancel level. */
void task_cancel(struct task *task);

/* Closes the scopes that a task's function has left open, which is misuse: a debug build says so on stderr. */
void scopes_abandon(struct loop *loop, struct task *task);

#endif
