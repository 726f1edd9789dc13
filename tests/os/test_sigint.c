/*
 * SIGINT while a loop runs: the first cancels main, the second ends the program. In children, as
 * some of them die of it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "os/sigint.h"

/* Each run watches anew, also where a handler with other flags was there for one signal. */
static void one_shot(int signal_number, siginfo_t *info, void *context)
{
    (void)signal_number;
    (void)info;
    (void)context;
}

static void leave_flags_behind(void)
{
    struct sigaction action = {.sa_sigaction = one_shot,
                               .sa_flags = (int)SA_RESETHAND | SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    check_equal(sigaction(SIGINT, &action, NULL), 0);
    raise(SIGINT);
}

/* --- The first --- */

static void *interrupt_later(void *arg)
{
    pause_for(WHORL_MS(2));
    kill(getpid(), SIGINT);
    return arg;
}

static intptr_t wait_for_an_interrupt(void *arg)
{
    pthread_t thread = start(interrupt_later, NULL);
    check_equal(whorl_sleep(WHORL_SECONDS(1000)), -ECANCELED);
    finish(thread);
    check_equal(whorl_cancelling(whorl_self()), 1);
    check_equal(whorl_uncancel(), 1);
    check_equal(whorl_sleep(1), 0); /* main may clean up, or go on */
    return (intptr_t)arg;
}

static int be_cancelled(void *arg)
{
    (void)arg;
    leave_flags_behind();
    for (int i = 0; i < 5; i++) {
        check_equal(whorl_run(wait_for_an_interrupt, (void *)(intptr_t)i), i);
        check(disposition().sa_handler == SIG_DFL);
    }
    return 0;
}

static void the_first_cancels_main_whose_own_result_is_the_runs(void **state)
{
    (void)state;
    run_in_child(be_cancelled, NULL);
}

static intptr_t sleep_long(void *arg)
{
    (void)arg;
    return whorl_sleep(WHORL_SECONDS(1000));
}

static intptr_t raise_and_sleep(void *arg)
{
    whorl_task *other = whorl_spawn(sleep_long, arg);
    check_equal(whorl_yield(), 0);
    check_equal(raise(SIGINT), 0); /* while a task runs */
    check_equal(whorl_sleep(WHORL_SECONDS(1000)), -ECANCELED);
    check_equal(whorl_cancelling(other), 0); /* main alone */
    return -ECANCELED;
}

static int be_cancelled_and_say_so(void *arg)
{
    (void)arg;
    check_equal(whorl_run(raise_and_sleep, NULL), -ECANCELED);
    whorl_config virtual_clock = {.clock = WHORL_CLOCK_VIRTUAL};
    check_equal(whorl_run_with(&virtual_clock, raise_and_sleep, NULL), -ECANCELED);
    return 0;
}

static void a_main_that_is_cancelled_by_it_gives_ecanceled(void **state)
{
    (void)state;
    run_in_child(be_cancelled_and_say_so, NULL);
}

static void *interrupt_this_thread(void *arg)
{
    pthread_kill(pthread_self(), SIGINT);
    return arg;
}

static intptr_t wait_for_another_thread(void *arg)
{
    pthread_t thread = start(interrupt_this_thread, NULL);
    check_equal(whorl_sleep(WHORL_SECONDS(1000)), -ECANCELED);
    finish(thread);
    return (intptr_t)arg;
}

static int be_cancelled_by_another_thread(void *arg)
{
    for (int i = 0; i < 50; i++)
        check_equal(whorl_run(wait_for_another_thread, arg), 0);
    return 0;
}

static void its_handler_may_run_on_any_thread(void **state)
{
    (void)state;
    run_in_child(be_cancelled_by_another_thread, NULL);
}

/* --- At the run's end --- */

static void *interrupt_at_some_point(void *arg)
{
    await_number(&started, 1);
    for (volatile long i = 0; i < (long)(intptr_t)arg; i++)
        continue;
    pthread_kill(pthread_self(), SIGINT);
    return NULL;
}

static intptr_t begin_and_leave(void *arg)
{
    atomic_store(&started, 1);
    return (intptr_t)arg;
}

/* A run inside of which it does nothing, and after which the program's handler gets it. */
static intptr_t set_a_handler(void *arg)
{
    give_disposition(remember);
    return begin_and_leave(arg);
}

static int race_with_the_end(void *arg)
{
    random_source source = random_from_seed(4);
    for (long i = test_rounds(300); i > 0; i--) {
        atomic_store(&started, 0);
        pthread_t thread =
            start(interrupt_at_some_point, (void *)(intptr_t)random_below(&source, 20000));
        check_equal(whorl_run(set_a_handler, arg), 0);
        finish(thread);
        check_equal(atomic_load(&started), 2);
        check(disposition().sa_handler == remember);
        give_disposition(SIG_DFL);
    }
    return 0;
}

static void a_handler_that_the_program_sets_meanwhile_is_kept(void **state)
{
    (void)state;
    run_in_child(race_with_the_end, NULL);
}

static int run_and_be_interrupted_after(void *arg)
{
    check_equal(whorl_run(begin_and_leave, arg), 0);
    check(disposition().sa_handler == SIG_DFL);
    raise(SIGINT);
    return 0;
}

static void after_the_run_it_has_its_default_effect(void **state)
{
    (void)state;
    expect_death(run_and_be_interrupted_after, NULL);
}

static intptr_t raise_at_the_end(void *arg)
{
    raise(SIGINT);
    return (intptr_t)arg;
}

static int be_interrupted_too_late(void *arg)
{
    for (int i = 0; i < 100; i++)
        check_equal(whorl_run(raise_at_the_end, arg), 0);
    return 0;
}

static void one_that_comes_as_main_returns_changes_nothing(void **state)
{
    (void)state;
    run_in_child(be_interrupted_too_late, NULL);
}

/* --- The second --- */

static intptr_t ignore_two(void *arg)
{
    raise(SIGINT);
    check_equal(whorl_yield(), -ECANCELED);
    raise(SIGINT);
    return (intptr_t)arg;
}

static int ignore_the_first(void *arg)
{
    return (int)whorl_run(ignore_two, arg);
}

static void the_second_ends_the_program(void **state)
{
    (void)state;
    expect_death(ignore_the_first, NULL);
}

static void *interrupt_twice(void *arg)
{
    await_number(&started, 1);
    kill(getpid(), SIGINT);
    /* Until it has come: two that are pending at once are one. */
    while (disposition().sa_handler != SIG_DFL)
        pause_for(WHORL_US(100));
    kill(getpid(), SIGINT);
    return arg;
}

static intptr_t spin(void *arg)
{
    start(interrupt_twice, arg);
    atomic_store(&started, 1);
    for (;;)
        continue;
    return 0;
}

static int spin_for_ever(void *arg)
{
    return (int)whorl_run(spin, arg);
}

static void the_second_ends_a_program_that_spins(void **state)
{
    (void)state;
    expect_death(spin_for_ever, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(the_first_cancels_main_whose_own_result_is_the_runs),
        behaviour(a_main_that_is_cancelled_by_it_gives_ecanceled),
        behaviour(its_handler_may_run_on_any_thread),
        behaviour(a_handler_that_the_program_sets_meanwhile_is_kept),
        behaviour(after_the_run_it_has_its_default_effect),
        behaviour(one_that_comes_as_main_returns_changes_nothing),
        behaviour(the_second_ends_the_program),
        behaviour(the_second_ends_a_program_that_spins),
    };

    return run_behaviours("sigint", tests);
}
