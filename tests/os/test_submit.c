/*
 * Submissions: a thread has a call run by a loop and waits for its result, with a limit, and may
 * cancel it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "os/threads.h"

#include <string.h>

static whorl_loop *held;
static whorl_task *main_task;
static pthread_t loops_thread;
static atomic_int begun, may_end, done;

/* Runs `body` on a thread while main keeps the loop alive until it has returned. */
static intptr_t host(void *arg)
{
    void *(*body)(void *) = (void *(*)(void *))(intptr_t)arg;
    loops_thread = pthread_self();
    main_task = whorl_self();
    held = whorl_loop_hold();
    atomic_store(&begun, 0);
    atomic_store(&may_end, 0);
    atomic_store(&done, 0);
    pthread_t thread = start(body, NULL);
    while (atomic_load(&done) == 0)
        check_equal(whorl_sleep(WHORL_MS(1)), 0);
    finish(thread);
    return whorl_loop_drop(held);
}

static void run_beside(void *(*body)(void *))
{
    run_checks(host, (void *)(intptr_t)body);
}

static void *over(void)
{
    atomic_store(&done, 1);
    return NULL;
}

static intptr_t answer(void *arg)
{
    check(pthread_equal(pthread_self(), loops_thread));
    check(whorl_self() != NULL);
    check_equal(whorl_sleep(WHORL_US(10)), 0);
    return (intptr_t)arg + 1;
}

static intptr_t never(void *arg)
{
    check_failed("this must not run");
    return (intptr_t)arg;
}

/* Until it is cancelled, and then until it may end. */
static intptr_t wait_for_a_cancel(void *arg)
{
    whorl_shield shield;
    atomic_fetch_add(&begun, 1);
    check_equal(whorl_sleep(WHORL_FOREVER), -ECANCELED);
    check_equal(whorl_shield_begin(&shield, WHORL_SECONDS(1000)), 0);
    while (atomic_load(&may_end) == 0)
        check_equal(whorl_sleep(WHORL_US(100)), 0);
    return whorl_shield_end(&shield, (intptr_t)arg);
}

/* --- Results --- */

static void *submit_many(void *arg)
{
    (void)arg;
    enum { MANY = 100 };
    whorl_submission all[MANY];
    for (int i = 0; i < MANY; i++)
        check_equal(whorl_submit_threadsafe(held, &all[i], answer, (void *)(intptr_t)i), 0);
    for (int i = MANY - 1; i >= 0; i--)
        check_equal(whorl_submission_wait(&all[i], WHORL_FOREVER), i + 1);
    check_equal(whorl_submission_wait(&all[0], 0), 1); /* it is still there */
    check_equal(whorl_submission_cancel(&all[0]), -EALREADY);
    check_equal(whorl_submit_threadsafe(held, &all[0], answer, (void *)(intptr_t)-EIO), 0);
    check_equal(whorl_submission_wait(&all[0], WHORL_SECONDS(1000)), -EIO + 1);
    return over();
}

static void a_thread_gets_the_results_of_what_it_submits(void **state)
{
    (void)state;
    run_beside(submit_many);
}

static void *give_nonsense(void *arg)
{
    whorl_submission submission;
    check_equal(whorl_submit_threadsafe(NULL, &submission, never, arg), -EINVAL);
    check_equal(whorl_submit_threadsafe(held, NULL, never, arg), -EINVAL);
    check_equal(whorl_submit_threadsafe(held, &submission, NULL, arg), -EINVAL);
    check_equal(whorl_submission_wait(NULL, 0), -EINVAL);
    check_equal(whorl_submission_cancel(NULL), -EINVAL);
    return over();
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    run_beside(give_nonsense);
}

/* --- Limits --- */

static void *wait_with_limits(void *arg)
{
    whorl_submission submission;
    check_equal(whorl_submit_threadsafe(held, &submission, wait_for_a_cancel, (void *)7), 0);
    check_equal(whorl_submission_wait(&submission, WHORL_MS(1)), -ETIMEDOUT);
    check_equal(whorl_submission_wait(&submission, 0), -ETIMEDOUT);
    check_equal(whorl_submission_wait(&submission, -1), -ETIMEDOUT);
    await_number(&begun, 1); /* it goes on */
    check_equal(whorl_submission_cancel(&submission), 0);
    check_equal(whorl_submission_wait(&submission, WHORL_MS(1)), -ETIMEDOUT);
    atomic_store(&may_end, 1);
    check_equal(whorl_submission_wait(&submission, WHORL_SECONDS(1000)), 7);
    (void)arg;
    return over();
}

static void a_wait_with_a_limit_leaves_the_task_alone(void **state)
{
    (void)state;
    run_beside(wait_with_limits);
}

/* --- Cancels --- */

static void *cancel_in_turn(void *arg)
{
    whorl_submission submission;
    check_equal(whorl_submit_threadsafe(held, &submission, wait_for_a_cancel, (void *)8), 0);
    await_number(&begun, 1);
    for (int i = 0; i < 3; i++)
        check_equal(whorl_submission_cancel(&submission), 0);
    atomic_store(&may_end, 1);
    check_equal(whorl_submission_wait(&submission, WHORL_FOREVER), 8);
    check_equal(whorl_submission_cancel(&submission), -EALREADY);
    (void)arg;
    return over();
}

static void cancelling_twice_is_cancelling_once(void **state)
{
    (void)state;
    run_beside(cancel_in_turn);
}

static intptr_t hold_the_loop_up(void *arg)
{
    atomic_fetch_add(&begun, 1);
    await_number(&may_end, 1);
    return (intptr_t)arg;
}

static void *cancel_before_it_begins(void *arg)
{
    whorl_submission submission;
    check_equal(whorl_post(held, hold_the_loop_up, arg), 0);
    await_number(&begun, 1);
    check_equal(whorl_submit_threadsafe(held, &submission, never, NULL), 0);
    check_equal(whorl_submission_cancel(&submission), 0);
    atomic_store(&may_end, 1);
    check_equal(whorl_submission_wait(&submission, WHORL_FOREVER), -ECANCELED);
    return over();
}

static void cancelled_before_it_begins_a_task_never_runs(void **state)
{
    (void)state;
    run_beside(cancel_before_it_begins);
}

static intptr_t sleep_shortly(void *arg)
{
    int slept = whorl_sleep(WHORL_US(20));
    return slept < 0 ? slept : (intptr_t)arg;
}

static void *cancel_the_submission(void *arg)
{
    int result = whorl_submission_cancel(arg);
    check(result == 0 || result == -EALREADY);
    return NULL;
}

/* Another thread cancels while the task ends; afterwards the memory is used for something else. */
static void *race_cancels_with_ends(void *arg)
{
    long rounds = test_rounds(2000), cancelled = 0;
    for (long i = 0; i < rounds; i++) {
        whorl_submission submission;
        check_equal(whorl_submit_threadsafe(held, &submission, sleep_shortly, (void *)3), 0);
        pthread_t thread = start(cancel_the_submission, &submission);
        if (i % 2)
            pause_for(WHORL_US(50));
        finish(thread);
        intptr_t result = whorl_submission_wait(&submission, WHORL_FOREVER);
        check(result == 3 || result == -ECANCELED);
        cancelled += result == -ECANCELED;
        memset(&submission, 0xee, sizeof submission);
    }
    print_message("%ld rounds, %ld cancelled\n", rounds, cancelled);
    (void)arg;
    return over();
}

static void a_cancel_meets_the_end(void **state)
{
    (void)state;
    run_beside(race_cancels_with_ends);
}

/* --- The loop's own thread, and other loops --- */

static intptr_t submit_to_oneself(void *arg)
{
    whorl_submission submission;
    held = whorl_loop_hold();
    check_equal(whorl_submit_threadsafe(held, &submission, never, arg), -EDEADLK);
    return whorl_loop_drop(held);
}

static void a_loops_own_thread_cannot_submit_to_it(void **state)
{
    (void)state;
    run_checks(submit_to_oneself, NULL);
}

static whorl_submission shared;

static intptr_t wait_for_the_shared(void *arg)
{
    check_equal(whorl_submission_wait(&shared, WHORL_FOREVER), -EDEADLK);
    return (intptr_t)arg;
}

static void *wait_on_both_sides(void *arg)
{
    whorl_submission other;
    check_equal(whorl_submit_threadsafe(held, &shared, wait_for_a_cancel, (void *)4), 0);
    check_equal(whorl_submit_threadsafe(held, &other, wait_for_the_shared, (void *)5), 0);
    check_equal(whorl_submission_wait(&other, WHORL_FOREVER), 5);
    check_equal(whorl_submission_cancel(&shared), 0);
    atomic_store(&may_end, 1);
    check_equal(whorl_submission_wait(&shared, WHORL_FOREVER), 4);
    (void)arg;
    return over();
}

static void a_loops_own_thread_cannot_wait_for_what_it_runs(void **state)
{
    (void)state;
    run_beside(wait_on_both_sides);
}

static intptr_t submit_to_the_other_loop(void *arg)
{
    whorl_submission submission;
    check_equal(whorl_submit_threadsafe(held, &submission, answer, arg), 0);
    return whorl_submission_wait(&submission, WHORL_FOREVER);
}

static void *run_another_loop(void *arg)
{
    (void)arg;
    check_equal(whorl_run(submit_to_the_other_loop, (void *)41), 42);
    return over();
}

static void a_task_of_another_loop_may_submit_and_blocks_that_loop(void **state)
{
    (void)state;
    run_beside(run_another_loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_thread_gets_the_results_of_what_it_submits),
        behaviour(nonsense_is_refused),
        behaviour(a_wait_with_a_limit_leaves_the_task_alone),
        behaviour(cancelling_twice_is_cancelling_once),
        behaviour(cancelled_before_it_begins_a_task_never_runs),
        behaviour(a_cancel_meets_the_end),
        behaviour(a_loops_own_thread_cannot_submit_to_it),
        behaviour(a_loops_own_thread_cannot_wait_for_what_it_runs),
        behaviour(a_task_of_another_loop_may_submit_and_blocks_that_loop),
    };

    return run_behaviours("submit", tests);
}
