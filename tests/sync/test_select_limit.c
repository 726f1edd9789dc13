/*
 * Select: limits, in virtual time; cases that are off, and very many of them.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "selecting.h"

/* --- Limits --- */

static intptr_t run_out(void *arg)
{
    struct scene scene;
    int64_t begin = whorl_now();
    (void)arg;
    scene_begin(&scene);
    check_equal(whorl_select(scene.cases, 4, WHORL_SECONDS(2)), -ETIMEDOUT);
    check_equal(whorl_now() - begin, WHORL_SECONDS(2));
    scene_end(&scene, -1);
    scene_begin(&scene);
    whorl_timeout scope;
    check_equal(whorl_timeout_begin(&scope, WHORL_SECONDS(1)), 0);
    check_equal(whorl_select(scene.cases, 4, WHORL_SECONDS(2)), -ECANCELED);
    check_equal(whorl_timeout_end(&scope, -ECANCELED), -ETIMEDOUT);
    check_equal(whorl_now() - begin, WHORL_SECONDS(3));
    scene_end(&scene, -1);
    check_equal(whorl_select(NULL, 0, WHORL_SECONDS(1)), -ETIMEDOUT);
    check_equal(whorl_now() - begin, WHORL_SECONDS(4));
    return 0;
}

static void when_the_time_is_up_no_case_has_happened(void **state)
{
    (void)state;
    run_checks_with(&virtual_time, run_out, NULL);
}

static intptr_t count_a_step(void *arg)
{
    ++*(int *)arg;
    return 0;
}

static intptr_t poll(void *arg)
{
    static const int64_t none[] = {0, -1, INT64_MIN};
    (void)arg;
    for (size_t i = 0; i < count_of(none); i++) {
        struct scene scene;
        int steps = 0;
        scene_begin(&scene);
        whorl_task *other = whorl_spawn(count_a_step, &steps);
        check_equal(whorl_select(scene.cases, 4, none[i]), -ETIMEDOUT);
        check_equal(steps, 1);
        check_equal(whorl_join(other), 0);
        scene_end(&scene, -1);
        check_equal(whorl_select(scene.cases, 1, none[i]), -EINVAL);
        scene_begin(&scene);
        other = begun(receive, &rendezvous);
        check_equal(whorl_select(scene.cases, 4, none[i]), 1);
        check_equal(whorl_join(other), 5);
        scene_end(&scene, 1);
    }
    return 0;
}

static void without_time_it_looks_once_and_lets_others_run(void **state)
{
    (void)state;
    run_checks(poll, NULL);
}

static intptr_t set_after_a_second(void *arg)
{
    check_equal(whorl_sleep(WHORL_SECONDS(1)), 0);
    return whorl_future_set(arg, 6);
}

/* The limit, the end of a task and the set of a future, in one turn. */
static intptr_t happen_as_the_time_is_up(void *arg)
{
    whorl_task *other = NULL;
    renew();
    if (arg)
        other = begun(set_after_a_second, &future);
    whorl_case cases[] = {whorl_case_future(&future)};
    if (!arg)
        other = whorl_spawn(set_after_a_second, &future);
    check_equal(whorl_select(cases, 1, WHORL_SECONDS(1)), -ETIMEDOUT);
    check_equal(whorl_join(other), 0);
    check_equal(whorl_select(cases, 1, WHORL_SECONDS(1)), 0);
    check_equal(cases[0].result, 6);
    return 0;
}

static void a_limit_in_the_same_turn_leaves_the_case_to_the_next_select(void **state)
{
    (void)state;
    run_checks_with(&virtual_time, happen_as_the_time_is_up, (void *)0);
    run_checks_with(&virtual_time, happen_as_the_time_is_up, (void *)1);
}

static intptr_t select_a_second(void *arg)
{
    whorl_case cases[] = {whorl_case_future(&future)};
    ssize_t chosen = whorl_select(cases, 1, WHORL_SECONDS(1));
    (void)arg;
    return chosen == 0 ? cases[0].result : chosen;
}

/* The one that sets is woken by the same tick, before the limit is looked at. */
static intptr_t happen_before_the_time_is_up(void *arg)
{
    (void)arg;
    renew();
    whorl_task *selecting = begun(select_a_second, NULL);
    check_equal(whorl_sleep(WHORL_SECONDS(1) - 1), 0);
    check_equal(whorl_future_set(&future, 6), 0);
    check_equal(whorl_sleep(WHORL_SECONDS(1)), 0);
    check_equal(whorl_join(selecting), 6);
    return 0;
}

static void one_that_was_served_is_not_timed_out_after(void **state)
{
    (void)state;
    run_checks_with(&virtual_time, happen_before_the_time_is_up, NULL);
}

/* --- Cases that are off, and many of them --- */

static intptr_t switch_off(void *arg)
{
    int number = -1;
    (void)arg;
    renew();
    check_equal(whorl_channel_try_send(&buffered, &(int){3}), 0);
    whorl_case cases[] = {
        whorl_case_recv(NULL, &number),
        whorl_case_send(NULL, NULL),
        whorl_case_future(NULL),
        whorl_case_task(NULL),
        whorl_case_recv(&buffered, &number),
    };
    cases[4].kind = WHORL_CASE_OFF;
    check_equal(whorl_select(cases, 5, 0), -ETIMEDOUT);
    check_equal(whorl_select(cases, 5, WHORL_SECONDS(1)), -ETIMEDOUT);
    check_equal(whorl_channel_size(&buffered), 1);
    cases[4].kind = WHORL_CASE_RECV;
    check_equal(whorl_select(cases, 5, 0), 4);
    check_equal(number, 3);
    return 0;
}

static void a_case_without_an_object_never_happens(void **state)
{
    (void)state;
    run_checks_with(&virtual_time, switch_off, NULL);
}

enum { CASES = 1000 };

static intptr_t select_of_many(void *arg)
{
    static whorl_channel channels[CASES];
    static whorl_case cases[CASES];
    int number = -1;
    (void)arg;
    renew();
    for (int i = 0; i < CASES; i++) {
        channels[i] = (whorl_channel)WHORL_CHANNEL_INIT_RENDEZVOUS(int);
        cases[i] = whorl_case_recv(&channels[i], &number);
    }
    for (int i = 0; i < CASES; i += 7) {
        whorl_task *sender = whorl_spawn(send_seven, &channels[i]);
        check_equal(whorl_select(cases, CASES, WHORL_FOREVER), i);
        check_equal(number, 7);
        check_equal(whorl_join(sender), 0);
    }
    for (int i = 0; i < CASES; i++)
        check_equal(whorl_channel_destroy(&channels[i]), 0);
    return 0;
}

static void there_may_be_any_number_of_cases(void **state)
{
    (void)state;
    run_checks(select_of_many, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(when_the_time_is_up_no_case_has_happened),
        behaviour(without_time_it_looks_once_and_lets_others_run),
        behaviour(a_limit_in_the_same_turn_leaves_the_case_to_the_next_select),
        behaviour(one_that_was_served_is_not_timed_out_after),
        behaviour(a_case_without_an_object_never_happens),
        behaviour(there_may_be_any_number_of_cases),
    };

    return run_behaviours("select_limit", tests);
}
