/*
 * Semaphores: a number of permits that tasks take and give back.
 *
 * Invariant: who waits, waits because the value is 0. A permit that is given back while tasks wait
 * goes to the first of them and is never counted in between, so nobody can come before them.
 */
#include <string.h>
#include <sync/place.h>
#include <sync/waiters.h>
#include <whorl/sync.h>

struct semaphore {
    intptr_t value;
    intptr_t bound; /* 0: WHORL_SEMAPHORE_MAX */
    struct waiters waiters;
} __attribute__((may_alias));

_Static_assert(sizeof(struct semaphore) <= sizeof(whorl_semaphore),
               "a semaphore fits its public struct");

static const struct wait_kind semaphore_wait = {.name = "a semaphore", .cancel = waiter_cancel};

int whorl_bounded_semaphore_init(whorl_semaphore *public, intptr_t value, intptr_t bound)
{
    if (!public || value < 0 || bound < 1 || value > bound)
        return -EINVAL;
    *public = (whorl_semaphore)WHORL_BOUNDED_SEMAPHORE_INIT(value, bound);
    return 0;
}

int whorl_semaphore_init(whorl_semaphore *public, intptr_t value)
{
    return whorl_bounded_semaphore_init(public, value, WHORL_SEMAPHORE_MAX);
}

int whorl_semaphore_destroy(whorl_semaphore *public)
{
    if (!public)
        return -EINVAL;
    if (((struct semaphore *)public)->waiters.first)
        return -EBUSY;
    memset(public, 0, sizeof *public);
    return 0;
}

/* Not inline, to keep the common case short. */
__attribute__((noinline)) static int acquire_otherwise(struct loop *loop,
                                                       struct semaphore *semaphore)
{
    if (waiters_are_foreign(loop, &semaphore->waiters))
        return -EPERM;
    if (loop->current->interrupted)
        return task_refuse(loop, loop->current);
    struct waiter own = {0};
    return waiters_wait(loop, &semaphore->waiters, &own, &semaphore_wait);
}

int whorl_semaphore_acquire(whorl_semaphore *public)
{
    struct loop *loop = loop_here;
    struct semaphore *semaphore = (struct semaphore *)public;
    int error = place_error(loop, semaphore);
    if (error)
        return error;
    if (__builtin_expect(semaphore->value <= 0 || loop->current->interrupted, 0))
        return acquire_otherwise(loop, semaphore);
    semaphore->value--;
    return 0;
}

int whorl_semaphore_try_acquire(whorl_semaphore *public)
{
    struct loop *loop = loop_here;
    struct semaphore *semaphore = (struct semaphore *)public;
    int error = place_error(loop, semaphore);
    if (error)
        return error;
    if (semaphore->value <= 0)
        return waiters_are_foreign(loop, &semaphore->waiters) ? -EPERM : -EAGAIN;
    semaphore->value--;
    return 0;
}

int whorl_semaphore_release(whorl_semaphore *public)
{
    struct loop *loop = loop_here;
    struct semaphore *semaphore = (struct semaphore *)public;
    int error = place_error(loop, semaphore);
    if (error)
        return error;
    if (semaphore->value >= (semaphore->bound ? semaphore->bound : WHORL_SEMAPHORE_MAX))
        return -EOVERFLOW;
    if (!semaphore->waiters.first) {
        semaphore->value++;
        return 0;
    }
    if (waiters_are_foreign(loop, &semaphore->waiters))
        return -EPERM;
    waiter_serve(semaphore->waiters.first, 0);
    return 0;
}

intptr_t whorl_semaphore_value(const whorl_semaphore *public)
{
    return public ? ((const struct semaphore *)public)->value : -EINVAL;
}
