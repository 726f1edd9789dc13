/*
 * The only thread of a run (one_thread), kept busy: what is given to it meanwhile waits in the
 * queue until it is let go.
 */
#ifndef TESTS_FS_ONLY_THREAD_H
#define TESTS_FS_ONLY_THREAD_H

#include "os/threads.h"

static const whorl_config one_thread = {.threads = 1};

static struct {
    atomic_int is_kept;
    atomic_int may_go;
    whorl_task *keeper;
} only_thread;

static intptr_t keep_thread(void *arg)
{
    atomic_store(&only_thread.is_kept, 1);
    await_number(&only_thread.may_go, 1);
    return (intptr_t)arg;
}

static intptr_t give_keep_thread(void *arg)
{
    return whorl_to_thread(keep_thread, arg);
}

/* In a task: returns when the thread is busy. */
static inline void keep_only_thread(void)
{
    atomic_store(&only_thread.is_kept, 0);
    atomic_store(&only_thread.may_go, 0);
    only_thread.keeper = whorl_spawn(give_keep_thread, NULL);
    yield_until(&only_thread.is_kept, 1);
}

static inline void let_only_thread_go(void)
{
    atomic_store(&only_thread.may_go, 1);
    check_equal(whorl_join(only_thread.keeper), 0);
}

/* Runs fn(arg) in a task that is cancelled while what it gives to the thread is in the queue; its
 * result. */
static inline intptr_t cancelled_in_queue(whorl_fn *fn, void *arg)
{
    keep_only_thread();
    whorl_task *task = whorl_spawn(fn, arg);
    for (int i = 0; i < 3; i++)
        check_equal(whorl_yield(), 0);
    check_equal(whorl_is_done(task), 0);
    check_equal(whorl_cancel(task), 0);
    intptr_t result = whorl_join(task); /* though the thread is still kept */
    let_only_thread_go();
    return result;
}

#endif
