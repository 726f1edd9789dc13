/* Onces and futures take no memory, as the other things that tasks wait for; see
 * test_sync_turns.c. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "refused_memory.h"
#include "start.h"

enum { WAITERS = 4, CANCELLED = 1 };

/* Runs the body with all of its tasks spawned, and any memory that it asks for refused. */
static void run_without_memory(whorl_fn *fn)
{
    whorl_task *tasks[WAITERS];
    for (intptr_t i = 0; i < WAITERS; i++)
        tasks[i] = whorl_spawn(fn, (void *)i);
    refuse_memory_call(0);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_cancel(tasks[CANCELLED]), 0);
    for (int i = 0; i < WAITERS; i++)
        check_equal(whorl_join(tasks[i]), i == CANCELLED ? -ECANCELED : 7);
    check(!refuse_no_more_memory());
}

/* --- The once: the first runs it --- */

static whorl_once once = WHORL_ONCE_INIT;

static intptr_t give_after_a_second(void *arg)
{
    check_equal(whorl_sleep(WHORL_SECONDS(1)), 0);
    return (intptr_t)arg;
}

static intptr_t need_the_once(void *arg)
{
    (void)arg;
    return whorl_once_run(&once, give_after_a_second, (void *)7);
}

static intptr_t use_a_once(void *arg)
{
    (void)arg;
    run_without_memory(need_the_once);
    return whorl_once_destroy(&once);
}

static void a_once_takes_none(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, use_a_once, NULL);
}

/* --- The future: the last sets it --- */

static whorl_future future = WHORL_FUTURE_INIT;

static intptr_t set_or_wait(void *arg)
{
    if ((intptr_t)arg == WAITERS - 1) {
        check_equal(whorl_sleep(WHORL_SECONDS(1)), 0);
        check_equal(whorl_future_set(&future, 7), 0);
    }
    return whorl_future_wait(&future);
}

static intptr_t use_a_future(void *arg)
{
    (void)arg;
    run_without_memory(set_or_wait);
    return whorl_future_destroy(&future);
}

static void a_future_takes_none(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, use_a_future, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_once_takes_none),
        behaviour(a_future_takes_none),
    };
    return run_behaviours("sync without memory", tests);
}
