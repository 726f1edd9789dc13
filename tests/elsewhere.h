/*
 * Calls from the wrong place: a thread without a loop, and a task of another thread's loop.
 */
#ifndef TESTS_ELSEWHERE_H
#define TESTS_ELSEWHERE_H

#include "support.h"

#include <pthread.h>

static inline void *thread_without_loop(void *calls)
{
    ((whorl_fn *)(uintptr_t)calls)(NULL);
    return NULL;
}

static inline void *thread_with_loop(void *calls)
{
    check_equal(whorl_run((whorl_fn *)(uintptr_t)calls, NULL), 0);
    return NULL;
}

static inline void on_a_thread(void *(*body)(void *), whorl_fn *calls)
{
    pthread_t thread;
    if (check_equal(pthread_create(&thread, NULL, body, (void *)(uintptr_t)calls), 0))
        check_equal(pthread_join(thread, NULL), 0);
}

/* Has `calls`, which is all checks and gives 0, run on a thread that has no loop. */
static inline void without_a_loop(whorl_fn *calls)
{
    on_a_thread(thread_without_loop, calls);
}

/* And as the main task of another loop. */
static inline void in_another_loop(whorl_fn *calls)
{
    on_a_thread(thread_with_loop, calls);
}

#endif
