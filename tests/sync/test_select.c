/*
 * Select: which case happens, what it gives, and that the others have no effect; and what is
 * refused.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "as_task.h"
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
        assert_int_equal(whorl_yield(), 0);
        assert_int_equal(whorl_yield(), 0);
    }
    assert_int_equal(whorl_select(scene.cases, 4, WHORL_FOREVER), place);
    assert_int_equal(scene.cases[place].result, result);
    assert_int_equal(whorl_join(other), place == 1 ? 5 : 0);
    if (place == 0)
        assert_int_equal(scene.got, 7);
    scene_end(&scene, place);
}

static void check_each_kind(bool early)
{
    check_case(0, send_seven, &buffered, 0, early);
    check_case(1, receive, &rendezvous, 0, early);
    check_case(2, set_to_nine, &future, 9, early);
    check_case(3, cancel_it, NULL, -ECANCELED, early);
}

static void the_case_that_can_happen_is_the_only_one_that_does(void **state)
{
    (void)state;
    check_each_kind(true);
}

static void the_first_to_happen_is_the_only_one_that_does(void **state)
{
    (void)state;
    check_each_kind(false);
}

static intptr_t close_it(void *channel)
{
    return whorl_channel_close(channel);
}

static void select_closed(bool early)
{
    for (int sends = 0; sends <= 1; sends++) {
        int number = 4;
        renew();
        whorl_case cases[] = {whorl_case_future(&future),
                              sends ? whorl_case_send(&rendezvous, &number)
                                    : whorl_case_recv(&rendezvous, &number)};
        whorl_task *other = whorl_spawn(close_it, &rendezvous);
        if (early)
            assert_int_equal(whorl_yield(), 0);
        assert_int_equal(whorl_select(cases, 2, WHORL_FOREVER), 1);
        assert_int_equal(cases[1].result, -EPIPE);
        assert_int_equal(number, 4);
        assert_int_equal(whorl_join(other), 0);
        assert_int_equal(whorl_future_destroy(&future), 0);
    }
}

static void a_channel_that_is_closed_gives_epipe(void **state)
{
    (void)state;
    select_closed(false);
    select_closed(true);
}

static void a_tasks_handle_is_not_taken(void **state)
{
    (void)state;
    whorl_task *task = whorl_spawn(give, (void *)42);
    whorl_case cases[] = {whorl_case_task(task), whorl_case_task(task)};
    for (int i = 0; i < 5; i++) {
        ssize_t chosen = whorl_select(cases, 2, WHORL_FOREVER);
        assert_in_range(chosen, 0, 1);
        assert_int_equal(cases[chosen].result, 42);
    }
    assert_int_equal(whorl_is_done(task), 1);
    assert_int_equal(whorl_join(task), 42);
    assert_int_equal(whorl_select(cases, 2, WHORL_FOREVER), -EINVAL);
}

static intptr_t release_it(void *task)
{
    assert_int_equal(whorl_release(task), 0);
    return whorl_future_set(&future, 3);
}

static void a_handle_that_is_given_back_meanwhile_does_no_harm(void **state)
{
    (void)state;
    whorl_task *sleeper = begun(sleep_far, NULL);
    renew();
    whorl_case cases[] = {whorl_case_task(sleeper), whorl_case_future(&future)};
    whorl_task *other = whorl_spawn(release_it, sleeper);
    assert_int_equal(whorl_select(cases, 2, WHORL_FOREVER), 1);
    assert_int_equal(cases[1].result, 3);
    assert_int_equal(whorl_join(other), 0);
    assert_int_equal(whorl_select(cases, 2, WHORL_FOREVER), -EINVAL);
    /* The sleeper's end is nobody's any more. */
    assert_int_equal(whorl_sleep(WHORL_SECONDS(200)), 0);
}

/* --- Cancelled, refused, and from the wrong place --- */

static void a_cancelled_task_selects_nothing(void **state)
{
    (void)state;
    int number = 5;
    renew();
    assert_int_equal(whorl_future_set(&future, 1), 0);
    whorl_case cases[] = {whorl_case_future(&future), whorl_case_send(&buffered, &number)};
    assert_int_equal(whorl_cancel(whorl_self()), 0);
    assert_int_equal(whorl_select(cases, 2, WHORL_FOREVER), -ECANCELED);
    assert_int_equal(whorl_select(cases, 2, 0), -ECANCELED);
    assert_int_equal(whorl_channel_size(&buffered), 0);
    assert_int_equal(whorl_uncancel(), 1);
    assert_int_equal(whorl_select(cases, 1, 0), 0);
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    int number = 5;
    whorl_task *ended = whorl_spawn(give, NULL);
    renew();
    assert_int_equal(whorl_join(ended), 0);
    whorl_channel destroyed = rendezvous;
    assert_int_equal(whorl_channel_destroy(&destroyed), 0);
    whorl_case unknown = whorl_case_future(&future);
    unknown.kind = (enum whorl_case_kind)77;
    whorl_case wrong[] = {whorl_case_recv(&buffered, NULL), whorl_case_send(&buffered, NULL),
                          whorl_case_recv(&destroyed, &number), whorl_case_task(ended), unknown};
    for (size_t i = 0; i < count_of(wrong); i++) {
        whorl_case cases[] = {whorl_case_send(&buffered, &number), wrong[i]};
        assert_int_equal(whorl_select(cases, 2, WHORL_FOREVER), -EINVAL);
    }
    whorl_case cases[] = {whorl_case_send(&buffered, &number), whorl_case_task(whorl_self())};
    assert_int_equal(whorl_select(cases, 2, WHORL_FOREVER), -EDEADLK);
    assert_int_equal(whorl_select(NULL, 2, WHORL_FOREVER), -EINVAL);
    assert_int_equal(whorl_channel_size(&buffered), 0);
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

static void no_other_thread_can_select(void **state)
{
    (void)state;
    int number = 1;
    renew();
    whorl_task *other = whorl_spawn(set_and_tell, NULL);
    whorl_case cases[] = {whorl_case_recv(&rendezvous, &number), whorl_case_future(&future)};
    assert_int_equal(whorl_select(cases, 2, WHORL_FOREVER), 1);
    assert_int_equal(whorl_join(other), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(the_case_that_can_happen_is_the_only_one_that_does),
        as_task(the_first_to_happen_is_the_only_one_that_does),
        as_task(a_channel_that_is_closed_gives_epipe),
        as_task(a_tasks_handle_is_not_taken),
        as_task(a_handle_that_is_given_back_meanwhile_does_no_harm),
        as_task(a_cancelled_task_selects_nothing),
        as_task(what_makes_no_sense_is_refused),
        as_task(no_other_thread_can_select),
    };

    return run_behaviours("select", tests);
}
