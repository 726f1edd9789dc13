/*
 * Very many tasks at once, each on a stack with a guard page: 200,000 asleep, joined, cancelled.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { MANY = CROWD_OF(200000) };

static whorl_task **tasks;
static int begun;
static int ended;

static intptr_t sleep_forever(void *arg)
{
    int result;

    begun++;
    result = whorl_sleep(WHORL_FOREVER);
    ended++;
    return result == -ECANCELED ? (intptr_t)arg : -EIO;
}

static intptr_t yield_then_give_back(void *arg)
{
    begun++;
    check_equal(whorl_yield(), 0);
    ended++;
    return (intptr_t)arg;
}

static bool spawn_many(whorl_fn *fn)
{
    begun = 0;
    ended = 0;
    for (intptr_t i = 0; i < MANY; i++) {
        tasks[i] = whorl_spawn(fn, (void *)i);
        if (!check(tasks[i] != NULL))
            return false;
    }
    return true;
}

static void join_many(void)
{
    for (intptr_t i = 0; i < MANY; i++) {
        if (!check_equal(whorl_join(tasks[i]), i))
            break;
    }
    check_equal(begun, MANY);
    check_equal(ended, MANY);
}

static long resident_kib(void)
{
    FILE *status = fopen("/proc/self/status", "re");
    char line[256];
    long figure = -1;

    if (status == NULL)
        return -1;
    while (figure < 0 && fgets(line, sizeof line, status) != NULL)
        sscanf(line, "VmRSS: %ld", &figure);
    fclose(status);
    return figure;
}

static intptr_t hold_many_sleepers(void *arg)
{
    long before = resident_kib();
    long held;

    (void)arg;
    check_equal(whorl_features() & WHORL_FEATURE_GUARD_INSTALL, WHORL_FEATURE_GUARD_INSTALL);
    if (!spawn_many(sleep_forever))
        return -ENOMEM;
    while (begun < MANY)
        check_equal(whorl_yield(), 0);
    held = resident_kib() - before;
    printf("%d sleeping tasks with guards: %.2f KiB resident each\n", (int)MANY,
           (double)held / MANY);
    /* One page each, and what is shared; a sanitizer adds its own. */
    if (!UNDER_SANITIZER)
        check(held < 6L * MANY);
    check_equal(ended, 0);
    for (int i = 0; i < MANY; i++)
        check_equal(whorl_cancel(tasks[i]), 0);
    join_many();
    return 0;
}

static void allocate_tasks(void)
{
    tasks = calloc(MANY, sizeof(whorl_task *));
    assert_non_null(tasks);
    tell_crowd(MANY);
}

/* Without light guards the kernel's map limit comes first; the features tell. */
static void skip_without_light_guards(void)
{
    if (!(whorl_features() & WHORL_FEATURE_GUARD_INSTALL))
        skip_because("this kernel has no light guards (Linux 6.13): about 32,000 tasks at most");
}

static void two_hundred_thousand_tasks_sleep_at_once(void **state)
{
    (void)state;
    skip_without_light_guards();
    allocate_tasks();
    run_checks(hold_many_sleepers, NULL);
    free(tasks);
}

static intptr_t leave_many_sleepers(void *arg)
{
    (void)arg;
    if (!spawn_many(sleep_forever))
        return -ENOMEM;
    while (begun < MANY)
        check_equal(whorl_yield(), 0);
    return 0;
}

static void two_hundred_thousand_tasks_are_drained_at_the_runs_end(void **state)
{
    (void)state;
    skip_without_light_guards();
    allocate_tasks();
    run_checks(leave_many_sleepers, NULL);
    assert_int_equal(ended, MANY);
    free(tasks);
}

static intptr_t hold_them_twice(void *arg)
{
    (void)arg;
    for (int round = 0; round < 2; round++) {
        if (!spawn_many(yield_then_give_back))
            return -ENOMEM;
        join_many();
    }
    return 0;
}

static void two_hundred_thousand_stacks_are_used_again(void **state)
{
    (void)state;
    skip_without_light_guards();
    allocate_tasks();
    run_checks(hold_them_twice, NULL);
    run_checks_with(&(whorl_config){.pooled_stacks = MANY}, hold_them_twice, NULL);
    free(tasks);
}

/* Each joins its neighbour on one side; the task at that end of the row waits until all do. */
enum { ROW = CROWD_OF(3000) };

static int joining_side; /* 1 or -1 */

static intptr_t join_my_neighbour(void *arg)
{
    whorl_task **self = arg;
    whorl_task **neighbour = self + joining_side;

    begun++;
    if (neighbour < tasks || neighbour >= tasks + ROW) {
        while (begun < ROW)
            check_equal(whorl_yield(), 0);
        return 1;
    }
    return whorl_join(*neighbour) + 1;
}

static intptr_t join_in_a_row(void *arg)
{
    joining_side = *(int *)arg;
    begun = 0;
    for (int i = 0; i < ROW; i++) {
        tasks[i] = whorl_spawn(join_my_neighbour, &tasks[i]);
        if (!check(tasks[i] != NULL))
            return -ENOMEM;
    }
    check_equal(whorl_join(joining_side < 0 ? tasks[ROW - 1] : tasks[0]), ROW);
    return 0;
}

static void thousands_may_join_in_a_row(void **state)
{
    (void)state;
    allocate_tasks();
    run_checks(join_in_a_row, &(int){-1});
    run_checks(join_in_a_row, &(int){1});
    free(tasks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(two_hundred_thousand_tasks_sleep_at_once),
        behaviour(two_hundred_thousand_tasks_are_drained_at_the_runs_end),
        behaviour(two_hundred_thousand_stacks_are_used_again),
        behaviour(thousands_may_join_in_a_row),
    };

    return run_behaviours("many", tests);
}
