/*
 * Conditions: tasks that let go of a mutex, wait for a notify, and hold the mutex again when they
 * go on.
 *
 *     waiting --> notified ---> holding (0)
 *        '------> cancelled --> holding (-ECANCELED)
 *
 * waiting: in the condition's queue. notified, cancelled: in the mutex's queue, or given the mutex
 * at once if it is free; the verdict stands, nothing cuts this wait short, and the condition is not
 * looked at any more. So a notify goes to a task that returns 0, and each that waited holds the
 * mutex after.
 *
 * Invariant: all who wait have let go of the same mutex.
 */
#include <string.h>
#include <sync/mutex.h>
#include <sync/place.h>
#include <whorl/sync.h>

struct cond {
    struct waiters waiters;
    struct mutex *mutex; /* that of those who wait */
} __attribute__((may_alias));

_Static_assert(sizeof(struct cond) <= sizeof(whorl_cond), "a condition fits its public struct");

struct cond_waiter {
    struct waiter waiter; /* first: the wait's object */
    int verdict;
};

/* Sends a waiter on to the mutex. */
static void decide(struct waiter *waiter, int verdict)
{
    struct cond *cond = (struct cond *)((char *)waiter->queue - offsetof(struct cond, waiters));
    ((struct cond_waiter *)waiter)->verdict = verdict;
    waiter_remove(waiter);
    mutex_regain(cond->mutex, waiter);
}

static void cond_cancel(struct task *self)
{
    decide(self->wait_object, -ECANCELED);
}

static const struct wait_kind cond_wait = {.name = "a condition", .cancel = cond_cancel};

int whorl_cond_init(whorl_cond *public)
{
    if (!public)
        return -EINVAL;
    memset(public, 0, sizeof *public);
    return 0;
}

int whorl_cond_destroy(whorl_cond *public)
{
    if (public && ((struct cond *)public)->waiters.first)
        return -EBUSY;
    return whorl_cond_init(public);
}

/* 0, or why the caller cannot deal with the condition. */
static int cond_error(const struct loop *loop, const struct cond *cond)
{
    int error = place_error(loop, cond);
    if (error)
        return error;
    return waiters_are_foreign(loop, &cond->waiters) ? -EPERM : 0;
}

/* 0, or why the running task cannot wait for the condition with that mutex. */
static int wait_error(const struct loop *loop, const struct cond *cond, const struct mutex *mutex)
{
    int error = cond_error(loop, cond);
    if (error)
        return error;
    if (!mutex)
        return -EINVAL;
    if (!holder_is(&mutex->holder, loop->current))
        return -EPERM;
    return cond->waiters.first && cond->mutex != mutex ? -EINVAL : 0;
}

int whorl_cond_wait(whorl_cond *public, whorl_mutex *public_mutex)
{
    struct loop *loop = loop_here;
    struct cond *cond = (struct cond *)public;
    struct mutex *mutex = (struct mutex *)public_mutex;
    int error = wait_error(loop, cond, mutex);
    if (error)
        return error;
    if (loop->current->interrupted)
        return task_refuse(loop, loop->current);
    struct cond_waiter own = {.verdict = 0};
    cond->mutex = mutex;
    mutex_pass(mutex);
    waiters_wait(loop, &cond->waiters, &own.waiter, &cond_wait);
    assert(holder_is(&mutex->holder, loop->current));
    return own.verdict;
}

int whorl_cond_wait_for(whorl_cond *cond, whorl_mutex *mutex, int (*predicate)(void *arg),
                        void *arg)
{
    struct loop *loop = loop_here;
    int error = wait_error(loop, (struct cond *)cond, (struct mutex *)mutex);
    if (error)
        return error;
    if (!predicate)
        return -EINVAL;
    if (loop->current->interrupted)
        return task_refuse(loop, loop->current);
    bool notified = false;
    while (!predicate(arg)) {
        /* A notify that this task can make nothing of is another's. */
        if (notified && loop->current->interrupted)
            whorl_cond_notify(cond, 1);
        error = whorl_cond_wait(cond, mutex);
        if (error)
            return error;
        notified = true;
    }
    return 0;
}

int whorl_cond_notify(whorl_cond *public, size_t n)
{
    struct cond *cond = (struct cond *)public;
    int error = cond_error(loop_here, cond);
    if (error)
        return error;
    for (; n > 0 && cond->waiters.first; n--)
        decide(cond->waiters.first, 0);
    return 0;
}

int whorl_cond_notify_all(whorl_cond *cond)
{
    return whorl_cond_notify(cond, SIZE_MAX);
}
