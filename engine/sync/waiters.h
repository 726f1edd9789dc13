/*
 * Tasks that wait in turn for something that another task will give: first come, first served.
 *
 *     waiting --> served
 *        '------> gone (its task was interrupted)
 *
 * A waiter lies on the stack of its task. Who gives takes the waiter out of its queue and hands it
 * what it came for, before its task runs: so nothing is ever between two owners. A waiter that was
 * served has what it waited for, whatever is cancelled after; one that is cancelled before leaves
 * the queue, and the next is served in its place. A queue that is all zero is empty, and needs no
 * memory of its own.
 */
#ifndef SYNC_WAITERS_H
#define SYNC_WAITERS_H

#include <core/loop.h>
#include <errno.h>

struct waiters;

struct waiter {
    struct task *task;
    struct waiter *next;
    struct waiter *previous;
    struct waiters *queue; /* NULL: waits in none */
    /* Instead of waking the task with the result: for one who waits in several queues at once. */
    void (*served)(struct waiter *self, int result);
};

struct waiters {
    struct waiter *first;
    struct waiter *last;
};

static inline void waiters_add(struct waiters *queue, struct waiter *waiter)
{
    assert(!waiter->queue);
    waiter->queue = queue;
    waiter->next = NULL;
    waiter->previous = queue->last;
    if (queue->last)
        queue->last->next = waiter;
    else
        queue->first = waiter;
    queue->last = waiter;
}

/* Takes a waiter out of the queue in which it waits. */
static inline void waiter_remove(struct waiter *waiter)
{
    struct waiters *queue = waiter->queue;
    assert(queue);
    if (waiter->next)
        waiter->next->previous = waiter->previous;
    else
        queue->last = waiter->previous;
    if (waiter->previous)
        waiter->previous->next = waiter->next;
    else
        queue->first = waiter->next;
    waiter->queue = NULL;
}

/* Takes it out, and lets its task go on with `result`. */
static inline void waiter_serve(struct waiter *waiter, int result)
{
    waiter_remove(waiter);
    if (waiter->served)
        waiter->served(waiter, result);
    else
        task_wake(waiter->task, result);
}

/* A wait_kind's cancel, for waits whose object is a waiter. */
static inline void waiter_cancel(struct task *self)
{
    waiter_serve(self->wait_object, -ECANCELED);
}

/* Parks the running task in the queue until it is served; returns what it is served. The waiter's
 * other fields are the caller's, to be set before. */
static inline int waiters_wait(struct loop *loop, struct waiters *queue, struct waiter *waiter,
                               const struct wait_kind *kind)
{
    waiter->task = loop->current;
    waiters_add(queue, waiter);
    return task_park(loop, loop->current, kind, waiter);
}

/* Whether the first who waits belongs to another loop than the caller's: a thing that tasks share
 * is used by the tasks of one loop. */
static inline bool waiters_are_foreign(const struct loop *loop, const struct waiters *queue)
{
    return queue->first && queue->first->task->loop != loop;
}

#endif
