/*
 * Deadlines that go wrong, scripted (see fake_ring.h): the kernel's misses its op, is refused, or
 * completes when its op is long gone.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "op/faults.h"

#include <stdlib.h>

/* --- Deadlines --- */

static intptr_t miss_deadlines(void *arg)
{
    (void)arg;
    static const unsigned misses[] = {0, 1, 6};
    for (int i = 0; i < (int)count_of(misses); i++) {
        whorl_op op = reader_within(LINE + i, WHORL_MS(2));
        fake_deadline(op.fd, 1, FAKE_MISSES, 0);
        if (misses[i])
            fake_cancel(op.fd, misses[i], MISSED);
        fake_cancel(op.fd, 1, FOUND);
        check_equal(await_owned(&op), -ETIMEDOUT);
        check(whorl_now() >= fake_deadline_time(op.fd));
        check_equal(fake_cancels(op.fd), misses[i] + 1);
    }
    whorl_op late = reader_within(10, WHORL_MS(2)); /* missed before anybody awaits it */
    fake_deadline(10, 1, FAKE_MISSES, 0);
    check_equal(whorl_op_start(&late), 0);
    check_equal(whorl_sleep(WHORL_MS(6)), 0);
    check_equal(fake_owed(10), 1);
    return await_owned(&late) == -ETIMEDOUT ? 0 : -1;
}

static intptr_t miss_in_a_gather(void *arg)
{
    (void)arg;
    whorl_op ops[] = {reader(LINE), reader_within(OTHER, WHORL_MS(2)),
                      reader_within(THIRD, WHORL_SECONDS(60))};
    fake_deadline(OTHER, 1, FAKE_MISSES, 0);
    check_equal(whorl_gather_ops(ops, 3), -ETIMEDOUT);
    check_equal(ops[0].result, -ECANCELED);
    check_equal(ops[1].result, -ETIMEDOUT);
    check_equal(ops[2].result, -ECANCELED);
    return 0;
}

static intptr_t miss_in_a_chain(void *arg)
{
    (void)arg;
    whorl_op chain[] = {reader(LINE), reader_within(OTHER, WHORL_MS(2)),
                        reader_within(THIRD, WHORL_SECONDS(60))};
    fake_op(LINE, 1, ARRIVES);
    fake_deadline(OTHER, 1, FAKE_MISSES, 0);
    fake_cancel(OTHER, 2, MISSED);
    fake_cancel(OTHER, 1, FOUND);
    check_equal(whorl_link_ops(chain, 3), -ETIMEDOUT);
    check_equal(chain[0].result, 1);
    check_equal(chain[1].result, -ETIMEDOUT);
    check_equal(chain[2].result, -ECANCELED);
    for (int fd = LINE; fd <= THIRD; fd++)
        check_equal(fake_owed(fd), 0);
    check_equal(fake_cancels(OTHER), 3);
    return (intptr_t)fake_submissions(THIRD);
}

static void a_timeout_that_missed_in_the_kernel_is_enforced(void **state)
{
    (void)state;
    play(miss_deadlines);
    play(miss_in_a_gather);
    play(miss_in_a_chain);
}

static intptr_t outlast_a_chain(void *arg)
{
    (void)arg;
    whorl_op chain[] = {reader(LINE), reader_within(OTHER, WHORL_MS(2)), reader(THIRD)};
    fake_cancel(LINE, 2, MISSED);
    fake_cancel(LINE, 1, FOUND);
    check_equal(whorl_link_ops(chain, 3), -ETIMEDOUT);
    check_equal(chain[0].result, -ECANCELED);
    check_equal(chain[1].result, -ETIMEDOUT);
    check_equal(chain[2].result, -ECANCELED);
    check(whorl_now() >= fake_deadline_time(OTHER));
    check_equal(fake_owed(LINE) + fake_owed(OTHER), 0);
    return (intptr_t)fake_submissions(OTHER);
}

static void a_chain_ends_when_a_member_runs_out_of_time_before_its_turn(void **state)
{
    (void)state;
    play(outlast_a_chain);
}

static intptr_t finish_after_miss(void *arg)
{
    (void)arg;
    whorl_op op = reader_within(LINE, WHORL_MS(1));
    fake_deadline(LINE, 1, FAKE_MISSES, 0);
    fake_cancel(LINE, 1,
                (struct fake_answer){.result = -EALREADY,
                                     .effect = FAKE_CANCEL_FIRST,
                                     .op = {.turns = 2, .result = 1}});
    fake_cancel(LINE, 1, (struct fake_answer){.result = -EALREADY});
    check_equal(await_owned(&op), 1);
    return byte == 'x' ? 0 : -1;
}

static void an_op_that_finishes_after_its_timeout_missed_keeps_its_result(void **state)
{
    (void)state;
    play(finish_after_miss);
}

static intptr_t get_a_stray(void *arg)
{
    (void)arg;
    whorl_op *op = malloc(sizeof *op), again = reader_within(OTHER, WHORL_SECONDS(60));
    fake_deadline(LINE, 1, FAKE_REFUSED, 5);
    fake_deadline(OTHER, 1, FAKE_REFUSED, 5);
    *op = reader_within(LINE, WHORL_SECONDS(60));
    check_equal(await_owned(op), -ECANCELED);
    check_equal(await_owned(&again), -ECANCELED);
    check_equal(fake_deadlines_reaped(LINE) + fake_deadlines_reaped(OTHER), 0);
    free(op); /* one stray finds no op, the other finds another in its place */
    again = reader(THIRD);
    check_equal(whorl_op_start(&again), 0);
    check_equal(whorl_sleep(WHORL_MS(2)), 0);
    check_equal(fake_deadlines_reaped(LINE), 1);
    check_equal(fake_deadlines_reaped(OTHER), 1);
    check_equal(fake_owed(THIRD), 1);
    fake_complete(THIRD, 1);
    return await_owned(&again) == 1 ? 0 : -1;
}

static void a_stray_deadline_completion_is_ignored(void **state)
{
    (void)state;
    play(get_a_stray);
}

static intptr_t refuse_in_a_chain(void *arg)
{
    (void)arg;
    whorl_op chain[] = {reader_within(LINE, WHORL_SECONDS(60)), reader(OTHER)};
    fake_deadline(LINE, 1, FAKE_REFUSED, 3);
    check_equal(whorl_link_ops(chain, 2), -ECANCELED);
    check_equal(chain[0].result, -ECANCELED);
    check_equal(chain[1].result, -ECANCELED);
    check_equal(fake_deadlines_reaped(LINE), 1);
    return (intptr_t)fake_owed(LINE);
}

static void a_refused_deadline_of_a_chain_is_no_timeout(void **state)
{
    (void)state;
    play(refuse_in_a_chain);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_timeout_that_missed_in_the_kernel_is_enforced),
        behaviour(a_chain_ends_when_a_member_runs_out_of_time_before_its_turn),
        behaviour(an_op_that_finishes_after_its_timeout_missed_keeps_its_result),
        behaviour(a_stray_deadline_completion_is_ignored),
        behaviour(a_refused_deadline_of_a_chain_is_no_timeout),
    };
    return run_behaviours("faults_timeout", tests);
}
