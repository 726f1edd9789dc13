/*
 * What tasks share, and wait for in turn: mutexes, events, conditions, semaphores, barriers,
 * read-write locks, and what is done once.
 *
 *     static whorl_mutex mutex = WHORL_MUTEX_INIT;
 *
 *     int error = whorl_mutex_lock(&mutex);
 *     if (error)
 *         return error;
 *     change_what_it_guards();             // may wait
 *     whorl_mutex_unlock(&mutex);
 *
 * All of them are fair: first come, first served. What is let go while tasks wait goes to the first
 * of them at once, before it runs, and nobody can come before it. A task that is cancelled while it
 * waits leaves the queue, and the next is served in its place; one that has been served before has
 * what it came for, its call says so, and the cancel waits for its next call.
 *
 * The structs are the caller's, and take no memory beside. Each begins by its initialiser or by its
 * _init, which never waits, may be called from anywhere, and makes it new whatever it was; the
 * struct must not be moved or copied while in use. _destroy is needed only to be told that it is
 * still in use: with -EBUSY nothing has changed, with 0 it is all zero. A struct serves tasks of
 * one loop at a time; used from another meanwhile it gives -EPERM where that is seen. What tasks
 * waited for that a run has given up (see whorl_run) must be made new.
 *
 * Calls that may wait give -ECANCELED to a task that is cancelled, even if they could be satisfied
 * at once, and have no effect then. The others never wait, and do their work in cancelled tasks
 * too. From: inside a task, unless a call says otherwise. A time limit is a scope around the call:
 * see scope.h.
 */
#ifndef WHORL_SYNC_H
#define WHORL_SYNC_H

#include <whorl/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- Mutexes: one task at a time. --- */

typedef struct whorl_mutex {
    void *engine[4]; /* the engine's */
} whorl_mutex;

#define WHORL_MUTEX_INIT                                                                           \
    {                                                                                              \
        0                                                                                          \
    }

/* Makes a mutex that nobody holds. From: anywhere. Returns 0.
 *   -EINVAL  mutex is NULL */
WHORL_API int whorl_mutex_init(whorl_mutex *mutex);

/* From: anywhere. Returns 0.
 *   -EBUSY   a task holds it, or has ended while it held it
 *   -EINVAL  mutex is NULL */
WHORL_API int whorl_mutex_destroy(whorl_mutex *mutex);

/* Waits until the calling task holds the mutex. If a task ends while it holds one, those that wait
 * for it wait on, for ever as a rule: a deadlock, which whorl_run reports. Returns 0.
 *   -ECANCELED  the caller is cancelled, and does not hold it
 *   -EDEADLK    the caller holds it already
 *   -EINVAL     mutex is NULL
 *   -EPERM      not inside a task; or one of another loop, or of an earlier run, holds it */
WHORL_API int whorl_mutex_lock(whorl_mutex *mutex);

/* Takes the mutex if it is free. Does not wait. Returns 0.
 *   -EBUSY           a task holds it, maybe the caller
 *   -EINVAL, -EPERM  as for whorl_mutex_lock */
WHORL_API int whorl_mutex_try_lock(whorl_mutex *mutex);

/* Hands the mutex on to the first task that waits for it. Does not wait. Returns 0.
 *   -EINVAL  mutex is NULL
 *   -EPERM   the caller does not hold it, or is no task */
WHORL_API int whorl_mutex_unlock(whorl_mutex *mutex);

/* 1 if a task holds the mutex, else 0. From: anywhere. -EINVAL: mutex is NULL. */
WHORL_API int whorl_mutex_is_locked(const whorl_mutex *mutex);

/* --- Events: a flag to wait for. --- */

typedef struct whorl_event {
    void *engine[3]; /* the engine's */
} whorl_event;

#define WHORL_EVENT_INIT                                                                           \
    {                                                                                              \
        0                                                                                          \
    }

/* Makes an event that is not set. From: anywhere. Returns 0.
 *   -EINVAL  event is NULL */
WHORL_API int whorl_event_init(whorl_event *event);

/* From: anywhere. Returns 0.
 *   -EBUSY   tasks wait for it
 *   -EINVAL  event is NULL */
WHORL_API int whorl_event_destroy(whorl_event *event);

/* Sets the event: all tasks that wait go on, also if it is cleared before they run; and who waits
 * after goes on at once. Does not wait. Returns 0.
 *   -EINVAL  event is NULL
 *   -EPERM   not inside a task, or tasks of another loop wait */
WHORL_API int whorl_event_set(whorl_event *event);

/* Clears the event: who waits after waits until it is set again. Does not wait. Returns 0.
 *   -EINVAL, -EPERM  as for whorl_event_set */
WHORL_API int whorl_event_clear(whorl_event *event);

/* 1 if the event is set, else 0. From: anywhere. -EINVAL: event is NULL. */
WHORL_API int whorl_event_is_set(const whorl_event *event);

/* Waits until the event is set. Returns 0; at once, without letting others run, if it is.
 *   -ECANCELED       the caller is cancelled
 *   -EINVAL, -EPERM  as for whorl_event_set */
WHORL_API int whorl_event_wait(whorl_event *event);

/* --- Conditions: waiting, with a mutex let go, for a change of what it guards. --- */

typedef struct whorl_cond {
    void *engine[3]; /* the engine's */
} whorl_cond;

#define WHORL_COND_INIT                                                                            \
    {                                                                                              \
        0                                                                                          \
    }

/* Makes a condition for which nobody waits. From: anywhere. Returns 0.
 *   -EINVAL  cond is NULL */
WHORL_API int whorl_cond_init(whorl_cond *cond);

/* Tasks that were notified do not need it any more, but for whorl_cond_wait_for. From: anywhere.
 * Returns 0.
 *   -EBUSY   tasks wait for a notify
 *   -EINVAL  cond is NULL */
WHORL_API int whorl_cond_destroy(whorl_cond *cond);

/* Lets go of the mutex, which the calling task holds, waits for a notify, and then until the caller
 * holds the mutex again. Whatever this returns, the caller holds the mutex after if it did before.
 * Returns 0: it was notified, perhaps before it was cancelled.
 *   -ECANCELED  the caller is cancelled, and was not notified before that. If it was so from the
 *               start, the mutex was not let go; else it was, and nothing cut the wait for it short
 *   -EINVAL     cond or mutex is NULL, or others wait here with another mutex
 *   -EPERM      the caller does not hold the mutex, is no task, or tasks of another loop wait */
WHORL_API int whorl_cond_wait(whorl_cond *cond, whorl_mutex *mutex);

/* The same again and again until predicate(arg), which is called with the mutex held, is not 0; at
 * once if it is to begin with. A notify that came when the predicate was still 0 and the caller was
 * cancelled is passed on to the next task that waits. Returns 0.
 *   -ECANCELED, -EPERM  as for whorl_cond_wait
 *   -EINVAL             also: predicate is NULL */
WHORL_API int whorl_cond_wait_for(whorl_cond *cond, whorl_mutex *mutex, int (*predicate)(void *arg),
                                  void *arg);

/* Notifies the first n tasks that wait, or all if there are fewer: each goes on as soon as it holds
 * its mutex again, in that order, and returns 0 even if it is cancelled after this. The caller may
 * hold the mutex or not. A notify for which nobody waits leaves nothing. Does not wait. Returns 0.
 *   -EINVAL  cond is NULL
 *   -EPERM   not inside a task, or tasks of another loop wait */
WHORL_API int whorl_cond_notify(whorl_cond *cond, size_t n);

/* Notifies all tasks that wait. As whorl_cond_notify. */
WHORL_API int whorl_cond_notify_all(whorl_cond *cond);

/* --- Semaphores: a number of permits. --- */

#define WHORL_SEMAPHORE_MAX INTPTR_MAX

typedef struct whorl_semaphore {
    intptr_t value; /* this and the rest: the engine's */
    intptr_t bound;
    void *engine[2];
} whorl_semaphore;

/* With `first` permits, not negative; bounded: and never more than `most`, which is at least 1. */
#define WHORL_SEMAPHORE_INIT(first) WHORL_BOUNDED_SEMAPHORE_INIT(first, WHORL_SEMAPHORE_MAX)
#define WHORL_BOUNDED_SEMAPHORE_INIT(first, most)                                                  \
    {                                                                                              \
        (first), (most),                                                                           \
        {                                                                                          \
            NULL                                                                                   \
        }                                                                                          \
    }

/* Makes a semaphore with `value` permits. From: anywhere. Returns 0.
 *   -EINVAL  semaphore is NULL, or value is negative */
WHORL_API int whorl_semaphore_init(whorl_semaphore *semaphore, intptr_t value);

/* The same for one that never has more than `bound` permits.
 *   -EINVAL  also: bound is less than 1, or than value */
WHORL_API int whorl_bounded_semaphore_init(whorl_semaphore *semaphore, intptr_t value,
                                           intptr_t bound);

/* What becomes of permits that were taken is not looked at. From: anywhere. Returns 0.
 *   -EBUSY   tasks wait for it
 *   -EINVAL  semaphore is NULL */
WHORL_API int whorl_semaphore_destroy(whorl_semaphore *semaphore);

/* Waits until there is a permit, and takes it. Returns 0.
 *   -ECANCELED  the caller is cancelled, and has taken none
 *   -EINVAL     semaphore is NULL
 *   -EPERM      not inside a task, or tasks of another loop wait */
WHORL_API int whorl_semaphore_acquire(whorl_semaphore *semaphore);

/* Takes a permit if there is one. Does not wait. Returns 0.
 *   -EAGAIN          there is none
 *   -EINVAL, -EPERM  as for whorl_semaphore_acquire */
WHORL_API int whorl_semaphore_try_acquire(whorl_semaphore *semaphore);

/* Gives a permit back, or a new one: to the first task that waits for one. Any task may. Does not
 * wait. Returns 0.
 *   -EOVERFLOW       there are as many as the bound allows; WHORL_SEMAPHORE_MAX if it has none
 *   -EINVAL, -EPERM  as for whorl_semaphore_acquire */
WHORL_API int whorl_semaphore_release(whorl_semaphore *semaphore);

/* How many permits there are. From: anywhere. -EINVAL: semaphore is NULL. */
WHORL_API intptr_t whorl_semaphore_value(const whorl_semaphore *semaphore);

/* --- Barriers: where a number of tasks wait for each other. --- */

typedef struct whorl_barrier {
    int parties; /* this and the rest: the engine's */
    int waiting;
    void *engine[3];
} whorl_barrier;

/* For `count` tasks, at least 1. */
#define WHORL_BARRIER_INIT(count)                                                                  \
    {                                                                                              \
        (count), 0,                                                                                \
        {                                                                                          \
            NULL                                                                                   \
        }                                                                                          \
    }

/* Makes a barrier for `parties` tasks. From: anywhere. Returns 0.
 *   -EINVAL  barrier is NULL, or parties is less than 1 */
WHORL_API int whorl_barrier_init(whorl_barrier *barrier, int parties);

/* From: anywhere. Returns 0.
 *   -EBUSY   tasks wait at it
 *   -EINVAL  barrier is NULL */
WHORL_API int whorl_barrier_destroy(whorl_barrier *barrier);

/* Waits until as many tasks as the barrier is for have come; then all of them go on, and the next
 * round begins with whoever comes next. Returns the caller's place in the order in which those of
 * its round came: 0 for the first, parties - 1 for the last, who does not wait.
 *   -ECANCELED  the caller is cancelled; it has left, and the others wait for one more
 *   -EPIPE      the barrier is broken, or was aborted or reset meanwhile
 *   -EINVAL     barrier is NULL, or parties is less than 1
 *   -EPERM      not inside a task, or tasks of another loop wait */
WHORL_API int whorl_barrier_wait(whorl_barrier *barrier);

/* Breaks the barrier: who waits, and who comes until it is reset, gets -EPIPE. Does not wait.
 * Returns 0.
 *   -EINVAL  barrier is NULL
 *   -EPERM   not inside a task, or tasks of another loop wait */
WHORL_API int whorl_barrier_abort(whorl_barrier *barrier);

/* Makes the barrier whole and empty: who waits gets -EPIPE, who comes after begins a new round.
 * Does not wait. Returns 0.
 *   -EINVAL, -EPERM  as for whorl_barrier_abort */
WHORL_API int whorl_barrier_reset(whorl_barrier *barrier);

/* How many tasks the barrier is for, and how many of them wait now. From: anywhere. -EINVAL:
 * barrier is NULL. */
WHORL_API int whorl_barrier_parties(const whorl_barrier *barrier);
WHORL_API int whorl_barrier_waiting(const whorl_barrier *barrier);

/* 1 if the barrier was aborted and not reset, else 0. From: anywhere. -EINVAL: barrier is NULL. */
WHORL_API int whorl_barrier_is_broken(const whorl_barrier *barrier);

/* --- Read-write locks: many readers, or one writer. --- */

typedef struct whorl_rwlock {
    void *engine[5]; /* the engine's */
} whorl_rwlock;

#define WHORL_RWLOCK_INIT                                                                          \
    {                                                                                              \
        0                                                                                          \
    }

/* Makes a read-write lock that nobody holds. From: anywhere. Returns 0.
 *   -EINVAL  lock is NULL */
WHORL_API int whorl_rwlock_init(whorl_rwlock *lock);

/* From: anywhere. Returns 0.
 *   -EBUSY   a task holds it, or has ended while it held it
 *   -EINVAL  lock is NULL */
WHORL_API int whorl_rwlock_destroy(whorl_rwlock *lock);

/* Waits until the calling task holds the lock to read, together with other readers; or alone, to
 * write. A reader that comes while a writer waits comes after it: so a task that reads must not
 * take the lock again, to read or to write, or it may wait for itself. Returns 0.
 *   -ECANCELED  the caller is cancelled, and does not hold it
 *   -EDEADLK    the caller holds it to write
 *   -EINVAL     lock is NULL
 *   -EPERM      not inside a task; or those of another loop, or of an earlier run, hold it */
WHORL_API int whorl_rwlock_read_lock(whorl_rwlock *lock);
WHORL_API int whorl_rwlock_write_lock(whorl_rwlock *lock);

/* Take the lock if that needs no wait. Do not wait. Return 0.
 *   -EBUSY           it is held otherwise, or tasks wait for it
 *   -EINVAL, -EPERM  as for whorl_rwlock_read_lock */
WHORL_API int whorl_rwlock_try_read_lock(whorl_rwlock *lock);
WHORL_API int whorl_rwlock_try_write_lock(whorl_rwlock *lock);

/* One reader less; the last lets the next in. Readers are counted, not known: a task that does not
 * read is found out only when none does. Does not wait. Returns 0.
 *   -EINVAL  lock is NULL
 *   -EPERM   no task holds the lock to read; or one of another loop does; or not inside a task */
WHORL_API int whorl_rwlock_read_unlock(whorl_rwlock *lock);

/* Lets the next in: the first who waits, and if that is a reader, all readers before the next
 * writer. Does not wait. Returns 0.
 *   -EINVAL  lock is NULL
 *   -EPERM   the caller does not hold the lock to write, or is no task */
WHORL_API int whorl_rwlock_write_unlock(whorl_rwlock *lock);

/* Makes the calling writer a reader, with no other writer in between, and lets the readers in that
 * wait before the next writer. Does not wait. Returns 0.
 *   -EINVAL, -EPERM  as for whorl_rwlock_write_unlock */
WHORL_API int whorl_rwlock_downgrade(whorl_rwlock *lock);

/* --- Once: what is done by the first who needs it. --- */

typedef struct whorl_once {
    void *engine[6]; /* the engine's */
} whorl_once;

#define WHORL_ONCE_INIT                                                                            \
    {                                                                                              \
        0                                                                                          \
    }

/* Makes a once of which nothing has been done. From: anywhere. Returns 0.
 *   -EINVAL  once is NULL */
WHORL_API int whorl_once_init(whorl_once *once);

/* From: anywhere. Returns 0.
 *   -EBUSY   a task runs its function
 *   -EINVAL  once is NULL */
WHORL_API int whorl_once_destroy(whorl_once *once);

/* The first task that comes runs fn(arg), which may wait; those that come meanwhile wait for it. A
 * result >= 0 is kept: all of them, and all that come after, return it. A failure is returned to
 * the task that ran its function, and to no other: the next of those that wait runs its own, as
 * does, if none waits, the next that comes. One that was cancelled after its turn had come runs it
 * too.
 *   -ECANCELED  the caller is cancelled, and has run nothing; or its function's result
 *   -EDEADLK    the caller runs the once's function; or its function's result
 *   -EINVAL     once or fn is NULL; or its function's result
 *   -EPERM      not inside a task, or one of another loop runs; or its function's result */
WHORL_API intptr_t whorl_once_run(whorl_once *once, whorl_fn *fn, void *arg);

/* 1 if a result is kept, else 0. From: anywhere. -EINVAL: once is NULL. */
WHORL_API int whorl_once_is_done(const whorl_once *once);

#ifdef __cplusplus
}
#endif

#endif
