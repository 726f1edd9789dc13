/*
 * Waits for several ops whose cancels go wrong, scripted (see fake_ring.h): batches and chains, a
 * task's end, a close and the run's end all wait for every op, however often its cancel misses.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "op/faults.h"

/* --- Batches and chains --- */

static intptr_t fail_fast(void *arg)
{
    (void)arg;
    whorl_op ops[] = {reader(LINE), reader(OTHER), reader(THIRD)};
    fake_op(LINE, 1, (struct fake_end){.turns = 1, .result = -EIO});
    miss_before_found(OTHER, 7);
    fake_cancel(THIRD, 1,
                (struct fake_answer){.result = -EALREADY,
                                     .effect = FAKE_CANCEL_FIRST,
                                     .op = {.turns = 2, .result = 1}});
    fake_cancel(THIRD, 1, BUSY);
    check_equal(whorl_gather_ops(ops, 3), -EIO);
    check_equal(ops[0].result, -EIO);
    check_equal(ops[1].result, -ECANCELED);
    check_equal(ops[2].result, 1);
    for (int fd = LINE; fd <= THIRD; fd++)
        check_equal(fake_owed(fd), 0);
    return (intptr_t)fake_cancels(OTHER) - 8;
}

static intptr_t gather_two(void *arg)
{
    (void)arg;
    whorl_op ops[] = {reader(LINE), reader(OTHER)};
    check_equal(whorl_gather_ops(ops, 2), -ECANCELED);
    check_equal(ops[0].result, -ECANCELED);
    check_equal(ops[1].result, -ECANCELED);
    return (intptr_t)(fake_owed(LINE) + fake_owed(OTHER));
}

static intptr_t cancel_gather(void *arg)
{
    (void)arg;
    miss_before_found(LINE, 2);
    miss_before_found(OTHER, 7);
    whorl_task *task = whorl_spawn(gather_two, NULL);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_cancel(task), 0);
    check_equal(whorl_join(task), 0);
    check_equal(fake_cancels(LINE), 3);
    return (intptr_t)fake_cancels(OTHER) - 8;
}

static void a_gather_waits_for_all_though_cancels_miss(void **state)
{
    (void)state;
    play(fail_fast);
    play(cancel_gather);
}

static intptr_t link_three(void *arg)
{
    int first = (int)(intptr_t)arg;
    whorl_op chain[] = {reader(LINE), reader(OTHER), reader(THIRD)};
    check_equal(whorl_link_ops(chain, 3), -ECANCELED);
    check_equal(chain[0].result, first);
    check_equal(chain[1].result, -ECANCELED);
    check_equal(chain[2].result, -ECANCELED);
    return (intptr_t)(fake_owed(LINE) + fake_owed(OTHER) + fake_owed(THIRD));
}

/* The first member ends as its cancel comes, when the next is unknown to the kernel yet. */
static intptr_t cancel_between_members(void *arg)
{
    (void)arg;
    fake_cancel(LINE, 1,
                (struct fake_answer){
                    .result = -ENOENT, .effect = FAKE_CANCEL_FIRST, .op = {.turns = 1, 1}});
    whorl_task *task = whorl_spawn(link_three, (void *)1);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_cancel(task), 0);
    check_equal(whorl_join(task), 0);
    check_equal(fake_submissions(OTHER), 1);
    check(fake_cancels(OTHER) >= 2);
    return (intptr_t)fake_submissions(THIRD);
}

static intptr_t miss_first_member(void *arg)
{
    (void)arg;
    miss_before_found(LINE, 5);
    whorl_task *task = whorl_spawn(link_three, (void *)-ECANCELED);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_cancel(task), 0);
    check_equal(whorl_join(task), 0);
    check_equal(fake_cancels(LINE), 6);
    return (intptr_t)fake_submissions(OTHER);
}

static void a_cancelled_chain_ends_though_cancels_miss(void **state)
{
    (void)state;
    play(cancel_between_members);
    play(miss_first_member);
}

static intptr_t link_release(void *arg)
{
    (void)arg;
    whorl_op chain[] = {whorl_op_shutdown(LINE, SHUT_RDWR), reader(OTHER)};
    check_equal(whorl_link_ops(chain, 2), -ECANCELED);
    check_equal(chain[0].result, 0);
    check_equal(chain[1].result, -ECANCELED);
    return 0;
}

static intptr_t cancel_behind_release(void *arg)
{
    (void)arg;
    fake_op(LINE, 1, STAYS);
    fake_cancel(LINE, 1, MISSED);
    whorl_task *task = whorl_spawn(link_release, NULL);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_cancel(task), 0);
    check_equal(whorl_sleep(WHORL_MS(2)), 0);
    check_equal(fake_cancels(LINE), 0);
    fake_complete(LINE, 0);
    return whorl_join(task);
}

static void a_release_in_a_cancelled_chain_is_not_cancelled(void **state)
{
    (void)state;
    play(cancel_behind_release);
}

/* --- Ends of a task, a descriptor, a run --- */

static intptr_t leave_ops(void *arg)
{
    (void)arg;
    whorl_op ops[] = {reader(LINE), reader(OTHER)};
    check_equal(whorl_op_start(&ops[0]), 0);
    check_equal(whorl_op_start(&ops[1]), 0);
    return 7;
}

static intptr_t join_leaver(void *arg)
{
    (void)arg;
    miss_before_found(LINE, 6);
    fake_cancel(OTHER, 3, BUSY);
    fake_cancel(OTHER, 1,
                (struct fake_answer){.result = -EALREADY,
                                     .effect = FAKE_CANCEL_FIRST,
                                     .op = {.turns = 3, .result = -EPIPE}});
    fake_cancel(OTHER, 1, BUSY);
    check_equal(whorl_join(whorl_spawn(leave_ops, NULL)), 7);
    check_equal(fake_owed(LINE), 0);
    check_equal(fake_owed(OTHER), 0);
    check_equal(fake_cancels(LINE), 7);
    check(fake_cancels(OTHER) >= 4);
    return 0;
}

static void a_task_ends_after_the_ops_it_left_though_cancels_miss(void **state)
{
    (void)state;
    play(join_leaver);
}

static intptr_t close_line(void *arg)
{
    (void)arg;
    check_equal(whorl_close(LINE), 0);
    check_equal(fake_early_closes(LINE), 0);
    return (intptr_t)fake_submissions(LINE) - 2;
}

/* The closer may have filled its close already. */
static intptr_t read_shared(void *arg)
{
    whorl_op op = reader(*(int *)arg);
    return whorl_op_await(&op);
}

static intptr_t close_read(void *arg)
{
    (void)arg;
    int fd = LINE;
    fake_op(LINE, 1, STAYS);
    fake_op(LINE, 1, (struct fake_end){.turns = 1}); /* the close */
    miss_before_found(LINE, 10);
    whorl_task *task = whorl_spawn(read_shared, &fd);
    check_equal(whorl_yield(), 0);
    check_equal(close_line(NULL), 0);
    check_equal(fake_cancels(LINE), 11);
    return whorl_join(task) == -ECANCELED ? 0 : -1;
}

/* A close has begun, and waits while the cancels of the reader miss; then that one finishes. */
static intptr_t use_while_closing(void *arg)
{
    int fd = LINE;
    whorl_op op = reader(LINE);
    fake_op(LINE, 1, STAYS);
    fake_op(LINE, 1, (struct fake_end){.turns = 1}); /* the close */
    fake_cancel(LINE, 1, MISSED);
    whorl_task *task = whorl_spawn(read_shared, &fd);
    check_equal(whorl_yield(), 0);
    whorl_task *closer = whorl_spawn(close_line, NULL);
    for (int look = 0; look < 1000 && fake_cancels(LINE) < 6; look++)
        check_equal(whorl_sleep(WHORL_MS(1)), 0);
    check_equal(fake_submissions(LINE), 1);
    if (arg) {
        whorl_op chain[] = {reader(LINE), reader(OTHER)};
        fake_op(OTHER, 1, ARRIVES);
        check_equal(whorl_link_ops(chain, 2), -EBADF);
        check_equal(fake_submissions(OTHER), 0);
    } else {
        check_equal(whorl_close(LINE), -EBADF);
        check_equal(whorl_op_await(&op), -EBADF);
        check_equal(whorl_gather_ops(&op, 1), -EBADF);
    }
    fake_complete(LINE, 1);
    check_equal(whorl_join(task), 1);
    return whorl_join(closer);
}

static intptr_t use_alone_while_closing(void *arg)
{
    (void)arg;
    return use_while_closing(NULL);
}

static intptr_t chain_while_closing(void *arg)
{
    (void)arg;
    return use_while_closing(&byte);
}

static void a_close_waits_while_cancels_miss(void **state)
{
    (void)state;
    play(close_read);
    play(use_alone_while_closing);
}

static void a_chain_on_a_descriptor_that_is_being_closed_is_refused(void **state)
{
    (void)state;
    play(chain_while_closing);
}

static int left_result;

static intptr_t read_to_the_end(void *arg)
{
    (void)arg;
    whorl_op op = reader(LINE);
    left_result = await_owned(&op);
    return left_result;
}

static intptr_t leave_reader(void *arg)
{
    (void)arg;
    miss_before_found(LINE, 10);
    check_equal(whorl_release(whorl_spawn(read_to_the_end, NULL)), 0);
    return whorl_yield();
}

static void a_run_ends_after_all_its_ops_though_cancels_miss(void **state)
{
    (void)state;
    whorl_config config = {.drain_warning = -1};
    left_result = 0;
    play_with(&config, leave_reader, NULL);
    assert_int_equal(left_result, -ECANCELED);
    assert_int_equal(fake_cancels(LINE), 11);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_gather_waits_for_all_though_cancels_miss),
        behaviour(a_cancelled_chain_ends_though_cancels_miss),
        behaviour(a_release_in_a_cancelled_chain_is_not_cancelled),
        behaviour(a_task_ends_after_the_ops_it_left_though_cancels_miss),
        behaviour(a_close_waits_while_cancels_miss),
        behaviour(a_chain_on_a_descriptor_that_is_being_closed_is_refused),
        behaviour(a_run_ends_after_all_its_ops_though_cancels_miss),
    };
    return run_behaviours("faults_wait", tests);
}
