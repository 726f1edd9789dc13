/*
 * What the tests of scopes share: the virtual clock, tasks that sleep and then give a result, and a
 * process that gets no more memory.
 *
 * Under the virtual clock each wait takes exactly as long as it says, so that the times of ends can
 * be checked to the nanosecond.
 */
#ifndef TESTS_SCOPE_PLANS_H
#define TESTS_SCOPE_PLANS_H

#include <stdlib.h>
#include <sys/resource.h>

#include "core/child.h"

#define FAR WHORL_SECONDS(1000000)
#define SPARE_BYTES ((rlim_t)32 << 20)

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

/* An allocation that fails is what some tests are about: it must not end the program. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}

/* For a forked child: it gets SPARE_BYTES more memory than it has, and no more. */
static inline void take_no_more_memory(void)
{
    char text[4096] = {0};
    struct rlimit limit;
    check(read_whole("/proc/self/status", text, sizeof text - 1) > 0);
    const char *size = strstr(text, "VmSize:");
    check_equal(getrlimit(RLIMIT_AS, &limit), 0);
    limit.rlim_cur = SPARE_BYTES + (size ? strtoul(size + 7, NULL, 10) << 10 : 0);
    check_equal(setrlimit(RLIMIT_AS, &limit), 0);
}

#endif
