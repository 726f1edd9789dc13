/*
 * Cancels a task at its n-th wait, whatever it waits for there, so that a test may do so at every
 * waiting point of a call without knowing them.
 *
 * A program that includes this is linked with --wrap=ring_turn, and so sees every turn of the loop
 * just before the kernel does: then each task that waits is parked, and what it has filled is not
 * submitted yet.
 */
#ifndef TESTS_NTH_WAIT_H
#define TESTS_NTH_WAIT_H

#include <core/interrupt.h>
#include <core/loop.h>

#include "support.h"

/* Stands in the place of a wait's result until the wait has one. */
#define NTH_WAIT_SEEN (-987654)

static struct nth_wait {
    struct task *task; /* NULL: nobody is watched */
    int left;          /* waits to let pass */
    int turns;         /* and turns after that */
} nth_wait;

/* Whether it waits, and did not in the turn before, or for something else. */
static inline bool nth_wait_is_new(struct task *task)
{
    if (!task->wait || task->wait_result == NTH_WAIT_SEEN)
        return false;
    task->wait_result = NTH_WAIT_SEEN;
    return true;
}

int __real_ring_turn(struct ring *ring, int64_t deadline);
int __wrap_ring_turn(struct ring *ring, int64_t deadline);
int __wrap_ring_turn(struct ring *ring, int64_t deadline)
{
    struct nth_wait *watch = &nth_wait;
    if (watch->task && watch->left > 0)
        watch->left -= nth_wait_is_new(watch->task);
    if (watch->task && watch->left == 0 && watch->turns-- <= 0) {
        task_cancel(watch->task);
        watch->task = NULL;
        deadline = RING_NOW; /* the cancel may have woken it */
    }
    return __real_ring_turn(ring, deadline);
}

/* Runs fn(arg) as a task and gives its result. It is cancelled at its wait number `n`, from 1, or a
 * few `turns` later; 0: before it begins. *in_time says whether it came to that: false when it had
 * ended before. In a task, one at a time. */
static inline intptr_t cancel_at_wait(whorl_fn *fn, void *arg, int n, int turns, bool *in_time)
{
    whorl_task *handle = whorl_spawn(fn, arg);
    int error;
    nth_wait = (struct nth_wait){.left = n, .turns = turns};
    if (n > 0)
        nth_wait.task = task_of_handle(loop_here, handle, &error);
    else
        check_equal(whorl_cancel(handle), 0);
    intptr_t result = whorl_join(handle);
    *in_time = nth_wait.task == NULL;
    nth_wait.task = NULL;
    return result;
}

#endif
