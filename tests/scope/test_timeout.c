/*
 * Timeout scopes: what they interrupt, what they leave alone, and which of several says that its
 * time ran out.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define SOON WHORL_MS(5)
#define LATER WHORL_MS(15)
#define FAR WHORL_SECONDS(100)

static int empty[2]; /* a pipe in which nothing is */

static intptr_t in_sleep(void)
{
    return whorl_sleep(FAR);
}

static intptr_t in_read(void)
{
    char byte;
    return whorl_read(empty[0], &byte, 1);
}

static intptr_t in_poll(void)
{
    return whorl_poll(empty[0], 1);
}

static intptr_t in_gather(void)
{
    char bytes[2];
    whorl_op ops[] = {whorl_op_read(empty[0], &bytes[0], 1), whorl_op_read(empty[0], &bytes[1], 1)};
    return whorl_gather_ops(ops, 2);
}

static intptr_t in_chain(void)
{
    char byte;
    whorl_op ops[] = {whorl_op_nop(), whorl_op_read(empty[0], &byte, 1), whorl_op_nop()};
    intptr_t result = whorl_link_ops(ops, 3);
    check_equal(ops[2].result, -ECANCELED);
    return result;
}

static intptr_t sleep_far(void *arg)
{
    (void)arg;
    return whorl_sleep(FAR);
}

static intptr_t in_join(void)
{
    whorl_task *task = whorl_spawn(sleep_far, NULL);
    intptr_t result = whorl_join(task);
    check_equal(whorl_cancelling(task), 0); /* nobody has cancelled what is joined */
    check_equal(whorl_cancel(task), 0);
    check_equal(whorl_release(task), 0);
    return result;
}

static intptr_t in_yields(void)
{
    int result;
    while ((result = whorl_yield()) == 0)
        continue;
    return result;
}

static intptr_t (*const waits[])(void) = {in_sleep, in_read, in_poll,  in_gather,
                                          in_chain, in_join, in_yields};

static intptr_t run_out_in_each_wait(void *arg)
{
    (void)arg;
    check_equal(pipe2(empty, O_CLOEXEC), 0);
    for (size_t i = 0; i < count_of(waits); i++) {
        whorl_timeout scope;
        int64_t start = whorl_now();
        check_equal(whorl_timeout_begin(&scope, SOON), 0);
        intptr_t result = waits[i]();
        check_equal(result, -ECANCELED);
        check(whorl_now() - start >= SOON);
        check_equal(whorl_timeout_end(&scope, result), -ETIMEDOUT);
        check_equal(whorl_cancelling(whorl_self()), 0);
        check_equal(whorl_yield(), 0);
    }
    check_equal(whorl_close(empty[0]), 0);
    check_equal(whorl_close(empty[1]), 0);
    return 0;
}

static void a_scope_that_runs_out_ends_every_kind_of_wait(void **state)
{
    (void)state;
    run_checks(run_out_in_each_wait, NULL);
}

static intptr_t finish_in_time(void *arg)
{
    whorl_timeout scope;
    (void)arg;
    check_equal(whorl_timeout_begin(&scope, FAR), 0);
    check_equal(whorl_sleep(SOON), 0);
    check_equal(whorl_timeout_end(&scope, 7), 7);
    check_equal(whorl_timeout_begin(&scope, WHORL_FOREVER), 0);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_timeout_end(&scope, -EIO), -EIO);
    return 0;
}

static void a_body_that_ends_in_time_keeps_its_result(void **state)
{
    (void)state;
    run_checks(finish_in_time, NULL);
}

static intptr_t finish_all_the_same(void *arg)
{
    whorl_timeout scope;
    (void)arg;
    check_equal(whorl_timeout_begin(&scope, 0), 0);
    check_equal(whorl_yield(), -ECANCELED);
    check_equal(whorl_sleep(SOON), -ECANCELED);
    check_equal(whorl_timeout_end(&scope, 7), 7);
    check_equal(whorl_timeout_begin(&scope, 0), 0);
    check_equal(whorl_timeout_end(&scope, -EIO), -EIO);
    return 0;
}

static void a_body_that_ends_too_late_keeps_its_result_too(void **state)
{
    (void)state;
    run_checks(finish_all_the_same, NULL);
}

static intptr_t begin_run_out(void *arg)
{
    static const int64_t none[] = {0, -1, INT64_MIN};
    whorl_timeout scope;
    (void)arg;
    for (size_t i = 0; i < count_of(none); i++) {
        check_equal(whorl_timeout_begin(&scope, none[i]), 0);
        check_equal(whorl_sleep(FAR), -ECANCELED);
        check_equal(whorl_sleep(FAR), -ECANCELED);
        check_equal(whorl_timeout_end(&scope, -ECANCELED), -ETIMEDOUT);
        check_equal(whorl_timeout_begin_at(&scope, none[i]), 0);
        check_equal(whorl_yield(), -ECANCELED);
        check_equal(whorl_timeout_end(&scope, -ECANCELED), -ETIMEDOUT);
    }
    check_equal(whorl_sleep(1), 0);
    return 0;
}

static void a_scope_without_time_runs_out_at_the_next_wait(void **state)
{
    (void)state;
    run_checks(begin_run_out, NULL);
}

static intptr_t nest(void *arg)
{
    whorl_timeout outer, middle, inner;
    (void)arg;
    /* The inner one runs out: the outer goes on. */
    check_equal(whorl_timeout_begin(&outer, FAR), 0);
    check_equal(whorl_timeout_begin(&inner, SOON), 0);
    check_equal(whorl_timeout_end(&inner, whorl_sleep(FAR)), -ETIMEDOUT);
    check_equal(whorl_sleep(1), 0);
    check_equal(whorl_timeout_end(&outer, 3), 3);
    /* The outer one runs out inside the inner. */
    check_equal(whorl_timeout_begin(&outer, SOON), 0);
    check_equal(whorl_timeout_begin(&inner, FAR), 0);
    intptr_t result = whorl_timeout_end(&inner, whorl_sleep(FAR));
    check_equal(result, -ECANCELED);
    check_equal(whorl_sleep(1), -ECANCELED);
    check_equal(whorl_timeout_end(&outer, result), -ETIMEDOUT);
    check_equal(whorl_sleep(1), 0);
    /* All run out: the outermost says so. */
    check_equal(whorl_timeout_begin(&outer, 0), 0);
    check_equal(whorl_timeout_begin(&middle, 0), 0);
    check_equal(whorl_timeout_begin(&inner, 0), 0);
    result = whorl_timeout_end(&inner, whorl_sleep(FAR));
    check_equal(result, -ECANCELED);
    result = whorl_timeout_end(&middle, result);
    check_equal(result, -ECANCELED);
    check_equal(whorl_timeout_end(&outer, result), -ETIMEDOUT);
    return 0;
}

static void of_nested_scopes_the_outermost_that_ran_out_says_so(void **state)
{
    (void)state;
    run_checks(nest, NULL);
}

static intptr_t meet_a_cancel(void *arg)
{
    whorl_timeout scope;
    (void)arg;
    /* A cancel alone. */
    check_equal(whorl_timeout_begin(&scope, FAR), 0);
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_timeout_end(&scope, whorl_sleep(FAR)), -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    /* A cancel in a scope that has run out. */
    check_equal(whorl_timeout_begin(&scope, 0), 0);
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_timeout_end(&scope, whorl_sleep(FAR)), -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    /* One that is taken back leaves the scope's own word. */
    check_equal(whorl_timeout_begin(&scope, 0), 0);
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_uncancel(), 1);
    check_equal(whorl_sleep(FAR), -ECANCELED);
    check_equal(whorl_timeout_end(&scope, -ECANCELED), -ETIMEDOUT);
    return 0;
}

static void a_cancel_is_not_taken_for_a_timeout(void **state)
{
    (void)state;
    run_checks(meet_a_cancel, NULL);
}

static intptr_t move_ends(void *arg)
{
    whorl_timeout outer, scope;
    int64_t start = whorl_now();
    (void)arg;
    /* Later. */
    check_equal(whorl_timeout_begin(&scope, SOON), 0);
    check_equal(whorl_timeout_reschedule(&scope, whorl_now() + FAR), 0);
    check_equal(whorl_sleep(LATER), 0);
    /* Never. */
    check_equal(whorl_timeout_reschedule(&scope, WHORL_FOREVER), 0);
    check_equal(whorl_sleep(1), 0);
    /* Sooner; from outside of another scope. */
    check_equal(whorl_timeout_begin(&outer, FAR), 0);
    check_equal(whorl_timeout_reschedule(&scope, whorl_now() + SOON), 0);
    intptr_t result = whorl_timeout_end(&outer, whorl_sleep(FAR));
    check_equal(result, -ECANCELED);
    check(whorl_now() - start >= LATER + SOON);
    check_equal(whorl_timeout_reschedule(&scope, whorl_now() + FAR), -ETIMEDOUT);
    check_equal(whorl_timeout_end(&scope, result), -ETIMEDOUT);
    /* At once. */
    check_equal(whorl_timeout_begin(&scope, FAR), 0);
    check_equal(whorl_timeout_reschedule(&scope, 0), 0);
    check_equal(whorl_timeout_end(&scope, whorl_yield()), -ETIMEDOUT);
    return 0;
}

static void an_open_scope_can_be_moved_and_disabled(void **state)
{
    (void)state;
    run_checks(move_ends, NULL);
}

static whorl_timeout elsewhere;

static intptr_t touch_a_foreign_scope(void *arg)
{
    (void)arg;
    check_equal(whorl_timeout_reschedule(&elsewhere, 0), -EPERM);
    check_equal(whorl_timeout_end(&elsewhere, 0), -EPERM);
    return 0;
}

static intptr_t misuse(void *arg)
{
    whorl_timeout inner;
    (void)arg;
    check_equal(whorl_timeout_begin(NULL, 1), -EINVAL);
    check_equal(whorl_timeout_begin_at(NULL, 1), -EINVAL);
    check_equal(whorl_timeout_reschedule(NULL, 1), -EINVAL);
    check_equal(whorl_timeout_end(NULL, 1), -EINVAL);
    check_equal(whorl_timeout_begin(&elsewhere, FAR), 0);
    check_equal(whorl_join(whorl_spawn(touch_a_foreign_scope, NULL)), 0);
    check_equal(whorl_timeout_begin(&inner, FAR), 0);
    check_equal(whorl_timeout_end(&elsewhere, 1), -EPERM);
    check_equal(whorl_timeout_end(&inner, 1), 1);
    check_equal(whorl_timeout_end(&inner, 1), -EPERM);
    check_equal(whorl_timeout_end(&elsewhere, 1), 1);
    return 0;
}

static void a_scope_is_for_its_task_and_ended_in_order(void **state)
{
    whorl_timeout scope;
    (void)state;
    run_checks(misuse, NULL);
    assert_int_equal(whorl_timeout_begin(&scope, 1), -EPERM);
    assert_int_equal(whorl_timeout_begin_at(&scope, 1), -EPERM);
    assert_int_equal(whorl_timeout_reschedule(&scope, 1), -EPERM);
    assert_int_equal(whorl_timeout_end(&scope, 1), -EPERM);
}

static intptr_t leave_open(void *arg)
{
    whorl_timeout outer, inner;
    (void)arg;
    check_equal(whorl_timeout_begin(&outer, SOON), 0);
    check_equal(whorl_timeout_begin(&inner, FAR), 0);
    return 6;
}

static intptr_t spawn_those_who_leave_open(void *arg)
{
    (void)arg;
    for (int i = 0; i < 10; i++) {
        check_equal(whorl_join(whorl_spawn(leave_open, NULL)), 6);
        check_equal(whorl_sleep(SOON / 2), 0);
    }
    return whorl_sleep(LATER);
}

static void a_scope_that_was_left_open_ends_with_its_task(void **state)
{
    (void)state;
    run_checks(spawn_those_who_leave_open, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_scope_that_runs_out_ends_every_kind_of_wait),
        behaviour(a_body_that_ends_in_time_keeps_its_result),
        behaviour(a_body_that_ends_too_late_keeps_its_result_too),
        behaviour(a_scope_without_time_runs_out_at_the_next_wait),
        behaviour(of_nested_scopes_the_outermost_that_ran_out_says_so),
        behaviour(a_cancel_is_not_taken_for_a_timeout),
        behaviour(an_open_scope_can_be_moved_and_disabled),
        behaviour(a_scope_is_for_its_task_and_ended_in_order),
        behaviour(a_scope_that_was_left_open_ends_with_its_task),
    };
    return run_behaviours("timeout scope", tests);
}
