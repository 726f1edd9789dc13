/*
 * What the tests of processes share: commands for the shell, what they printed, and that none of
 * them is left.
 */
#ifndef TESTS_OS_CHILDREN_H
#define TESTS_OS_CHILDREN_H

#include "support.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LONG_ENOUGH WHORL_SECONDS(300)

/* Options that have the shell run a script. */
#define shell(script)                                                                              \
    ((whorl_process_options){.argv = (const char *const[]){"/bin/sh", "-c", script, NULL}})

/* This process has no child, dead or alive. */
static inline bool check_no_children(void)
{
    pid_t got = waitpid(-1, NULL, WNOHANG);
    return check_equal(got < 0 ? -errno : got, -ECHILD);
}

/* A process that the kernel knows, and that has not ended. */
static inline bool is_alive(pid_t pid)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
}

/* Runs what `options` say, with an output that is a pipe; that must be `expected`. Returns how it
 * ended. */
static inline int says(whorl_process_options options, const char *expected)
{
    whorl_process_output output;
    options.out = WHORL_PIPE;
    int code = whorl_process_run(&options, NULL, 0, &output, LONG_ENOUGH);
    if (code >= 0)
        check_text(output.out, expected);
    free(output.out);
    free(output.err);
    return code;
}

/* Options that cannot be carried out: the error, after which nothing is left. */
static inline int fail_to_spawn(whorl_process_options options)
{
    whorl_process *process = (whorl_process *)&options;
    int error = whorl_process_spawn(&options, &process);
    check(process == NULL);
    check_no_children();
    return error;
}

/* A shell that lives until it is killed, or its standard input ends. */
static inline whorl_process *spawn_patient(void)
{
    whorl_process_options options = shell("read line");
    whorl_process *process = NULL;
    options.in = WHORL_PIPE;
    check_equal(whorl_process_spawn(&options, &process), 0);
    return process;
}

#endif
