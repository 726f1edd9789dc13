/*
 * Where calls may be made from: every call that needs a task is refused with -EPERM (a pointer
 * result: NULL) outside a task, on a foreign thread, and in a child made by fork(2) inside a task.
 *
 * One table holds every such call of the public headers with arguments that would be good inside a
 * task; each place walks it. Nothing that a refused call was given may have changed.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "conformance/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <whorl.h>

enum { LEAVE_STATUS = 17 };

/* Walks the table; tells of each call that was not refused, and counts them. */
static int count_not_refused(whorl_task *task)
{
    int count = 0;

    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        intptr_t result = calls[i].call(task);

        if (result == -EPERM)
            continue;
        dprintf(STDOUT_FILENO, "whorl_%s gave %zd, not -EPERM\n", calls[i].name, (ssize_t)result);
        count++;
    }
    return count;
}

static void every_call_outside_a_task_is_refused(void **state)
{
    (void)state;
    assert_int_equal(count_not_refused(NULL), 0);
}

static void every_call_is_refused_again_when_the_run_is_over(void **state)
{
    (void)state;
    assert_int_equal(whorl_run(never, NULL), 0);
    assert_int_equal(count_not_refused(NULL), 0);
}

static void *walk_on_this_thread(void *task)
{
    return (void *)(intptr_t)count_not_refused(task);
}

static intptr_t sleep_forever(void *arg)
{
    (void)arg;
    return whorl_sleep(WHORL_FOREVER);
}

static intptr_t hand_a_task_to_a_foreign_thread(void *arg)
{
    whorl_task *task = whorl_spawn_with(&(whorl_spawn_options){.name = "kept"}, sleep_forever, arg);
    pthread_t thread;
    void *not_refused = NULL;

    check(task != NULL);
    check_equal(whorl_yield(), 0);
    check_equal(pthread_create(&thread, NULL, walk_on_this_thread, task), 0);
    check_equal(pthread_join(thread, &not_refused), 0);
    check_equal((intptr_t)not_refused, 0);
    check_equal(whorl_is_done(task), 0);
    check_equal(whorl_cancelling(task), 0);
    check_text(whorl_name(task), "kept");
    check_equal(whorl_cancel(task), 0);
    check_equal(whorl_join(task), -ECANCELED);
    return 0;
}

static void every_call_from_a_foreign_thread_is_refused(void **state)
{
    (void)state;
    run_checks(hand_a_task_to_a_foreign_thread, NULL);
}

/* The calls that take a handle, made by a task of another loop. */
static intptr_t try_a_foreign_handle(void *arg)
{
    whorl_task *task = arg;

    if (whorl_join(task) != -EPERM || whorl_release(task) != -EPERM)
        return 1;
    if (whorl_cancel(task) != -EPERM || whorl_cancelling(task) != -EPERM)
        return 2;
    if (whorl_is_done(task) != -EPERM || whorl_is_cancelled(task) != -EPERM)
        return 3;
    if (whorl_name(task) != NULL || whorl_set_name(task, "renamed") != -EPERM)
        return 4;
    return 0;
}

static void *run_a_loop_with(void *task)
{
    return (void *)whorl_run(try_a_foreign_handle, task);
}

static intptr_t hand_a_task_to_a_foreign_loop(void *arg)
{
    whorl_task *task = whorl_spawn(sleep_forever, arg);
    pthread_t thread;
    void *result = NULL;

    check(task != NULL);
    check_equal(whorl_yield(), 0);
    check_equal(pthread_create(&thread, NULL, run_a_loop_with, task), 0);
    check_equal(pthread_join(thread, &result), 0);
    check_equal((intptr_t)result, 0);
    check_equal(whorl_is_done(task), 0);
    check_equal(whorl_cancel(task), 0);
    check_equal(whorl_join(task), -ECANCELED);
    return 0;
}

static void a_handle_is_refused_in_a_task_of_another_loop(void **state)
{
    (void)state;
    run_checks(hand_a_task_to_a_foreign_loop, NULL);
}

static intptr_t fork_and_walk(void *arg)
{
    whorl_task *task = whorl_spawn(sleep_forever, arg);
    int status = 0;
    pid_t pid;

    check(task != NULL);
    check_equal(whorl_yield(), 0);
    fflush(NULL);
    pid = fork();
    if (pid == 0)
        _exit(count_not_refused(task) == 0 ? LEAVE_STATUS : 1);
    check(pid > 0);
    check_equal(waitpid(pid, &status, 0), pid);
    check(WIFEXITED(status));
    check_equal(WEXITSTATUS(status), LEAVE_STATUS);
    check_equal(whorl_cancel(task), 0);
    check_equal(whorl_join(task), -ECANCELED);
    return 0;
}

static void every_call_in_a_child_of_fork_is_refused(void **state)
{
    (void)state;
    run_checks(fork_and_walk, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(every_call_outside_a_task_is_refused),
        behaviour(every_call_is_refused_again_when_the_run_is_over),
        behaviour(every_call_from_a_foreign_thread_is_refused),
        behaviour(a_handle_is_refused_in_a_task_of_another_loop),
        behaviour(every_call_in_a_child_of_fork_is_refused),
    };

    return run_behaviours("place", tests);
}
