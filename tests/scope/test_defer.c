/*
 * Deferred handlers: when they run and in which order, and who learns of the task's end before and
 * after. What bounds them has a program of its own.
 */
#include "plans.h"

#include <errno.h>
#include <string.h>

enum { TRACE_MAX = 16 };

static intptr_t trace[TRACE_MAX]; /* what ran, in order */
static size_t traced;

static intptr_t note(void *arg)
{
    if (traced < TRACE_MAX)
        trace[traced] = (intptr_t)arg;
    traced++;
    return -EIO;
}

static void defer_note(intptr_t number)
{
    check_equal(whorl_defer(note, (void *)number), 0);
}

static void check_trace(const char *expected)
{
    check_equal(traced, strlen(expected));
    for (size_t i = 0; i < traced && i < TRACE_MAX; i++)
        check_equal(trace[i], expected[i] - '0');
    traced = 0;
}

static intptr_t defer_three(void *arg)
{
    for (intptr_t i = 1; i <= 3; i++)
        defer_note(i);
    check_equal(whorl_yield(), 0);
    check_equal(traced, 0);
    return (intptr_t)arg;
}

static intptr_t run_in_reverse(void *arg)
{
    (void)arg;
    defer_note(9);
    check_equal(whorl_join(whorl_spawn(defer_three, (void *)5)), 5);
    check_trace("321");
    check_equal(whorl_join(whorl_spawn(defer_three, (void *)-EPIPE)), -EPIPE);
    check_trace("321");
    /* Released; and begun eagerly. */
    whorl_spawn_options eager = {.eager = 1};
    check_equal(whorl_release(whorl_spawn_with(&eager, defer_three, NULL)), 0);
    check_equal(traced, 0);
    for (int i = 0; i < 100 && traced < 3; i++)
        check_equal(whorl_yield(), 0);
    check_trace("321");
    return 4;
}

static void handlers_run_at_the_end_the_last_deferred_first(void **state)
{
    (void)state;
    traced = 0;
    /* Main has handlers as others have; their results change nothing. */
    assert_int_equal(run(run_in_reverse, NULL), 4);
    check_trace("9");
}

static intptr_t defer_in_a_handler(void *arg)
{
    note(arg);
    if ((intptr_t)arg < 5) {
        defer_note(0);
        check_equal(whorl_defer(defer_in_a_handler, (void *)((intptr_t)arg + 1)), 0);
    }
    check_equal(whorl_yield(), 0);
    return 0;
}

static intptr_t defer_ever_more(void *arg)
{
    (void)arg;
    defer_note(8);
    check_equal(whorl_defer(defer_in_a_handler, (void *)2), 0);
    defer_note(9);
    return 0;
}

static intptr_t join_those_who_defer_more(void *arg)
{
    (void)arg;
    check_equal(whorl_join(whorl_spawn(defer_ever_more, NULL)), 0);
    check_trace("923450008");
    return 0;
}

static void a_handler_may_defer_more(void **state)
{
    (void)state;
    run_checks(join_those_who_defer_more, NULL);
}

static intptr_t sleep_in_a_handler(void *arg)
{
    const struct plan *plan = arg;
    check_equal(whorl_sleep(WHORL_SECONDS(plan->seconds)), plan->result);
    return note(NULL);
}

static const struct plan in_time = {3, 0};

static pair empty;
static whorl_op left;
static char byte;
static whorl_task *child;

static intptr_t look_at_what_was_left(void *arg)
{
    check_equal(whorl_op_await(&left), -ECANCELED);
    check_equal(whorl_is_done(child), 1);
    check_equal(whorl_is_done(whorl_self()), 0);
    return note(arg);
}

static intptr_t leave_much(void *arg)
{
    whorl_group group;
    whorl_timeout timeout;
    check_equal(whorl_defer(look_at_what_was_left, (void *)1), 0);
    check_equal(whorl_group_init(&group), 0);
    check_equal(whorl_group_spawn_with(&group, NULL, follow, (void *)&in_time, &child), 0);
    check_equal(whorl_timeout_begin(&timeout, WHORL_SECONDS(1)), 0);
    left = whorl_op_read(empty.ends[0], &byte, 1);
    check_equal(whorl_op_start(&left), 0);
    check_equal(whorl_yield(), 0);
    return (intptr_t)arg;
}

static intptr_t leave_in_a_handler(void *arg)
{
    return leave_much(arg);
}

static intptr_t defer_what_leaves(void *arg)
{
    defer_note(2);
    check_equal(whorl_defer(leave_in_a_handler, arg), 0);
    return 6;
}

static intptr_t join_those_who_leave(void *arg)
{
    (void)arg;
    check_equal(whorl_join(whorl_spawn(leave_much, (void *)6)), 6);
    check_trace("1");
    check_equal(whorl_join(child), -ECANCELED);
    /* A handler leaves as much: it ends before the next one runs. */
    check_equal(whorl_join(whorl_spawn(defer_what_leaves, NULL)), 6);
    check_trace("12");
    check_equal(whorl_join(child), -ECANCELED);
    return 0;
}

static void what_the_function_left_behind_ends_before(void **state)
{
    (void)state;
    traced = 0;
    empty = pipe_pair();
    run_checks(join_those_who_leave, NULL);
    close_pair(&empty);
}

static int joined;

static intptr_t join_and_count(void *arg)
{
    check_equal(whorl_join(*(whorl_task **)arg), 3);
    joined++;
    return 0;
}

static intptr_t nobody_has_been_told(void *arg)
{
    for (int i = 0; i < 5; i++) {
        check_equal(joined, 0);
        check_equal(whorl_yield(), 0);
    }
    return note(arg);
}

static intptr_t end_unnoticed(void *arg)
{
    check_equal(whorl_defer(nobody_has_been_told, (void *)1), 0);
    return (intptr_t)arg;
}

static intptr_t join_by_many(void *arg)
{
    whorl_task *task = whorl_spawn(end_unnoticed, (void *)3);
    whorl_group group;
    (void)arg;
    joined = 0;
    check_equal(whorl_group_init(&group), 0);
    check_equal(whorl_group_spawn(&group, join_and_count, &task), 0);
    check_equal(whorl_group_spawn(&group, join_and_count, &task), 0);
    check_equal(whorl_wait(&task, 1, WHORL_ALL_COMPLETED, FAR), 1);
    check_trace("1");
    return whorl_group_wait(&group, 0);
}

static void nobody_learns_of_the_end_before_they_have_run(void **state)
{
    (void)state;
    traced = 0;
    run_checks(join_by_many, NULL);
}

static intptr_t defer_and_sleep(void *arg)
{
    check_equal(whorl_defer(sleep_in_a_handler, (void *)&in_time), 0);
    defer_note((intptr_t)arg);
    return whorl_sleep(FAR);
}

static intptr_t join_a_leftover(void *arg)
{
    /* The rest is not cancelled before main has come to its very end. */
    check_equal(whorl_cancelling(*(whorl_task **)arg), 0);
    check_equal(whorl_yield(), 0);
    return note((void *)7);
}

static intptr_t leave_a_task(void *arg)
{
    static whorl_task *leftover;
    (void)arg;
    leftover = whorl_spawn(defer_and_sleep, (void *)1);
    whorl_task *never = whorl_spawn(defer_and_sleep, (void *)2);
    check_equal(whorl_cancel(never), 0);
    check_equal(whorl_join(never), -ECANCELED);
    check_equal(whorl_defer(join_a_leftover, &leftover), 0);
    return 5;
}

static void they_run_in_main_and_in_what_it_leaves_but_not_where_nothing_began(void **state)
{
    whorl_config config = virtual_clock;
    (void)state;
    traced = 0;
    config.drain_warning = -1;
    assert_int_equal(run_with(&config, leave_a_task, NULL), 5);
    check_trace("710");
}

static intptr_t defer_hundreds(void *arg)
{
    for (intptr_t i = 0; i < 500; i++)
        check_equal(whorl_defer(note, (void *)i), 0);
    return (intptr_t)arg;
}

static intptr_t count_down(void *arg)
{
    intptr_t *expected = arg;
    char much[2048];
    memset(much, 1, sizeof much);
    check_equal(much[*expected % 2048], 1);
    check_equal(whorl_yield(), 0);
    --*expected;
    return 0;
}

static intptr_t defer_thousands(void *arg)
{
    for (int i = 0; i < 2000; i++)
        check_equal(whorl_defer(count_down, arg), 0);
    return 0;
}

static intptr_t join_those_with_many(void *arg)
{
    intptr_t left_to_run = 2000;
    whorl_spawn_options small = {.stack_size = WHORL_STACK_MIN};
    (void)arg;
    check_equal(whorl_join(whorl_spawn(defer_hundreds, (void *)1)), 1);
    check_equal(traced, 500);
    for (intptr_t i = 0; i < TRACE_MAX; i++)
        check_equal(trace[i], 499 - i);
    traced = 0;
    check_equal(whorl_join(whorl_spawn_with(&small, defer_thousands, &left_to_run)), 0);
    check_equal(left_to_run, 0);
    return 0;
}

static void hundreds_of_handlers_run(void **state)
{
    (void)state;
    traced = 0;
    run_checks(join_those_with_many, NULL);
}

static intptr_t misuse(void *arg)
{
    check_equal(whorl_defer(NULL, arg), -EINVAL);
    return 0;
}

static void misuse_is_refused(void **state)
{
    (void)state;
    run_checks(misuse, NULL);
    assert_int_equal(whorl_defer(note, NULL), -EPERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(handlers_run_at_the_end_the_last_deferred_first),
        behaviour(a_handler_may_defer_more),
        behaviour(what_the_function_left_behind_ends_before),
        behaviour(nobody_learns_of_the_end_before_they_have_run),
        behaviour(they_run_in_main_and_in_what_it_leaves_but_not_where_nothing_began),
        behaviour(hundreds_of_handlers_run),
        behaviour(misuse_is_refused),
    };
    return run_behaviours("defer", tests);
}
