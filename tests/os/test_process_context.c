/*
 * What a child has of its parent beside descriptors: signals, groups, sessions; and what the
 * program's own dealings with SIGCHLD, with threads and with fork mean to its processes.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "core/child.h"
#include "feature_sets.h"
#include "os/children.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* --- Signals --- */

/* The bits of a line of /proc/PID/status, such as "SigBlk". */
static unsigned long long signals_of(pid_t pid, const char *line)
{
    char path[64];
    char text[8192] = "";
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    read_whole(path, text, sizeof text - 1);
    const char *found = strstr(text, line);
    check(found != NULL);
    return found ? strtoull(found + strlen(line) + 1, NULL, 16) : 0;
}

static unsigned long long bit_of(int number)
{
    return 1ULL << (number - 1);
}

static intptr_t compare_masks(void *arg)
{
    sigset_t set;
    (void)arg;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    whorl_timeout scope;
    check_equal(whorl_timeout_begin(&scope, 1), 0);
    check_equal(whorl_timeout_end(&scope, whorl_signal_wait(&set, NULL)), -ETIMEDOUT);
    /* The loop's thread has both blocked; the child has what the program had. */
    check(signals_of(getpid(), "SigBlk") & bit_of(SIGUSR1));
    check(signals_of(getpid(), "SigBlk") & bit_of(SIGPIPE));
    whorl_process *process = spawn_patient();
    check_equal(signals_of(whorl_process_pid(process), "SigBlk"), bit_of(SIGWINCH));
    check_equal(signals_of(whorl_process_pid(process), "SigIgn") & bit_of(SIGPIPE), 0);
    check(signals_of(whorl_process_pid(process), "SigIgn") & bit_of(SIGHUP));
    return whorl_process_free(process);
}

static int compare_in_a_child(void *arg)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGWINCH);
    check_equal(sigprocmask(SIG_SETMASK, &set, NULL), 0);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    return (int)whorl_run(compare_masks, arg);
}

static void a_child_has_the_mask_of_before_the_run_and_a_default_sigpipe(void **state)
{
    (void)state;
    run_in_child(compare_in_a_child, NULL);
}

/* --- Groups and sessions --- */

static intptr_t lead_groups(void *arg)
{
    static const unsigned flags[] = {0, WHORL_PROCESS_GROUP, WHORL_PROCESS_SESSION,
                                     WHORL_PROCESS_GROUP | WHORL_PROCESS_SESSION};
    (void)arg;
    for (size_t i = 0; i < count_of(flags); i++) {
        whorl_process_options options = shell("read line");
        whorl_process *process;
        options.in = WHORL_PIPE;
        options.flags = flags[i];
        check_equal(whorl_process_spawn(&options, &process), 0);
        pid_t pid = whorl_process_pid(process);
        check_equal(getpgid(pid), flags[i] ? pid : getpgrp());
        check_equal(getsid(pid), flags[i] & WHORL_PROCESS_SESSION ? pid : getsid(0));
        check_equal(whorl_process_free(process), 0);
    }
    return 0;
}

static intptr_t end_a_group(void *arg)
{
    whorl_process_options options = shell("(echo; exec sleep 1000) & wait");
    whorl_process *process;
    char line;
    (void)arg;
    options.out = WHORL_PIPE;
    options.flags = WHORL_PROCESS_GROUP;
    check_equal(whorl_process_spawn(&options, &process), 0);
    check_equal(whorl_read(whorl_process_stdout(process), &line, 1), 1);
    check_equal(kill(-whorl_process_pid(process), SIGTERM), 0);
    /* The grandchild has ended as well, as nobody has the pipe any more. */
    int code = whorl_process_communicate(process, NULL, 0, NULL, LONG_ENOUGH);
    check_equal(code, WHORL_SIGNALLED + SIGTERM);
    return whorl_process_free(process);
}

static void a_child_may_lead_a_group_or_a_session(void **state)
{
    (void)state;
    run_checks(lead_groups, NULL);
    run_checks(end_a_group, NULL);
}

/* --- SIGCHLD --- */

static volatile sig_atomic_t ends_seen;

static void count_end(int number)
{
    (void)number;
    ends_seen++;
}

static intptr_t end_three(void *arg)
{
    for (int i = 0; i < 3; i++)
        check_equal(whorl_process_run(&shell("exit 4"), NULL, 0, NULL, LONG_ENOUGH), 4);
    return (intptr_t)arg;
}

static int count_the_ends(void *arg)
{
    for (int i = 0; i < 2; i++) {
        whorl_config config = {.without = i ? WHORL_FEATURE_OP_WAITID : 0};
        ends_seen = 0;
        signal(SIGCHLD, count_end);
        check_equal(whorl_run_with(&config, end_three, arg), 0);
        check_equal(ends_seen, 3);
    }
    return 0;
}

static void a_handler_of_the_programs_sees_every_end(void **state)
{
    (void)state;
    run_in_child(count_the_ends, NULL);
}

static intptr_t lose_children(void *arg)
{
    whorl_process_output output = {0};
    whorl_process_options options = shell("cat; exit 3");
    whorl_process *process;
    siginfo_t info = {.si_pid = 1};
    (void)arg;
    options.in = options.out = WHORL_PIPE;
    check_equal(whorl_process_run(&options, "text", 4, &output, LONG_ENOUGH), -ECHILD);
    check_text(output.out, "text");
    free(output.out);

    process = spawn_patient();
    check_equal(whorl_process_status(process, NULL), -EAGAIN);
    check_equal(whorl_process_close_stdin(process), 0);
    check_equal(whorl_process_wait(process), -ECHILD);
    check_equal(whorl_process_wait(process), -ECHILD);
    check_equal(whorl_process_status(process, &info), -ECHILD);
    check_equal(info.si_pid, 1);
    check_equal(whorl_process_kill(process, SIGTERM), -ESRCH);
    check_equal(whorl_process_free(process), 0);

    process = spawn_patient();
    check_equal(whorl_process_terminate(process, LONG_ENOUGH), -ECHILD);
    check_equal(whorl_process_terminate(process, LONG_ENOUGH), -ECHILD);
    check_equal(whorl_process_free(process), 0);

    process = spawn_patient();
    pid_t pid = whorl_process_pid(process);
    check_equal(whorl_process_free(process), 0);
    check_equal(kill(pid, 0) < 0 ? errno : 0, ESRCH);
    return 0;
}

/* One that is gone before anybody can look at it. */
static intptr_t lose_quick_ones(void *arg)
{
    (void)arg;
    for (int i = 0; i < 20; i++) {
        whorl_process *process;
        int code = whorl_process_spawn(&shell("exit 3"), &process);
        check_equal(code, 0);
        check_equal(whorl_process_terminate(process, LONG_ENOUGH), -ECHILD);
        check_equal(whorl_process_free(process), 0);
    }
    return 0;
}

static int ignore_ends(void *arg)
{
    signal(SIGCHLD, SIG_IGN);
    for (int i = 0; i < 2; i++) {
        whorl_config config = {.without = i ? WHORL_FEATURE_OP_WAITID : 0};
        check_equal(whorl_run_with(&config, lose_children, arg), 0);
        check_equal(whorl_run_with(&config, lose_quick_ones, arg), 0);
    }
    return 0;
}

static void where_sigchld_is_ignored_the_status_is_lost_and_said_to_be(void **state)
{
    (void)state;
    run_in_child(ignore_ends, NULL);
}

static intptr_t reap_behind_its_back(void *arg)
{
    whorl_process *process = spawn_patient();
    (void)arg;
    check_equal(kill(whorl_process_pid(process), SIGKILL), 0);
    check_equal(waitpid(-1, NULL, 0), whorl_process_pid(process));
    /* Only the kernel knows. */
    check_equal(whorl_process_kill(process, SIGTERM), -ESRCH);
    check_equal(whorl_process_terminate(process, LONG_ENOUGH), -ECHILD);
    check_equal(whorl_process_status(process, NULL), -ECHILD);
    return whorl_process_free(process);
}

static void a_child_that_the_program_has_reaped_is_said_to_be_lost(void **state)
{
    (void)state;
    run_checks_on_all_features(reap_behind_its_back, NULL);
}

/* --- Places --- */

static intptr_t use_a_foreign_process(void *arg)
{
    whorl_process *process = arg;
    check_equal(whorl_process_wait(process), -EPERM);
    check_equal(whorl_process_status(process, NULL), -EPERM);
    check_equal(whorl_process_kill(process, SIGKILL), -EPERM);
    check_equal(whorl_process_terminate(process, 0), -EPERM);
    check_equal(whorl_process_communicate(process, NULL, 0, NULL, 1), -EPERM);
    check_equal(whorl_process_close_stdin(process), -EPERM);
    check_equal(whorl_process_free(process), -EPERM);
    return 0;
}

static void *run_another_loop(void *process)
{
    check_equal(whorl_run(use_a_foreign_process, process), 0);
    return NULL;
}

static intptr_t hand_it_over(void *arg)
{
    whorl_process *process = spawn_patient();
    pthread_t thread;
    int status = 0;
    (void)arg;
    check_equal(pthread_create(&thread, NULL, run_another_loop, process), 0);
    check_equal(pthread_join(thread, NULL), 0);
    fflush(NULL);
    pid_t forked = fork();
    if (forked == 0) {
        use_a_foreign_process(process); /* no loop at all */
        finish_child(5);
    }
    check_equal(waitpid(forked, &status, 0), forked);
    check(WIFEXITED(status) && WEXITSTATUS(status) == 5);
    check(is_alive(whorl_process_pid(process)));
    return whorl_process_free(process);
}

static void another_loop_or_a_forked_child_cannot_use_a_process(void **state)
{
    (void)state;
    run_checks(hand_it_over, NULL);
}

/* --- A descriptor that is gone when it is needed --- */

/* pidfd_open of another process than this one gives EMFILE. */
static int forbid_pidfds(void)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_open, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)getpid(), 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EMFILE),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = count_of(rules), .filter = rules};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -errno;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0 ? -errno : 0;
}

static intptr_t spawn_in_vain(void *arg)
{
    whorl_process_options options = shell("read line");
    whorl_process *process;
    int before = open_descriptors();
    (void)arg;
    options.in = options.out = WHORL_PIPE;
    check_equal(whorl_process_spawn(&options, &process), -EMFILE);
    check(process == NULL);
    check_equal(open_descriptors(), before);
    check_no_children();
    return 0;
}

static int spawn_without_pidfds(void *arg)
{
    check_equal(forbid_pidfds(), 0);
    return (int)whorl_run(spawn_in_vain, arg);
}

static void a_child_whose_descriptor_is_not_to_be_had_is_taken_back(void **state)
{
    (void)state;
    run_in_child(spawn_without_pidfds, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_child_has_the_mask_of_before_the_run_and_a_default_sigpipe),
        behaviour(a_child_may_lead_a_group_or_a_session),
        behaviour(a_handler_of_the_programs_sees_every_end),
        behaviour(where_sigchld_is_ignored_the_status_is_lost_and_said_to_be),
        behaviour(a_child_that_the_program_has_reaped_is_said_to_be_lost),
        behaviour(another_loop_or_a_forked_child_cannot_use_a_process),
        behaviour(a_child_whose_descriptor_is_not_to_be_had_is_taken_back),
    };
    return run_behaviours("process context", tests);
}
