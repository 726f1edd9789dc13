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

#define LIMIT WHORL_MS(200)

/* More than the kernel brings at a time. */
enum { READERS = 100 };

static pair pairs[READERS];
static int64_t deadline;
static volatile sig_atomic_t still_to_wait; /* readers */

static void arm_alarm(void)
{
    struct itimerval soon = {.it_value = {.tv_usec = 10000}};
    check_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
}

/* The bytes come in time, and the loop only after it. */
static void hold_up(int number)
{
    (void)number;
    if (still_to_wait > 0) {
        arm_alarm();
        return;
    }
    for (int i = 0; i < READERS; i++)
        (void)!write(pairs[i].ends[1], "x", 1);
    while (whorl_now() < deadline + WHORL_MS(20))
        continue;
}

static void begin(int readers)
{
    still_to_wait = readers;
    deadline = whorl_now() + LIMIT;
    arm_alarm();
}

static intptr_t read_in_time(void *arg)
{
    char byte;
    whorl_timeout scope;
    whorl_timeout_begin_at(&scope, deadline);
    still_to_wait--;
    return whorl_timeout_end(&scope, whorl_read(*(int *)arg, &byte, 1));
}

static void read_all_in_time(void)
{
    whorl_task *readers[READERS];
    begin(READERS);
    for (int i = 0; i < READERS; i++)
        readers[i] = whorl_spawn(read_in_time, &pairs[i].ends[0]);
    for (int i = 0; i < READERS; i++)
        check_equal(whorl_join(readers[i]), 1);
    check(whorl_now() > deadline);
}

static void peek_in_time(int fd)
{
    whorl_stream *stream;
    whorl_slice slice;
    whorl_stream_options options = {.idle_timeout = LIMIT};
    check_equal(whorl_stream_open(dup(fd), &options, &stream), 0);
    begin(0);
    check_equal(whorl_stream_peek(stream, 1, &slice), 1);
    check(whorl_now() > deadline);
    check_equal(whorl_stream_close(stream), 0);
}

static intptr_t receive_while_held_up(void *arg)
{
    (void)arg;
    for (int i = 0; i < READERS; i++)
        pairs[i] = unix_pair();
    read_all_in_time();
    peek_in_time(pairs[0].ends[0]);
    for (int i = 0; i < READERS; i++)
        close_pair(&pairs[i]);
    return 0;
}

static void what_came_in_time_counts_before_the_timeout(void **state)
{
    (void)state;
    if (UNDER_THREAD_SANITIZER)
        skip_because("the thread sanitizer runs handlers later, when the wait is over");
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
