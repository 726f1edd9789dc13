/*
 * Posts to a loop whose main has ended, or that has met a deadlock: they run all the same, in
 * cancelled tasks.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "core/child.h"
#include "os/threads.h"

static whorl_loop *held;
static atomic_int ran, main_is_over;

/* What a call does that owns its argument. */
static intptr_t free_argument(void *arg)
{
    check_equal(whorl_cancelling(whorl_self()), 1);
    check_equal(whorl_sleep(WHORL_SECONDS(100)), -ECANCELED);
    free(arg);
    atomic_fetch_add(&ran, 1);
    return 0;
}

static void post_an_argument(void)
{
    void *argument = malloc(1);
    check_equal(whorl_post(held, free_argument, argument), 0);
}

/* --- Main has ended --- */

static intptr_t post_and_leave(void *arg)
{
    held = whorl_loop_hold();
    for (int i = 0; i < 1000; i++)
        post_an_argument();
    check_equal(whorl_loop_drop(held), 0);
    return (intptr_t)arg;
}

static void what_main_has_posted_just_before_its_end_runs_cancelled(void **state)
{
    (void)state;
    atomic_store(&ran, 0);
    run_checks(post_and_leave, NULL);
    assert_int_equal(atomic_load(&ran), 1000);
}

static void *post_after_main(void *arg)
{
    await_number(&main_is_over, 1);
    for (int i = 0; i < 10; i++)
        post_an_argument();
    atomic_fetch_add(&main_is_over, 1);
    return arg;
}

/* Lives on after main until the thread has posted. */
static intptr_t outlive_main(void *arg)
{
    whorl_shield shield;
    check_equal(whorl_sleep(WHORL_FOREVER), -ECANCELED);
    check_equal(whorl_shield_begin(&shield, WHORL_SECONDS(100)), 0);
    atomic_store(&main_is_over, 1);
    while (atomic_load(&ran) < 10)
        check_equal(whorl_sleep(WHORL_MS(1)), 0);
    whorl_shield_end(&shield, 0);
    return (intptr_t)arg;
}

static intptr_t leave_somebody(void *arg)
{
    held = whorl_loop_hold();
    check_equal(whorl_release(whorl_spawn(outlive_main, arg)), 0);
    return whorl_yield();
}

static void what_comes_while_others_outlive_main_runs_cancelled(void **state)
{
    (void)state;
    atomic_store(&ran, 0);
    atomic_store(&main_is_over, 0);
    pthread_t thread = start(post_after_main, NULL);
    run_checks(leave_somebody, NULL);
    finish(thread);
    assert_int_equal(atomic_load(&ran), 10);
    assert_int_equal(whorl_loop_drop(held), 0);
}

/* Nobody lives any more when it begins, and it is a task like others. */
static intptr_t count_on_a_thread(void *arg)
{
    atomic_fetch_add(&ran, 1);
    return (intptr_t)arg;
}

static intptr_t give_to_a_thread_after_the_end(void *arg)
{
    check_equal(whorl_uncancel(), 1);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    check_equal(whorl_to_thread(count_on_a_thread, (void *)5), 5);
    check(whorl_loop_hold() == held);
    check_equal(whorl_loop_drop(held), 0);
    check_equal(whorl_post(held, count_on_a_thread, NULL), -ESHUTDOWN);
    return (intptr_t)arg;
}

static intptr_t leave_work(void *arg)
{
    held = whorl_loop_hold();
    return whorl_post(held, give_to_a_thread_after_the_end, arg);
}

static void the_last_post_may_work_but_nothing_more_is_accepted(void **state)
{
    (void)state;
    atomic_store(&ran, 0);
    run_checks(leave_work, NULL);
    assert_int_equal(atomic_load(&ran), 1);
    assert_int_equal(whorl_loop_drop(held), 0);
}

/* --- A deadlock --- */

static intptr_t post_into_the_deadlock(void *arg)
{
    held = whorl_loop_hold();
    check_equal(whorl_loop_drop(whorl_loop_hold()), 0);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    check_equal(whorl_loop_drop(held), 0);
    held = NULL;
    check_equal(whorl_sleep(WHORL_FOREVER), -ECANCELED);
    held = whorl_loop_hold();
    post_an_argument();
    check_equal(whorl_loop_drop(held), 0);
    return (intptr_t)arg;
}

static int run_into_a_deadlock(void *arg)
{
    check_equal(whorl_run(post_into_the_deadlock, arg), -EDEADLK);
    check_equal(atomic_load(&ran), 1);
    return 0;
}

static void what_is_posted_after_a_deadlock_runs_cancelled(void **state)
{
    (void)state;
    atomic_store(&ran, 0);
    run_in_child(run_into_a_deadlock, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(what_main_has_posted_just_before_its_end_runs_cancelled),
        behaviour(what_comes_while_others_outlive_main_runs_cancelled),
        behaviour(the_last_post_may_work_but_nothing_more_is_accepted),
        behaviour(what_is_posted_after_a_deadlock_runs_cancelled),
    };

    return run_behaviours("post_end", tests);
}
