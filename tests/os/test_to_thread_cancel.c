/*
 * Functions on threads against cancels, timeouts, main's end, deadlocks and virtual time: one that
 * has not begun never runs, one that runs is waited for.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "core/child.h"
#include "os/threads.h"

static const whorl_config one_thread = {.threads = 1};

static atomic_int begun, may_end, ran;

static void reset(void)
{
    atomic_store(&begun, 0);
    atomic_store(&may_end, 0);
    atomic_store(&ran, 0);
}

static intptr_t block(void *arg)
{
    atomic_fetch_add(&begun, 1);
    await_number(&may_end, 1);
    atomic_fetch_add(&ran, 1);
    return (intptr_t)arg;
}

static intptr_t never(void *arg)
{
    check_failed("this must not run");
    return (intptr_t)arg;
}

static intptr_t give_blocker(void *arg)
{
    return whorl_to_thread(block, arg);
}

static intptr_t give_never(void *arg)
{
    return whorl_to_thread(never, arg);
}

/* --- Cancels --- */

static intptr_t cancel_those_that_wait(void *arg)
{
    enum { QUEUED = 5 };
    whorl_task *runs = whorl_spawn(give_blocker, (void *)3), *wait[QUEUED], *last;
    yield_until(&begun, 1);
    for (int i = 0; i < QUEUED; i++)
        wait[i] = whorl_spawn(give_never, arg);
    last = whorl_spawn(give_blocker, (void *)4);
    check_equal(whorl_yield(), 0);
    static const int turns[QUEUED] = {2, 0, 4, 1, 3};
    for (int i = 0; i < QUEUED; i++) {
        check_equal(whorl_cancel(wait[turns[i]]), 0);
        check_equal(whorl_join(wait[turns[i]]), -ECANCELED);
    }
    atomic_store(&may_end, 1);
    check_equal(whorl_join(runs), 3);
    check_equal(whorl_join(last), 4);
    check_equal(atomic_load(&ran), 2);
    return 0;
}

static void cancelled_before_it_begins_a_function_never_runs(void **state)
{
    (void)state;
    reset();
    run_checks_with(&one_thread, cancel_those_that_wait, NULL);
}

static intptr_t cancel_one_that_runs(void *arg)
{
    whorl_task *task = whorl_spawn(give_blocker, (void *)7);
    yield_until(&begun, 1);
    check_equal(whorl_cancel(task), 0);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    check_equal(whorl_is_done(task), 0);
    atomic_store(&may_end, 1);
    check_equal(whorl_join(task), 7);
    return (intptr_t)arg;
}

static void cancelled_while_it_runs_a_function_is_waited_for(void **state)
{
    (void)state;
    reset();
    run_checks(cancel_one_that_runs, NULL);
}

static intptr_t give_in_a_cancelled_task(void *arg)
{
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_to_thread(never, arg), -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    atomic_store(&may_end, 1);
    check_equal(whorl_to_thread(block, (void *)2), 2);
    check_equal(whorl_cancelling(whorl_self()), 0);
    return 0;
}

static void a_cancelled_task_gives_nothing(void **state)
{
    (void)state;
    reset();
    run_checks(give_in_a_cancelled_task, NULL);
}

static intptr_t give_within_a_limit(void *arg)
{
    whorl_timeout scope;
    whorl_task *runs = whorl_spawn(give_blocker, arg);
    yield_until(&begun, 1);
    check_equal(whorl_timeout_begin(&scope, WHORL_MS(1)), 0);
    check_equal(whorl_timeout_end(&scope, whorl_to_thread(never, NULL)), -ETIMEDOUT);
    atomic_store(&may_end, 1);
    return whorl_join(runs);
}

static void a_timeout_takes_back_what_has_not_begun(void **state)
{
    (void)state;
    reset();
    run_checks_with(&one_thread, give_within_a_limit, NULL);
}

static intptr_t count(void *arg)
{
    atomic_fetch_add(&ran, 1);
    return (intptr_t)arg;
}

static intptr_t give_count(void *arg)
{
    return whorl_to_thread(count, arg);
}

/* Cancels meet the thread as it takes the function up: it has run and given its result, or has not
 * run. */
static intptr_t race_cancels(void *arg)
{
    long rounds = test_rounds(UNDER_SANITIZER ? 2000 : 10000), cancelled = 0;
    random_source source = random_from_seed(3);
    for (long i = 0; i < rounds; i++) {
        whorl_task *task = whorl_spawn(give_count, (void *)6);
        int before = atomic_load(&ran);
        check_equal(whorl_yield(), 0);
        for (volatile long wait = (long)random_below(&source, 4000); wait > 0; wait--)
            continue;
        whorl_cancel(task);
        intptr_t result = whorl_join(task);
        check(result == 6 || result == -ECANCELED);
        check_equal(atomic_load(&ran) - before, result == 6);
        cancelled += result == -ECANCELED;
    }
    print_message("%ld rounds, %ld cancelled\n", rounds, cancelled);
    return (intptr_t)arg;
}

static void a_cancel_meets_the_thread(void **state)
{
    (void)state;
    reset();
    run_checks_with(&one_thread, race_cancels, NULL);
}

/* --- Main's end --- */

/* When it goes on, all have been cancelled. */
static intptr_t let_it_end_when_all_are_cancelled(void *arg)
{
    check_equal(whorl_sleep(WHORL_FOREVER), -ECANCELED);
    atomic_store(&may_end, 1);
    return (intptr_t)arg;
}

static intptr_t leave_functions_behind(void *arg)
{
    whorl_release(whorl_spawn(let_it_end_when_all_are_cancelled, arg));
    whorl_release(whorl_spawn(give_blocker, arg));
    yield_until(&begun, 1);
    for (int i = 0; i < 10; i++)
        whorl_release(whorl_spawn(give_never, arg));
    check_equal(whorl_yield(), 0);
    return 0;
}

static void at_mains_end_what_runs_is_awaited_and_what_waits_never_runs(void **state)
{
    (void)state;
    reset();
    run_checks_with(&one_thread, leave_functions_behind, NULL);
    assert_int_equal(atomic_load(&ran), 1);
}

static intptr_t leave_at_once(void *arg)
{
    for (int i = 0; i < 4; i++)
        whorl_release(whorl_spawn(give_count, arg));
    return whorl_yield();
}

static void many_runs_end_with_threads_at_work(void **state)
{
    long rounds = test_rounds(UNDER_SANITIZER ? 200 : 1000);
    (void)state;
    reset();
    for (long i = 0; i < rounds; i++)
        run_checks(leave_at_once, NULL);
    assert_true(atomic_load(&ran) <= rounds * 4);
}

/* --- Deadlocks and virtual time --- */

static intptr_t take_a_while(void *arg)
{
    pause_for((int64_t)(intptr_t)arg);
    return 0;
}

static intptr_t wait_for_a_thread_alone(void *arg)
{
    check_equal(whorl_to_thread(take_a_while, (void *)(intptr_t)WHORL_MS(3)), 0);
    return (intptr_t)arg;
}

static void a_task_that_waits_for_a_thread_is_no_deadlock(void **state)
{
    whorl_config virtual_clock = {.clock = WHORL_CLOCK_VIRTUAL};
    (void)state;
    run_checks(wait_for_a_thread_alone, NULL);
    run_checks_with(&virtual_clock, wait_for_a_thread_alone, NULL);
}

static intptr_t wait_for_ever_after(void *arg)
{
    check_equal(whorl_to_thread(take_a_while, arg), 0);
    return whorl_sleep(WHORL_FOREVER);
}

static int use_a_thread_and_wait_for_ever(void *arg)
{
    check_equal(whorl_run(wait_for_ever_after, arg), -EDEADLK);
    return 0;
}

static void a_deadlock_is_told_when_threads_have_nothing_to_do(void **state)
{
    struct child child;
    (void)state;
    assert_int_equal(child_run(use_a_thread_and_wait_for_ever, NULL, &child), 0);
    assert_true(child_exited(&child, 0));
    assert_non_null(strstr(child.text, "whorl: deadlock"));
}

static int64_t hour_is_over;

static intptr_t sleep_an_hour(void *arg)
{
    check_equal(whorl_sleep(WHORL_SECONDS(3600)), 0);
    hour_is_over = whorl_now();
    return (intptr_t)arg;
}

static intptr_t hold_time(void *arg)
{
    int64_t begin = whorl_now();
    whorl_task *sleeper = whorl_spawn(sleep_an_hour, arg);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_to_thread(take_a_while, (void *)(intptr_t)WHORL_MS(2)), 0);
    check(whorl_now() - begin < WHORL_SECONDS(3600));
    check_equal(whorl_is_done(sleeper), 0);
    check_equal(whorl_join(sleeper), 0);
    check_equal(hour_is_over - begin, WHORL_SECONDS(3600));
    return 0;
}

static void a_function_that_runs_holds_virtual_time(void **state)
{
    whorl_config virtual_clock = {.clock = WHORL_CLOCK_VIRTUAL};
    (void)state;
    run_checks_with(&virtual_clock, hold_time, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(cancelled_before_it_begins_a_function_never_runs),
        behaviour(cancelled_while_it_runs_a_function_is_waited_for),
        behaviour(a_cancelled_task_gives_nothing),
        behaviour(a_timeout_takes_back_what_has_not_begun),
        behaviour(a_cancel_meets_the_thread),
        behaviour(at_mains_end_what_runs_is_awaited_and_what_waits_never_runs),
        behaviour(many_runs_end_with_threads_at_work),
        behaviour(a_task_that_waits_for_a_thread_is_no_deadlock),
        behaviour(a_deadlock_is_told_when_threads_have_nothing_to_do),
        behaviour(a_function_that_runs_holds_virtual_time),
    };

    return run_behaviours("to_thread_cancel", tests);
}
