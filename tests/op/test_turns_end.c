/*
 * Ops that end while they wait for their turn, by a cancel, a timeout, a close, their task's end:
 * they have had no effect, and those behind them go on. And chains, which wait as one.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "op/plug.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const whorl_config one_place = {.file_ops = 1};

static int fd;

static void open_file(void)
{
    test_path path = path_of("file");
    write_whole(path.text, "0123456789", 10);
    fd = open(path.text, O_RDWR | O_CLOEXEC);
}

static void check_file(const char *content)
{
    char text[16] = {0};
    check(pread(fd, text, sizeof text - 1, 0) >= 0);
    check_text(text, content);
}

static intptr_t write_one(void *arg)
{
    return whorl_pwrite(fd, arg, 1, 0);
}

/* Runs the body with a file and a place that is taken. */
static intptr_t with_plug(void *arg)
{
    whorl_fn *body = *(whorl_fn **)arg;
    plug hold;
    open_file();
    plug_put(&hold, "hold");
    intptr_t result = body(&hold);
    check_equal(places_taken(), 0);
    check_equal(turns_awaited(), 0);
    close(fd);
    return result;
}

static void run_plugged(whorl_fn *body)
{
    run_checks_with(&one_place, with_plug, &body);
}

/* --- Cancel --- */

static intptr_t cancel_the_second(void *arg)
{
    whorl_task *tasks[3];
    tasks[0] = whorl_spawn(write_one, "a");
    tasks[1] = whorl_spawn(write_one, "b");
    tasks[2] = whorl_spawn(write_one, "c");
    let_turn();
    check_equal(turns_awaited(), 3);
    whorl_cancel(tasks[2]);
    check_equal(whorl_join(tasks[2]), -ECANCELED);
    whorl_cancel(tasks[0]);
    check_equal(whorl_join(tasks[0]), -ECANCELED);
    check_equal(turns_awaited(), 1);
    check_file("0123456789");
    plug_pull(arg);
    check_equal(whorl_join(tasks[1]), 1);
    check_file("b123456789");
    return 0;
}

static void a_cancelled_op_leaves_its_turn_to_those_behind_it(void **state)
{
    (void)state;
    run_plugged(cancel_the_second);
}

static intptr_t cancel_ops(void *arg)
{
    whorl_op ops[2] = {whorl_op_pwrite(fd, "a", 1, 0), whorl_op_pwrite(fd, "b", 1, 1)};
    check_equal(whorl_op_start(&ops[0]), 0);
    check_equal(whorl_op_start(&ops[1]), 0);
    check_equal(whorl_op_cancel(&ops[0]), 0);
    check_equal(whorl_op_await(&ops[0]), -ECANCELED);
    plug_pull(arg);
    check_equal(whorl_op_await(&ops[1]), 1);
    check_file("0b23456789");
    /* One whose turn comes between the asking and the hearing does its work, or does not: the
     * result says which. */
    for (int i = 0; i < 200; i++) {
        plug hold;
        plug_put(&hold, "again");
        ops[0] = whorl_op_pwrite(fd, i % 2 ? "x" : "y", 1, 2);
        check_equal(whorl_op_start(&ops[0]), 0);
        whorl_op_cancel(&hold.op);
        check_equal(whorl_op_await(&hold.op), -ECANCELED);
        whorl_op_cancel(&ops[0]);
        int result = whorl_op_await(&ops[0]);
        char byte = 0;
        check_equal(pread(fd, &byte, 1, 2), 1);
        check(result == 1 ? byte == (i % 2 ? 'x' : 'y') : result == -ECANCELED);
        unlink(hold.path.text);
    }
    return 0;
}

static void an_op_is_cancelled_while_it_waits_for_its_turn(void **state)
{
    (void)state;
    run_plugged(cancel_ops);
}

static intptr_t fail_in_a_gather(void *arg)
{
    whorl_op ops[] = {whorl_op_recv(-1, NULL, 0, 0), whorl_op_pwrite(fd, "a", 1, 0),
                      whorl_op_pwrite(fd, "b", 1, 1)};
    check_equal(whorl_gather_ops(ops, count_of(ops)), -EBADF);
    check_equal(ops[1].result, -ECANCELED);
    check_equal(ops[2].result, -ECANCELED);
    check_file("0123456789");
    plug_pull(arg);
    return 0;
}

static void a_failure_ends_those_of_the_gather_that_wait(void **state)
{
    (void)state;
    run_plugged(fail_in_a_gather);
}

/* --- Time --- */

static intptr_t time_out(void *arg)
{
    whorl_op awaited = whorl_op_pwrite(fd, "a", 1, 0);
    whorl_op started = whorl_op_pwrite(fd, "b", 1, 0);
    whorl_op patient = whorl_op_pwrite(fd, "c", 1, 1);
    awaited.timeout = started.timeout = WHORL_US(100);
    patient.timeout = WHORL_SECONDS(1000);
    check_equal(whorl_op_start(&started), 0);
    check_equal(whorl_op_start(&patient), 0);
    check_equal(whorl_op_await(&awaited), -ETIMEDOUT);
    check_equal(turns_awaited(), 2);
    /* Nobody has looked at this one yet: its turn comes too late. */
    plug_pull(arg);
    check_equal(whorl_op_await(&patient), 1);
    check_equal(whorl_op_await(&started), -ETIMEDOUT);
    check_file("0c23456789");
    return 0;
}

static void the_timeout_counts_from_the_start_and_not_from_the_turn(void **state)
{
    (void)state;
    run_plugged(time_out);
}

static intptr_t time_out_a_scope(void *arg)
{
    whorl_timeout scope;
    whorl_timeout_begin(&scope, WHORL_US(100));
    ssize_t result = whorl_pwrite(fd, "a", 1, 0);
    check_equal(result, -ECANCELED);
    check_equal(whorl_timeout_end(&scope, result), -ETIMEDOUT);
    check_file("0123456789");
    plug_pull(arg);
    return 0;
}

static void a_timeout_scope_ends_the_wait_for_a_turn(void **state)
{
    (void)state;
    run_plugged(time_out_a_scope);
}

/* --- Close --- */

static intptr_t close_under_it(void *arg)
{
    whorl_task *writer = whorl_spawn(write_one, "a");
    whorl_task *other;
    int file = dup(fd);
    let_turn();
    int kept = fd;
    fd = file;
    other = whorl_spawn(write_one, "b");
    let_turn();
    fd = kept;
    check_equal(turns_awaited(), 2);
    check_equal(whorl_close(file), 0);
    check_equal(whorl_join(other), -ECANCELED);
    check_file("0123456789");
    plug_pull(arg);
    check_equal(whorl_join(writer), 1);
    return 0;
}

static void a_close_ends_what_waits_on_its_descriptor(void **state)
{
    (void)state;
    run_plugged(close_under_it);
}

/* The op's close ends nothing: what was started before it has the descriptor. */
static intptr_t close_by_an_op(void *arg)
{
    int file = dup(fd);
    whorl_op ops[] = {whorl_op_pwrite(file, "a", 1, 0), whorl_op_pwrite(fd, "b", 1, 1),
                      whorl_op_pwrite(file, "c", 1, 2), whorl_op_close(file)};
    for (size_t i = 0; i < count_of(ops); i++)
        check_equal(whorl_op_start(&ops[i]), 0);
    check_equal(whorl_op_await(&ops[3]), 0);
    check_equal(whorl_op_await(&ops[0]), 1);
    check_equal(whorl_op_await(&ops[2]), 1);
    check_file("a1c3456789");
    plug_pull(arg);
    check_equal(whorl_op_await(&ops[1]), 1);
    return 0;
}

static void what_was_started_before_the_op_of_a_close_has_its_descriptor(void **state)
{
    (void)state;
    run_plugged(close_by_an_op);
}

/* --- The end of a task --- */

static whorl_op left[8];

static intptr_t leave_ops(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < count_of(left); i++) {
        left[i] = whorl_op_pwrite(fd, "a", 1, (off_t)i);
        check_equal(whorl_op_start(&left[i]), 0);
    }
    return 7;
}

static void check_left(void)
{
    for (size_t i = 0; i < count_of(left); i++)
        check_equal(left[i].result, -ECANCELED);
    check_file("0123456789");
}

static intptr_t end_a_task(void *arg)
{
    check_equal(whorl_join(whorl_spawn(leave_ops, NULL)), 7);
    check_left();
    plug_pull(arg);
    return 0;
}

static void a_task_that_ends_takes_its_ops_out(void **state)
{
    (void)state;
    run_plugged(end_a_task);
}

static plug left_plug;

static intptr_t end_the_run(void *arg)
{
    plug_put(&left_plug, "hold");
    return leave_ops(arg);
}

static void a_run_that_ends_takes_all_ops_out(void **state)
{
    (void)state;
    open_file();
    assert_int_equal(run_with(&one_place, end_the_run, NULL), 7);
    check_equal(left_plug.op.result, -ECANCELED);
    check_left();
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_cancelled_op_leaves_its_turn_to_those_behind_it),
        behaviour(an_op_is_cancelled_while_it_waits_for_its_turn),
        behaviour(a_failure_ends_those_of_the_gather_that_wait),
        behaviour(the_timeout_counts_from_the_start_and_not_from_the_turn),
        behaviour(a_timeout_scope_ends_the_wait_for_a_turn),
        behaviour(a_close_ends_what_waits_on_its_descriptor),
        behaviour(what_was_started_before_the_op_of_a_close_has_its_descriptor),
        behaviour(a_task_that_ends_takes_its_ops_out),
        behaviour(a_run_that_ends_takes_all_ops_out),
    };
    return run_behaviours("op/turns_end", tests);
}
