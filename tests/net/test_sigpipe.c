/*
 * SIGPIPE: no whorl call lets it reach the program, and the program's own dealings with it are as
 * before once the run has ended. Each case runs in a forked child, which starts with the default
 * disposition: a signal that got through would kill it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t caught;

static void count_signal(int number)
{
    (void)number;
    caught++;
}

/* Runs `body` in a child with SIGPIPE at its default; fails the test unless it exits with 0. */
static void run_in_child(void (*body)(void))
{
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGPIPE, SIG_DFL);
        body();
        _exit(failed_checks() == 0 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status))
        fail_msg("the child was killed by signal %d", WTERMSIG(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static pair broken(pair both)
{
    check_equal(close(both.ends[0]), 0);
    both.ends[0] = -1;
    return both;
}

static intptr_t provoke(void *arg)
{
    (void)arg;
    struct iovec one = {(void *)"x", 1};
    struct msghdr message = {.msg_iov = &one, .msg_iovlen = 1};
    for (int kind = 0; kind < 3; kind++) {
        pair both = broken(kind == 0 ? pipe_pair() : kind == 1 ? unix_pair() : tcp_pair());
        if (kind == 2) { /* TCP learns of it from the answer to a first send */
            check_equal(whorl_send(both.ends[1], "x", 1, 0), 1);
            check_equal(whorl_sleep(WHORL_MS(20)), 0);
        }
        ssize_t first = whorl_write(both.ends[1], "x", 1);
        check(first == -EPIPE || (kind == 2 && first == -ECONNRESET));
        check_equal(whorl_write(both.ends[1], "x", 1), -EPIPE);
        check_equal(whorl_writev(both.ends[1], &one, 1), -EPIPE);
        if (kind > 0) {
            check_equal(whorl_send(both.ends[1], "x", 1, 0), -EPIPE);
            check_equal(whorl_sendmsg(both.ends[1], &message, 0), -EPIPE);
        }
        whorl_op ops[2] = {whorl_op_write(both.ends[1], "x", 1), whorl_op_nop()};
        check_equal(whorl_link_ops(ops, 2), -EPIPE);
        ops[0] = whorl_op_write(both.ends[1], "x", 1);
        ops[1] = whorl_op_write(both.ends[1], "x", 1);
        check_equal(whorl_gather_ops(ops, 2), -EPIPE);
        close_pair(&both);
    }
    return 0;
}

static bool is_default_and_unblocked(void)
{
    struct sigaction action;
    sigset_t mask;
    check_equal(sigaction(SIGPIPE, NULL, &action), 0);
    check_equal(sigprocmask(SIG_BLOCK, NULL, &mask), 0);
    return action.sa_handler == SIG_DFL && !sigismember(&mask, SIGPIPE);
}

static void survive_the_default_action(void)
{
    check_equal(whorl_run(provoke, NULL), 0);
    check(is_default_and_unblocked());
}

static void no_call_raises_it(void **state)
{
    (void)state;
    run_in_child(survive_the_default_action);
}

static void write_plainly_into_a_broken_pipe(void)
{
    pair both = broken(pipe_pair());
    check_equal(write(both.ends[1], "x", 1), -1);
    check_equal(errno, EPIPE);
    close_pair(&both);
}

static void be_caught_only_by_plain_writes(void)
{
    signal(SIGPIPE, count_signal);
    write_plainly_into_a_broken_pipe();
    check_equal(caught, 1);
    check_equal(whorl_run(provoke, NULL), 0);
    check_equal(caught, 1);
    write_plainly_into_a_broken_pipe();
    check_equal(caught, 2);
}

static void a_handler_sees_only_its_own_after_the_run(void **state)
{
    (void)state;
    run_in_child(be_caught_only_by_plain_writes);
}

static bool is_pending(void)
{
    sigset_t pending;
    check_equal(sigpending(&pending), 0);
    return sigismember(&pending, SIGPIPE);
}

static void keep_one_that_was_pending(void)
{
    sigset_t mask;
    signal(SIGPIPE, count_signal);
    sigemptyset(&mask);
    sigaddset(&mask, SIGPIPE);
    check_equal(sigprocmask(SIG_BLOCK, &mask, NULL), 0);
    check_equal(raise(SIGPIPE), 0);
    check_equal(whorl_run(provoke, NULL), 0);
    check(is_pending());
    check_equal(sigprocmask(SIG_BLOCK, NULL, &mask), 0);
    check(sigismember(&mask, SIGPIPE));
    check_equal(caught, 0);
    check_equal(sigprocmask(SIG_UNBLOCK, &mask, NULL), 0);
    check_equal(caught, 1);
}

static void one_that_was_pending_before_stays(void **state)
{
    (void)state;
    run_in_child(keep_one_that_was_pending);
}

static void keep_it_blocked_without_a_trace(void)
{
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGPIPE);
    check_equal(sigprocmask(SIG_BLOCK, &mask, NULL), 0);
    check_equal(whorl_run(provoke, NULL), 0);
    check(!is_pending());
    check_equal(sigprocmask(SIG_BLOCK, NULL, &mask), 0);
    check(sigismember(&mask, SIGPIPE));
}

static void a_mask_that_blocked_it_is_kept(void **state)
{
    (void)state;
    run_in_child(keep_it_blocked_without_a_trace);
}

static intptr_t write_one(void *arg)
{
    return whorl_write(*(int *)arg, "x", 1);
}

/* A write that waits in the kernel when its reader goes away. */
static intptr_t break_under_a_writer(void *arg)
{
    (void)arg;
    for (int kind = 0; kind < 2; kind++) {
        pair both = kind == 0 ? pipe_pair() : unix_pair();
        check(fill_descriptor(both.ends[1]) > 0);
        whorl_task *writer = whorl_spawn(write_one, &both.ends[1]);
        check_equal(whorl_sleep(WHORL_MS(1)), 0);
        check_equal(whorl_is_done(writer), 0);
        both = broken(both);
        check_equal(whorl_join(writer), -EPIPE);
        close_pair(&both);
    }
    return 0;
}

static void break_while_writing(void)
{
    check_equal(whorl_run(break_under_a_writer, NULL), 0);
    check(is_default_and_unblocked());
}

static void a_write_in_flight_whose_reader_goes_away_raises_none(void **state)
{
    (void)state;
    run_in_child(break_while_writing);
}

static pair left_behind;

/* Ends with an op in flight that will break when the run is being closed. */
static intptr_t leave_a_broken_write(void *arg)
{
    (void)arg;
    static whorl_op op;
    left_behind = broken(pipe_pair());
    op = whorl_op_write(left_behind.ends[1], "x", 1);
    return whorl_op_start(&op);
}

static void end_with_a_broken_write(void)
{
    check_equal(whorl_run(leave_a_broken_write, NULL), 0);
    check(is_default_and_unblocked());
    close_pair(&left_behind);
}

static void a_write_that_breaks_at_the_runs_end_raises_none(void **state)
{
    (void)state;
    run_in_child(end_with_a_broken_write);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(no_call_raises_it),
        behaviour(a_handler_sees_only_its_own_after_the_run),
        behaviour(one_that_was_pending_before_stays),
        behaviour(a_mask_that_blocked_it_is_kept),
        behaviour(a_write_in_flight_whose_reader_goes_away_raises_none),
        behaviour(a_write_that_breaks_at_the_runs_end_raises_none),
    };
    return run_behaviours("sigpipe", tests);
}
