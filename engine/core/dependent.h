/*
 * What a task has begun and must not outlive it, other than ops and scopes.
 *
 *     kept --> ended
 *       '----> abandoned --> ended
 *
 * A dependent counts as in flight of its owner from the begin to the end. When the owner's function
 * has returned, those that are left are abandoned: each is asked to end, and the owner's own end
 * waits for them. They lie in memory of their own, never in the owner's frames.
 */
#ifndef CORE_DEPENDENT_H
#define CORE_DEPENDENT_H

#include <core/task.h>

struct dependent {
    struct task *owner;
    /* Asks for the end; may as well be the end. From the host of the loop. */
    void (*abandon)(struct dependent *self);
    struct dependent *next;
    struct dependent **link; /* NULL: abandoned */
};

/* Has a task keep a dependent, whose `abandon` is set. */
void dependent_begin(struct task *owner, struct dependent *self);

/* It has ended: the owner keeps it no longer, and waits for it no longer if it does. */
void dependent_end(struct dependent *self);

/* Abandons all dependents of a task that is parked at its function's return. */
void dependents_abandon(struct task *owner);

#endif
