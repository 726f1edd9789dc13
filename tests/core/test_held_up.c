/*
 * A process that is held up while its loop waits, by a signal's handler here as by SIGSTOP
 * elsewhere, until a timer is long due: what came before goes first.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "feature_sets.h"

#include <errno.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>
#include <whorl.h>

#define LIMIT WHORL_MS(60)

static int wire;
static int64_t deadline;

/* The byte comes in time, and the loop only after it. */
static void hold_up(int number)
{
    (void)number;
    (void)!write(wire, "x", 1);
    while (whorl_now() < deadline + WHORL_MS(20))
        continue;
}

static void arm_alarm(void)
{
    struct itimerval soon = {.it_value = {.tv_usec = 10000}};
    check_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
}

static ssize_t read_in_time(int fd)
{
    char byte;
    whorl_timeout scope;
    deadline = whorl_now() + LIMIT;
    arm_alarm();
    whorl_timeout_begin_at(&scope, deadline);
    return whorl_timeout_end(&scope, whorl_read(fd, &byte, 1));
}

static ssize_t peek_in_time(int fd)
{
    whorl_stream *stream;
    whorl_slice slice;
    whorl_stream_options options = {.idle_timeout = LIMIT};
    check_equal(whorl_stream_open(dup(fd), &options, &stream), 0);
    deadline = whorl_now() + LIMIT;
    arm_alarm();
    ssize_t got = whorl_stream_peek(stream, 1, &slice);
    check_equal(whorl_stream_close(stream), 0);
    return got;
}

static intptr_t receive_while_held_up(void *arg)
{
    (void)arg;
    pair both = unix_pair();
    wire = both.ends[1];
    check_equal(read_in_time(both.ends[0]), 1);
    check(whorl_now() > deadline);
    check_equal(peek_in_time(both.ends[0]), 1);
    check(whorl_now() > deadline);
    close_pair(&both);
    return 0;
}

static void what_came_in_time_counts_before_the_timeout(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = hold_up}, before;
    assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
    run_checks_on_all_features(receive_while_held_up, NULL);
    assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(what_came_in_time_counts_before_the_timeout),
    };
    return run_behaviours("held up", tests);
}
