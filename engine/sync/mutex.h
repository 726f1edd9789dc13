/* The inside of a mutex, for who lets go of one and comes back to it: see mutex.c. */
#ifndef SYNC_MUTEX_H
#define SYNC_MUTEX_H

#include <sync/holder.h>
#include <sync/waiters.h>

struct mutex {
    struct holder holder;
    struct waiters waiters;
} __attribute__((may_alias));

/* Hands a mutex that is held on to the first who waits for it; without one, nobody holds it. */
static inline void mutex_pass(struct mutex *mutex)
{
    struct waiter *next = mutex->waiters.first;
    if (next) {
        holder_set(&mutex->holder, next->task);
        waiter_serve(next, 0);
    } else {
        holder_clear(&mutex->holder);
    }
}

/* Lets the task of a waiter, which is parked and waits in no queue, go on as soon as it holds the
 * mutex, whatever interrupts it. Its park returns 0. */
void mutex_regain(struct mutex *mutex, struct waiter *waiter);

#endif
