/*
 * Ops that are in flight when their task's function returns, or when main has returned: they are
 * cancelled and awaited before the task ends, so that what they point to may go.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LEFT = 20, RESULT = 5 };

static whorl_op left[LEFT];
static char bytes[LEFT];

/* Starts ops that wait, and returns. */
static intptr_t leave_ops(void *arg)
{
    const pair *both = arg;
    for (int i = 0; i < LEFT; i++) {
        left[i] = i % 2 ? whorl_op_recv(both->ends[0], &bytes[i], 1, 0)
                        : whorl_op_poll(both->ends[0], POLLIN);
        if (i % 3 == 0)
            left[i].timeout = WHORL_SECONDS(60);
        check_equal(whorl_op_start(&left[i]), 0);
    }
    return RESULT;
}

static intptr_t leave_ops_in_flight(void *arg)
{
    intptr_t result = leave_ops(arg);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    return result;
}

static void check_left(pair *both)
{
    for (int i = 0; i < LEFT; i++)
        check_equal(left[i].result, -ECANCELED);
    check_equal(send(both->ends[1], "abc", 3, 0), 3);
    check_equal(unread_in(both->ends[0]), 3); /* nothing waits for them any more */
    close_pair(both);
}

static intptr_t join_one_that_left_ops(void *arg)
{
    pair both = unix_pair();
    check_equal(whorl_join(whorl_spawn(arg, &both)), RESULT);
    check_left(&both);
    return 0;
}

static void a_task_ends_after_the_ops_that_it_left(void **state)
{
    (void)state;
    run_checks(join_one_that_left_ops, leave_ops);
    run_checks(join_one_that_left_ops, leave_ops_in_flight);
}

static void a_run_ends_after_the_ops_that_main_left(void **state)
{
    (void)state;
    pair both = unix_pair();
    assert_int_equal(run(leave_ops, &both), RESULT);
    check_left(&both);
    both = unix_pair();
    assert_int_equal(run(leave_ops_in_flight, &both), RESULT);
    check_left(&both);
}

static intptr_t start_ready_ones(void *arg)
{
    const pair *both = arg;
    for (int i = 0; i < LEFT; i++) {
        left[i] = whorl_op_recv(both->ends[0], &bytes[i], 1, 0);
        check_equal(whorl_op_start(&left[i]), 0);
    }
    return RESULT;
}

/* Each either had its byte before the cancel, or left it where it was. */
static intptr_t leave_ready_ones(void *arg)
{
    (void)arg;
    pair both = unix_pair();
    check_equal(send(both.ends[1], bytes, LEFT, 0), LEFT);
    check_equal(whorl_join(whorl_spawn(start_ready_ones, &both)), RESULT);
    int taken = 0;
    for (int i = 0; i < LEFT; i++) {
        check(left[i].result == 1 || left[i].result == -ECANCELED);
        taken += left[i].result == 1;
    }
    check_equal(unread_in(both.ends[0]), LEFT - taken);
    close_pair(&both);
    return 0;
}

static void an_op_that_was_left_and_did_its_work_says_so(void **state)
{
    (void)state;
    run_checks(leave_ready_ones, NULL);
}

static intptr_t wait_beside_an_op(void *arg)
{
    leave_ops(arg);
    return whorl_sleep(WHORL_FOREVER);
}

static intptr_t leave_a_sleeping_task(void *arg)
{
    check(whorl_spawn(wait_beside_an_op, arg) != NULL);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    return RESULT;
}

static void a_leftover_task_and_its_ops_end_with_the_run(void **state)
{
    (void)state;
    pair both = unix_pair();
    assert_int_equal(run(leave_a_sleeping_task, &both), RESULT);
    check_left(&both);
}

static intptr_t cancel_a_task_beside_its_ops(void *arg)
{
    (void)arg;
    pair both = unix_pair();
    whorl_task *task = whorl_spawn(wait_beside_an_op, &both);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    check_equal(whorl_cancel(task), 0);
    check_equal(whorl_join(task), -ECANCELED);
    check_left(&both);
    return 0;
}

static void a_cancelled_task_ends_after_its_ops(void **state)
{
    (void)state;
    run_checks(cancel_a_task_beside_its_ops, NULL);
}

static intptr_t close_by_an_op(void *arg)
{
    left[0] = whorl_op_close(*(int *)arg);
    check_equal(whorl_op_start(&left[0]), 0);
    return RESULT;
}

static intptr_t leave_a_close(void *arg)
{
    (void)arg;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    check_equal(whorl_join(whorl_spawn(close_by_an_op, &fd)), RESULT);
    check_equal(left[0].result, 0);
    check(!is_open(fd));
    return 0;
}

static void a_close_that_was_left_is_done(void **state)
{
    (void)state;
    run_checks(leave_a_close, NULL);
}

/* --- A buffer in the frame that is gone --- */

enum { STACK = 64 << 10, BULK = UNDER_SANITIZER ? 16000 : 57000, NEIGHBOURS = 4, OWN = 4096 };

static intptr_t keep_bytes(void *arg)
{
    unsigned char own[OWN];
    memset(own, 0x5a, sizeof own);
    check_equal(whorl_read(*(int *)arg, own, 1), 1);
    for (int i = 1; i < OWN; i++)
        if (!check_equal(own[i], 0x5a))
            break;
    return 0;
}

/* The op and most of the stack are given away: the end of the task must need neither. */
static intptr_t leave_a_full_frame(void *arg)
{
    char buffer[BULK];
    memset(buffer, 1, sizeof buffer);
    whorl_op op = whorl_op_recv(*(int *)arg, buffer, sizeof buffer, MSG_WAITALL);
    check_equal(whorl_op_start(&op), 0);
    return RESULT;
}

static intptr_t leave_full_frames(void *arg)
{
    static char filled[BULK];
    pair signals = pipe_pair();
    whorl_spawn_options options = {.stack_size = STACK};
    whorl_task *neighbours[NEIGHBOURS];
    (void)arg;
    memset(filled, 'A', sizeof filled);
    for (int round = 0; round < NEIGHBOURS; round++) {
        pair both = unix_pair();
        int room = 4 * BULK;
        check_equal(setsockopt(both.ends[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room), 0);
        check_equal(send(both.ends[1], filled, BULK, 0), BULK);
        neighbours[round] = whorl_spawn_with(&options, keep_bytes, &signals.ends[0]);
        check_equal(whorl_yield(), 0);
        whorl_task *task = whorl_spawn_with(&options, leave_a_full_frame, &both.ends[0]);
        check_equal(whorl_join(task), RESULT);
        int still = unread_in(both.ends[0]);
        check(still == 0 || still == BULK);
        close_pair(&both);
    }
    check_equal(write(signals.ends[1], filled, NEIGHBOURS), NEIGHBOURS);
    for (int i = 0; i < NEIGHBOURS; i++)
        check_equal(whorl_join(neighbours[i]), 0);
    close_pair(&signals);
    return 0;
}

static void an_op_that_fills_the_frame_of_its_task_harms_nothing(void **state)
{
    (void)state;
    run_checks(leave_full_frames, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_task_ends_after_the_ops_that_it_left),
        behaviour(a_run_ends_after_the_ops_that_main_left),
        behaviour(an_op_that_was_left_and_did_its_work_says_so),
        behaviour(a_leftover_task_and_its_ops_end_with_the_run),
        behaviour(a_cancelled_task_ends_after_its_ops),
        behaviour(a_close_that_was_left_is_done),
        behaviour(an_op_that_fills_the_frame_of_its_task_harms_nothing),
    };
    return run_behaviours("task_end", tests);
}
