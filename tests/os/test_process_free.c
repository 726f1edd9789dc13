/* Processes that one task frees, and others use. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "feature_sets.h"
#include "os/children.h"

static whorl_process *owned;

static intptr_t wait_for_it(void *process)
{
    return whorl_process_wait(process);
}

static intptr_t talk_to_it(void *process)
{
    whorl_process_output output;
    intptr_t result = whorl_process_communicate(process, NULL, 0, &output, LONG_ENOUGH);
    check(output.out == NULL);
    return result;
}

static intptr_t read_from_it(void *process)
{
    char byte;
    return whorl_read(whorl_process_stdout(process), &byte, 1);
}

static intptr_t terminate_it(void *process)
{
    return whorl_process_terminate(process, LONG_ENOUGH);
}

static intptr_t free_it(void *process)
{
    return whorl_process_free(process);
}

static whorl_process *spawn_talker(const char *script)
{
    whorl_process_options options = shell(script);
    whorl_process *process = NULL;
    options.in = options.out = WHORL_PIPE;
    check_equal(whorl_process_spawn(&options, &process), 0);
    return process;
}

static intptr_t free_under_others(void *arg)
{
    whorl_process *process = spawn_talker("read line");
    whorl_process *other = spawn_talker("trap '' TERM; echo; while :; do read line; done");
    char line;
    (void)arg;
    check_equal(whorl_read(whorl_process_stdout(other), &line, 1), 1);
    whorl_task *tasks[] = {whorl_spawn(wait_for_it, process), whorl_spawn(read_from_it, process),
                           whorl_spawn(terminate_it, other), whorl_spawn(talk_to_it, other)};
    check_equal(whorl_yield(), 0);
    check_equal(whorl_join(whorl_spawn(free_it, process)), 0);
    check_equal(whorl_process_free(other), 0);
    check_equal(whorl_join(tasks[0]), WHORL_SIGNALLED + SIGKILL);
    intptr_t got = whorl_join(tasks[1]);
    check(got == -ECANCELED || got == 0);
    check_equal(whorl_join(tasks[2]), WHORL_SIGNALLED + SIGKILL);
    check_equal(whorl_join(tasks[3]), -ECANCELED);
    return check_no_children() ? 0 : -1;
}

static void who_uses_a_process_that_is_freed_is_told_of_its_end(void **state)
{
    (void)state;
    run_checks_on_all_features(free_under_others, NULL);
}

/* However far the exchange has come: its parts may not have begun, or have just read something. */
static intptr_t free_under_an_exchange(void *arg)
{
    for (int i = 0; i < (int)(intptr_t)arg; i++) {
        whorl_process *process = spawn_talker("trap '' TERM; while :; do echo; done");
        whorl_task *talker = whorl_spawn(talk_to_it, process);
        for (int yields = i % 8; yields > 0; yields--)
            check_equal(whorl_yield(), 0);
        check_equal(whorl_process_free(process), 0);
        check_equal(whorl_join(talker), -ECANCELED);
    }
    return check_no_children() ? 0 : -1;
}

static void an_exchange_is_cancelled_wherever_it_is_when_its_process_is_freed(void **state)
{
    (void)state;
    run_checks_on_all_features(free_under_an_exchange, (void *)(intptr_t)(8 * test_rounds(2)));
}

static bool owner_has_returned;

static intptr_t own_and_return(void *arg)
{
    owned = spawn_patient();
    owner_has_returned = true;
    return (intptr_t)arg;
}

static intptr_t free_what_is_being_freed(void *arg)
{
    owner_has_returned = false;
    whorl_task *owner = whorl_spawn(own_and_return, arg);
    while (!owner_has_returned)
        check_equal(whorl_yield(), 0);
    check_equal(whorl_is_done(owner), 0); /* it waits for the child's end */
    check_equal(whorl_process_free(owned), -EINVAL);
    return whorl_join(owner);
}

static void a_process_is_not_freed_twice(void **state)
{
    (void)state;
    run_checks(free_what_is_being_freed, NULL);
}

static intptr_t own_until_freed(void *arg)
{
    owned = spawn_patient();
    int result = whorl_yield();
    return result ? result : (intptr_t)arg;
}

/* He takes it over while the owner lives; the owner need not wait for that. */
static intptr_t free_for_another(void *arg)
{
    (void)arg;
    for (int i = 0; i < 20; i++) {
        owned = NULL;
        whorl_task *owner = whorl_spawn(own_until_freed, (void *)4);
        while (!owned)
            check_equal(whorl_yield(), 0);
        check_equal(whorl_process_free(owned), 0);
        check_no_children();
        check_equal(whorl_join(owner), 4);
    }
    return 0;
}

static void another_task_may_free_it(void **state)
{
    (void)state;
    run_checks(free_for_another, NULL);
}

static intptr_t free_when_cancelled(void *arg)
{
    whorl_process *process = spawn_patient();
    whorl_timeout scope;
    (void)arg;
    check_equal(whorl_timeout_begin(&scope, 0), 0);
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_process_free(process), 0);
    check_no_children();
    check_equal(whorl_yield(), -ECANCELED); /* the cancel is still there */
    check_equal(whorl_timeout_end(&scope, 0), 0);
    return whorl_uncancel() ? 0 : -1;
}

static void a_cancelled_task_frees_as_any(void **state)
{
    (void)state;
    run_checks_on_all_features(free_when_cancelled, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(who_uses_a_process_that_is_freed_is_told_of_its_end),
        behaviour(an_exchange_is_cancelled_wherever_it_is_when_its_process_is_freed),
        behaviour(a_process_is_not_freed_twice),
        behaviour(another_task_may_free_it),
        behaviour(a_cancelled_task_frees_as_any),
    };
    return run_behaviours("process free", tests);
}
