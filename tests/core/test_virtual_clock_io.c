/* The virtual clock passes as time does outside while IO is in flight. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "core/clocks.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

static pair channel;

static void *write_later(void *arg)
{
    spend_real_time(WHORL_MS(10));
    check_equal(write(channel.ends[1], "x", 1), 1);
    return arg;
}

/* Reads a byte that a thread writes some real time later; returns the count, or -errno. */
static ssize_t read_from_outside(int64_t timeout)
{
    char byte;
    pthread_t thread;
    whorl_op op = whorl_op_read(channel.ends[0], &byte, 1);
    op.timeout = timeout;
    check_equal(pthread_create(&thread, NULL, write_later, NULL), 0);
    ssize_t got = whorl_op_await(&op);
    check_equal(pthread_join(thread, NULL), 0);
    return got;
}

static intptr_t hold_time_by_io(void *arg)
{
    (void)arg;
    channel = pipe_pair();
    for (int i = 0; i < 5; i++) {
        whorl_task *sleeper = whorl_spawn(sleep_an_hour, (void *)5);
        check_equal(whorl_yield(), 0);
        int64_t start = whorl_now(), real_start = real_now();
        check_equal(read_from_outside(WHORL_FOREVER), 1);
        int64_t passed = whorl_now() - start, real_passed = real_now() - real_start;
        /* Not an hour, and not more than outside; but some. */
        check(passed > 0 && passed <= real_passed);
        check_equal(whorl_is_done(sleeper), 0);
        check_equal(whorl_join(sleeper), 5);
        check_equal(whorl_now() - start, HOUR);
    }
    close_pair(&channel);
    return 0;
}

static void io_in_flight_is_not_jumped_over(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, hold_time_by_io, NULL);
}

static intptr_t sleep_beside_io(void *arg)
{
    char byte;
    (void)arg;
    channel = pipe_pair();
    whorl_op op = whorl_op_read(channel.ends[0], &byte, 1);
    check_equal(whorl_op_start(&op), 0);
    int64_t start = whorl_now(), real_start = real_now();
    check_equal(whorl_sleep(WHORL_MS(5)), 0);
    check_equal(whorl_now() - start, WHORL_MS(5));
    check(real_now() - real_start >= WHORL_MS(5));
    /* Once nothing is in flight any more, it jumps again. */
    check_equal(whorl_op_cancel(&op), 0);
    check_equal(whorl_op_await(&op), -ECANCELED);
    check_equal(whorl_sleep(1000 * HOUR), 0);
    close_pair(&channel);
    return 0;
}

static void beside_io_in_flight_a_sleep_takes_its_real_time(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, sleep_beside_io, NULL);
}

static intptr_t limit_ops(void *arg)
{
    char bytes[2];
    (void)arg;
    channel = pipe_pair();
    /* Far from the real time. */
    check_equal(whorl_sleep(1000 * HOUR), 0);
    int64_t start = whorl_now();
    whorl_op op = whorl_op_read(channel.ends[0], bytes, 1);
    op.timeout = WHORL_MS(5);
    check_equal(whorl_op_await(&op), -ETIMEDOUT);
    check(whorl_now() - start >= WHORL_MS(5) && whorl_now() - start < HOUR);
    check_equal(read_from_outside(HOUR), 1);
    check(whorl_now() - start < HOUR);
    /* In a batch: one runs out, which ends the other. */
    whorl_op ops[] = {whorl_op_read(channel.ends[0], &bytes[0], 1),
                      whorl_op_read(channel.ends[0], &bytes[1], 1)};
    ops[1].timeout = WHORL_MS(5);
    check_equal(whorl_gather_ops(ops, 2), -ETIMEDOUT);
    check_equal(ops[0].result, -ECANCELED);
    check_equal(ops[1].result, -ETIMEDOUT);
    /* In a chain. */
    whorl_op chain[] = {whorl_op_nop(), whorl_op_read(channel.ends[0], bytes, 1), whorl_op_nop()};
    chain[1].timeout = WHORL_MS(5);
    check_equal(whorl_link_ops(chain, 3), -ETIMEDOUT);
    check_equal(chain[0].result, 0);
    check_equal(chain[1].result, -ETIMEDOUT);
    check_equal(chain[2].result, -ECANCELED);
    /* Started, and looked at when its time has long been up. */
    op.timeout = WHORL_MS(5);
    check_equal(whorl_op_start(&op), 0);
    check_equal(whorl_sleep(WHORL_MS(10)), 0);
    check_equal(whorl_op_await(&op), -ETIMEDOUT);
    /* The same, and something has come since. */
    check_equal(whorl_op_start(&op), 0);
    check_equal(whorl_sleep(WHORL_MS(10)), 0);
    check_equal(write(channel.ends[1], "x", 1), 1);
    check_equal(whorl_op_await(&op), -ETIMEDOUT);
    check_equal(whorl_read(channel.ends[0], bytes, 1), 1);
    close_pair(&channel);
    return 0;
}

static void timeouts_of_ops_count_it(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, limit_ops, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(io_in_flight_is_not_jumped_over),
        behaviour(beside_io_in_flight_a_sleep_takes_its_real_time),
        behaviour(timeouts_of_ops_count_it),
    };
    return run_behaviours("virtual clock, io", tests);
}
