/*
 * Futures: set once, by any task; waited for by any number, each of whom gets the result, unless it
 * was cancelled first.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "elsewhere.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAR WHORL_SECONDS(100)

enum { MANY = UNDER_THREAD_SANITIZER ? 4000 : 10000 };

static const whorl_config virtual_time = {.clock = WHORL_CLOCK_VIRTUAL};

static whorl_future shared = WHORL_FUTURE_INIT;
static int woken;

static intptr_t wait_for_it(void *arg)
{
    intptr_t result = whorl_future_wait(arg);
    woken++;
    return result;
}

/* Spawns one that waits, and has it begin. */
static whorl_task *waiting_for(whorl_future *future)
{
    whorl_task *task = whorl_spawn(wait_for_it, future);
    check_equal(whorl_yield(), 0);
    return task;
}

/* --- Setting and waiting --- */

static intptr_t set_and_wait(void *arg)
{
    static const intptr_t results[] = {0, 1, INTPTR_MAX, -EIO, -EAGAIN, -ECANCELED};
    (void)arg;
    for (size_t i = 0; i < count_of(results); i++) {
        whorl_future future = WHORL_FUTURE_INIT;
        whorl_task *task = waiting_for(&future);
        intptr_t peeked = 77;
        check_equal(whorl_future_set(&future, results[i]), 0);
        check_equal(whorl_join(task), results[i]);
        check_equal(whorl_future_wait(&future), results[i]);
        check_equal(whorl_future_wait(&future), results[i]);
        check_equal(whorl_future_result(&future, &peeked), 0);
        check_equal(peeked, results[i]);
    }
    return 0;
}

static void a_future_gives_what_it_was_set_to_before_and_after(void **state)
{
    (void)state;
    run_checks(set_and_wait, NULL);
}

static intptr_t look_at_one(void *arg)
{
    whorl_future *future = arg;
    intptr_t result = 77;
    check_equal(whorl_future_is_done(future), 0);
    check_equal(whorl_future_result(future, &result), -EAGAIN);
    check_equal(result, 77);
    check_equal(whorl_future_set(future, 5), 0);
    check_equal(whorl_future_is_done(future), 1);
    check_equal(whorl_future_set(future, 6), -EALREADY);
    check_equal(whorl_future_result(future, &result), 0);
    check_equal(result, 5);
    check_equal(whorl_future_destroy(future), 0);
    return 0;
}

static void a_second_set_is_refused_and_changes_nothing(void **state)
{
    static whorl_future zero;
    whorl_future made;
    (void)state;
    memset(&made, 0xee, sizeof made);
    assert_int_equal(whorl_future_init(&made), 0);
    run_checks(look_at_one, &zero);
    run_checks(look_at_one, &made);
}

static intptr_t wait_without_a_switch(void *arg)
{
    whorl_future future = WHORL_FUTURE_INIT;
    whorl_task *other = whorl_spawn(wait_for_it, &shared);
    (void)arg;
    woken = 0;
    check_equal(whorl_future_init(&shared), 0);
    check_equal(whorl_future_set(&future, 3), 0);
    check_equal(whorl_future_set(&shared, 4), 0);
    check_equal(whorl_future_wait(&future), 3);
    check_equal(woken, 0);
    check_equal(whorl_join(other), 4);
    return 0;
}

static void one_that_is_set_is_not_waited_for(void **state)
{
    (void)state;
    run_checks(wait_without_a_switch, NULL);
}

/* --- Many waiters --- */

static whorl_task **tasks;
static int order[MANY];

static intptr_t note_my_turn(void *arg)
{
    intptr_t result = whorl_future_wait(&shared);
    order[woken++] = (int)(intptr_t)arg;
    return result;
}

static intptr_t wake_many(void *arg)
{
    (void)arg;
    woken = 0;
    check_equal(whorl_future_init(&shared), 0);
    for (intptr_t i = 0; i < MANY; i++)
        tasks[i] = whorl_spawn(note_my_turn, (void *)i);
    check_equal(whorl_yield(), 0);
    /* Each third is gone by then. */
    for (int i = 0; i < MANY; i += 3)
        check_equal(whorl_cancel(tasks[i]), 0);
    check_equal(whorl_future_set(&shared, 9), 0);
    check_equal(woken, 0);
    for (int i = 0; i < MANY; i++)
        check_equal(whorl_join(tasks[i]), i % 3 == 0 ? -ECANCELED : 9);
    check_equal(woken, MANY);
    for (int i = (MANY + 2) / 3; i < MANY - 1; i++)
        check(order[i] < order[i + 1]);
    return 0;
}

static void ten_thousand_who_wait_are_woken_in_their_order(void **state)
{
    (void)state;
    if (UNDER_THREAD_SANITIZER)
        printf("thread sanitizer: %d tasks, since it holds no more than about 8,000 fibers\n",
               (int)MANY);
    tasks = calloc(MANY, sizeof(whorl_task *));
    assert_non_null(tasks);
    run_checks(wake_many, NULL);
    free(tasks);
}

/* --- Cancel --- */

static intptr_t cancel_in_both_orders(void *arg)
{
    (void)arg;
    for (int cancelled_first = 0; cancelled_first <= 1; cancelled_first++) {
        whorl_future future = WHORL_FUTURE_INIT;
        whorl_task *task = waiting_for(&future);
        if (cancelled_first)
            check_equal(whorl_cancel(task), 0);
        check_equal(whorl_future_set(&future, 8), 0);
        if (!cancelled_first)
            check_equal(whorl_cancel(task), 0);
        check_equal(whorl_join(task), cancelled_first ? -ECANCELED : 8);
        check_equal(whorl_future_wait(&future), 8);
    }
    return 0;
}

static void a_cancel_before_the_set_wins_and_one_after_it_does_not(void **state)
{
    (void)state;
    run_checks(cancel_in_both_orders, NULL);
}

static intptr_t wait_when_cancelled(void *arg)
{
    whorl_future future = WHORL_FUTURE_INIT;
    (void)arg;
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_future_set(&future, 8), 0);
    check_equal(whorl_future_wait(&future), -ECANCELED);
    check_equal(whorl_future_is_done(&future), 1);
    check_equal(whorl_uncancel(), 1);
    check_equal(whorl_future_wait(&future), 8);
    return 0;
}

static void a_cancelled_task_can_set_but_not_wait(void **state)
{
    (void)state;
    run_checks(wait_when_cancelled, NULL);
}

static intptr_t wait_within_a_limit(void *arg)
{
    whorl_future future = WHORL_FUTURE_INIT;
    whorl_timeout scope;
    (void)arg;
    check_equal(whorl_timeout_begin(&scope, WHORL_SECONDS(1)), 0);
    check_equal(whorl_timeout_end(&scope, whorl_future_wait(&future)), -ETIMEDOUT);
    check_equal(whorl_future_destroy(&future), 0);
    return 0;
}

static void a_timeout_ends_the_wait(void **state)
{
    (void)state;
    run_checks_with(&virtual_time, wait_within_a_limit, NULL);
}

/* --- Memory --- */

static intptr_t set_and_free(void *arg)
{
    whorl_future *future = malloc(sizeof *future);
    (void)arg;
    check_equal(whorl_future_init(future), 0);
    whorl_task *task = waiting_for(future);
    check_equal(whorl_future_destroy(future), -EBUSY);
    check_equal(whorl_future_set(future, 4), 0);
    check_equal(whorl_future_destroy(future), 0);
    memset(future, 0xee, sizeof *future);
    free(future);
    check_equal(whorl_join(task), 4);
    return 0;
}

static void one_that_is_set_may_go_before_its_waiters_have_run(void **state)
{
    (void)state;
    run_checks(set_and_free, NULL);
}

/* --- The wrong place, and nothing --- */

static intptr_t use_from_elsewhere(void *arg)
{
    (void)arg;
    check_equal(whorl_future_set(&shared, 1), -EPERM);
    check_equal(whorl_future_wait(&shared), -EPERM);
    return 0;
}

static intptr_t be_used_from_elsewhere(void *arg)
{
    (void)arg;
    check_equal(whorl_future_init(&shared), 0);
    without_a_loop(use_from_elsewhere);
    whorl_task *task = waiting_for(&shared);
    in_another_loop(use_from_elsewhere);
    check_equal(whorl_future_set(&shared, 2), 0);
    check_equal(whorl_join(task), 2);
    return 0;
}

static void no_other_thread_can_set_it_or_wait(void **state)
{
    (void)state;
    run_checks(be_used_from_elsewhere, NULL);
}

static intptr_t use_nothing(void *arg)
{
    intptr_t result = 77;
    whorl_future future = WHORL_FUTURE_INIT;
    (void)arg;
    check_equal(whorl_future_init(NULL), -EINVAL);
    check_equal(whorl_future_set(NULL, 1), -EINVAL);
    check_equal(whorl_future_wait(NULL), -EINVAL);
    check_equal(whorl_future_is_done(NULL), -EINVAL);
    check_equal(whorl_future_result(NULL, &result), -EINVAL);
    check_equal(whorl_future_result(&future, NULL), -EINVAL);
    check_equal(whorl_future_destroy(NULL), -EINVAL);
    check_equal(result, 77);
    return 0;
}

static void null_is_refused(void **state)
{
    (void)state;
    run_checks(use_nothing, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_future_gives_what_it_was_set_to_before_and_after),
        behaviour(a_second_set_is_refused_and_changes_nothing),
        behaviour(one_that_is_set_is_not_waited_for),
        behaviour(ten_thousand_who_wait_are_woken_in_their_order),
        behaviour(a_cancel_before_the_set_wins_and_one_after_it_does_not),
        behaviour(a_cancelled_task_can_set_but_not_wait),
        behaviour(a_timeout_ends_the_wait),
        behaviour(one_that_is_set_may_go_before_its_waiters_have_run),
        behaviour(no_other_thread_can_set_it_or_wait),
        behaviour(null_is_refused),
    };

    return run_behaviours("future", tests);
}
