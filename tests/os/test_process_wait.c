/*
 * Waiting for the end of a process: by many, again and again, in vain; asking without waiting;
 * signals to it, and the end of one that ignores them.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "feature_sets.h"
#include "os/children.h"

#include <stdio.h>

enum { WAITERS = 20 };

static intptr_t wait_for_it(void *process)
{
    return whorl_process_wait(process);
}

static intptr_t wait_by_many(void *arg)
{
    whorl_process *process = spawn_patient();
    whorl_task *tasks[WAITERS];
    siginfo_t info = {0};
    (void)arg;
    for (int i = 0; i < WAITERS; i++)
        tasks[i] = whorl_spawn(wait_for_it, process);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_cancel(tasks[3]), 0);
    check_equal(whorl_join(tasks[3]), -ECANCELED);
    check_equal(whorl_process_status(process, &info), -EAGAIN);
    check_equal(info.si_pid, 0);
    check_equal(whorl_process_kill(process, SIGUSR1), 0);
    for (int i = 0; i < WAITERS; i++)
        if (i != 3)
            check_equal(whorl_join(tasks[i]), WHORL_SIGNALLED + SIGUSR1);
    check_equal(whorl_process_wait(process), WHORL_SIGNALLED + SIGUSR1);
    check_equal(whorl_process_status(process, &info), WHORL_SIGNALLED + SIGUSR1);
    check_equal(info.si_pid, whorl_process_pid(process));
    check_equal(info.si_code, CLD_KILLED);
    check_equal(info.si_status, SIGUSR1);
    check_no_children(); /* reaped before it is freed */
    check_equal(whorl_process_kill(process, SIGTERM), -ESRCH);
    check_equal(whorl_process_terminate(process, 1), WHORL_SIGNALLED + SIGUSR1);
    check_equal(whorl_process_free(process), 0);
    return 0;
}

static void many_may_wait_and_all_are_told_again_and_again(void **state)
{
    (void)state;
    run_checks_on_all_features(wait_by_many, NULL);
}

static intptr_t wait_in_vain(void *arg)
{
    whorl_process *process = spawn_patient();
    whorl_timeout scope;
    (void)arg;
    check_equal(whorl_timeout_begin(&scope, 1), 0);
    check_equal(whorl_timeout_end(&scope, whorl_process_wait(process)), -ETIMEDOUT);
    check(is_alive(whorl_process_pid(process)));
    /* In a cancelled task no call that may wait has an effect; the others work. */
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_process_wait(process), -ECANCELED);
    check_equal(whorl_process_terminate(process, 0), -ECANCELED);
    check_equal(whorl_process_communicate(process, NULL, 0, NULL, LONG_ENOUGH), -ECANCELED);
    whorl_process *other = (whorl_process *)&scope;
    check_equal(whorl_process_spawn(&shell("true"), &other), -ECANCELED);
    check(other == NULL);
    check_equal(whorl_process_run(&shell("true"), NULL, 0, NULL, LONG_ENOUGH), -ECANCELED);
    check_equal(whorl_process_status(process, NULL), -EAGAIN);
    check_equal(whorl_process_close_stdin(process), 0);
    check_equal(whorl_process_close_stdin(process), -EBADF);
    check_equal(whorl_process_stdin(process), -1);
    check_equal(whorl_uncancel(), 1);
    check_equal(whorl_process_wait(process), 1); /* read at the end of file */
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_process_wait(process), -ECANCELED);
    check_equal(whorl_process_terminate(process, 0), -ECANCELED);
    check_equal(whorl_process_status(process, NULL), 1);
    check_equal(whorl_process_free(process), 0);
    check_equal(whorl_uncancel(), 1);
    return check_no_children() ? 0 : -1;
}

static void a_wait_that_was_cut_short_may_be_made_again(void **state)
{
    (void)state;
    run_checks_on_all_features(wait_in_vain, NULL);
}

static intptr_t misuse(void *arg)
{
    whorl_process *process = spawn_patient();
    (void)arg;
    check_equal(whorl_process_wait(NULL), -EINVAL);
    check_equal(whorl_process_status(NULL, NULL), -EINVAL);
    check_equal(whorl_process_kill(NULL, SIGTERM), -EINVAL);
    check_equal(whorl_process_terminate(NULL, 1), -EINVAL);
    check_equal(whorl_process_close_stdin(NULL), -EINVAL);
    check_equal(whorl_process_free(NULL), -EINVAL);
    check_equal(whorl_process_kill(process, -1), -EINVAL);
    check_equal(whorl_process_kill(process, 1000), -EINVAL);
    check_equal(whorl_process_kill(process, 0), 0);
    check(is_alive(whorl_process_pid(process)));
    return whorl_process_free(process);
}

static void misuse_is_refused(void **state)
{
    (void)state;
    run_checks(misuse, NULL);
}

/* --- Children that do not want to go --- */

/* A shell that ignores SIGTERM; it has said that it does. */
static whorl_process *spawn_stubborn(void)
{
    whorl_process_options options = shell("trap '' TERM; echo; while :; do sleep 100; done");
    whorl_process *process = NULL;
    char line;
    options.out = WHORL_PIPE;
    options.flags = WHORL_PROCESS_GROUP;
    check_equal(whorl_process_spawn(&options, &process), 0);
    check_equal(whorl_read(whorl_process_stdout(process), &line, 1), 1);
    return process;
}

/* Its sleep ends with it. */
static void free_stubborn(whorl_process *process)
{
    kill(-whorl_process_pid(process), SIGKILL);
    check_equal(whorl_process_free(process), 0);
}

static intptr_t terminate_it(void *process)
{
    return whorl_process_terminate(process, LONG_ENOUGH);
}

static intptr_t persuade(void *arg)
{
    whorl_process *process = spawn_stubborn();
    pid_t pid = whorl_process_pid(process);
    (void)arg;
    check_equal(whorl_process_kill(process, SIGTERM), 0);
    check_equal(whorl_process_terminate(process, WHORL_MS(1)), WHORL_SIGNALLED + SIGKILL);
    kill(-pid, SIGKILL);
    check_equal(whorl_process_free(process), 0);

    process = spawn_stubborn();
    whorl_task *task = whorl_spawn(terminate_it, process);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_cancel(task), 0);
    check_equal(whorl_join(task), -ECANCELED);
    check(is_alive(whorl_process_pid(process)));
    free_stubborn(process);

    process = spawn_patient();
    check_equal(whorl_process_terminate(process, LONG_ENOUGH), WHORL_SIGNALLED + SIGTERM);
    check_equal(whorl_process_free(process), 0);
    return check_no_children() ? 0 : -1;
}

static void a_child_that_ignores_sigterm_is_killed_after_its_grace(void **state)
{
    (void)state;
    run_checks_on_all_features(persuade, NULL);
}

static intptr_t kill_at_once(void *arg)
{
    (void)arg;
    for (int64_t grace = -1; grace <= 0; grace++) {
        whorl_process *process = spawn_stubborn();
        check_equal(whorl_process_terminate(process, grace), WHORL_SIGNALLED + SIGKILL);
        free_stubborn(process);
    }
    return 0;
}

static void without_grace_it_is_killed_at_once(void **state)
{
    (void)state;
    run_checks(kill_at_once, NULL);
}

static intptr_t stop_and_go(void *arg)
{
    whorl_process *process = spawn_patient();
    siginfo_t info = {0};
    (void)arg;
    check_equal(whorl_process_kill(process, SIGSTOP), 0);
    check_equal(waitid(P_PID, (id_t)whorl_process_pid(process), &info, WSTOPPED | WNOWAIT), 0);
    check_equal(info.si_code, CLD_STOPPED);
    check_equal(whorl_process_status(process, NULL), -EAGAIN);
    check_equal(whorl_process_terminate(process, WHORL_MS(1)), WHORL_SIGNALLED + SIGKILL);
    return whorl_process_free(process);
}

static void a_stopped_child_has_not_ended(void **state)
{
    (void)state;
    run_checks_on_all_features(stop_and_go, NULL);
}

/* --- Somebody else's child --- */

static intptr_t kill_another_users(void *arg)
{
    whorl_process *process = spawn_patient();
    (void)arg;
    check_equal(seteuid(65534), 0);
    check_equal(setresuid(65534, 65534, 0), 0);
    check_equal(whorl_process_kill(process, SIGTERM), -EPERM);
    check_equal(whorl_process_terminate(process, 0), -EPERM);
    check_equal(setresuid(0, 0, 0), 0);
    return whorl_process_free(process);
}

static void a_child_that_runs_as_somebody_else_is_not_killed(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip_because("only root can start a process and then be another user");
    run_checks(kill_another_users, NULL);
}

/* --- Cancel against the end --- */

struct race {
    whorl_process *process;
    intptr_t result;
};

static intptr_t wait_and_note(void *arg)
{
    struct race *race = arg;
    race->result = whorl_process_wait(race->process);
    return 0;
}

/* The end and the cancel come in the same turn, or a little apart. */
static void race_once(int round, int *told)
{
    struct race race = {spawn_patient(), 1};
    whorl_task *task = whorl_spawn(wait_and_note, &race);
    check_equal(whorl_yield(), 0);
    if (round % 4 == 0)
        check_equal(whorl_cancel(task), 0);
    check_equal(whorl_process_kill(race.process, SIGKILL), 0);
    for (int i = 0; i < round % 7; i++)
        check_equal(whorl_yield(), 0);
    if (round % 3 == 0)
        check_equal(whorl_sleep(WHORL_US(50 * (round % 10))), 0);
    whorl_cancel(task);
    check_equal(whorl_join(task), 0);
    if (race.result != -ECANCELED)
        check_equal(race.result, WHORL_SIGNALLED + SIGKILL);
    *told += race.result != -ECANCELED;
    check_equal(whorl_process_wait(race.process), WHORL_SIGNALLED + SIGKILL);
    check_equal(whorl_process_free(race.process), 0);
}

static intptr_t race_often(void *arg)
{
    int told = 0;
    long rounds = test_rounds(60);
    (void)arg;
    for (int i = 0; i < rounds; i++)
        race_once(i, &told);
    printf("of %ld waits %d were told before their cancel\n", rounds, told);
    return check_no_children() ? 0 : -1;
}

static void a_status_is_never_lost_to_a_cancel(void **state)
{
    (void)state;
    run_checks(race_often, NULL);
    run_checks_with(&(whorl_config){.without = UINT64_MAX}, race_often, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(many_may_wait_and_all_are_told_again_and_again),
        behaviour(a_wait_that_was_cut_short_may_be_made_again),
        behaviour(misuse_is_refused),
        behaviour(a_child_that_ignores_sigterm_is_killed_after_its_grace),
        behaviour(without_grace_it_is_killed_at_once),
        behaviour(a_stopped_child_has_not_ended),
        behaviour(a_child_that_runs_as_somebody_else_is_not_killed),
        behaviour(a_status_is_never_lost_to_a_cancel),
    };
    return run_behaviours("process wait", tests);
}
