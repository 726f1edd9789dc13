/*
 * Submissions whose loop ends before they do: each that was accepted comes to a result.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "core/child.h"
#include "os/threads.h"

static whorl_loop *held;
static whorl_submission shared;
static atomic_int begun;

static intptr_t sleep_shortly(void *arg)
{
    int slept = whorl_sleep(WHORL_US(20));
    return slept < 0 ? slept : (intptr_t)arg;
}

/* Until it is cancelled, and then a while. */
static intptr_t wait_for_a_cancel(void *arg)
{
    whorl_shield shield;
    atomic_fetch_add(&begun, 1);
    check_equal(whorl_sleep(WHORL_FOREVER), -ECANCELED);
    check_equal(whorl_shield_begin(&shield, WHORL_SECONDS(1000)), 0);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    return whorl_shield_end(&shield, (intptr_t)arg);
}

/* --- The run's end --- */

static void *submit_until_refused(void *arg)
{
    long *counts = arg;
    for (;;) {
        whorl_submission submission;
        int error = whorl_submit_threadsafe(held, &submission, sleep_shortly, (void *)6);
        if (error) {
            check_equal(error, -ESHUTDOWN);
            break;
        }
        intptr_t result = whorl_submission_wait(&submission, WHORL_FOREVER);
        check(result == 6 || result == -ECANCELED);
        counts[result == 6]++;
        atomic_fetch_add(&begun, 1);
    }
    return NULL;
}

static intptr_t end_at_some_point(void *arg)
{
    held = whorl_loop_hold();
    pthread_t *threads = arg;
    static long counts[2][2];
    for (int i = 0; i < 2; i++)
        threads[i] = start(submit_until_refused, counts[i]);
    while (atomic_load(&begun) == 0)
        check_equal(whorl_sleep(WHORL_US(10)), 0);
    return 0;
}

static void submissions_race_with_the_runs_end(void **state)
{
    (void)state;
    long rounds = test_rounds(UNDER_SANITIZER ? 200 : 1000);
    for (long i = 0; i < rounds; i++) {
        pthread_t threads[2];
        atomic_store(&begun, 0);
        run_checks(end_at_some_point, threads);
        finish(threads[0]);
        finish(threads[1]);
        assert_int_equal(whorl_loop_drop(held), 0);
    }
}

static void *submit_and_drop(void *arg)
{
    whorl_submission *submission = arg;
    check_equal(whorl_submit_threadsafe(held, submission, wait_for_a_cancel, (void *)9), 0);
    check_equal(whorl_loop_drop(held), 0);
    atomic_fetch_add(&begun, 1);
    check_equal(whorl_submission_wait(submission, WHORL_FOREVER), 9);
    check_equal(whorl_submission_cancel(submission), -EALREADY);
    return NULL;
}

static intptr_t end_before_the_submission(void *arg)
{
    held = whorl_loop_hold();
    atomic_store(&begun, 0);
    *(pthread_t *)arg = start(submit_and_drop, &shared);
    while (atomic_load(&begun) < 2)
        check_equal(whorl_sleep(WHORL_US(10)), 0);
    return 0;
}

static void a_submission_outlives_its_handle_and_is_cancelled_at_mains_end(void **state)
{
    pthread_t thread;
    (void)state;
    run_checks(end_before_the_submission, &thread);
    finish(thread);
}

/* --- A deadlock --- */

static intptr_t resist(void *arg)
{
    (void)arg;
    while (whorl_uncancel() >= 0 && whorl_sleep(WHORL_FOREVER) == -ECANCELED)
        atomic_fetch_add(&begun, 1);
    return 0;
}

static void *submit_one_that_resists(void *arg)
{
    whorl_submission *submission = arg;
    check_equal(whorl_submit_threadsafe(held, submission, resist, NULL), 0);
    check_equal(whorl_loop_drop(held), 0);
    check_equal(whorl_submission_wait(submission, WHORL_FOREVER), -EDEADLK);
    return NULL;
}

static pthread_t submitter;

static intptr_t wait_for_ever(void *arg)
{
    held = whorl_loop_hold();
    submitter = start(submit_one_that_resists, &shared);
    check_equal(whorl_sleep(WHORL_FOREVER), -ECANCELED);
    return (intptr_t)arg;
}

static int run_into_a_deadlock(void *arg)
{
    check_equal(whorl_run(wait_for_ever, arg), -EDEADLK);
    finish(submitter);
    return 0;
}

static void who_waits_for_a_task_that_is_given_up_is_told(void **state)
{
    struct child child;
    (void)state;
    assert_int_equal(child_run(run_into_a_deadlock, NULL, &child), 0);
    assert_true(child_exited(&child, 0));
    assert_non_null(strstr(child.text, "given up"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(submissions_race_with_the_runs_end),
        behaviour(a_submission_outlives_its_handle_and_is_cancelled_at_mains_end),
        behaviour(who_waits_for_a_task_that_is_given_up_is_told),
    };

    return run_behaviours("submit_end", tests);
}
