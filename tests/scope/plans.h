/*
 * What the tests of scopes share: the virtual clock, and tasks that sleep and then give a result.
 *
 * Under the virtual clock each wait takes exactly as long as it says, so that the times of ends can
 * be checked to the nanosecond.
 */
#ifndef TESTS_SCOPE_PLANS_H
#define TESTS_SCOPE_PLANS_H

#include "support.h"

#define FAR WHORL_SECONDS(1000000)

static const whorl_config virtual_clock = {.clock = WHORL_CLOCK_VIRTUAL};

/* A task that sleeps, and then gives a result. */
struct plan {
    int seconds;
    intptr_t result;
};

/* `arg` is a plan. A cancel while it sleeps is its result. */
static inline intptr_t follow(void *arg)
{
    const struct plan *plan = arg;
    int slept = whorl_sleep(WHORL_SECONDS(plan->seconds));
    return slept < 0 ? slept : plan->result;
}

static inline void spawn_plans(whorl_task **tasks, const struct plan *plans, size_t n)
{
    for (size_t i = 0; i < n; i++)
        tasks[i] = whorl_spawn(follow, (void *)&plans[i]);
}

/* Joins tasks that must all have followed their plans to the end. */
static inline void join_plans(whorl_task **tasks, const struct plan *plans, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check_equal(whorl_join(tasks[i]), plans[i].result);
}

#endif
