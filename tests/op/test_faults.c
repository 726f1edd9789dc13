/*
 * What the kernel does seldom, scripted (see fake_ring.h): signals that end ops, a ring that
 * refuses, generations that wrap. Programs beside this one have cancels, timeouts and waits that go
 * wrong.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "op/faults.h"

#include <netinet/in.h>

/* --- Signals --- */

static intptr_t read_through_signals(void *arg)
{
    (void)arg;
    whorl_op op = reader(LINE), left = reader(OTHER);
    fake_op(LINE, 3, INTERRUPTED);
    fake_op(LINE, 1, ARRIVES);
    check_equal(await_owned(&op), 1);
    check_equal(byte, 'x');
    check_equal(fake_submissions(LINE), 4);
    check_equal(fake_cancels(LINE), 0);

    fake_op(OTHER, 2, INTERRUPTED); /* nobody awaits it yet */
    fake_op(OTHER, 1, ARRIVES);
    check_equal(whorl_op_start(&left), 0);
    check_equal(whorl_sleep(WHORL_MS(2)), 0);
    check_equal(fake_submissions(OTHER), 3);
    check_equal(fake_owed(OTHER), 0);
    return whorl_op_await(&left) == 1 ? 0 : -1;
}

static void an_op_that_a_signal_ended_is_submitted_again(void **state)
{
    (void)state;
    play(read_through_signals);
}

static intptr_t interrupt_timed(void *arg)
{
    (void)arg;
    whorl_op op = reader_within(LINE, WHORL_MS(10));
    fake_op(LINE, 1, STAYS);
    fake_deadline(LINE, 1, FAKE_MISSES, 0); /* in case this takes too long */
    fake_deadline(LINE, 1, FAKE_HITS, 0);
    check_equal(whorl_op_start(&op), 0);
    check_equal(whorl_sleep(WHORL_MS(2)), 0);
    int64_t before = fake_deadline_time(LINE);
    fake_complete(LINE, -EINTR);
    check_equal(await_owned(&op), -ETIMEDOUT);
    check_equal(fake_deadline_time(LINE), before);
    check(whorl_now() >= before);
    return fake_submissions(LINE) <= 2 ? 0 : -1;
}

static void an_op_that_is_submitted_again_keeps_its_deadline(void **state)
{
    (void)state;
    play(interrupt_timed);
}

static intptr_t interrupt_for_good(void *arg)
{
    (void)arg;
    struct sockaddr_in address = {.sin_family = AF_INET};
    whorl_op ops[] = {whorl_op_close(LINE), whorl_op_shutdown(OTHER, SHUT_RDWR),
                      whorl_op_connect(THIRD, (void *)&address, sizeof address)};
    for (size_t i = 0; i < count_of(ops); i++) {
        fake_op(ops[i].fd, 1, INTERRUPTED);
        fake_op(ops[i].fd, 1, ARRIVES);
        check_equal(await_owned(&ops[i]), -EINTR);
        check_equal(fake_submissions(ops[i].fd), 1);
    }
    return 0;
}

static void close_shutdown_and_connect_are_not_submitted_again(void **state)
{
    (void)state;
    play(interrupt_for_good);
}

static intptr_t interrupt_chain(void *arg)
{
    (void)arg;
    whorl_op chain[] = {reader(LINE), reader(OTHER), reader(THIRD)};
    fake_op(LINE, 1, ARRIVES);
    fake_op(OTHER, 1, INTERRUPTED);
    fake_op(OTHER, 1, ARRIVES);
    check_equal(whorl_link_ops(chain, 3), -EINTR);
    check_equal(chain[0].result, 1);
    check_equal(chain[1].result, -EINTR);
    check_equal(chain[2].result, -ECANCELED);
    check_equal(fake_submissions(OTHER), 1);
    return (intptr_t)fake_submissions(THIRD);
}

static void a_chain_ends_where_a_signal_ended_a_member(void **state)
{
    (void)state;
    play(interrupt_chain);
}

static intptr_t interrupt_cancelled(void *arg)
{
    (void)arg;
    static const struct fake_answer answers[] = {
        {.effect = FAKE_OP_FIRST, .op.result = -EINTR},
        {.effect = FAKE_CANCEL_FIRST, .op.result = -EINTR},
        {.result = -EALREADY, .effect = FAKE_OP_FIRST, .op.result = -EINTR},
        {.turns = 2, .result = -ENOENT, .effect = FAKE_OP_FIRST, .op.result = -EINTR},
    };
    for (int i = 0; i < (int)count_of(answers); i++) {
        whorl_op op = reader(LINE + i);
        fake_cancel(op.fd, 1, answers[i]);
        check_equal(whorl_op_start(&op), 0);
        check_equal(whorl_op_cancel(&op), 0);
        check_equal(await_owned(&op), -ECANCELED);
        check_equal(fake_submissions(op.fd), 1);
        check_equal(fake_cancels(op.fd), 1);
    }
    return 0;
}

static void a_cancelled_op_that_a_signal_ended_is_cancelled(void **state)
{
    (void)state;
    play(interrupt_cancelled);
}

static intptr_t interrupt_timed_out(void *arg)
{
    (void)arg;
    whorl_op looked = reader_within(LINE, WHORL_MS(1)), late = reader_within(OTHER, WHORL_MS(1));
    fake_deadline(LINE, 1, FAKE_MISSES, 0);
    fake_cancel(LINE, 1, (struct fake_answer){.effect = FAKE_OP_FIRST, .op.result = -EINTR});
    check_equal(await_owned(&looked), -ETIMEDOUT);
    check_equal(fake_submissions(LINE), 1);

    fake_deadline(OTHER, 1, FAKE_MISSES, 0);
    check_equal(whorl_op_start(&late), 0);
    check_equal(whorl_sleep(WHORL_MS(3)), 0);
    fake_complete(OTHER, -EINTR);
    check_equal(await_owned(&late), -ETIMEDOUT);
    check_equal(fake_submissions(OTHER), 1);
    return 0;
}

static void an_op_that_a_signal_ended_after_its_time_has_timed_out(void **state)
{
    (void)state;
    play(interrupt_timed_out);
}

static intptr_t cancel_what_waits(void *arg)
{
    (void)arg;
    whorl_op ops[] = {reader(LINE), reader(OTHER)};
    fake_op(LINE, 1, INTERRUPTED);
    fake_op(LINE, 1, STAYS);
    fake_op(OTHER, 1, (struct fake_end){.turns = 1, .result = -EIO});
    check_equal(whorl_gather_ops(ops, 2), -EIO); /* which cancels the first */
    check_equal(ops[0].result, -ECANCELED);
    check_equal(fake_submissions(LINE), 1);
    return (intptr_t)fake_cancels(LINE);
}

/* Two ops fill the ring; the third needs it to take them, and finds what has completed. */
static intptr_t cancel_while_making_room(void *arg)
{
    (void)arg;
    whorl_op op = reader(LINE), nops[3];
    check_equal(whorl_op_start(&op), 0);
    check_equal(whorl_yield(), 0);
    check_equal(fake_submissions(LINE), 1);
    fake_complete(LINE, -EINTR);
    for (int i = 0; i < 3; i++) {
        nops[i] = whorl_op_nop();
        if (i == 2)
            fake_refuse(1);
        check_equal(whorl_op_start(&nops[i]), 0);
    }
    check_equal(fake_refusals(), 1);
    check_equal(fake_owed(LINE), 0);
    check_equal(whorl_op_cancel(&op), 0);
    check_equal(await_owned(&op), -ECANCELED);
    check_equal(fake_submissions(LINE), 1);
    check_equal(whorl_gather_ops(nops, 3), 0);
    return (intptr_t)fake_cancels(LINE);
}

static void a_cancel_of_an_op_that_waits_to_be_submitted_again_ends_it(void **state)
{
    (void)state;
    play(cancel_what_waits);
    play_with(&(whorl_config){.entries = 2}, cancel_while_making_room, NULL);
}

static intptr_t wait_through_signals(void *arg)
{
    (void)arg;
    whorl_op op = reader(LINE);
    fake_op(LINE, 1, (struct fake_end){.turns = 50, .result = 1});
    fake_interrupt(5);
    check_equal(await_owned(&op), 1);
    check_equal(fake_interruptions(), 5);
    int64_t start = whorl_now();
    fake_interrupt(5);
    check_equal(whorl_sleep(WHORL_MS(5)), 0);
    check(whorl_now() - start >= WHORL_MS(5));
    return 0;
}

static void a_signal_during_the_wait_wakes_nobody(void **state)
{
    (void)state;
    play(wait_through_signals);
}

/* --- A ring that refuses --- */

enum { CROWD = 40 };

static intptr_t gather_crowd(void *arg)
{
    whorl_op ops[CROWD];
    for (int i = 0; i < CROWD; i++) {
        ops[i] = reader_within(i, i % 4 ? WHORL_FOREVER : WHORL_SECONDS(60));
        fake_op(i, 1, (struct fake_end){.turns = i % 3, .result = 1});
    }
    fake_refuse(50);
    fake_take(*(unsigned *)arg);
    check_equal(whorl_gather_ops(ops, CROWD), 0);
    for (int i = 0; i < CROWD; i++) {
        check_equal(ops[i].result, 1);
        check_equal(fake_submissions(i), 1);
        check_equal(fake_owed(i), 0);
    }
    return fake_refusals() == 50 ? 0 : -1;
}

static intptr_t refuse_cancel(void *arg)
{
    (void)arg;
    whorl_op op = reader(LINE), timed = reader_within(OTHER, WHORL_MS(1));
    check_equal(whorl_op_start(&op), 0);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_op_cancel(&op), 0);
    fake_refuse(20);
    check_equal(await_owned(&op), -ECANCELED);
    check_equal(fake_cancels(LINE), 1);
    fake_refuse(20);
    check_equal(await_owned(&timed), -ETIMEDOUT);
    return fake_refusals() == 40 ? 0 : -1;
}

static void a_ring_that_refuses_for_a_while_loses_nothing(void **state)
{
    (void)state;
    whorl_config config = {.entries = 4};
    for (unsigned most = 0; most < 4; most++)
        play_with(&config, gather_crowd, &most);
    play(refuse_cancel);
}

/* --- Generations --- */

enum { GENERATIONS = 65536 };

static intptr_t wrap_generations(void *arg)
{
    (void)arg;
    whorl_op lasting = reader(OTHER), op = reader_within(LINE, WHORL_SECONDS(60));
    fake_op(LINE, 1, (struct fake_end){.turns = 0, .result = 1});
    fake_deadline(LINE, 1, FAKE_REFUSED, GENERATIONS);
    check_equal(whorl_op_start(&lasting), 0);
    check_equal(await_owned(&op), -ECANCELED);
    op.timeout = WHORL_FOREVER;
    for (int i = 0; i < GENERATIONS + 10; i++) {
        check_equal(whorl_op_start(&op), 0);
        if (!check_equal(whorl_op_await(&op), 1))
            return -1;
    }
    check_equal(fake_submissions(LINE), GENERATIONS + 11);
    check_equal(fake_deadlines_reaped(LINE), 1);
    check_equal(whorl_op_cancel(&lasting), 0);
    check_equal(await_owned(&lasting), -ECANCELED);
    check_equal(fake_cancels(OTHER), 1);
    return 0;
}

static void generations_wrap(void **state)
{
    (void)state;
    play(wrap_generations);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(an_op_that_a_signal_ended_is_submitted_again),
        behaviour(an_op_that_is_submitted_again_keeps_its_deadline),
        behaviour(close_shutdown_and_connect_are_not_submitted_again),
        behaviour(a_chain_ends_where_a_signal_ended_a_member),
        behaviour(a_cancelled_op_that_a_signal_ended_is_cancelled),
        behaviour(an_op_that_a_signal_ended_after_its_time_has_timed_out),
        behaviour(a_cancel_of_an_op_that_waits_to_be_submitted_again_ends_it),
        behaviour(a_signal_during_the_wait_wakes_nobody),
        behaviour(a_ring_that_refuses_for_a_while_loses_nothing),
        behaviour(generations_wrap),
    };
    return run_behaviours("faults", tests);
}
