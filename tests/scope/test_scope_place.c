/*
 * Scopes, gathering and waiting with a limit from the wrong place: outside a task, on a thread
 * without a loop, in another loop, in a child made by fork(2). All are refused, and what they were
 * given is as it was. And what a scope costs: no system call; and what one that is left open says.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "core/child.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define FAR WHORL_SECONDS(100)

/* A task's, open while strangers are at them. */
static whorl_timeout open_timeout;
static whorl_shield open_shield;
static whorl_task *sleeper;

static intptr_t never(void *arg)
{
    (void)arg;
    check_failed("a refused call has run its function");
    return 0;
}

static intptr_t sleep_far(void *arg)
{
    (void)arg;
    return whorl_sleep(FAR);
}

/* What is refused to everybody but tasks of this loop. */
static void check_handles_are_refused(void)
{
    intptr_t result = 77;
    for (unsigned flags = 0; flags <= WHORL_COLLECT; flags++)
        check_equal(whorl_gather(&sleeper, 1, &result, flags), -EPERM);
    check_equal(whorl_wait_for(sleeper, 0), -EPERM);
    check_equal(whorl_wait_for(sleeper, FAR), -EPERM);
    check_equal(whorl_timeout_reschedule(&open_timeout, 0), -EPERM);
    check_equal(whorl_timeout_end(&open_timeout, 1), -EPERM);
    check_equal(whorl_shield_end(&open_shield, 1), -EPERM);
    check_equal(result, 77);
}

/* And what to everybody who is no task. */
static void check_all_is_refused(void)
{
    const whorl_call calls[] = {{never, NULL}, {never, NULL}};
    whorl_timeout timeout;
    whorl_shield shield;
    check_handles_are_refused();
    check_equal(whorl_gather(NULL, 0, NULL, 0), -EPERM);
    check_equal(whorl_gather_calls(calls, 2, NULL, 0), -EPERM);
    check_equal(whorl_timeout_begin(&timeout, 1), -EPERM);
    check_equal(whorl_timeout_begin_at(&timeout, 1), -EPERM);
    check_equal(whorl_shield_begin(&shield, 1), -EPERM);
}

/* Runs `strangers` while a task has its scopes open; then they must be as they were. */
static intptr_t keep_open(void *strangers)
{
    sleeper = whorl_spawn(sleep_far, NULL);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_timeout_begin(&open_timeout, FAR), 0);
    check_equal(whorl_shield_begin(&open_shield, FAR), 0);
    ((void (*)(void))strangers)();
    check_equal(whorl_sleep(1), 0);
    check_equal(whorl_cancelling(sleeper), 0);
    check_equal(whorl_is_done(sleeper), 0);
    check_equal(whorl_shield_end(&open_shield, 2), 2);
    check_equal(whorl_timeout_end(&open_timeout, 3), 3);
    check_equal(whorl_wait_for(sleeper, 0), -ETIMEDOUT);
    return 0;
}

static void *be_a_thread(void *arg)
{
    (void)arg;
    check_all_is_refused();
    return NULL;
}

static intptr_t be_another_loop(void *arg)
{
    whorl_timeout own;
    (void)arg;
    check_equal(whorl_timeout_begin(&own, FAR), 0);
    check_handles_are_refused();
    check_equal(whorl_timeout_end(&own, 4), 4);
    return 0;
}

static void *run_another_loop(void *arg)
{
    check_equal(whorl_run(be_another_loop, arg), 0);
    return NULL;
}

static void run_thread(void *(*body)(void *))
{
    pthread_t thread;
    check_equal(pthread_create(&thread, NULL, body, NULL), 0);
    check_equal(pthread_join(thread, NULL), 0);
}

static void from_a_thread(void)
{
    run_thread(be_a_thread);
}

static void from_another_loop(void)
{
    run_thread(run_another_loop);
}

static int be_a_child(void *arg)
{
    (void)arg;
    check_all_is_refused();
    return 0;
}

static void from_a_child(void)
{
    struct child child;
    check_equal(child_run(be_a_child, NULL, &child), 0);
    check(child_exited(&child, 0));
}

static void scopes_and_gathers_are_refused_outside_a_task(void **state)
{
    (void)state;
    check_all_is_refused();
}

static void scopes_and_gathers_are_refused_on_a_foreign_thread(void **state)
{
    (void)state;
    run_checks(keep_open, (void *)from_a_thread);
}

static void handles_and_scopes_are_refused_in_another_loop(void **state)
{
    (void)state;
    run_checks(keep_open, (void *)from_another_loop);
}

static void scopes_and_gathers_are_refused_in_a_child(void **state)
{
    (void)state;
    run_checks(keep_open, (void *)from_a_child);
}

/* --- No system call --- */

/* From here on a system call of this thread other than exit_group ends the process. */
static void forbid_system_calls(void)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = count_of(rules), .filter = rules};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        _exit(98);
}

static int read_the_clock_only(void *arg)
{
    (void)arg;
    forbid_system_calls();
    for (int i = 0; i < 10; i++)
        whorl_now();
    _exit(0);
}

static intptr_t use_scopes_only(void *arg)
{
    whorl_timeout timeout, inner;
    whorl_shield shield;
    int wrong = 0;
    (void)arg;
    forbid_system_calls();
    for (int i = 0; i < 1000; i++) {
        wrong += whorl_timeout_begin(&timeout, FAR) != 0;
        wrong += whorl_shield_begin(&shield, FAR) != 0;
        wrong += whorl_timeout_begin_at(&inner, WHORL_FOREVER) != 0;
        wrong += whorl_yield() != 0;
        wrong += whorl_timeout_reschedule(&timeout, whorl_now() + 2 * FAR) != 0;
        wrong += whorl_timeout_reschedule(&inner, whorl_now() + FAR) != 0;
        wrong += whorl_timeout_end(&inner, i) != i;
        wrong += whorl_shield_end(&shield, i) != i;
        wrong += whorl_timeout_end(&timeout, i) != i;
    }
    _exit(wrong == 0 ? 0 : 97);
}

static intptr_t sleep_only(void *arg)
{
    (void)arg;
    forbid_system_calls();
    return whorl_sleep(1);
}

static int run_in_loop(void *fn)
{
    return (int)whorl_run((whorl_fn *)fn, NULL);
}

static void a_scope_that_does_not_run_out_makes_no_system_call(void **state)
{
    struct child child;
    if (UNDER_SANITIZER)
        skip_because("a sanitizer makes system calls of its own");
    assert_int_equal(child_run(read_the_clock_only, state, &child), 0);
    if (WIFSIGNALED(child.status))
        skip_because("reading the clock is a system call here, or what this runs in makes some");
    assert_true(child_exited(&child, 0));
    assert_int_equal(child_run(run_in_loop, (void *)use_scopes_only, &child), 0);
    assert_true(child_exited(&child, 0));
    /* What does make one would have been seen. */
    assert_int_equal(child_run(run_in_loop, (void *)sleep_only, &child), 0);
    assert_true(WIFSIGNALED(child.status) && WTERMSIG(child.status) == SIGSYS);
}

/* --- Left open --- */

static intptr_t leave_both_open(void *arg)
{
    static whorl_timeout timeout;
    static whorl_shield shield;
    (void)arg;
    check_equal(whorl_timeout_begin(&timeout, WHORL_MS(1)), 0);
    check_equal(whorl_shield_begin(&shield, WHORL_MS(1)), 0);
    return 6;
}

static intptr_t spawn_the_careless(void *arg)
{
    whorl_spawn_options options = {.name = "careless"};
    check_equal(whorl_join(whorl_spawn_with(&options, leave_both_open, arg)), 6);
    return whorl_sleep(WHORL_MS(3)); /* they would have run out by now */
}

static void a_scope_left_open_harms_nothing_and_debug_builds_name_its_task(void **state)
{
    struct child child;
    (void)state;
    assert_int_equal(child_run(run_in_loop, (void *)spawn_the_careless, &child), 0);
    assert_true(child_exited(&child, 0));
#if WHORL_DEBUG
    assert_non_null(strstr(child.text, "misuse: task careless"));
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(scopes_and_gathers_are_refused_outside_a_task),
        behaviour(scopes_and_gathers_are_refused_on_a_foreign_thread),
        behaviour(handles_and_scopes_are_refused_in_another_loop),
        behaviour(scopes_and_gathers_are_refused_in_a_child),
        behaviour(a_scope_that_does_not_run_out_makes_no_system_call),
        behaviour(a_scope_left_open_harms_nothing_and_debug_builds_name_its_task),
    };
    return run_behaviours("scope place", tests);
}
