/*
 * Timers: those armed, by deadline, as a pairing heap threaded through the timers themselves.
 *
 * Arming is one comparison; disarming a timer that nobody was linked below, as most are that never
 * fire, is a few stores; neither allocates, so neither can fail. Taking the earliest is O(log n)
 * amortised. Timers of the same deadline come in the order in which they were armed. (Fredman,
 * Sedgewick, Sleator, Tarjan: The pairing heap, 1986.)
 *
 * A timer is armed (in the heap) or not; its memory is its owner's and must stay while it is armed.
 */
#ifndef CORE_TIMERS_H
#define CORE_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

/* A deadline that is always due: a timer armed with it fires before its loop waits. */
#define TIMER_AT_ONCE 0

struct timer {
    struct timer **link; /* what points here; NULL: not armed */
    int64_t deadline;    /* ns of CLOCK_MONOTONIC */
    uint64_t order;      /* of arming, among equal deadlines */
    struct timer *child;
    struct timer *next; /* sibling */
    void (*fire)(struct timer *self);
};

struct timers {
    struct timer *root;
    struct timer *later; /* the heap of those armed while the others expire */
    uint64_t order;
    bool expiring;
};

static inline bool timer_is_armed(const struct timer *timer)
{
    return timer->link != 0;
}

/* Arms a timer that is not armed. */
void timer_arm(struct timers *timers, struct timer *timer, int64_t deadline);

/* Takes an armed timer out. */
void timer_disarm(struct timers *timers, struct timer *timer);

/* The earliest deadline; INT64_MAX if no timer is armed. */
static inline int64_t timers_next(const struct timers *timers)
{
    return timers->root ? timers->root->deadline : INT64_MAX;
}

/* The point in time `ns` from `now`; the end of time where that lies beyond. */
static inline int64_t deadline_after(int64_t now, int64_t ns)
{
    return ns > INT64_MAX - now ? INT64_MAX : now + ns;
}

/* Takes out and fires those whose deadline is at or before `now`, the earliest first. Timers that
 * are armed while this runs wait for the next call, so that one that arms itself again cannot keep
 * the caller here. */
void timers_expire(struct timers *timers, int64_t now);

#endif
