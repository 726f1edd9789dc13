/*
 * The op waitid: what waitid(2) gives, for one child, a group or any; without the kernel's
 * operation it is refused. (That a cancel never takes a status: see op/kinds.h.)
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "os/children.h"

#include <sys/pidfd.h>

/* Skips where the kernel lacks it. Outside tasks. */
static void need_waitid(void)
{
    int64_t features = whorl_features();
    assert_true(features >= 0);
    if (!(features & WHORL_FEATURE_OP_WAITID))
        skip_because("this kernel has no WAITID operation (Linux 6.7)");
}

static pid_t fork_child(int code)
{
    pid_t child = fork();
    if (child == 0)
        _exit(code);
    check(child > 0);
    return child;
}

static int await_waitid(int idtype, int id, siginfo_t *info, int options)
{
    whorl_op op = whorl_op_waitid(idtype, id, info, options);
    check_text(whorl_op_name(&op), "waitid");
    return whorl_op_await(&op);
}

static void check_end(const siginfo_t *info, pid_t child, int code)
{
    check_equal(info->si_signo, SIGCHLD);
    check_equal(info->si_pid, child);
    check_equal(info->si_code, CLD_EXITED);
    check_equal(info->si_status, code);
}

static intptr_t wait_in_all_ways(void *arg)
{
    siginfo_t info = {0};
    pid_t child = fork_child(3);
    (void)arg;
    check_equal(await_waitid(P_PID, child, &info, WEXITED | WNOWAIT), 0);
    check_end(&info, child, 3);
    check_equal(await_waitid(P_PID, child, NULL, WEXITED), 0);
    check_equal(await_waitid(P_PID, child, &info, WEXITED), -ECHILD);

    child = fork_child(4);
    int pidfd = pidfd_open(child, 0);
    check_equal(await_waitid(P_PIDFD, pidfd, &info, WEXITED), 0);
    check_end(&info, child, 4);
    check_equal(close(pidfd), 0);

    child = fork_child(5);
    check_equal(await_waitid(P_ALL, 0, &info, WEXITED), 0);
    check_end(&info, child, 5);
    child = fork_child(6);
    check_equal(await_waitid(P_PGID, getpgrp(), &info, WEXITED), 0);
    check_end(&info, child, 6);

    check_equal(await_waitid(P_PID, child, &info, 0), -EINVAL);
    check_equal(await_waitid(77, child, &info, WEXITED), -EINVAL);
    check_equal(await_waitid(P_PIDFD, -1, &info, WEXITED), -EINVAL);
    return check_no_children() ? 0 : -1;
}

static void it_gives_what_waitid_gives(void **state)
{
    (void)state;
    need_waitid();
    run_checks(wait_in_all_ways, NULL);
}

static intptr_t look_without_waiting(void *arg)
{
    whorl_process *process = spawn_patient();
    pid_t pid = whorl_process_pid(process);
    siginfo_t info = {.si_pid = 1};
    (void)arg;
    check_equal(await_waitid(P_PID, pid, &info, WEXITED | WNOHANG), 0);
    check_equal(info.si_pid, 0);
    check_equal(whorl_process_kill(process, SIGSTOP), 0);
    check_equal(await_waitid(P_PID, pid, &info, WSTOPPED), 0);
    check_equal(info.si_code, CLD_STOPPED);
    check_equal(whorl_process_kill(process, SIGCONT), 0);
    check_equal(await_waitid(P_PID, pid, &info, WCONTINUED), 0);
    check_equal(info.si_code, CLD_CONTINUED);
    return whorl_process_free(process);
}

static void it_tells_of_stops_and_goes_too(void **state)
{
    (void)state;
    need_waitid();
    run_checks(look_without_waiting, NULL);
}

static intptr_t wait_for_time(void *arg)
{
    whorl_process *process = spawn_patient();
    whorl_op op = whorl_op_waitid(P_PID, whorl_process_pid(process), NULL, WEXITED);
    (void)arg;
    op.timeout = WHORL_US(100);
    check_equal(whorl_op_await(&op), -ETIMEDOUT);
    check(is_alive(whorl_process_pid(process)));
    return whorl_process_free(process);
}

static void it_has_a_timeout_as_any_op(void **state)
{
    (void)state;
    need_waitid();
    run_checks(wait_for_time, NULL);
}

/* A number that is not a descriptor's, though there is one: P_ALL does not look at it. */
static intptr_t close_its_namesake(void *arg)
{
    whorl_process *process = spawn_patient();
    int fd = dup(0);
    whorl_op op = whorl_op_waitid(P_ALL, fd, NULL, WEXITED);
    (void)arg;
    check_equal(whorl_op_start(&op), 0);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_close(fd), 0);
    check_equal(whorl_process_close_stdin(process), 0);
    check_equal(whorl_op_await(&op), 0);
    check_equal(whorl_process_status(process, NULL), -ECHILD);
    return whorl_process_free(process);
}

static void closing_a_descriptor_of_the_same_number_does_not_end_it(void **state)
{
    (void)state;
    need_waitid();
    run_checks(close_its_namesake, NULL);
}

static intptr_t close_its_descriptor(void *arg)
{
    whorl_process *process = spawn_patient();
    int pidfd = pidfd_open(whorl_process_pid(process), 0);
    whorl_op op = whorl_op_waitid(P_PIDFD, pidfd, NULL, WEXITED);
    (void)arg;
    check_equal(whorl_op_start(&op), 0);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_close(pidfd), 0);
    check_equal(whorl_op_await(&op), -ECANCELED);
    return whorl_process_free(process);
}

static void closing_the_descriptor_that_names_the_child_does(void **state)
{
    (void)state;
    need_waitid();
    run_checks(close_its_descriptor, NULL);
}

static intptr_t wait_without(void *arg)
{
    pid_t child = fork_child(3);
    (void)arg;
    check_equal(whorl_features() & WHORL_FEATURE_OP_WAITID, 0);
    check_equal(await_waitid(P_PID, child, NULL, WEXITED), -EOPNOTSUPP);
    check_equal(waitpid(child, NULL, 0), child);
    return 0;
}

static void without_the_kernels_operation_it_is_refused(void **state)
{
    (void)state;
    run_checks_with(&(whorl_config){.without = WHORL_FEATURE_OP_WAITID}, wait_without, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(it_gives_what_waitid_gives),
        behaviour(it_tells_of_stops_and_goes_too),
        behaviour(it_has_a_timeout_as_any_op),
        behaviour(closing_a_descriptor_of_the_same_number_does_not_end_it),
        behaviour(closing_the_descriptor_that_names_the_child_does),
        behaviour(without_the_kernels_operation_it_is_refused),
    };
    return run_behaviours("waitid", tests);
}
