/*
 * fork(2) inside a task: the child has no loop, may end or run a loop of its own, and does the
 * parent's loop no harm. (That every call is refused there is in conformance/test_place.c.)
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "child.h"

#include <fcntl.h>

enum { STATUS_OF_A_RETURNING_TASK = 70, ROUNDS = 20 };

static intptr_t give_back(void *arg)
{
    return (intptr_t)arg;
}

static intptr_t sleep_shortly(void *arg)
{
    check_equal(whorl_sleep(WHORL_MS(2)), 0);
    return (intptr_t)arg;
}

static int wait_for(pid_t pid)
{
    int status = -1;

    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return -1;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static intptr_t read_byte(void *arg)
{
    char byte = 0;

    check_equal(whorl_read(*(int *)arg, &byte, 1), 1);
    return byte;
}

/* The parent has a sleeper, a reader and a ready task while its children come and go. */
static intptr_t fork_among_others(void *arg)
{
    int (*child)(void) = (int (*)(void))(intptr_t)arg;
    pair both = pipe_pair();

    for (int i = 0; i < ROUNDS; i++) {
        whorl_task *sleeper = whorl_spawn(sleep_shortly, (void *)1);
        whorl_task *reader = whorl_spawn(read_byte, &both.ends[0]);
        whorl_task *ready;
        pid_t pid;

        check_equal(whorl_yield(), 0);
        ready = whorl_spawn(give_back, (void *)3);
        fflush(NULL);
        pid = fork();
        if (pid == 0)
            finish_child(child());
        check(pid > 0);
        check_equal(wait_for(pid), 5);
        check_equal(write(both.ends[1], "b", 1), 1);
        check_equal(whorl_join(ready), 3);
        check_equal(whorl_join(reader), 'b');
        check_equal(whorl_join(sleeper), 1);
    }
    close_pair(&both);
    return 0;
}

static int leave_at_once(void)
{
    return 5;
}

static void a_parents_loop_goes_on_when_its_child_leaves(void **state)
{
    (void)state;
    run_checks(fork_among_others, (void *)(intptr_t)leave_at_once);
}

static intptr_t work_in_the_child(void *arg)
{
    pair both = pipe_pair();
    whorl_task *reader = whorl_spawn(read_byte, &both.ends[0]);
    whorl_task *sleeper = whorl_spawn(sleep_shortly, (void *)1);

    check_equal(whorl_yield(), 0);
    check_equal(whorl_write(both.ends[1], "c", 1), 1);
    check_equal(whorl_join(reader), 'c');
    check_equal(whorl_join(sleeper), 1);
    close_pair(&both);
    return (intptr_t)arg;
}

static int run_a_loop_twice(void)
{
    check(whorl_self() == NULL);
    check_equal(whorl_features() >= 0, 1);
    check_equal(whorl_run(work_in_the_child, (void *)4), 4);
    check_equal(whorl_yield(), -EPERM);
    return (int)whorl_run(work_in_the_child, (void *)5);
}

static void a_child_runs_a_loop_of_its_own(void **state)
{
    (void)state;
    run_checks(fork_among_others, (void *)(intptr_t)run_a_loop_twice);
}

static pid_t forked;

static intptr_t fork_and_return(void *arg)
{
    fflush(NULL);
    forked = fork();
    return (intptr_t)arg;
}

static intptr_t fork_in_a_task_that_returns(void *arg)
{
    (void)arg;
    check_equal(whorl_join(whorl_spawn(fork_and_return, (void *)6)), 6);
    check(forked > 0);
    check_equal(wait_for(forked), STATUS_OF_A_RETURNING_TASK);
    check_equal(whorl_join(whorl_spawn(sleep_shortly, (void *)7)), 7);
    return 0;
}

static void a_task_that_returns_in_the_child_ends_it_with_70(void **state)
{
    (void)state;
    run_checks(fork_in_a_task_that_returns, NULL);
}

static void a_main_that_returns_in_the_child_ends_it_with_70(void **state)
{
    (void)state;
    assert_int_equal(whorl_run(fork_and_return, (void *)8), 8);
    assert_true(forked > 0);
    assert_int_equal(wait_for(forked), STATUS_OF_A_RETURNING_TASK);
}

static intptr_t fork_with_a_write_on_its_way(void *arg)
{
    pair both = pipe_pair();
    whorl_op op = whorl_op_write(both.ends[1], "once", 4);
    char bytes[16];
    pid_t pid;

    (void)arg;
    check_equal(whorl_op_start(&op), 0);
    fflush(NULL);
    pid = fork();
    if (pid == 0)
        finish_child(run_a_loop_twice());
    check(pid > 0);
    check_equal(wait_for(pid), 5);
    check_equal(whorl_op_await(&op), 4);
    check_equal(fcntl(both.ends[0], F_SETFL, O_NONBLOCK), 0);
    check_equal(read(both.ends[0], bytes, sizeof bytes), 4);
    close_pair(&both);
    return 0;
}

static void an_op_started_before_the_fork_is_done_once(void **state)
{
    (void)state;
    run_checks(fork_with_a_write_on_its_way, NULL);
}

static intptr_t exec_in_the_child(void *arg)
{
    int before = open_descriptors();
    char count[32];
    pid_t pid;

    (void)arg;
    snprintf(count, sizeof count, "%d", before);
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        /* The ring itself must not be among the program's descriptors: it is closed on exec. */
        execl("/bin/sh", "sh", "-c",
              "for fd in /proc/self/fd/*; do"
              " case $(readlink $fd) in *io_uring*) exit 1;; esac; done; exit 5",
              (char *)NULL);
        _exit(2);
    }
    check(pid > 0);
    check_equal(wait_for(pid), 5);
    return 0;
}

static void the_ring_is_closed_on_exec(void **state)
{
    (void)state;
    run_checks(exec_in_the_child, NULL);
}

static int run_after_fork(void *arg)
{
    check_equal(whorl_run(work_in_the_child, arg), 5);
    return 5;
}

static void a_child_forked_between_runs_runs_a_loop(void **state)
{
    struct child child;

    (void)state;
    assert_int_equal(whorl_run(give_back, (void *)5), 5);
    assert_int_equal(child_run(run_after_fork, (void *)5, &child), 0);
    assert_true(child_exited(&child, 5));
    assert_int_equal(whorl_run(give_back, (void *)5), 5);
}

static pid_t parent;

static intptr_t run_in_the_parent(void *arg)
{
    if (getpid() != parent)
        _exit(1);
    return (intptr_t)arg;
}

/* In the child the op never ends: its task must not wait for that, nor let others run meanwhile. */
static intptr_t fork_with_an_op_in_flight(void *arg)
{
    bool submitted = *(bool *)arg;
    pair both = pipe_pair();
    char byte;
    whorl_op op = whorl_op_read(both.ends[0], &byte, 1);
    whorl_task *other;
    pid_t pid;

    parent = getpid();
    check_equal(whorl_op_start(&op), 0);
    if (submitted)
        check_equal(whorl_sleep(WHORL_MS(1)), 0);
    other = whorl_spawn(run_in_the_parent, (void *)3);
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        alarm(CHILD_SECONDS);
        return 9;
    }
    check(pid > 0);
    check_equal(wait_for(pid), STATUS_OF_A_RETURNING_TASK);
    check_equal(whorl_op_cancel(&op), 0);
    check_equal(whorl_op_await(&op), -ECANCELED);
    check_equal(whorl_join(other), 3);
    close_pair(&both);
    return 0;
}

static intptr_t join_one_that_forks(void *arg)
{
    return whorl_join(whorl_spawn(fork_with_an_op_in_flight, arg));
}

static void a_task_with_an_op_in_flight_returns_in_the_child_at_once(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        bool submitted = i == 1;

        run_checks(fork_with_an_op_in_flight, &submitted);
        run_checks(join_one_that_forks, &submitted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_parents_loop_goes_on_when_its_child_leaves),
        behaviour(a_child_runs_a_loop_of_its_own),
        behaviour(a_task_that_returns_in_the_child_ends_it_with_70),
        behaviour(a_main_that_returns_in_the_child_ends_it_with_70),
        behaviour(an_op_started_before_the_fork_is_done_once),
        behaviour(the_ring_is_closed_on_exec),
        behaviour(a_child_forked_between_runs_runs_a_loop),
        behaviour(a_task_with_an_op_in_flight_returns_in_the_child_at_once),
    };

    return run_behaviours("fork", tests);
}
