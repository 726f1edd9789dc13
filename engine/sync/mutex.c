/*
 * Mutexes: held by one task, and handed on by it to the first that waits.
 *
 *     free <--> held
 *
 * Invariant: who waits, waits for a holder. A mutex that is let go while tasks wait is never free
 * in between, so nobody can come before them.
 */
#include <string.h>
#include <sync/mutex.h>
#include <sync/place.h>
#include <whorl/sync.h>

_Static_assert(sizeof(struct mutex) <= sizeof(whorl_mutex), "a mutex fits its public struct");

static struct task *mutex_awaited(const struct task *self, size_t index)
{
    const struct waiter *waiter = self->wait_object;
    const struct mutex *mutex =
        (const struct mutex *)((const char *)waiter->queue - offsetof(struct mutex, waiters));
    return index == 0 ? holder_find(&mutex->holder, self->loop) : NULL;
}

static const struct wait_kind mutex_wait = {
    .name = "a mutex", .cancel = waiter_cancel, .awaited = mutex_awaited, .link = ", held by"};

static const struct wait_kind regain_wait = {
    .name = "a mutex again", .awaited = mutex_awaited, .link = ", held by"};

void mutex_regain(struct mutex *mutex, struct waiter *waiter)
{
    if (holder_is_nobody(&mutex->holder)) {
        holder_set(&mutex->holder, waiter->task);
        task_wake(waiter->task, 0);
    } else {
        waiter->task->wait = &regain_wait;
        waiters_add(&mutex->waiters, waiter);
    }
}

int whorl_mutex_init(whorl_mutex *public)
{
    if (!public)
        return -EINVAL;
    memset(public, 0, sizeof *public);
    return 0;
}

int whorl_mutex_destroy(whorl_mutex *public)
{
    if (public && !holder_is_nobody(&((struct mutex *)public)->holder))
        return -EBUSY;
    return whorl_mutex_init(public);
}

/* Not inline, to keep the common case short. */
__attribute__((noinline)) static int lock_otherwise(struct loop *loop, struct mutex *mutex)
{
    struct task *self = loop->current;
    if (holder_is(&mutex->holder, self))
        return -EDEADLK;
    if (holder_is_foreign(&mutex->holder, loop))
        return -EPERM;
    if (self->interrupted)
        return task_refuse(loop, self);
    struct waiter own = {0};
    return waiters_wait(loop, &mutex->waiters, &own, &mutex_wait);
}

int whorl_mutex_lock(whorl_mutex *public)
{
    struct loop *loop = loop_here;
    struct mutex *mutex = (struct mutex *)public;
    int error = place_error(loop, mutex);
    if (error)
        return error;
    struct task *self = loop->current;
    if (__builtin_expect(!holder_is_nobody(&mutex->holder) || self->interrupted, 0))
        return lock_otherwise(loop, mutex);
    holder_set(&mutex->holder, self);
    return 0;
}

int whorl_mutex_try_lock(whorl_mutex *public)
{
    struct loop *loop = loop_here;
    struct mutex *mutex = (struct mutex *)public;
    int error = place_error(loop, mutex);
    if (error)
        return error;
    if (!holder_is_nobody(&mutex->holder))
        return holder_is_foreign(&mutex->holder, loop) ? -EPERM : -EBUSY;
    holder_set(&mutex->holder, loop->current);
    return 0;
}

int whorl_mutex_unlock(whorl_mutex *public)
{
    struct loop *loop = loop_here;
    struct mutex *mutex = (struct mutex *)public;
    int error = place_error(loop, mutex);
    if (error)
        return error;
    if (!holder_is(&mutex->holder, loop->current))
        return -EPERM;
    mutex_pass(mutex);
    return 0;
}

int whorl_mutex_is_locked(const whorl_mutex *public)
{
    return public ? !holder_is_nobody(&((const struct mutex *)public)->holder) : -EINVAL;
}
