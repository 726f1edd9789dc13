/*
 * Futures: set once, by any task; waited for by any number, each of whom gets the result, unless it
 * was cancelled first.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "as_task.h"
#include "elsewhere.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = CROWD_OF(10000) };

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
    assert_int_equal(whorl_yield(), 0);
    return task;
}

/* --- Setting and waiting --- */

static void a_future_gives_what_it_was_set_to_before_and_after(void **state)
{
    (void)state;
    static const intptr_t results[] = {0, 1, INTPTR_MAX, -EIO, -EAGAIN, -ECANCELED};
    for (size_t i = 0; i < count_of(results); i++) {
        whorl_future future = WHORL_FUTURE_INIT;
        whorl_task *task = waiting_for(&future);
        intptr_t peeked = 77;
        assert_int_equal(whorl_future_set(&future, results[i]), 0);
        assert_int_equal(whorl_join(task), results[i]);
        assert_int_equal(whorl_future_wait(&future), results[i]);
        assert_int_equal(whorl_future_wait(&future), results[i]);
        assert_int_equal(whorl_future_result(&future, &peeked), 0);
        assert_int_equal(peeked, results[i]);
    }
}

static void set_twice(whorl_future *future)
{
    intptr_t result = 77;
    assert_int_equal(whorl_future_is_done(future), 0);
    assert_int_equal(whorl_future_result(future, &result), -EAGAIN);
    assert_int_equal(result, 77);
    assert_int_equal(whorl_future_set(future, 5), 0);
    assert_int_equal(whorl_future_is_done(future), 1);
    assert_int_equal(whorl_future_set(future, 6), -EALREADY);
    assert_int_equal(whorl_future_result(future, &result), 0);
    assert_int_equal(result, 5);
    assert_int_equal(whorl_future_destroy(future), 0);
}

static void a_second_set_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    static whorl_future zero;
    whorl_future made;
    memset(&made, 0xee, sizeof made);
    assert_int_equal(whorl_future_init(&made), 0);
    set_twice(&zero);
    set_twice(&made);
}

static void one_that_is_set_is_not_waited_for(void **state)
{
    (void)state;
    whorl_future future = WHORL_FUTURE_INIT;
    whorl_task *other = whorl_spawn(wait_for_it, &shared);
    woken = 0;
    assert_int_equal(whorl_future_init(&shared), 0);
    assert_int_equal(whorl_future_set(&future, 3), 0);
    assert_int_equal(whorl_future_set(&shared, 4), 0);
    assert_int_equal(whorl_future_wait(&future), 3);
    assert_int_equal(woken, 0);
    assert_int_equal(whorl_join(other), 4);
}

/* --- Many waiters --- */

static int order[MANY];

static intptr_t note_my_turn(void *arg)
{
    intptr_t result = whorl_future_wait(&shared);
    order[woken++] = (int)(intptr_t)arg;
    return result;
}

static void ten_thousand_who_wait_are_woken_in_their_order(void **state)
{
    (void)state;
    static whorl_task *tasks[MANY];
    tell_crowd(MANY);
    woken = 0;
    assert_int_equal(whorl_future_init(&shared), 0);
    for (intptr_t i = 0; i < MANY; i++)
        tasks[i] = whorl_spawn(note_my_turn, (void *)i);
    assert_int_equal(whorl_yield(), 0);
    /* Each third is gone by then. */
    for (int i = 0; i < MANY; i += 3)
        assert_int_equal(whorl_cancel(tasks[i]), 0);
    assert_int_equal(whorl_future_set(&shared, 9), 0);
    assert_int_equal(woken, 0);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(whorl_join(tasks[i]), i % 3 == 0 ? -ECANCELED : 9);
    assert_int_equal(woken, MANY);
    for (int i = (MANY + 2) / 3; i < MANY - 1; i++)
        assert_true(order[i] < order[i + 1]);
}

/* --- Cancel --- */

static void a_cancel_before_the_set_wins_and_one_after_it_does_not(void **state)
{
    (void)state;
    for (int cancelled_first = 0; cancelled_first <= 1; cancelled_first++) {
        whorl_future future = WHORL_FUTURE_INIT;
        whorl_task *task = waiting_for(&future);
        if (cancelled_first)
            assert_int_equal(whorl_cancel(task), 0);
        assert_int_equal(whorl_future_set(&future, 8), 0);
        if (!cancelled_first)
            assert_int_equal(whorl_cancel(task), 0);
        assert_int_equal(whorl_join(task), cancelled_first ? -ECANCELED : 8);
        assert_int_equal(whorl_future_wait(&future), 8);
    }
}

static void a_cancelled_task_can_set_but_not_wait(void **state)
{
    (void)state;
    whorl_future future = WHORL_FUTURE_INIT;
    assert_int_equal(whorl_cancel(whorl_self()), 0);
    assert_int_equal(whorl_future_set(&future, 8), 0);
    assert_int_equal(whorl_future_wait(&future), -ECANCELED);
    assert_int_equal(whorl_future_is_done(&future), 1);
    assert_int_equal(whorl_uncancel(), 1);
    assert_int_equal(whorl_future_wait(&future), 8);
}

static void a_timeout_ends_the_wait(void **state)
{
    (void)state;
    whorl_future future = WHORL_FUTURE_INIT;
    whorl_timeout scope;
    assert_int_equal(whorl_timeout_begin(&scope, WHORL_SECONDS(1)), 0);
    assert_int_equal(whorl_timeout_end(&scope, whorl_future_wait(&future)), -ETIMEDOUT);
    assert_int_equal(whorl_future_destroy(&future), 0);
}

/* --- Memory --- */

static void one_that_is_set_may_go_before_its_waiters_have_run(void **state)
{
    (void)state;
    whorl_future *future = malloc(sizeof *future);
    assert_int_equal(whorl_future_init(future), 0);
    whorl_task *task = waiting_for(future);
    assert_int_equal(whorl_future_destroy(future), -EBUSY);
    assert_int_equal(whorl_future_set(future, 4), 0);
    assert_int_equal(whorl_future_destroy(future), 0);
    memset(future, 0xee, sizeof *future);
    free(future);
    assert_int_equal(whorl_join(task), 4);
}

/* --- The wrong place, and nothing --- */

static intptr_t use_from_elsewhere(void *arg)
{
    (void)arg;
    check_equal(whorl_future_set(&shared, 1), -EPERM);
    check_equal(whorl_future_wait(&shared), -EPERM);
    return 0;
}

static void no_other_thread_can_set_it_or_wait(void **state)
{
    (void)state;
    assert_int_equal(whorl_future_init(&shared), 0);
    without_a_loop(use_from_elsewhere);
    whorl_task *task = waiting_for(&shared);
    in_another_loop(use_from_elsewhere);
    assert_int_equal(whorl_future_set(&shared, 2), 0);
    assert_int_equal(whorl_join(task), 2);
}

static void null_is_refused(void **state)
{
    (void)state;
    intptr_t result = 77;
    whorl_future future = WHORL_FUTURE_INIT;
    assert_int_equal(whorl_future_init(NULL), -EINVAL);
    assert_int_equal(whorl_future_set(NULL, 1), -EINVAL);
    assert_int_equal(whorl_future_wait(NULL), -EINVAL);
    assert_int_equal(whorl_future_is_done(NULL), -EINVAL);
    assert_int_equal(whorl_future_result(NULL, &result), -EINVAL);
    assert_int_equal(whorl_future_result(&future, NULL), -EINVAL);
    assert_int_equal(whorl_future_destroy(NULL), -EINVAL);
    assert_int_equal(result, 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(a_future_gives_what_it_was_set_to_before_and_after),
        as_task(a_second_set_is_refused_and_changes_nothing),
        as_task(one_that_is_set_is_not_waited_for),
        as_task(ten_thousand_who_wait_are_woken_in_their_order),
        as_task(a_cancel_before_the_set_wins_and_one_after_it_does_not),
        as_task(a_cancelled_task_can_set_but_not_wait),
        as_task(a_timeout_ends_the_wait),
        as_task(one_that_is_set_may_go_before_its_waiters_have_run),
        as_task(no_other_thread_can_set_it_or_wait),
        as_task(null_is_refused),
    };

    return run_behaviours("future", tests);
}
