/*
 * Waiting for a signal: what is given, what is refused, and that the program's own dealings with
 * signals are as before: its handlers, its mask, its children.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "core/child.h"
#include "feature_sets.h"

#include <signal.h>
#include <sys/resource.h>

static sigset_t set_of(int first, int second)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, first);
    if (second)
        sigaddset(&set, second);
    return set;
}

static int wait_for_signal(int number)
{
    sigset_t set = set_of(number, 0);
    return whorl_signal_wait(&set, NULL);
}

/* Gives the signal's number; `arg` is that of the signal to wait for. */
static intptr_t wait_in_a_task(void *arg)
{
    return wait_for_signal((int)(intptr_t)arg);
}

static whorl_task *spawn_waiter(int number)
{
    whorl_task *task = whorl_spawn(wait_in_a_task, (void *)(intptr_t)number);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_is_done(task), 0);
    return task;
}

/* --- What is given --- */

static intptr_t take_signals(void *arg)
{
    sigset_t set = set_of(SIGUSR1, SIGRTMIN);
    siginfo_t info;
    (void)arg;
    whorl_task *task = spawn_waiter(SIGUSR1);
    check_equal(kill(getpid(), SIGUSR1), 0);
    check_equal(whorl_join(task), SIGUSR1);

    /* Between two waits it stays pending; one of the thread's own, and one with a value. */
    check_equal(raise(SIGUSR1), 0);
    check_equal(whorl_sleep(WHORL_US(100)), 0);
    check_equal(whorl_signal_wait(&set, &info), SIGUSR1);
    check_equal(info.si_signo, SIGUSR1);
    check_equal(info.si_pid, getpid());
    check_equal(info.si_uid, getuid());
    check_equal(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 77}), 0);
    check_equal(whorl_signal_wait(&set, &info), SIGRTMIN);
    check_equal(info.si_code, SI_QUEUE);
    check_equal(info.si_value.sival_int, 77);
    return 0;
}

static int take_signals_in_a_child(void *arg)
{
    unsigned before = failed_checks();
    run_checks_on_all_features(take_signals, arg);
    return failed_checks() != before;
}

static void a_wait_gives_the_signal_and_what_came_with_it(void **state)
{
    (void)state;
    run_in_child(take_signals_in_a_child, NULL);
}

static intptr_t misuse(void *arg)
{
    static const int never[] = {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};
    sigset_t set;
    (void)arg;
    sigemptyset(&set);
    check_equal(whorl_signal_wait(NULL, NULL), -EINVAL);
    check_equal(whorl_signal_wait(&set, NULL), -EINVAL);
    for (size_t i = 0; i < count_of(never); i++)
        sigaddset(&set, never[i]);
    check_equal(whorl_signal_wait(&set, NULL), -EINVAL);
    /* A set of all is one of those that can be waited for. */
    sigfillset(&set);
    check_equal(raise(SIGWINCH), 0);
    check_equal(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    check_equal(raise(SIGUSR2), 0);
    check_equal(whorl_signal_wait(&set, NULL), SIGUSR2);
    return 0;
}

static intptr_t keep_faults_deadly(void *arg)
{
    sigset_t set, mask;
    (void)arg;
    sigfillset(&set);
    whorl_timeout scope;
    whorl_timeout_begin(&scope, 1);
    check_equal(whorl_timeout_end(&scope, whorl_signal_wait(&set, NULL)), -ETIMEDOUT);
    check_equal(pthread_sigmask(SIG_BLOCK, NULL, &mask), 0);
    check(!sigismember(&mask, SIGSEGV) && !sigismember(&mask, SIGBUS));
    check(sigismember(&mask, SIGTERM) && sigismember(&mask, SIGRTMAX));
    return 0;
}

static int misuse_in_a_child(void *arg)
{
    check_equal(whorl_run(keep_faults_deadly, arg), 0);
    return (int)whorl_run(misuse, arg);
}

static void sets_without_a_signal_to_wait_for_are_refused(void **state)
{
    (void)state;
    run_in_child(misuse_in_a_child, NULL);
}

static intptr_t be_cancelled(void *arg)
{
    sigset_t set = set_of(SIGUSR1, 0);
    whorl_timeout scope;
    (void)arg;
    check_equal(raise(SIGWINCH), 0);
    whorl_task *task = spawn_waiter(SIGUSR1);
    check_equal(whorl_cancel(task), 0);
    check_equal(whorl_join(task), -ECANCELED);
    check_equal(whorl_timeout_begin(&scope, WHORL_US(100)), 0);
    check_equal(whorl_timeout_end(&scope, whorl_signal_wait(&set, NULL)), -ETIMEDOUT);
    /* A cancelled task takes none, though there is one. */
    check_equal(raise(SIGUSR1), 0);
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_signal_wait(&set, NULL), -ECANCELED);
    check_equal(whorl_signal_wait(&set, NULL), -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    check_equal(whorl_signal_wait(&set, NULL), SIGUSR1);
    return 0;
}

static void a_cancelled_wait_takes_no_signal(void **state)
{
    (void)state;
    run_checks_in_child(NULL, be_cancelled, NULL);
}

static intptr_t wait_without_descriptors(void *arg)
{
    struct rlimit limit, none;
    (void)arg;
    check_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = (struct rlimit){0, limit.rlim_max};
    whorl_task *task = spawn_waiter(SIGUSR1);
    check_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    whorl_task *second = spawn_waiter(SIGUSR2); /* needs none of its own */
    check_equal(raise(SIGUSR1), 0);
    check_equal(whorl_join(task), SIGUSR1);
    check_equal(raise(SIGUSR2), 0);
    check_equal(whorl_join(second), SIGUSR2);
    check_equal(wait_for_signal(SIGUSR1), -EMFILE);
    check_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    check_equal(raise(SIGUSR1), 0);
    check_equal(wait_for_signal(SIGUSR1), SIGUSR1);
    return 0;
}

static void only_the_first_who_waits_needs_a_descriptor(void **state)
{
    (void)state;
    run_checks_in_child(NULL, wait_without_descriptors, NULL);
}

/* --- The program's own --- */

static volatile sig_atomic_t caught, caught_other;

static void count_signal(int number)
{
    if (number == SIGUSR1)
        caught++;
    else
        caught_other++;
}

static intptr_t wait_beside_handlers(void *arg)
{
    struct sigaction action;
    (void)arg;
    check_equal(raise(SIGUSR1), 0);
    check_equal(caught, 1); /* nobody has waited for it yet */
    whorl_task *task = spawn_waiter(SIGUSR1);
    check_equal(raise(SIGUSR1), 0);
    check_equal(raise(SIGUSR2), 0);
    check_equal(whorl_join(task), SIGUSR1);
    check_equal(caught, 1);
    check_equal(caught_other, 1); /* nobody waits for that one at all */
    check_equal(sigaction(SIGUSR1, NULL, &action), 0);
    check(action.sa_handler == count_signal);
    /* Blocked until the run's end, also while nobody waits. */
    check_equal(raise(SIGUSR1), 0);
    check_equal(whorl_sleep(WHORL_US(100)), 0);
    check_equal(caught, 1);
    return 0;
}

static bool mask_is_empty(void)
{
    sigset_t mask;
    check_equal(pthread_sigmask(SIG_BLOCK, NULL, &mask), 0);
    return sigisemptyset(&mask);
}

static int handle_beside_waits(void *arg)
{
    signal(SIGUSR1, count_signal);
    signal(SIGUSR2, count_signal);
    check_equal(whorl_run(wait_beside_handlers, arg), 0);
    check_equal(caught, 2); /* what was pending has come at the run's end */
    check(mask_is_empty());
    check_equal(raise(SIGUSR1), 0);
    check_equal(caught, 3);
    return 0;
}

static void handlers_are_left_alone_and_get_what_is_left_at_the_runs_end(void **state)
{
    (void)state;
    run_in_child(handle_beside_waits, NULL);
}

static intptr_t leave_one_pending(void *arg)
{
    whorl_task *task = spawn_waiter(SIGUSR1);
    (void)arg;
    check_equal(raise(SIGUSR1), 0);
    check_equal(whorl_join(task), SIGUSR1);
    check(spawn_waiter(SIGUSR2) != NULL); /* is cancelled at the run's end */
    return raise(SIGUSR1);
}

static int die_at_the_runs_end(void *arg)
{
    whorl_run(leave_one_pending, arg);
    return 0;
}

static void one_that_is_pending_at_the_runs_end_kills_if_there_is_no_handler(void **state)
{
    struct child child;
    (void)state;
    assert_int_equal(child_run(die_at_the_runs_end, NULL, &child), 0);
    assert_true(WIFSIGNALED(child.status));
    assert_int_equal(WTERMSIG(child.status), SIGUSR1);
}

static intptr_t keep_blocked(void *arg)
{
    (void)arg;
    return wait_for_signal(SIGUSR1) == SIGUSR1 ? 0 : -1;
}

static int block_beforehand(void *arg)
{
    sigset_t mask = set_of(SIGUSR1, 0);
    check_equal(sigprocmask(SIG_BLOCK, &mask, NULL), 0);
    check_equal(raise(SIGUSR1), 0);
    check_equal(whorl_run(keep_blocked, arg), 0); /* was pending before the run */
    check_equal(raise(SIGUSR1), 0);
    check_equal(sigpending(&mask), 0);
    check(sigismember(&mask, SIGUSR1));
    return 0;
}

static void a_mask_that_blocked_it_is_kept(void **state)
{
    (void)state;
    run_in_child(block_beforehand, NULL);
}

static intptr_t fork_while_waiting(void *arg)
{
    whorl_task *task = spawn_waiter(SIGUSR1);
    int status = 0;
    (void)arg;
    pid_t forked = fork();
    if (forked == 0) {
        check(mask_is_empty());
        check_equal(wait_for_signal(SIGUSR1), -EPERM);
        check_equal(raise(SIGUSR1), 0);
        if (!UNDER_THREAD_SANITIZER) /* which runs no handler after such a fork */
            check_equal(caught, 1);
        finish_child(5);
    }
    check_equal(waitpid(forked, &status, 0), forked);
    check(WIFEXITED(status) && WEXITSTATUS(status) == 5);
    check_equal(caught, 0);
    check_equal(raise(SIGUSR1), 0);
    check_equal(whorl_join(task), SIGUSR1);
    return 0;
}

static int fork_with_a_handler(void *arg)
{
    signal(SIGUSR1, count_signal);
    return (int)whorl_run(fork_while_waiting, arg);
}

static void a_forked_child_has_the_programs_own_again(void **state)
{
    (void)state;
    run_in_child(fork_with_a_handler, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_wait_gives_the_signal_and_what_came_with_it),
        behaviour(sets_without_a_signal_to_wait_for_are_refused),
        behaviour(a_cancelled_wait_takes_no_signal),
        behaviour(only_the_first_who_waits_needs_a_descriptor),
        behaviour(handlers_are_left_alone_and_get_what_is_left_at_the_runs_end),
        behaviour(one_that_is_pending_at_the_runs_end_kills_if_there_is_no_handler),
        behaviour(a_mask_that_blocked_it_is_kept),
        behaviour(a_forked_child_has_the_programs_own_again),
    };
    return run_behaviours("signal", tests);
}
