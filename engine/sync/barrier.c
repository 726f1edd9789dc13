/*
 * Barriers: a number of tasks that wait until all of them have come.
 *
 *     filling --> released      broken
 *        '----------------------^  |
 *        ^-------------------------'
 *
 * filling: those that have come wait, in the order in which they came. The last one serves them
 * all, each its place in that order, and the barrier fills anew before any of them runs: so no
 * round mixes with the next. broken: by whorl_barrier_abort, until whorl_barrier_reset; nobody
 * waits.
 *
 * Invariant: fewer than `parties` wait.
 */
#include <string.h>
#include <sync/place.h>
#include <sync/waiters.h>
#include <whorl/sync.h>

struct barrier {
    int parties;
    int waiting;
    struct waiters waiters;
    bool broken;
} __attribute__((may_alias));

_Static_assert(sizeof(struct barrier) <= sizeof(whorl_barrier), "a barrier fits its public struct");

static struct barrier *barrier_of(struct waiter *waiter)
{
    return (struct barrier *)((char *)waiter->queue - offsetof(struct barrier, waiters));
}

static void barrier_cancel(struct task *self)
{
    barrier_of(self->wait_object)->waiting--;
    waiter_cancel(self);
}

static const struct wait_kind barrier_wait = {.name = "a barrier", .cancel = barrier_cancel};

int whorl_barrier_init(whorl_barrier *public, int parties)
{
    if (!public || parties < 1)
        return -EINVAL;
    *public = (whorl_barrier)WHORL_BARRIER_INIT(parties);
    return 0;
}

int whorl_barrier_destroy(whorl_barrier *public)
{
    if (!public)
        return -EINVAL;
    if (((struct barrier *)public)->waiters.first)
        return -EBUSY;
    memset(public, 0, sizeof *public);
    return 0;
}

/* 0, or why the caller cannot deal with the barrier. */
static int barrier_error(const struct loop *loop, const struct barrier *barrier)
{
    int error = place_error(loop, barrier);
    if (error)
        return error;
    return waiters_are_foreign(loop, &barrier->waiters) ? -EPERM : 0;
}

/* Lets all who wait go on, each with its place. */
static void release(struct barrier *barrier)
{
    barrier->waiting = 0;
    for (int place = 0; barrier->waiters.first; place++)
        waiter_serve(barrier->waiters.first, place);
}

static void turn_away(struct barrier *barrier)
{
    barrier->waiting = 0;
    while (barrier->waiters.first)
        waiter_serve(barrier->waiters.first, -EPIPE);
}

int whorl_barrier_wait(whorl_barrier *public)
{
    struct loop *loop = loop_here;
    struct barrier *barrier = (struct barrier *)public;
    int error = barrier_error(loop, barrier);
    if (error)
        return error;
    if (barrier->parties < 1)
        return -EINVAL;
    if (loop->current->interrupted)
        return task_refuse(loop, loop->current);
    if (barrier->broken)
        return -EPIPE;
    if (barrier->waiting == barrier->parties - 1) {
        release(barrier);
        return barrier->parties - 1;
    }
    struct waiter own = {0};
    barrier->waiting++;
    return waiters_wait(loop, &barrier->waiters, &own, &barrier_wait);
}

int whorl_barrier_abort(whorl_barrier *public)
{
    struct barrier *barrier = (struct barrier *)public;
    int error = barrier_error(loop_here, barrier);
    if (error)
        return error;
    barrier->broken = true;
    turn_away(barrier);
    return 0;
}

int whorl_barrier_reset(whorl_barrier *public)
{
    struct barrier *barrier = (struct barrier *)public;
    int error = barrier_error(loop_here, barrier);
    if (error)
        return error;
    barrier->broken = false;
    turn_away(barrier);
    return 0;
}

int whorl_barrier_parties(const whorl_barrier *public)
{
    return public ? ((const struct barrier *)public)->parties : -EINVAL;
}

int whorl_barrier_waiting(const whorl_barrier *public)
{
    return public ? ((const struct barrier *)public)->waiting : -EINVAL;
}

int whorl_barrier_is_broken(const whorl_barrier *public)
{
    return public ? ((const struct barrier *)public)->broken : -EINVAL;
}
