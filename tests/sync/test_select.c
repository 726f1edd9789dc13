/*
 * Select: which case happens, what it gives, and that the others have no effect; and what is
 * refused.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "selecting.h"

static intptr_t set_to_nine(void *arg)
{
    return whorl_future_set(arg, 9);
}

static intptr_t give(void *arg)
{
    return (intptr_t)arg;
}

/* --- Each kind, ready and awaited --- */

static intptr_t cancel_it(void *task)
{
    return whorl_cancel(task);
}

/* Has the case happen from another task: before the select if `early`. */
static void check_case(int place, whorl_fn *fn, void *arg, intptr_t result, bool early)
{
    struct scene scene;
    scene_begin(&scene);
    whorl_task *other = whorl_spawn(fn, arg ? arg : scene.sleeper);
    if (early) {
        check_equal(whorl_yield(), 0);
        check_equal(whorl_yield(), 0);
    }
    check_equal(whorl_select(scene.cases, 4, WHORL_FOREVER), place);
    check_equal(scene.cases[place].result, result);
    check_equal(whorl_join(other), place == 1 ? 5 : 0);
    if (place == 0)
        check_equal(scene.got, 7);
    scene_end(&scene, place);
}

static intptr_t each_kind(void *arg)
{
    bool early = arg;
    check_case(0, send_seven, &buffered, 0, early);
    check_case(1, receive, &rendezvous, 0, early);
    check_case(2, set_to_nine, &future, 9, early);
    check_case(3, cancel_it, NULL, -ECANCELED, early);
    return 0;
}

static void the_case_that_can_happen_is_the_only_one_that_does(void **state)
{
    (void)state;
    run_checks(each_kind, (void *)1);
}

static void the_first_to_happen_is_the_only_one_that_does(void **state)
{
    (void)state;
    run_checks(each_kind, (void *)0);
}

static intptr_t close_it(void *channel)
{
    return whorl_channel_close(channel);
}

static intptr_t select_closed(void *arg)
{
    bool early = arg;
    for (int sends = 0; sends <= 1; sends++) {
        int number = 4;
        renew();
        whorl_case cases[] = {whorl_case_future(&future),
                              sends ? whorl_case_send(&rendezvous, &number)
                                    : whorl_case_recv(&rendezvous, &number)};
        whorl_task *other = whorl_spawn(close_it, &rendezvous);
        if (early)
            check_equal(whorl_yield(), 0);
        check_equal(whorl_select(cases, 2, WHORL_FOREVER), 1);
        check_equal(cases[1].result, -EPIPE);
        check_equal(number, 4);
        check_equal(whorl_join(other), 0);
        check_equal(whorl_future_destroy(&future), 0);
    }
    return 0;
}

static void a_channel_that_is_closed_gives_epipe(void **state)
{
    (void)state;
    run_checks(select_closed, (void *)0);
    run_checks(select_closed, (void *)1);
}

static intptr_t select_task(void *arg)
{
    whorl_task *task = whorl_spawn(give, (void *)42);
    (void)arg;
    whorl_case cases[] = {whorl_case_task(task), whorl_case_task(task)};
    for (int i = 0; i < 5; i++) {
        ssize_t chosen = whorl_select(cases, 2, WHORL_FOREVER);
        if (check(chosen == 0 || chosen == 1))
            check_equal(cases[chosen].result, 42);
    }
    check_equal(whorl_is_done(task), 1);
    check_equal(whorl_join(task), 42);
    check_equal(whorl_select(cases, 2, WHORL_FOREVER), -EINVAL);
    return 0;
}

static void a_tasks_handle_is_not_taken(void **state)
{
    (void)state;
    run_checks(select_task, NULL);
}

static intptr_t release_it(void *task)
{
    check_equal(whorl_release(task), 0);
    return whorl_future_set(&future, 3);
}

static intptr_t lose_the_handle(void *arg)
{
    whorl_task *sleeper = begun(sleep_far, NULL);
    (void)arg;
    renew();
    whorl_case cases[] = {whorl_case_task(sleeper), whorl_case_future(&future)};
    whorl_task *other = whorl_spawn(release_it, sleeper);
    check_equal(whorl_select(cases, 2, WHORL_FOREVER), 1);
    check_equal(cases[1].result, 3);
    check_equal(whorl_join(other), 0);
    check_equal(whorl_select(cases, 2, WHORL_FOREVER), -EINVAL);
    return 0;
}

static void a_handle_that_is_given_back_meanwhile_does_no_harm(void **state)
{
    (void)state;
    run_checks_with(&virtual_time, lose_the_handle, NULL);
}

/* --- Cancelled, refused, and from the wrong place --- */

static intptr_t select_when_cancelled(void *arg)
{
    int number = 5;
    (void)arg;
    renew();
    check_equal(whorl_future_set(&future, 1), 0);
    whorl_case cases[] = {whorl_case_future(&future), whorl_case_send(&buffered, &number)};
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_select(cases, 2, WHORL_FOREVER), -ECANCELED);
    check_equal(whorl_select(cases, 2, 0), -ECANCELED);
    check_equal(whorl_channel_size(&buffered), 0);
    check_equal(whorl_uncancel(), 1);
    check_equal(whorl_select(cases, 1, 0), 0);
    return 0;
}

static void a_cancelled_task_selects_nothing(void **state)
{
    (void)state;
    run_checks(select_when_cancelled, NULL);
}

static intptr_t use_wrongly(void *arg)
{
    int number = 5;
    whorl_task *ended = whorl_spawn(give, NULL);
    (void)arg;
    renew();
    check_equal(whorl_join(ended), 0);
    whorl_channel destroyed = rendezvous;
    check_equal(whorl_channel_destroy(&destroyed), 0);
    whorl_case unknown = whorl_case_future(&future);
    unknown.kind = (enum whorl_case_kind)77;
    whorl_case wrong[] = {whorl_case_recv(&buffered, NULL), whorl_case_send(&buffered, NULL),
                          whorl_case_recv(&destroyed, &number), whorl_case_task(ended), unknown};
    for (size_t i = 0; i < count_of(wrong); i++) {
        whorl_case cases[] = {whorl_case_send(&buffered, &number), wrong[i]};
        check_equal(whorl_select(cases, 2, WHORL_FOREVER), -EINVAL);
    }
    whorl_case cases[] = {whorl_case_send(&buffered, &number), whorl_case_task(whorl_self())};
    check_equal(whorl_select(cases, 2, WHORL_FOREVER), -EDEADLK);
    check_equal(whorl_select(NULL, 2, WHORL_FOREVER), -EINVAL);
    check_equal(whorl_channel_size(&buffered), 0);
    return 0;
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    run_checks(use_wrongly, NULL);
}

static intptr_t select_from_elsewhere(void *arg)
{
    int number = 1;
    (void)arg;
    whorl_case cases[] = {whorl_case_recv(&rendezvous, &number), whorl_case_future(&future)};
    for (int i = 0; i < 2; i++)
        check_equal(whorl_select(&cases[i], 1, WHORL_FOREVER), -EPERM);
    return 0;
}

static intptr_t set_and_tell(void *arg)
{
    (void)arg;
    without_a_loop(select_from_elsewhere);
    in_another_loop(select_from_elsewhere);
    return whorl_future_set(&future, 2);
}

static intptr_t be_selected_from_elsewhere(void *arg)
{
    int number = 1;
    (void)arg;
    renew();
    whorl_task *other = whorl_spawn(set_and_tell, NULL);
    whorl_case cases[] = {whorl_case_recv(&rendezvous, &number), whorl_case_future(&future)};
    check_equal(whorl_select(cases, 2, WHORL_FOREVER), 1);
    check_equal(whorl_join(other), 0);
    return 0;
}

static void no_other_thread_can_select(void **state)
{
    (void)state;
    run_checks(be_selected_from_elsewhere, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(the_case_that_can_happen_is_the_only_one_that_does),
        behaviour(the_first_to_happen_is_the_only_one_that_does),
        behaviour(a_channel_that_is_closed_gives_epipe),
        behaviour(a_tasks_handle_is_not_taken),
        behaviour(a_handle_that_is_given_back_meanwhile_does_no_harm),
        behaviour(a_cancelled_task_selects_nothing),
        behaviour(what_makes_no_sense_is_refused),
        behaviour(no_other_thread_can_select),
    };

    return run_behaviours("select", tests);
}
