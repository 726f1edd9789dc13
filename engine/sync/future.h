/*
 * A future, for those who wait for it: whorl_future_wait, and a case of a select.
 *
 *     open --> set
 *
 * Who sets it gives each waiter the result, so that a task which was woken need not look at the
 * future again: its memory may be gone by then.
 */
#ifndef SYNC_FUTURE_H
#define SYNC_FUTURE_H

#include <sync/waiters.h>
#include <whorl/future.h>

struct future {
    struct waiters waiters; /* none once it is set */
    intptr_t result;
    bool set;
} __attribute__((may_alias));

_Static_assert(sizeof(struct future) <= sizeof(whorl_future), "a future fits its public struct");

/* Who waits for one. */
struct future_waiter {
    struct waiter waiter; /* first: the waiter is this; served with 0 */
    intptr_t result;
};

/* 0, or why `loop` cannot deal with the future. */
static inline int future_error(const struct loop *loop, const struct future *future)
{
    if (!future)
        return -EINVAL;
    return loop && !waiters_are_foreign(loop, &future->waiters) ? 0 : -EPERM;
}

#endif
