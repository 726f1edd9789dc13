/*
 * Where SIGINT is left alone: where it had another effect than its default, where the configuration
 * says so, in loops of other threads, and in forked children.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "os/sigint.h"

/* --- Where it is left alone --- */

static intptr_t raise_with_a_handler(void *arg)
{
    check(disposition().sa_handler == remember);
    for (int i = 1; i <= 3; i++) {
        raise(SIGINT);
        check_equal(atomic_load(&started), i);
    }
    check_equal(whorl_sleep(1), 0);
    return (intptr_t)arg;
}

static int have_a_handler(void *arg)
{
    atomic_store(&started, 0);
    give_disposition(remember);
    check_equal(whorl_run(raise_with_a_handler, arg), 0);
    check(disposition().sa_handler == remember);
    return 0;
}

static void a_programs_own_handler_is_left_alone(void **state)
{
    (void)state;
    run_in_child(have_a_handler, NULL);
}

static intptr_t raise_in_vain(void *arg)
{
    for (int i = 0; i < 3; i++)
        raise(SIGINT);
    check_equal(whorl_sleep(1), 0);
    return (intptr_t)arg;
}

static int ignore_it(void *arg)
{
    give_disposition(SIG_IGN);
    check_equal(whorl_run(raise_in_vain, arg), 0);
    check(disposition().sa_handler == SIG_IGN);
    return 0;
}

static void where_it_is_ignored_it_stays_ignored(void **state)
{
    (void)state;
    run_in_child(ignore_it, NULL);
}

static int block_it(void *arg)
{
    sigset_t set, pending;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    check_equal(sigprocmask(SIG_BLOCK, &set, NULL), 0);
    check_equal(whorl_run(raise_in_vain, arg), 0);
    check_equal(sigpending(&pending), 0);
    check_equal(sigismember(&pending, SIGINT), 1);
    return 0;
}

static void where_it_is_blocked_it_stays_pending(void **state)
{
    (void)state;
    run_in_child(block_it, NULL);
}

static intptr_t see_the_default(void *arg)
{
    check(disposition().sa_handler == SIG_DFL);
    return (intptr_t)arg;
}

static int leave_it_alone(void *arg)
{
    whorl_config config = {.sigint = WHORL_SIGINT_LEAVE};
    check_equal(whorl_run_with(&config, see_the_default, arg), 0);
    return (int)whorl_run_with(&config, raise_in_vain, arg);
}

static void a_configuration_may_leave_it_alone(void **state)
{
    (void)state;
    whorl_config nonsense = {.sigint = WHORL_SIGINT_LEAVE + 1};
    assert_int_equal(whorl_run_with(&nonsense, see_the_default, NULL), -EINVAL);
    expect_death(leave_it_alone, NULL);
}

static void *run_on_this_thread(void *arg)
{
    check_equal(whorl_run(see_the_default, arg), 0);
    return NULL;
}

static int run_on_another_thread(void *arg)
{
    finish(start(run_on_this_thread, arg));
    return 0;
}

static void a_loop_of_another_thread_leaves_it_alone(void **state)
{
    (void)state;
    run_in_child(run_on_another_thread, NULL);
}

/* --- fork --- */

static void fork_and_raise(void)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        check(disposition().sa_handler == SIG_DFL);
        raise(SIGINT);
        finish_child(0);
    }
    check(pid > 0 && waitpid(pid, &status, 0) == pid);
    check(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
}

static void *fork_on_this_thread(void *arg)
{
    fork_and_raise();
    return arg;
}

static intptr_t fork_on_a_worker(void *arg)
{
    sigset_t none;
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
    fork_and_raise();
    return (intptr_t)arg;
}

static intptr_t fork_everywhere(void *arg)
{
    fork_and_raise();
    finish(start(fork_on_this_thread, arg));
    check_equal(whorl_to_thread(fork_on_a_worker, arg), 0);
    check(disposition().sa_handler != SIG_DFL); /* here it still watches */
    raise(SIGINT);
    check_equal(whorl_sleep(WHORL_SECONDS(1000)), -ECANCELED);
    return 0;
}

static void in_a_forked_child_it_has_its_default_effect(void **state)
{
    (void)state;
    run_checks_in_child(NULL, fork_everywhere, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_programs_own_handler_is_left_alone),
        behaviour(where_it_is_ignored_it_stays_ignored),
        behaviour(where_it_is_blocked_it_stays_pending),
        behaviour(a_configuration_may_leave_it_alone),
        behaviour(a_loop_of_another_thread_leaves_it_alone),
        behaviour(in_a_forked_child_it_has_its_default_effect),
    };

    return run_behaviours("sigint_alone", tests);
}
