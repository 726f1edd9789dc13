/*
 * op.timeout on the members of chains and of gathers, on several at once: each member has its own
 * result, and what it says has happened. And beside a timeout scope and a cancel of the task.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOON WHORL_MS(3)
#define LATER WHORL_MS(8)
#define FAR WHORL_SECONDS(100)

static whorl_op within(whorl_op op, int64_t timeout)
{
    op.timeout = timeout;
    return op;
}

static whorl_op hard(whorl_op op)
{
    op.flags |= WHORL_OP_HARDLINK;
    return op;
}

/* --- Started together, awaited each --- */

static intptr_t await_each(void *arg)
{
    static const int64_t timeouts[] = {LATER, SOON, WHORL_FOREVER, FAR, 0};
    enum { COUNT = sizeof timeouts / sizeof *timeouts };
    pair pairs[COUNT];
    whorl_op ops[COUNT];
    char bytes[COUNT];
    int64_t start = whorl_now();
    (void)arg;
    for (int i = 0; i < COUNT; i++) {
        pairs[i] = unix_pair();
        ops[i] = within(whorl_op_recv(pairs[i].ends[0], &bytes[i], 1, 0), timeouts[i]);
        check_equal(whorl_op_start(&ops[i]), 0);
    }
    check_equal(whorl_op_await(&ops[4]), -ETIMEDOUT);
    check_equal(whorl_op_await(&ops[1]), -ETIMEDOUT);
    check(whorl_now() - start >= SOON);
    check_equal(whorl_op_await(&ops[0]), -ETIMEDOUT);
    check(whorl_now() - start >= LATER);
    for (int i = 0; i < COUNT; i++)
        check_equal(send(pairs[i].ends[1], "x", 1, 0), 1);
    check_equal(whorl_op_await(&ops[2]), 1);
    check_equal(whorl_op_await(&ops[3]), 1);
    for (int i = 0; i < COUNT; i++) {
        check_equal(unread_in(pairs[i].ends[0]), ops[i].result == 1 ? 0 : 1);
        close_pair(&pairs[i]);
    }
    return 0;
}

static void ops_started_together_time_out_each_at_its_own_time(void **state)
{
    (void)state;
    run_checks(await_each, NULL);
}

/* --- In a gather --- */

static intptr_t gather_members(void *arg)
{
    char bytes[4];
    (void)arg;
    for (int place = 0; place < 4; place++) {
        pair idle = unix_pair(), full = unix_pair();
        whorl_op ops[5];
        check_equal(send(full.ends[1], "x", 1, 0), 1);
        for (int i = 0; i < 4; i++)
            ops[i] = within(whorl_op_recv(idle.ends[0], &bytes[i], 1, 0), i % 2 ? FAR : LATER * 20);
        ops[place].timeout = SOON;
        ops[4] = within(whorl_op_recv(full.ends[0], &bytes[0], 1, 0), FAR);
        int64_t start = whorl_now();
        check_equal(whorl_gather_ops(ops, 5), -ETIMEDOUT);
        check(whorl_now() - start >= SOON);
        for (int i = 0; i < 4; i++)
            check_equal(ops[i].result, i == place ? -ETIMEDOUT : -ECANCELED);
        check_equal(ops[4].result, 1); /* it had done its work by then */
        check_equal(send(idle.ends[1], "abcd", 4, 0), 4);
        check_equal(unread_in(idle.ends[0]), 4);
        close_pair(&idle);
        close_pair(&full);
    }
    return 0;
}

static void the_first_member_of_a_gather_to_time_out_ends_the_others(void **state)
{
    (void)state;
    run_checks(gather_members, NULL);
}

static intptr_t gather_with_an_expired_one(void *arg)
{
    char byte;
    pair both = unix_pair();
    (void)arg;
    whorl_op ops[] = {within(whorl_op_recv(both.ends[0], &byte, 1, 0), FAR),
                      within(whorl_op_recv(both.ends[0], &byte, 1, 0), 0),
                      whorl_op_recv(both.ends[0], &byte, 1, 0)};
    check_equal(whorl_gather_ops(ops, 3), -ETIMEDOUT);
    check_equal(ops[0].result, -ECANCELED);
    check_equal(ops[1].result, -ETIMEDOUT);
    check_equal(ops[2].result, -ECANCELED);
    close_pair(&both);
    return 0;
}

static void a_member_without_time_ends_the_gather_at_once(void **state)
{
    (void)state;
    run_checks(gather_with_an_expired_one, NULL);
}

/* --- In a chain --- */

static intptr_t chain_members(void *arg)
{
    char bytes[4];
    (void)arg;
    for (int place = 1; place < 4; place++) {
        pair idle = unix_pair(), out = unix_pair();
        check_equal(send(idle.ends[1], "ab", 2, 0), 2);
        whorl_op ops[5];
        for (int i = 0; i < 4; i++)
            ops[i] = within(whorl_op_recv(idle.ends[0], &bytes[i], 1, 0), FAR);
        ops[3] = within(whorl_op_nop(), FAR);
        ops[place] = within(whorl_op_recv(out.ends[1], &bytes[3], 1, 0), SOON);
        ops[4] = within(whorl_op_send(out.ends[1], "z", 1, 0), FAR);
        int64_t start = whorl_now();
        /* Those before it have bytes, but for the third, which waits longer than its time. */
        check_equal(whorl_link_ops(ops, 5), -ETIMEDOUT);
        check(whorl_now() - start >= SOON);
        for (int i = 0; i < 5; i++) {
            int expected = i < place ? 1 : i > place ? -ECANCELED : -ETIMEDOUT;
            if (place == 3 && i == 2)
                expected = -ECANCELED; /* ended by the time of the one behind it */
            check_equal(ops[i].result, expected);
        }
        check_equal(unread_in(out.ends[0]), 0);
        close_pair(&idle);
        close_pair(&out);
    }
    return 0;
}

static void each_member_of_a_chain_tells_its_own_end(void **state)
{
    (void)state;
    run_checks(chain_members, NULL);
}

static intptr_t chain_hard(void *arg)
{
    char bytes[2];
    pair idle = unix_pair(), out = unix_pair();
    (void)arg;
    whorl_op ops[] = {hard(within(whorl_op_recv(idle.ends[0], &bytes[0], 1, 0), SOON)),
                      hard(within(whorl_op_recv(idle.ends[0], &bytes[1], 1, 0), LATER)),
                      within(whorl_op_send(out.ends[1], "z", 1, MSG_WAITALL), FAR),
                      whorl_op_send(out.ends[1], "z", 1, 0)};
    int64_t start = whorl_now();
    check_equal(whorl_link_ops(ops, 4), -ETIMEDOUT);
    check(whorl_now() - start >= SOON);
    check_equal(ops[0].result, -ETIMEDOUT);
    check_equal(ops[1].result, -ETIMEDOUT);
    check_equal(ops[2].result, 1);
    check_equal(ops[3].result, 1);
    check_equal(unread_in(out.ends[0]), 2);
    check_equal(send(idle.ends[1], "ab", 2, 0), 2);
    check_equal(unread_in(idle.ends[0]), 2);
    close_pair(&idle);
    close_pair(&out);
    return 0;
}

static void behind_a_hard_link_the_next_runs_though_its_time_ran_out(void **state)
{
    (void)state;
    run_checks(chain_hard, NULL);
}

/* --- Beside other ends --- */

static intptr_t recv_in_a_scope(void *arg)
{
    char byte;
    pair both = unix_pair();
    whorl_timeout scope;
    (void)arg;
    /* The op's own comes first, and is a result like another. */
    whorl_op op = within(whorl_op_recv(both.ends[0], &byte, 1, 0), SOON);
    check_equal(whorl_timeout_begin(&scope, FAR), 0);
    check_equal(whorl_op_await(&op), -ETIMEDOUT);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_timeout_end(&scope, op.result), -ETIMEDOUT);
    /* The scope's comes first. */
    op = within(whorl_op_recv(both.ends[0], &byte, 1, 0), FAR);
    check_equal(whorl_timeout_begin(&scope, SOON), 0);
    check_equal(whorl_op_await(&op), -ECANCELED);
    check_equal(whorl_timeout_end(&scope, op.result), -ETIMEDOUT);
    /* In an interrupted task an op with a timeout is refused like any other. */
    op = within(whorl_op_recv(both.ends[0], &byte, 1, 0), 0);
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_op_await(&op), -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    close_pair(&both);
    return 0;
}

static void an_ops_timeout_and_a_scopes_are_told_apart(void **state)
{
    (void)state;
    run_checks(recv_in_a_scope, NULL);
}

typedef struct batch {
    int (*run)(whorl_op *ops, size_t n);
    pair both;
    whorl_op ops[3];
} batch;

static intptr_t run_timed_batch(void *arg)
{
    batch *one = arg;
    static char bytes[3];
    for (int i = 0; i < 3; i++)
        one->ops[i] = within(whorl_op_recv(one->both.ends[0], &bytes[i], 1, 0), FAR - i);
    return one->run(one->ops, 3);
}

static intptr_t cancel_timed_batches(void *arg)
{
    int (*const runs[])(whorl_op *, size_t) = {whorl_gather_ops, whorl_link_ops};
    (void)arg;
    for (size_t i = 0; i < count_of(runs); i++) {
        for (int moment = 0; moment < 3; moment++) {
            batch one = {.run = runs[i], .both = unix_pair()};
            whorl_task *task = whorl_spawn(run_timed_batch, &one);
            if (moment > 0)
                check_equal(moment == 1 ? whorl_yield() : whorl_sleep(SOON), 0);
            check_equal(whorl_cancel(task), 0);
            check_equal(whorl_join(task), -ECANCELED);
            for (int k = 0; moment > 0 && k < 3; k++)
                check_equal(one.ops[k].result, -ECANCELED); /* not of its time */
            check_equal(send(one.both.ends[1], "abc", 3, 0), 3);
            check_equal(unread_in(one.both.ends[0]), 3);
            close_pair(&one.both);
        }
    }
    return 0;
}

static void a_cancel_of_the_caller_is_no_timeout_of_a_member(void **state)
{
    whorl_config config = {.entries = 8, .without = UINT64_MAX};
    (void)state;
    run_checks(cancel_timed_batches, NULL);
    run_checks_with(&config, cancel_timed_batches, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(ops_started_together_time_out_each_at_its_own_time),
        behaviour(the_first_member_of_a_gather_to_time_out_ends_the_others),
        behaviour(a_member_without_time_ends_the_gather_at_once),
        behaviour(each_member_of_a_chain_tells_its_own_end),
        behaviour(behind_a_hard_link_the_next_runs_though_its_time_ran_out),
        behaviour(an_ops_timeout_and_a_scopes_are_told_apart),
        behaviour(a_cancel_of_the_caller_is_no_timeout_of_a_member),
    };
    return run_behaviours("timeout members", tests);
}
