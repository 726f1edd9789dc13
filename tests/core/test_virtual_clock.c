/*
 * The virtual clock: time stands still while tasks run, and jumps from deadline to deadline when
 * all of them wait.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "core/clocks.h"

#include <errno.h>
#include <pthread.h>

/* --- Jumps --- */

static intptr_t sleep_for_years(void *arg)
{
    int64_t start = whorl_now();
    (void)arg;
    for (int i = 1; i <= 20000; i++) {
        check_equal(whorl_sleep(HOUR), 0);
        check_equal(whorl_now() - start, i * HOUR);
    }
    check_equal(whorl_sleep_until(start + 30000 * HOUR + 1), 0);
    check_equal(whorl_now() - start, 30000 * HOUR + 1);
    check_equal(whorl_sleep_until(start), 0);
    check_equal(whorl_now() - start, 30000 * HOUR + 1);
    return 0;
}

static void sleeps_take_exactly_their_time_and_none_of_the_real_one(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, sleep_for_years, NULL);
}

enum { SLEEPERS = 1000 };

static struct sleeper {
    int64_t deadline;
    int number;
} sleepers[SLEEPERS], *woken[SLEEPERS];
static int wakes;

static intptr_t sleep_and_sign(void *arg)
{
    struct sleeper *sleeper = arg;
    check_equal(whorl_sleep_until(sleeper->deadline), 0);
    check_equal(whorl_now(), sleeper->deadline);
    woken[wakes++] = sleeper;
    return 0;
}

static intptr_t sleep_in_a_crowd(void *arg)
{
    random_source random = random_from_seed(1);
    int64_t start = whorl_now();
    whorl_group group;
    (void)arg;
    wakes = 0;
    check_equal(whorl_group_init(&group), 0);
    for (int i = 0; i < SLEEPERS; i++) {
        int64_t hours = 1 + (int64_t)random_below(&random, 300);
        sleepers[i] = (struct sleeper){start + hours * HOUR, i};
        check_equal(whorl_group_spawn(&group, sleep_and_sign, &sleepers[i]), 0);
    }
    check_equal(whorl_group_wait(&group, 0), 0);
    check_equal(wakes, SLEEPERS);
    for (int i = 1; i < wakes; i++) {
        const struct sleeper *before = woken[i - 1], *after = woken[i];
        check(before->deadline < after->deadline ||
              (before->deadline == after->deadline && before->number < after->number));
    }
    return 0;
}

static void sleepers_wake_in_the_order_of_their_deadlines(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, sleep_in_a_crowd, NULL);
}

static intptr_t spend_some(void *arg)
{
    int64_t start = whorl_now();
    for (int i = 0; i < 3; i++) {
        spend_real_time(WHORL_MS(2));
        check_equal(whorl_now(), start);
        check_equal(whorl_yield(), 0);
        check_equal(whorl_now(), start);
    }
    return (intptr_t)arg;
}

static intptr_t stand_still(void *arg)
{
    int64_t start = whorl_now();
    whorl_task *task = whorl_spawn(spend_some, (void *)4);
    (void)arg;
    check_equal(whorl_join(whorl_spawn(spend_some, (void *)3)), 3);
    check_equal(whorl_join(task), 4);
    check_equal(whorl_now(), start);
    return 0;
}

static void time_stands_still_while_tasks_run(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, stand_still, NULL);
}

/* --- What counts time --- */

static intptr_t count_scopes(void *arg)
{
    whorl_timeout timeout, inner;
    whorl_shield shield;
    int64_t start = whorl_now();
    (void)arg;
    check_equal(whorl_timeout_begin(&timeout, 2 * HOUR), 0);
    check_equal(whorl_timeout_begin(&inner, 3 * HOUR), 0);
    check_equal(whorl_timeout_reschedule(&inner, start + HOUR), 0);
    check_equal(whorl_timeout_end(&inner, whorl_sleep(9 * HOUR)), -ETIMEDOUT);
    check_equal(whorl_now() - start, HOUR);
    check_equal(whorl_timeout_end(&timeout, whorl_sleep(9 * HOUR)), -ETIMEDOUT);
    check_equal(whorl_now() - start, 2 * HOUR);
    check_equal(whorl_wait_for(whorl_spawn(sleep_an_hour, (void *)5), 2 * HOUR), 5);
    check_equal(whorl_now() - start, 3 * HOUR);
    check_equal(whorl_wait_for(whorl_spawn(sleep_an_hour, (void *)5), HOUR / 2), -ETIMEDOUT);
    check_equal(whorl_now() - start, 3 * HOUR + HOUR / 2);
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_shield_begin(&shield, HOUR), 0);
    check_equal(whorl_sleep(HOUR / 2), 0);
    check_equal(whorl_sleep(9 * HOUR), -ECANCELED);
    check_equal(whorl_now() - start, 4 * HOUR + HOUR / 2);
    check_equal(whorl_shield_end(&shield, 0), 0);
    return whorl_uncancel() - 1;
}

static void timeouts_and_shields_count_it(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, count_scopes, NULL);
}

static int64_t left_asleep;

static intptr_t clean_up_for_hours(void *arg)
{
    whorl_shield shield;
    check_equal(whorl_sleep(100 * HOUR), -ECANCELED);
    check_equal(whorl_shield_begin(&shield, 100 * HOUR), 0);
    check_equal(whorl_sleep(50 * HOUR), 0);
    left_asleep = whorl_now() - *(int64_t *)arg;
    return whorl_shield_end(&shield, 0);
}

static intptr_t leave_one_asleep(void *arg)
{
    *(int64_t *)arg = whorl_now();
    check(whorl_spawn(clean_up_for_hours, arg) != NULL);
    check_equal(whorl_yield(), 0);
    return 0;
}

static void the_runs_end_takes_no_real_time_either(void **state)
{
    int64_t start;
    (void)state;
    run_checks_with(&virtual_clock, leave_one_asleep, &start);
    assert_true(left_asleep == 50 * HOUR);
}

/* --- What others put in --- */

static int64_t came_at;

static intptr_t note_time(void *arg)
{
    came_at = whorl_now();
    return (intptr_t)arg;
}

static intptr_t post_and_sleep(void *arg)
{
    whorl_loop *loop = whorl_loop_hold();
    int64_t start = whorl_now();
    (void)arg;
    for (int i = 0; i < 3; i++) {
        check_equal(whorl_post(loop, note_time, NULL), 0);
        check_equal(whorl_sleep(HOUR), 0);
        check_equal(came_at - start, i * HOUR);
        check_equal(whorl_now() - start, (i + 1) * HOUR);
    }
    return whorl_loop_drop(loop);
}

static void what_was_put_in_before_a_jump_comes_before_it(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, post_and_sleep, NULL);
}

/* --- Whose clock it is --- */

static void *run_on_real_time(void *arg)
{
    check_equal(whorl_run(arg, NULL), 0);
    return NULL;
}

static intptr_t keep_real_time(void *arg)
{
    int64_t real = real_now(), now = whorl_now();
    (void)arg;
    check(now >= real && now <= real_now());
    check_equal(whorl_sleep(WHORL_MS(2)), 0);
    check(real_now() - real >= WHORL_MS(2));
    return 0;
}

static intptr_t keep_virtual_time(void *arg)
{
    pthread_t thread;
    (void)arg;
    check_equal(whorl_sleep(1000 * HOUR), 0);
    check_equal(pthread_create(&thread, NULL, run_on_real_time, keep_real_time), 0);
    check_equal(pthread_join(thread, NULL), 0);
    return 0;
}

static void it_is_one_loops_own(void **state)
{
    whorl_config unknown = {.clock = (enum whorl_clock)2};
    (void)state;
    for (int i = 0; i < 2; i++) {
        int64_t real = real_now(), now = whorl_now();
        assert_true(now >= real && now <= real_now());
        run_checks_with(&virtual_clock, keep_virtual_time, NULL);
        run_checks(keep_real_time, NULL);
    }
    assert_int_equal(run_with(&unknown, keep_real_time, NULL), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(sleeps_take_exactly_their_time_and_none_of_the_real_one),
        behaviour(sleepers_wake_in_the_order_of_their_deadlines),
        behaviour(time_stands_still_while_tasks_run),
        behaviour(timeouts_and_shields_count_it),
        behaviour(the_runs_end_takes_no_real_time_either),
        behaviour(what_was_put_in_before_a_jump_comes_before_it),
        behaviour(it_is_one_loops_own),
    };
    return run_behaviours("virtual clock", tests);
}
