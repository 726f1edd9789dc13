/*
 * Read-write locks: held by any number of readers, or by one writer.
 *
 *     free <--> read (readers > 0)
 *       ^--> written (writer) --> read, by whorl_rwlock_downgrade
 *
 * Who comes while others wait queues behind them, also a reader behind a writer; so neither kind
 * starves the other. Whoever makes way, by unlocking or by leaving the queue, admits the first
 * in the queue: a writer alone, or all readers up to the next writer.
 *
 * Invariant: the first in the queue cannot go in as things are.
 */
#include <string.h>
#include <sync/holder.h>
#include <sync/place.h>
#include <sync/waiters.h>
#include <whorl/sync.h>

enum access { TO_READ, TO_WRITE };

struct rwlock {
    struct holder writer; /* its run is that of the readers, too */
    size_t readers;
    struct waiters waiters;
} __attribute__((may_alias));

_Static_assert(sizeof(struct rwlock) <= sizeof(whorl_rwlock),
               "a read-write lock fits its public struct");

struct applicant {
    struct waiter waiter; /* first: the wait's object */
    enum access access;
};

static struct rwlock *rwlock_of(const struct waiter *waiter)
{
    return (struct rwlock *)((char *)waiter->queue - offsetof(struct rwlock, waiters));
}

static bool is_free(const struct rwlock *lock)
{
    return lock->readers == 0 && holder_is_nobody(&lock->writer);
}

static bool is_open_to(const struct rwlock *lock, enum access access)
{
    return access == TO_READ ? holder_is_nobody(&lock->writer) : is_free(lock);
}

static void enter(struct rwlock *lock, enum access access, const struct task *task)
{
    holder_set(&lock->writer, task);
    if (access == TO_READ) {
        holder_clear(&lock->writer);
        lock->readers++;
    }
}

static void admit(struct rwlock *lock)
{
    struct waiter *first;
    while ((first = lock->waiters.first)) {
        enum access access = ((struct applicant *)first)->access;
        if (!is_open_to(lock, access))
            break;
        enter(lock, access, first->task);
        waiter_serve(first, 0);
    }
}

static void rwlock_cancel(struct task *self)
{
    struct rwlock *lock = rwlock_of(self->wait_object);
    waiter_cancel(self);
    admit(lock);
}

static struct task *rwlock_awaited(const struct task *self, size_t index)
{
    return index == 0 ? holder_find(&rwlock_of(self->wait_object)->writer, self->loop) : NULL;
}

static const struct wait_kind kinds[] = {
    [TO_READ] = {.name = "a read-write lock, to read",
                 .cancel = rwlock_cancel,
                 .awaited = rwlock_awaited,
                 .link = ", held by"},
    [TO_WRITE] = {.name = "a read-write lock, to write",
                  .cancel = rwlock_cancel,
                  .awaited = rwlock_awaited,
                  .link = ", held by"},
};

int whorl_rwlock_init(whorl_rwlock *public)
{
    if (!public)
        return -EINVAL;
    memset(public, 0, sizeof *public);
    return 0;
}

int whorl_rwlock_destroy(whorl_rwlock *public)
{
    if (public && !is_free((struct rwlock *)public))
        return -EBUSY;
    return whorl_rwlock_init(public);
}

/* 0, or why the caller cannot deal with the lock. */
static int rwlock_error(const struct loop *loop, const struct rwlock *lock)
{
    int error = place_error(loop, lock);
    if (error)
        return error;
    return !is_free(lock) && lock->writer.run != loop->opened ? -EPERM : 0;
}

static int lock_for(whorl_rwlock *public, enum access access)
{
    struct loop *loop = loop_here;
    struct rwlock *lock = (struct rwlock *)public;
    int error = rwlock_error(loop, lock);
    if (error)
        return error;
    struct task *self = loop->current;
    if (holder_is(&lock->writer, self))
        return -EDEADLK;
    if (self->interrupted)
        return task_refuse(loop, self);
    if (!lock->waiters.first && is_open_to(lock, access)) {
        enter(lock, access, self);
        return 0;
    }
    struct applicant own = {.access = access};
    return waiters_wait(loop, &lock->waiters, &own.waiter, &kinds[access]);
}

static int try_lock_for(whorl_rwlock *public, enum access access)
{
    struct loop *loop = loop_here;
    struct rwlock *lock = (struct rwlock *)public;
    int error = rwlock_error(loop, lock);
    if (error)
        return error;
    if (lock->waiters.first || !is_open_to(lock, access))
        return -EBUSY;
    enter(lock, access, loop->current);
    return 0;
}

int whorl_rwlock_read_lock(whorl_rwlock *lock)
{
    return lock_for(lock, TO_READ);
}

int whorl_rwlock_write_lock(whorl_rwlock *lock)
{
    return lock_for(lock, TO_WRITE);
}

int whorl_rwlock_try_read_lock(whorl_rwlock *lock)
{
    return try_lock_for(lock, TO_READ);
}

int whorl_rwlock_try_write_lock(whorl_rwlock *lock)
{
    return try_lock_for(lock, TO_WRITE);
}

int whorl_rwlock_read_unlock(whorl_rwlock *public)
{
    struct rwlock *lock = (struct rwlock *)public;
    int error = rwlock_error(loop_here, lock);
    if (error)
        return error;
    if (lock->readers == 0)
        return -EPERM;
    lock->readers--;
    admit(lock);
    return 0;
}

/* The lock, if the running task is its writer; else NULL, and *error. */
static struct rwlock *written_by_self(whorl_rwlock *public, int *error)
{
    struct rwlock *lock = (struct rwlock *)public;
    *error = rwlock_error(loop_here, lock);
    if (*error == 0 && !holder_is(&lock->writer, loop_here->current))
        *error = -EPERM;
    return *error ? NULL : lock;
}

int whorl_rwlock_write_unlock(whorl_rwlock *public)
{
    int error;
    struct rwlock *lock = written_by_self(public, &error);
    if (!lock)
        return error;
    holder_clear(&lock->writer);
    admit(lock);
    return 0;
}

int whorl_rwlock_downgrade(whorl_rwlock *public)
{
    int error;
    struct rwlock *lock = written_by_self(public, &error);
    if (!lock)
        return error;
    enter(lock, TO_READ, loop_here->current);
    admit(lock);
    return 0;
}
