/*
 * Threads for tests: started and joined by plain calls, which end the test program if they cannot;
 * and points at which threads and tasks wait for each other. A task that waits for a thread yields,
 * so that its loop goes on; a thread sleeps.
 */
#ifndef TESTS_OS_THREADS_H
#define TESTS_OS_THREADS_H

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "support.h"

static inline pthread_t start(void *(*body)(void *arg), void *arg)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, body, arg) != 0)
        abort();
    return thread;
}

static inline void *finish(pthread_t thread)
{
    void *result;
    if (pthread_join(thread, &result) != 0)
        abort();
    return result;
}

/* In a thread, or where the whole loop may stand still. */
static inline void pause_for(int64_t ns)
{
    struct timespec time = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &time, &time) == EINTR)
        continue;
}

static inline void await_semaphore(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0)
        continue;
}

/* In a thread: until the number is reached. */
static inline void await_number(const atomic_int *number, int least)
{
    while (atomic_load(number) < least)
        pause_for(WHORL_US(50));
}

/* In a task: the same. */
static inline void yield_until(const atomic_int *number, int least)
{
    while (atomic_load(number) < least && whorl_yield() == 0)
        continue;
    check(atomic_load(number) >= least);
}

#endif
