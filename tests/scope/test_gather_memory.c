/*
 * Gathering when there is no memory: -ENOMEM, and nothing has changed, or none has begun; and what
 * was taken is given back. Address space is limited by RLIMIT_AS, in a forked child.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "starve.h"

#define FAR WHORL_SECONDS(100)

enum {
    MEMBERS = 1 << 22, /* their bookkeeping is far more than what is spare */
    CALLS = 200,       /* their stacks are, of a MiB each */
};

static int bodies;

static intptr_t count_a_body(void *arg)
{
    bodies++;
    return (intptr_t)arg;
}

static intptr_t sleep_far(void *arg)
{
    (void)arg;
    return whorl_sleep(FAR);
}

/* Memory that is there before the limit is. */
static void *array_of(size_t size)
{
    void *array = calloc(MEMBERS, size);
    check(array != NULL);
    return array;
}

/* --- No room for the members --- */

static intptr_t gather_too_many(void *arg)
{
    whorl_task **tasks = array_of(sizeof *tasks);
    intptr_t result = 77;
    (void)arg;
    whorl_task *task = whorl_spawn(sleep_far, NULL);
    for (size_t i = 0; tasks != NULL && i < MEMBERS; i++)
        tasks[i] = task;
    rlim_t before = leave_memory(SPARE_BYTES);
    for (unsigned flags = 0; flags <= WHORL_COLLECT; flags++)
        check_equal(whorl_gather(tasks, MEMBERS, &result, flags), -ENOMEM);
    limit_memory_to(before);
    check_equal(result, 77);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_is_done(task), 0);
    check_equal(whorl_cancelling(task), 0);
    check_equal(whorl_cancel(task), 0);
    check_equal(whorl_gather(tasks, 1, &result, 0), -ECANCELED);
    check_equal(result, -ECANCELED);
    free(tasks);
    return 0;
}

static void without_memory_for_its_members_a_gather_changes_nothing(void **state)
{
    run_checks_in_child(NULL, gather_too_many, state);
}

static intptr_t call_too_many(void *arg)
{
    whorl_call *calls = array_of(sizeof *calls);
    (void)arg;
    for (size_t i = 0; calls != NULL && i < MEMBERS; i++)
        calls[i] = (whorl_call){count_a_body, NULL};
    rlim_t before = leave_memory(SPARE_BYTES);
    check_equal(whorl_gather_calls(calls, MEMBERS, NULL, 0), -ENOMEM);
    limit_memory_to(before);
    check_equal(whorl_yield(), 0);
    check_equal(bodies, 0);
    check_equal(whorl_gather_calls(calls, 100, NULL, 0), 0);
    check_equal(bodies, 100);
    free(calls);
    return 0;
}

static void without_memory_for_its_members_none_of_the_calls_begins(void **state)
{
    run_checks_in_child(NULL, call_too_many, state);
}

/* --- No room for a stack, after some were had --- */

/* How many tasks the loop has made, itself included: their default names count them. */
static unsigned long tasks_made(void)
{
    whorl_task *task = whorl_spawn(count_a_body, NULL);
    unsigned long number = 0;
    check(sscanf(whorl_name(task), "task-%lu", &number) == 1);
    check_equal(whorl_cancel(task), 0);
    check_equal(whorl_join(task), -ECANCELED);
    return number;
}

static intptr_t call_until_no_stack_is_left(void *arg)
{
    whorl_call calls[CALLS];
    intptr_t results[CALLS];
    (void)arg;
    for (int i = 0; i < CALLS; i++) {
        calls[i] = (whorl_call){count_a_body, (void *)3};
        results[i] = 77;
    }
    check_equal(whorl_gather_calls(calls, 2, NULL, 0), 0); /* the first stacks come in a slab */
    bodies = 0;
    rlim_t before = leave_memory(SPARE_BYTES);
    for (unsigned flags = 0; flags <= WHORL_COLLECT; flags++) {
        unsigned long made = tasks_made();
        check_equal(whorl_gather_calls(calls, CALLS, results, flags), -ENOMEM);
        check(tasks_made() > made + 1 + 10); /* there was memory for some */
        check_equal(bodies, 0);
        check_equal(results[0], 77);
    }
    /* All that it had has come back: as much can be had as before, and no more. */
    check_equal(whorl_gather_calls(calls, 2, results, 0), 0);
    check_equal(bodies, 2);
    check_equal(whorl_gather_calls(calls, CALLS, NULL, 0), -ENOMEM);
    check_equal(bodies, 2);
    limit_memory_to(before);
    check_equal(whorl_gather_calls(calls, CALLS, results, 0), 0);
    check_equal(bodies, 2 + CALLS);
    for (int i = 0; i < CALLS; i++)
        check_equal(results[i], 3);
    return 0;
}

static int run_stacks(void *arg)
{
    whorl_config config = {.stack_size = 1 << 20, .pooled_stacks = CALLS};
    return (int)whorl_run_with(&config, call_until_no_stack_is_left, arg);
}

static void without_a_stack_for_the_last_the_calls_before_it_never_begin(void **state)
{
    if (UNDER_THREAD_SANITIZER)
        skip_because("the thread sanitizer itself dies when it has no memory for a fiber");
    run_in_child(run_stacks, state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(without_memory_for_its_members_a_gather_changes_nothing),
        behaviour(without_memory_for_its_members_none_of_the_calls_begins),
        behaviour(without_a_stack_for_the_last_the_calls_before_it_never_begin),
    };
    return run_behaviours("gather memory", tests);
}
