/*
 * Once: a function that one task runs while the others wait for its result.
 *
 *     new --> running --> done
 *      ^---------'
 *
 * running: `runner` runs its function. done: a result >= 0 has come, and is kept for all. An error
 * is the runner's own: the first who waits is the next runner, and without one the state is new.
 *
 * Invariant: who waits, waits for a runner.
 */
#include <string.h>
#include <sync/holder.h>
#include <sync/place.h>
#include <sync/waiters.h>
#include <whorl/sync.h>

struct once {
    struct holder runner;
    struct waiters waiters;
    intptr_t result;
    bool done;
} __attribute__((may_alias));

_Static_assert(sizeof(struct once) <= sizeof(whorl_once), "a once fits its public struct");

/* What a waiter is served, other than -ECANCELED. */
enum turn { TAKE_RESULT, RUN };

struct once_waiter {
    struct waiter waiter; /* first: the wait's object */
    intptr_t result;      /* to take, as the once may be gone when the task runs */
};

static struct task *once_awaited(const struct task *self, size_t index)
{
    const struct waiter *waiter = self->wait_object;
    const struct once *once =
        (const struct once *)((const char *)waiter->queue - offsetof(struct once, waiters));
    return index == 0 ? holder_find(&once->runner, self->loop) : NULL;
}

static const struct wait_kind once_wait = {
    .name = "a once", .cancel = waiter_cancel, .awaited = once_awaited, .link = ", run by"};

int whorl_once_init(whorl_once *public)
{
    if (!public)
        return -EINVAL;
    memset(public, 0, sizeof *public);
    return 0;
}

int whorl_once_destroy(whorl_once *public)
{
    if (public && !holder_is_nobody(&((struct once *)public)->runner))
        return -EBUSY;
    return whorl_once_init(public);
}

static void succeed(struct once *once, intptr_t result)
{
    once->done = true;
    once->result = result;
    holder_clear(&once->runner);
    struct waiter *first;
    while ((first = once->waiters.first)) {
        ((struct once_waiter *)first)->result = result;
        waiter_serve(first, TAKE_RESULT);
    }
}

static void fail(struct once *once)
{
    struct waiter *next = once->waiters.first;
    if (next) {
        holder_set(&once->runner, next->task);
        waiter_serve(next, RUN);
    } else {
        holder_clear(&once->runner);
    }
}

/* The running task is the runner. */
static intptr_t run_now(struct once *once, whorl_fn *fn, void *arg)
{
    intptr_t result = fn(arg);
    if (result < 0)
        fail(once);
    else
        succeed(once, result);
    return result;
}

intptr_t whorl_once_run(whorl_once *public, whorl_fn *fn, void *arg)
{
    struct loop *loop = loop_here;
    struct once *once = (struct once *)public;
    int error = place_error(loop, once);
    if (error)
        return error;
    if (!fn)
        return -EINVAL;
    struct task *self = loop->current;
    if (holder_is(&once->runner, self))
        return -EDEADLK;
    if (holder_is_foreign(&once->runner, loop))
        return -EPERM;
    if (self->interrupted)
        return task_refuse(loop, self);
    if (once->done)
        return once->result;
    if (holder_is_nobody(&once->runner)) {
        holder_set(&once->runner, self);
        return run_now(once, fn, arg);
    }
    struct once_waiter own = {.result = 0};
    int served = waiters_wait(loop, &once->waiters, &own.waiter, &once_wait);
    if (served == RUN)
        return run_now(once, fn, arg);
    return served == TAKE_RESULT ? own.result : served;
}

int whorl_once_is_done(const whorl_once *public)
{
    return public ? ((const struct once *)public)->done : -EINVAL;
}
