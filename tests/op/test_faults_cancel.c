/*
 * Cancels of one op that go wrong, scripted (see fake_ring.h): they miss, come late, or meet an op
 * that ends by itself. Each is asked for again until its op ends, and the op's memory is the
 * kernel's until both have completed.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "op/faults.h"

/* --- Cancels that miss --- */

static intptr_t read_one(void *arg)
{
    whorl_op op = reader(*(int *)arg);
    return await_owned(&op);
}

static const unsigned misses[] = {1, 2, 3, 4, 12};

static intptr_t miss_awaited(void *arg)
{
    (void)arg;
    for (int i = 0; i < (int)count_of(misses); i++) {
        int fd = LINE + i;
        miss_before_found(fd, misses[i]);
        whorl_task *task = whorl_spawn(read_one, &fd);
        check_equal(whorl_yield(), 0);
        check_equal(whorl_cancel(task), 0);
        check_equal(whorl_join(task), -ECANCELED);
        check_equal(fake_cancels(fd), misses[i] + 1);
    }
    return 0;
}

static void a_cancel_that_misses_is_sent_again(void **state)
{
    (void)state;
    play(miss_awaited);
}

static intptr_t miss_started(void *arg)
{
    (void)arg;
    for (int i = 0; i < (int)count_of(misses); i++) {
        whorl_op op = reader(LINE + i);
        miss_before_found(op.fd, misses[i]);
        check_equal(whorl_op_start(&op), 0);
        check_equal(whorl_op_cancel(&op), 0);
        for (int look = 0; look < 1000 && fake_owed(op.fd) > 0; look++)
            check_equal(whorl_sleep(WHORL_MS(1)), 0);
        check_equal(fake_owed(op.fd), 0);
        check_equal(fake_cancels(op.fd), misses[i] + 1);
        check_equal(whorl_op_await(&op), -ECANCELED);
    }
    return 0;
}

static void a_cancel_that_misses_is_sent_again_for_an_op_that_nobody_awaits(void **state)
{
    (void)state;
    play(miss_started);
}

/* The first four go out at once, then each after a pause, which doubles up to 51.2 ms. */
static intptr_t count_cancels(void *arg)
{
    (void)arg;
    whorl_op op = reader(LINE);
    fake_cancel(LINE, 1, MISSED);
    int64_t start = whorl_now();
    check_equal(whorl_op_start(&op), 0);
    check_equal(whorl_op_cancel(&op), 0);
    check_equal(whorl_sleep(WHORL_MS(150)), 0);
    unsigned before = fake_cancels(LINE);
    check(before >= 8);
    for (int look = 0; look < 1000 && fake_cancels(LINE) < before + 2; look++)
        check_equal(whorl_sleep(WHORL_MS(10)), 0);
    check(fake_cancels(LINE) >= before + 2);
    check(fake_cancels(LINE) <= 15 + (whorl_now() - start) / WHORL_US(51200));
    fake_complete(LINE, 1);
    check_equal(await_owned(&op), 1);
    return byte == 'x' ? 0 : -1;
}

static void cancels_that_miss_come_ever_more_slowly_but_do_not_stop(void **state)
{
    (void)state;
    play(count_cancels);
}

static intptr_t ask_often(void *arg)
{
    (void)arg;
    whorl_op op = reader(LINE);
    fake_cancel(
        LINE, 1,
        (struct fake_answer){.turns = 6, .effect = FAKE_OP_FIRST, .op = {.turns = 6, -ECANCELED}});
    check_equal(whorl_op_start(&op), 0);
    for (int i = 0; i < 5; i++) {
        check_equal(whorl_op_cancel(&op), 0);
        check_equal(whorl_yield(), 0);
    }
    check_equal(await_owned(&op), -ECANCELED);
    return (intptr_t)fake_cancels(LINE) - 1;
}

static void a_cancel_that_is_under_way_is_not_sent_again(void **state)
{
    (void)state;
    play(ask_often);
}

/* --- Ops that end by themselves --- */

static intptr_t read_busily(void *arg)
{
    (void)arg;
    whorl_op op = reader(LINE), next = reader(OTHER);
    check_equal(await_owned(&op), 1);
    check_equal(byte, 'x');
    check_equal(whorl_op_await(&next), -ECANCELED);
    return 0;
}

static intptr_t cancel_busy_op(void *arg)
{
    (void)arg;
    fake_cancel(LINE, 5, BUSY);
    fake_cancel(LINE, 1,
                (struct fake_answer){.result = -EALREADY,
                                     .effect = FAKE_CANCEL_FIRST,
                                     .op = {.turns = 3, .result = 1}});
    fake_cancel(LINE, 1, BUSY);
    whorl_task *task = whorl_spawn(read_busily, NULL);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_cancel(task), 0);
    check_equal(whorl_join(task), 0);
    check(fake_cancels(LINE) >= 6);
    return (intptr_t)fake_submissions(OTHER);
}

static void an_op_that_was_running_when_cancelled_keeps_its_result(void **state)
{
    (void)state;
    play(cancel_busy_op);
}

static intptr_t finish_with_cancel(void *arg)
{
    (void)arg;
    static const int32_t answers[] = {0, -ENOENT, -EALREADY};
    static const int32_t results[] = {1, 0, -EPIPE};
    int fd = 0;
    for (size_t i = 0; i < count_of(answers) * count_of(results); i++) {
        for (enum fake_effect order = FAKE_OP_FIRST; order <= FAKE_CANCEL_FIRST; order++) {
            whorl_op op = reader(fd++);
            fake_cancel(op.fd, 1,
                        (struct fake_answer){.result = answers[i % 3],
                                             .effect = order,
                                             .op.result = results[i / 3]});
            check_equal(whorl_op_start(&op), 0);
            check_equal(whorl_op_cancel(&op), 0);
            check_equal(await_owned(&op), results[i / 3]);
            check_equal(fake_cancels(op.fd), 1);
        }
    }
    return 0;
}

static void a_completion_that_comes_with_a_cancel_wins_in_both_orders(void **state)
{
    (void)state;
    play(finish_with_cancel);
}

static intptr_t await_both(void *arg)
{
    (void)arg;
    static const struct fake_answer answers[] = {
        {.turns = 4, .effect = FAKE_OP_FIRST, .op = {.turns = 0, .result = -ECANCELED}},
        {.turns = 0, .effect = FAKE_OP_FIRST, .op = {.turns = 4, .result = -ECANCELED}},
        {.turns = 2, .effect = FAKE_OP_FIRST, .op = {.turns = 2, .result = -ECANCELED}},
        {.turns = 2, .effect = FAKE_CANCEL_FIRST, .op = {.turns = 2, .result = -ECANCELED}},
        {.turns = 4, .result = -ENOENT, .effect = FAKE_OP_FIRST, .op = {.turns = 1, .result = 1}},
    };
    for (int i = 0; i < (int)count_of(answers); i++) {
        whorl_op op = reader(LINE + i);
        fake_cancel(op.fd, 1, answers[i]);
        check_equal(whorl_op_start(&op), 0);
        check_equal(whorl_op_cancel(&op), 0);
        check_equal(await_owned(&op), answers[i].op.result);
        check_equal(fake_cancels(op.fd), 1);
    }
    return 0;
}

static void a_task_goes_on_when_both_the_op_and_its_cancel_have_completed(void **state)
{
    (void)state;
    play(await_both);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_cancel_that_misses_is_sent_again),
        behaviour(a_cancel_that_misses_is_sent_again_for_an_op_that_nobody_awaits),
        behaviour(cancels_that_miss_come_ever_more_slowly_but_do_not_stop),
        behaviour(a_cancel_that_is_under_way_is_not_sent_again),
        behaviour(an_op_that_was_running_when_cancelled_keeps_its_result),
        behaviour(a_completion_that_comes_with_a_cancel_wins_in_both_orders),
        behaviour(a_task_goes_on_when_both_the_op_and_its_cancel_have_completed),
    };
    return run_behaviours("faults_cancel", tests);
}
