/*
 * Gathering tasks: results in the order of the arguments, the first error, and nobody left behind.
 */
#include "scope/plans.h"

#include <errno.h>

#define SOON WHORL_MS(5)

static size_t ended;

static intptr_t give(void *arg)
{
    intptr_t result = (intptr_t)arg;
    if (whorl_sleep(WHORL_MS(result > 5 ? 5 : 10 - result)) < 0)
        result = -ECANCELED;
    ended++;
    return result;
}

static intptr_t fail_soon(void *arg)
{
    (void)arg;
    int slept = whorl_sleep(SOON);
    ended++;
    return slept < 0 ? slept : -EIO;
}

static intptr_t wait_and_clean_up(void *arg)
{
    whorl_shield shield;
    (void)arg;
    int result = whorl_sleep(FAR);
    whorl_shield_begin(&shield, FAR);
    check_equal(whorl_sleep(SOON), 0);
    ended++;
    return whorl_shield_end(&shield, result);
}

static intptr_t ignore_the_cancel(void *arg)
{
    (void)arg;
    check_equal(whorl_sleep(FAR), -ECANCELED);
    ended++;
    return 9;
}

static void spawn_all(whorl_task **tasks, const whorl_call *calls, size_t n)
{
    ended = 0;
    for (size_t i = 0; i < n; i++)
        tasks[i] = whorl_spawn(calls[i].fn, calls[i].arg);
}

static void check_taken(whorl_task **tasks, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check_equal(whorl_join(tasks[i]), -EINVAL);
}

static void check_counted(const intptr_t *results, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check_equal(results[i], i + 1);
}

static intptr_t gather_in_order(void *arg)
{
    whorl_call calls[100];
    whorl_task *tasks[100] = {NULL};
    intptr_t results[100] = {0};
    (void)arg;
    for (intptr_t i = 0; i < 100; i++)
        calls[i] = (whorl_call){give, (void *)(i + 1)};
    for (size_t n = 0; n <= 100; n += n < 4 ? 1 : 32) {
        spawn_all(tasks, calls, n);
        check_equal(whorl_gather(tasks, n, results, 0), 0);
        check_equal(ended, n);
        check_counted(results, n);
        check_taken(tasks, n);
        check_equal(whorl_gather_calls(calls, n, results, WHORL_COLLECT), 0);
        check_counted(results, n);
        check_equal(whorl_gather_calls(calls, n, NULL, 0), 0);
    }
    return 0;
}

static void results_come_in_the_order_of_the_arguments(void **state)
{
    (void)state;
    run_checks(gather_in_order, NULL);
}

static intptr_t fail_fast(void *arg)
{
    const whorl_call calls[] = {
        {wait_and_clean_up, NULL}, {fail_soon, NULL}, {give, (void *)6}, {ignore_the_cancel, NULL}};
    whorl_task *tasks[4] = {NULL};
    intptr_t results[4];
    (void)arg;
    spawn_all(tasks, calls, 3);
    tasks[3] = whorl_spawn(ignore_the_cancel, NULL);
    check_equal(whorl_gather(tasks, 4, results, 0), -EIO);
    check_equal(ended, 4);
    check_equal(results[0], -ECANCELED);
    check_equal(results[1], -EIO);
    check(results[2] == 6 || results[2] == -ECANCELED);
    check_equal(results[3], 9);
    check_taken(tasks, 4);
    check_equal(whorl_cancelling(whorl_self()), 0);
    return 0;
}

static void the_first_error_cancels_the_others_and_awaits_them(void **state)
{
    (void)state;
    run_checks(fail_fast, NULL);
}

static intptr_t collect(void *arg)
{
    const whorl_call calls[] = {{fail_soon, NULL}, {give, (void *)3}, {fail_soon, NULL}};
    intptr_t results[3];
    (void)arg;
    check_equal(whorl_gather_calls(calls, 3, results, WHORL_COLLECT), 0);
    check_equal(results[0], -EIO);
    check_equal(results[1], 3);
    check_equal(results[2], -EIO);
    return 0;
}

static void collecting_waits_for_all_whatever_they_give(void **state)
{
    (void)state;
    run_checks(collect, NULL);
}

static intptr_t gather_twice(void *arg)
{
    whorl_task *task = whorl_spawn(give, (void *)4);
    whorl_task *tasks[] = {task, task, task};
    intptr_t results[3];
    (void)arg;
    check_equal(whorl_gather(tasks, 3, results, 0), 0);
    for (int i = 0; i < 3; i++)
        check_equal(results[i], 4);
    check_taken(tasks, 3);
    return 0;
}

static void a_task_may_stand_there_twice(void **state)
{
    (void)state;
    run_checks(gather_twice, NULL);
}

static intptr_t gather_with(void *arg)
{
    const whorl_call calls[] = {{wait_and_clean_up, NULL}, {ignore_the_cancel, NULL}};
    return whorl_gather_calls(calls, 2, NULL, (unsigned)(uintptr_t)arg);
}

static intptr_t cancel_the_gatherer(void *arg)
{
    (void)arg;
    for (unsigned flags = 0; flags <= WHORL_COLLECT; flags++) {
        ended = 0;
        whorl_task *task = whorl_spawn(gather_with, (void *)(uintptr_t)flags);
        check_equal(whorl_sleep(SOON), 0);
        check_equal(whorl_cancel(task), 0);
        check_equal(whorl_join(task), -ECANCELED);
        check_equal(ended, 2);
    }
    return 0;
}

static void cancelling_the_caller_cancels_the_tasks_and_awaits_them(void **state)
{
    (void)state;
    run_checks(cancel_the_gatherer, NULL);
}

static intptr_t gather_while_cancelled(void *arg)
{
    const whorl_call calls[] = {{give, (void *)1}, {give, (void *)2}};
    whorl_task *tasks[2] = {NULL};
    intptr_t results[2] = {0};
    whorl_timeout scope;
    (void)arg;
    spawn_all(tasks, calls, 2);
    while (!whorl_is_done(tasks[0]) || !whorl_is_done(tasks[1]))
        check_equal(whorl_sleep(1), 0);
    check_equal(whorl_cancel(whorl_self()), 0);
    /* All are done: the results are there, and the cancel waits. */
    check_equal(whorl_gather(tasks, 2, results, 0), 0);
    check_counted(results, 2);
    ended = 0;
    check_equal(whorl_gather_calls(calls, 2, results, 0), -ECANCELED);
    check_equal(ended, 0); /* none has begun */
    check_equal(results[1], -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    /* A timeout is like a cancel. */
    check_equal(whorl_timeout_begin(&scope, SOON), 0);
    check_equal(whorl_timeout_end(&scope, gather_with(NULL)), -ETIMEDOUT);
    check_equal(ended, 2);
    return 0;
}

static void a_cancel_loses_no_result_and_lets_none_begin(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, gather_while_cancelled, NULL);
}

static intptr_t misuse(void *arg)
{
    whorl_call calls[] = {{give, (void *)1}, {NULL, NULL}};
    whorl_task *self = whorl_self();
    whorl_task *stale = whorl_spawn(give, (void *)1);
    whorl_task *tasks[] = {whorl_spawn(give, (void *)2), stale};
    (void)arg;
    check_equal(whorl_join(stale), 1);
    check_equal(whorl_gather(NULL, 1, NULL, 0), -EINVAL);
    check_equal(whorl_gather(NULL, 0, NULL, 0), 0);
    check_equal(whorl_gather(tasks, 1, NULL, 2), -EINVAL);
    check_equal(whorl_gather(tasks, 2, NULL, 0), -EINVAL);
    check_equal(whorl_gather(&self, 1, NULL, 0), -EDEADLK);
    check_equal(whorl_gather(tasks, 1, NULL, 0), 0);
    check_equal(whorl_gather_calls(NULL, 1, NULL, 0), -EINVAL);
    check_equal(whorl_gather_calls(NULL, 0, NULL, 0), 0);
    check_equal(whorl_gather_calls(calls, 2, NULL, 0), -EINVAL);
    check_equal(whorl_gather_calls(calls, 1, NULL, 2), -EINVAL);
    return 0;
}

static void what_cannot_be_gathered_is_refused_and_unchanged(void **state)
{
    (void)state;
    run_checks(misuse, NULL);
    assert_int_equal(whorl_gather(NULL, 0, NULL, 0), -EPERM);
    assert_int_equal(whorl_gather_calls(NULL, 0, NULL, 0), -EPERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(results_come_in_the_order_of_the_arguments),
        behaviour(the_first_error_cancels_the_others_and_awaits_them),
        behaviour(collecting_waits_for_all_whatever_they_give),
        behaviour(a_task_may_stand_there_twice),
        behaviour(cancelling_the_caller_cancels_the_tasks_and_awaits_them),
        behaviour(a_cancel_loses_no_result_and_lets_none_begin),
        behaviour(what_cannot_be_gathered_is_refused_and_unchanged),
    };
    return run_behaviours("gather", tests);
}
