/*
 * What all kinds of waiting in turn have in common, as a table: for each, how to make the thing so
 * that tasks must wait for it, to wait for it, to let the first who waits go on, and to give back
 * what was given. Tests of what holds for all of them go through the table.
 */
#ifndef TESTS_SYNC_KINDS_H
#define TESTS_SYNC_KINDS_H

#include "start.h"

struct kind {
    const char *name;
    void (*close)(void);   /* by main; the thing is new or all zero */
    void (*open)(void);    /* by main: serves the first who waits, or all */
    intptr_t (*ask)(void); /* waits */
    void (*leave)(void);   /* by one whose ask has given `given` */
    int (*destroy)(void);  /* of the thing itself */
    const void *thing;     /* and its size: all zero when it is destroyed */
    size_t size;
    intptr_t given;    /* by ask, when it was served */
    bool all;          /* open serves all who wait */
    bool open_at_rest; /* once open, who asks needs not wait */
};

static whorl_mutex mutex;
static whorl_event event;
static whorl_cond cond;
static whorl_mutex cond_mutex;
static whorl_semaphore semaphore;
static whorl_barrier barrier;
static whorl_rwlock rwlock;
static whorl_once once;
static whorl_event once_gate;

static inline void no_more(void)
{
}

/* --- The mutex --- */

static inline void close_mutex(void)
{
    check_equal(whorl_mutex_init(&mutex), 0);
    check_equal(whorl_mutex_lock(&mutex), 0);
}

static inline void open_mutex(void)
{
    check_equal(whorl_mutex_unlock(&mutex), 0);
}

static inline intptr_t ask_mutex(void)
{
    return whorl_mutex_lock(&mutex);
}

static inline int destroy_mutex(void)
{
    return whorl_mutex_destroy(&mutex);
}

/* --- The event --- */

static inline void close_event(void)
{
    check_equal(whorl_event_init(&event), 0);
}

static inline void open_event(void)
{
    check_equal(whorl_event_set(&event), 0);
}

static inline intptr_t ask_event(void)
{
    return whorl_event_wait(&event);
}

static inline int destroy_event(void)
{
    return whorl_event_destroy(&event);
}

/* --- The condition --- */

static inline void close_cond(void)
{
    check_equal(whorl_cond_init(&cond), 0);
    check_equal(whorl_mutex_init(&cond_mutex), 0);
}

static inline void open_cond(void)
{
    check_equal(whorl_cond_notify(&cond, 1), 0);
}

static inline intptr_t ask_cond(void)
{
    int error = whorl_mutex_lock(&cond_mutex);
    if (error)
        return error;
    error = whorl_cond_wait(&cond, &cond_mutex);
    check_equal(whorl_mutex_unlock(&cond_mutex), 0);
    return error;
}

static inline int destroy_cond(void)
{
    return whorl_cond_destroy(&cond);
}

/* --- The semaphore --- */

static inline void close_semaphore(void)
{
    check_equal(whorl_semaphore_init(&semaphore, 0), 0);
}

static inline void open_semaphore(void)
{
    check_equal(whorl_semaphore_release(&semaphore), 0);
}

static inline intptr_t ask_semaphore(void)
{
    return whorl_semaphore_acquire(&semaphore);
}

static inline int destroy_semaphore(void)
{
    return whorl_semaphore_destroy(&semaphore);
}

/* --- The barrier: nobody comes last, it is reset --- */

static inline void close_barrier(void)
{
    check_equal(whorl_barrier_init(&barrier, 1 << 20), 0);
}

static inline void open_barrier(void)
{
    check_equal(whorl_barrier_reset(&barrier), 0);
}

static inline intptr_t ask_barrier(void)
{
    return whorl_barrier_wait(&barrier);
}

static inline int destroy_barrier(void)
{
    return whorl_barrier_destroy(&barrier);
}

/* --- The read-write lock --- */

static inline void close_to_readers(void)
{
    check_equal(whorl_rwlock_init(&rwlock), 0);
    check_equal(whorl_rwlock_write_lock(&rwlock), 0);
}

static inline void close_to_writers(void)
{
    check_equal(whorl_rwlock_init(&rwlock), 0);
    check_equal(whorl_rwlock_read_lock(&rwlock), 0);
}

static inline void write_unlock(void)
{
    check_equal(whorl_rwlock_write_unlock(&rwlock), 0);
}

static inline void read_unlock(void)
{
    check_equal(whorl_rwlock_read_unlock(&rwlock), 0);
}

static inline intptr_t ask_to_read(void)
{
    return whorl_rwlock_read_lock(&rwlock);
}

static inline intptr_t ask_to_write(void)
{
    return whorl_rwlock_write_lock(&rwlock);
}

static inline int destroy_rwlock(void)
{
    return whorl_rwlock_destroy(&rwlock);
}

/* --- The once: a task of its own runs it --- */

static inline intptr_t wait_at_the_gate(void *arg)
{
    check_equal(whorl_event_wait(&once_gate), 0);
    return (intptr_t)arg;
}

static inline intptr_t run_once(void *arg)
{
    check_equal(whorl_once_run(&once, wait_at_the_gate, arg), (intptr_t)arg);
    return 0;
}

static inline void close_once(void)
{
    check_equal(whorl_once_init(&once), 0);
    check_equal(whorl_event_init(&once_gate), 0);
    check_equal(whorl_release(start(run_once, (void *)7)), 0);
}

static inline void open_once(void)
{
    check_equal(whorl_event_set(&once_gate), 0);
    while (whorl_once_is_done(&once) == 0)
        whorl_yield();
}

static inline intptr_t never_run(void *arg)
{
    check_failed("a once whose result is there was run again");
    return (intptr_t)arg;
}

static inline intptr_t ask_once(void)
{
    return whorl_once_run(&once, never_run, NULL);
}

static inline int destroy_once(void)
{
    return whorl_once_destroy(&once);
}

#define THING(name) .thing = &(name), .size = sizeof(name)

static const struct kind kinds[] = {
    {.name = "mutex",
     .close = close_mutex,
     .open = open_mutex,
     .ask = ask_mutex,
     .leave = open_mutex,
     .destroy = destroy_mutex,
     THING(mutex),
     .open_at_rest = true},
    {.name = "event",
     .close = close_event,
     .open = open_event,
     .ask = ask_event,
     .leave = no_more,
     .destroy = destroy_event,
     THING(event),
     .all = true,
     .open_at_rest = true},
    {.name = "condition",
     .close = close_cond,
     .open = open_cond,
     .ask = ask_cond,
     .leave = no_more,
     .destroy = destroy_cond,
     THING(cond)},
    {.name = "semaphore",
     .close = close_semaphore,
     .open = open_semaphore,
     .ask = ask_semaphore,
     .leave = open_semaphore,
     .destroy = destroy_semaphore,
     THING(semaphore),
     .open_at_rest = true},
    {.name = "barrier",
     .close = close_barrier,
     .open = open_barrier,
     .ask = ask_barrier,
     .leave = no_more,
     .destroy = destroy_barrier,
     THING(barrier),
     .given = -EPIPE,
     .all = true},
    {.name = "lock to read",
     .close = close_to_readers,
     .open = write_unlock,
     .ask = ask_to_read,
     .leave = read_unlock,
     .destroy = destroy_rwlock,
     THING(rwlock),
     .all = true,
     .open_at_rest = true},
    {.name = "lock to write",
     .close = close_to_writers,
     .open = read_unlock,
     .ask = ask_to_write,
     .leave = write_unlock,
     .destroy = destroy_rwlock,
     THING(rwlock),
     .open_at_rest = true},
    {.name = "once",
     .close = close_once,
     .open = open_once,
     .ask = ask_once,
     .leave = no_more,
     .destroy = destroy_once,
     THING(once),
     .given = 7,
     .all = true,
     .open_at_rest = true},
};

/* --- Tasks that ask --- */

/* A task that asks, tells what came of it, and whether its next wait is refused; and then gives
 * back what it got. */
struct asker {
    const struct kind *kind;
    int64_t limit; /* of a timeout round its ask; 0: none */
    intptr_t result;
    int next;
    int turn; /* which of all that went on it was; 0: none yet */
    whorl_task *task;
};

static int turns;

static inline intptr_t ask(void *arg)
{
    struct asker *asker = arg;
    whorl_timeout scope;
    if (asker->limit)
        check_equal(whorl_timeout_begin(&scope, asker->limit), 0);
    asker->result = asker->kind->ask();
    asker->turn = ++turns;
    asker->next = whorl_yield();
    if (asker->result == asker->kind->given)
        asker->kind->leave();
    if (asker->limit)
        asker->result = whorl_timeout_end(&scope, asker->result);
    return 0;
}

static inline void spawn_asker(struct asker *asker, const struct kind *kind)
{
    asker->kind = kind;
    asker->turn = 0;
    asker->task = start(ask, asker);
}

static inline void spawn_askers(struct asker *askers, size_t n, const struct kind *kind)
{
    turns = 0;
    for (size_t i = 0; i < n; i++)
        spawn_asker(&askers[i], kind);
}

static inline void join_asker(struct asker *asker, intptr_t result, int next)
{
    check_equal(whorl_join(asker->task), 0);
    check_equal(asker->result, result);
    check_equal(asker->next, next);
}

/* Whether all that stands in the thing is zero. */
static inline bool is_all_zero(const struct kind *kind)
{
    const char *bytes = kind->thing;
    for (size_t i = 0; i < kind->size; i++)
        if (bytes[i])
            return false;
    return true;
}

#endif
