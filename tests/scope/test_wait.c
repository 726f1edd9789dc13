/* Waiting for several tasks: the times to return, the limit, and that nobody's fate changes. */
#include "plans.h"
#include "starve.h"

#include <errno.h>
#include <stdlib.h>

static int64_t seconds_since(int64_t start)
{
    return (whorl_now() - start) / WHORL_SECONDS(1);
}

static intptr_t wait_for_the_first(void *arg)
{
    static const struct plan plans[] = {{3, 30}, {1, -EIO}, {2, 20}};
    whorl_task *tasks[3];
    int64_t start = whorl_now();
    (void)arg;
    spawn_plans(tasks, plans, 3);
    check_equal(whorl_wait(tasks, 3, WHORL_FIRST_COMPLETED, FAR), 1);
    check_equal(whorl_now() - start, WHORL_SECONDS(1));
    check_equal(whorl_is_done(tasks[0]), 0);
    check_equal(whorl_is_done(tasks[1]), 1);
    check_equal(whorl_is_done(tasks[2]), 0);
    /* One has ended already: at once. */
    check_equal(whorl_wait(tasks, 3, WHORL_FIRST_COMPLETED, FAR), 1);
    check_equal(whorl_now() - start, WHORL_SECONDS(1));
    check_equal(whorl_wait(&tasks[2], 1, WHORL_FIRST_COMPLETED, WHORL_FOREVER), 1);
    check_equal(seconds_since(start), 2);
    join_plans(tasks, plans, 3);
    return 0;
}

static void first_completed_returns_at_the_first_end(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, wait_for_the_first, NULL);
}

static intptr_t wait_for_an_error(void *arg)
{
    static const struct plan plans[] = {{1, 10}, {2, -ECANCELED}, {3, -EIO}, {4, 40}, {5, -EPIPE}};
    whorl_task *tasks[5];
    int64_t start = whorl_now();
    (void)arg;
    spawn_plans(tasks, plans, 5);
    check_equal(whorl_wait(tasks, 5, WHORL_FIRST_EXCEPTION, FAR), 3);
    check_equal(seconds_since(start), 3);
    check_equal(whorl_is_done(tasks[3]), 0);
    /* The error is there already: at once. */
    check_equal(whorl_wait(tasks, 5, WHORL_FIRST_EXCEPTION, FAR), 3);
    check_equal(seconds_since(start), 3);
    /* No error among them: the last one's end. */
    check_equal(whorl_wait(tasks, 2, WHORL_FIRST_EXCEPTION, FAR), 2);
    check_equal(seconds_since(start), 3);
    check_equal(whorl_wait(&tasks[3], 1, WHORL_FIRST_EXCEPTION, FAR), 1);
    check_equal(seconds_since(start), 4);
    join_plans(tasks, plans, 5);
    return 0;
}

static void first_exception_passes_over_results_and_cancels(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, wait_for_an_error, NULL);
}

static intptr_t wait_for_all(void *arg)
{
    static const struct plan plans[] = {{1, -EIO}, {3, 30}, {2, -ECANCELED}};
    whorl_task *tasks[3];
    int64_t start = whorl_now();
    (void)arg;
    spawn_plans(tasks, plans, 3);
    check_equal(whorl_wait(tasks, 3, WHORL_ALL_COMPLETED, WHORL_FOREVER), 3);
    check_equal(seconds_since(start), 3);
    check_equal(whorl_wait(tasks, 3, WHORL_ALL_COMPLETED, 0), 3);
    check_equal(whorl_cancelling(whorl_self()), 0);
    join_plans(tasks, plans, 3);
    return 0;
}

static void all_completed_returns_at_the_last_end_errors_or_not(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, wait_for_all, NULL);
}

static intptr_t reach_the_limit(void *arg)
{
    static const struct plan plans[] = {{1, 10}, {4, 40}, {9, 90}};
    whorl_task *tasks[3];
    int64_t start = whorl_now();
    (void)arg;
    spawn_plans(tasks, plans, 3);
    check_equal(whorl_wait(&tasks[1], 2, WHORL_FIRST_COMPLETED, WHORL_MS(500)), 0);
    check_equal(whorl_now() - start, WHORL_MS(500));
    check_equal(whorl_wait(tasks, 3, WHORL_ALL_COMPLETED, WHORL_MS(4500)), 2);
    check_equal(seconds_since(start), 5);
    for (size_t i = 0; i < 3; i++)
        check_equal(whorl_cancelling(tasks[i]), 0);
    join_plans(tasks, plans, 3);
    check_equal(seconds_since(start), 9);
    return 0;
}

static void at_its_limit_it_tells_how_many_have_ended_and_cancels_nobody(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, reach_the_limit, NULL);
}

static intptr_t give_after_yields(void *arg)
{
    for (intptr_t i = 0; i < (intptr_t)arg; i++)
        check_equal(whorl_yield(), 0);
    return (intptr_t)arg;
}

static intptr_t wait_without_time(void *arg)
{
    static const int64_t none[] = {0, -1, INT64_MIN};
    (void)arg;
    for (size_t i = 0; i < count_of(none); i++) {
        whorl_task *tasks[] = {whorl_spawn(give_after_yields, (void *)0),
                               whorl_spawn(give_after_yields, (void *)1),
                               whorl_spawn(give_after_yields, (void *)2)};
        check_equal(whorl_wait(tasks, 3, WHORL_ALL_COMPLETED, none[i]), 1);
        check_equal(whorl_wait(tasks, 3, WHORL_ALL_COMPLETED, none[i]), 2);
        check_equal(whorl_wait(tasks, 3, WHORL_ALL_COMPLETED, none[i]), 3);
        for (intptr_t j = 0; j < 3; j++)
            check_equal(whorl_join(tasks[j]), j);
    }
    return 0;
}

static void without_time_others_run_once(void **state)
{
    (void)state;
    run_checks(wait_without_time, NULL);
}

static intptr_t end_in_one_turn(void *arg)
{
    whorl_task *tasks[] = {whorl_spawn(give_after_yields, (void *)1),
                           whorl_spawn(give_after_yields, (void *)1),
                           whorl_spawn(give_after_yields, (void *)3)};
    (void)arg;
    check_equal(whorl_wait(tasks, 3, WHORL_FIRST_COMPLETED, FAR), 2);
    check_equal(whorl_wait(tasks, 3, WHORL_ALL_COMPLETED, FAR), 3);
    return 0;
}

static void ends_of_the_same_turn_count_together(void **state)
{
    (void)state;
    run_checks(end_in_one_turn, NULL);
}

static intptr_t wait_for_twins(void *arg)
{
    static const struct plan plans[] = {{1, 10}, {2, 20}};
    whorl_task *tasks[2];
    (void)arg;
    spawn_plans(tasks, plans, 2);
    whorl_task *twice[] = {tasks[0], tasks[1], tasks[0]};
    check_equal(whorl_wait(twice, 3, WHORL_FIRST_COMPLETED, FAR), 2);
    check_equal(whorl_wait(twice, 3, WHORL_ALL_COMPLETED, FAR), 3);
    join_plans(tasks, plans, 2);
    return 0;
}

static void a_task_given_twice_counts_twice(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, wait_for_twins, NULL);
}

static intptr_t wait_for_none_and_for_many(void *arg)
{
    static struct plan plans[1000];
    static whorl_task *tasks[1000];
    int64_t start = whorl_now();
    (void)arg;
    check_equal(whorl_wait(NULL, 0, WHORL_ALL_COMPLETED, FAR), 0);
    check_equal(whorl_wait(NULL, 0, WHORL_FIRST_EXCEPTION, FAR), 0);
    check_equal(whorl_now(), start);
    for (size_t i = 0; i < 1000; i++)
        plans[i] = (struct plan){(int)(i % 50), (intptr_t)i};
    for (size_t n = 31; n < 34; n++) {
        spawn_plans(tasks, plans, n);
        check_equal(whorl_wait(tasks, n, WHORL_ALL_COMPLETED, FAR), n);
        join_plans(tasks, plans, n);
    }
    spawn_plans(tasks, plans, 1000);
    check_equal(whorl_wait(tasks, 1000, WHORL_ALL_COMPLETED, WHORL_MS(24500)), 500);
    check_equal(whorl_wait(tasks, 1000, WHORL_ALL_COMPLETED, FAR), 1000);
    join_plans(tasks, plans, 1000);
    return 0;
}

static void none_are_done_at_once_and_a_thousand_are_counted(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, wait_for_none_and_for_many, NULL);
}

static intptr_t wait_in_a_cancelled_task(void *arg)
{
    static const struct plan plans[] = {{0, 10}, {2, 20}};
    whorl_task *tasks[2];
    (void)arg;
    spawn_plans(tasks, plans, 2);
    check_equal(whorl_wait(tasks, 2, WHORL_FIRST_COMPLETED, FAR), 1);
    check_equal(whorl_cancel(whorl_self()), 0);
    /* What it waits for has come. */
    check_equal(whorl_wait(tasks, 2, WHORL_FIRST_COMPLETED, FAR), 1);
    check_equal(whorl_wait(tasks, 1, WHORL_ALL_COMPLETED, 0), 1);
    /* It has not. */
    check_equal(whorl_wait(tasks, 2, WHORL_ALL_COMPLETED, FAR), -ECANCELED);
    check_equal(whorl_wait(tasks, 2, WHORL_FIRST_EXCEPTION, 0), -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    check_equal(whorl_cancelling(tasks[1]), 0);
    join_plans(tasks, plans, 2);
    return 0;
}

static intptr_t wait_long(void *arg)
{
    return whorl_wait(arg, 2, WHORL_ALL_COMPLETED, FAR);
}

static intptr_t cancel_a_waiter(void *arg)
{
    static const struct plan plans[] = {{1, 10}, {3, 30}};
    whorl_task *tasks[2];
    check_equal(wait_in_a_cancelled_task(arg), 0);
    int64_t start = whorl_now();
    spawn_plans(tasks, plans, 2);
    whorl_task *waiter = whorl_spawn(wait_long, tasks);
    check_equal(whorl_sleep(WHORL_SECONDS(2)), 0);
    check_equal(whorl_cancel(waiter), 0);
    check_equal(whorl_join(waiter), -ECANCELED);
    check_equal(seconds_since(start), 2);
    join_plans(tasks, plans, 2);
    /* An outer timeout cuts it short as well. */
    whorl_timeout scope;
    spawn_plans(tasks, plans, 2);
    check_equal(whorl_timeout_begin(&scope, WHORL_SECONDS(2)), 0);
    check_equal(whorl_timeout_end(&scope, wait_long(tasks)), -ETIMEDOUT);
    join_plans(tasks, plans, 2);
    return 0;
}

static void cancelling_the_waiter_cancels_nobody_else(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, cancel_a_waiter, NULL);
}

static intptr_t take_the_handle_meanwhile(void *arg)
{
    static const struct plan plans[] = {{1, 10}, {3, 30}};
    whorl_task *tasks[2];
    (void)arg;
    spawn_plans(tasks, plans, 2);
    whorl_task *waiter = whorl_spawn(wait_long, tasks);
    check_equal(whorl_join(tasks[0]), 10);
    check_equal(whorl_release(tasks[1]), 0);
    /* Others come in the place of the one that has gone. */
    for (int i = 0; i < 10; i++)
        check_equal(whorl_join(whorl_spawn(give_after_yields, NULL)), 0);
    check_equal(whorl_join(waiter), 2);
    return 0;
}

static void a_handle_may_be_given_back_meanwhile(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, take_the_handle_meanwhile, NULL);
}

static intptr_t misuse(void *arg)
{
    static const struct plan plans[] = {{1, 10}};
    whorl_task *task, *gone = whorl_spawn(give_after_yields, NULL);
    check_equal(whorl_join(gone), 0);
    spawn_plans(&task, plans, 1);
    whorl_task *with_self[] = {task, whorl_self()}, *with_gone[] = {task, gone},
               *with_null[] = {task, NULL};
    check_equal(whorl_wait(with_self, 2, WHORL_FIRST_COMPLETED, FAR), -EDEADLK);
    check_equal(whorl_wait(with_gone, 2, WHORL_FIRST_COMPLETED, FAR), -EINVAL);
    check_equal(whorl_wait(with_null, 2, WHORL_FIRST_COMPLETED, FAR), -EINVAL);
    check_equal(whorl_wait(NULL, 1, WHORL_FIRST_COMPLETED, FAR), -EINVAL);
    check_equal(whorl_wait(&task, 1, (enum whorl_when)3, FAR), -EINVAL);
    check_equal(whorl_wait(&task, 1, (enum whorl_when) - 1, FAR), -EINVAL);
    *(whorl_task **)arg = task;
    return whorl_join(task) - 10;
}

static void misuse_is_refused_at_once(void **state)
{
    whorl_task *task;
    (void)state;
    run_checks_with(&virtual_clock, misuse, &task);
    assert_int_equal(whorl_wait(&task, 1, WHORL_FIRST_COMPLETED, 1), -EPERM);
    assert_int_equal(whorl_wait(NULL, 0, WHORL_FIRST_COMPLETED, 1), -EPERM);
}

static intptr_t wait_for_a_crowd(void *arg)
{
    enum { CROWD = 4 << 20 };
    whorl_task **crowd = malloc(CROWD * sizeof *crowd);
    whorl_task *task = whorl_spawn(give_after_yields, (void *)2);
    (void)arg;
    if (!check(crowd != NULL))
        return 1;
    for (size_t i = 0; i < CROWD; i++)
        crowd[i] = task;
    leave_memory(SPARE_BYTES);
    check_equal(whorl_wait(crowd, CROWD, WHORL_ALL_COMPLETED, FAR), -ENOMEM);
    check_equal(whorl_wait(crowd, 32, WHORL_ALL_COMPLETED, FAR), 32);
    check_equal(whorl_join(task), 2);
    free(crowd);
    return 0;
}

static void many_need_memory_and_few_do_not(void **state)
{
    run_checks_in_child(NULL, wait_for_a_crowd, state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(first_completed_returns_at_the_first_end),
        behaviour(first_exception_passes_over_results_and_cancels),
        behaviour(all_completed_returns_at_the_last_end_errors_or_not),
        behaviour(at_its_limit_it_tells_how_many_have_ended_and_cancels_nobody),
        behaviour(without_time_others_run_once),
        behaviour(ends_of_the_same_turn_count_together),
        behaviour(a_task_given_twice_counts_twice),
        behaviour(none_are_done_at_once_and_a_thousand_are_counted),
        behaviour(cancelling_the_waiter_cancels_nobody_else),
        behaviour(a_handle_may_be_given_back_meanwhile),
        behaviour(misuse_is_refused_at_once),
        behaviour(many_need_memory_and_few_do_not),
    };
    return run_behaviours("wait", tests);
}
