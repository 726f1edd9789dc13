/*
 * Scopes at their edges: begun twice, moved when it is too late, and deadlines that have passed
 * unnoticed; and which of several errors from before a gather is the first.
 */
#include "support.h"

#include <errno.h>

static void spin_until(int64_t deadline)
{
    while (whorl_now() < deadline)
        ;
}

static intptr_t begin_twice(void *arg)
{
    whorl_timeout timeout;
    whorl_shield shield;
    (void)arg;
    check_equal(whorl_timeout_begin(&timeout, WHORL_SECONDS(100)), 0);
    check_equal(whorl_timeout_begin(&timeout, 0), -EBUSY);
    check_equal(whorl_timeout_begin_at(&timeout, 0), -EBUSY);
    check_equal(whorl_yield(), 0); /* the second begin has changed nothing */
    check_equal(whorl_shield_begin(&shield, WHORL_SECONDS(100)), 0);
    check_equal(whorl_shield_begin(&shield, 0), -EBUSY);
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_shield_end(&shield, 3), 3);
    check_equal(whorl_yield(), -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    check_equal(whorl_timeout_end(&timeout, 4), 4);
    check_equal(whorl_timeout_end(&timeout, 4), -EPERM);
    check_equal(whorl_timeout_begin(&timeout, WHORL_SECONDS(100)), 0); /* and again, in turn */
    check_equal(whorl_timeout_end(&timeout, 5), 5);
    return 0;
}

static void a_scope_that_is_open_cannot_be_begun(void **state)
{
    (void)state;
    run_checks(begin_twice, NULL);
}

/* The time is up, but the task has not waited since, so that nobody has told it. */
static intptr_t move_too_late(void *arg)
{
    whorl_timeout timeout;
    (void)arg;
    int64_t deadline = whorl_now() + WHORL_MS(1);
    check_equal(whorl_timeout_begin_at(&timeout, deadline), 0);
    spin_until(deadline);
    check_equal(whorl_timeout_reschedule(&timeout, WHORL_FOREVER), -ETIMEDOUT);
    check_equal(whorl_yield(), -ECANCELED);
    check_equal(whorl_timeout_end(&timeout, -ECANCELED), -ETIMEDOUT);
    return whorl_yield();
}

static void a_scope_whose_time_has_passed_cannot_be_moved(void **state)
{
    (void)state;
    run_checks(move_too_late, NULL);
}

/* A body that has its result before it waits again keeps it. */
static intptr_t finish_late(void *arg)
{
    whorl_timeout timeout;
    (void)arg;
    check_equal(whorl_timeout_begin(&timeout, WHORL_US(100)), 0);
    spin_until(whorl_now() + WHORL_MS(1));
    check_equal(whorl_timeout_end(&timeout, 8), 8);
    return whorl_yield();
}

static void a_body_that_never_waits_is_never_stopped(void **state)
{
    (void)state;
    run_checks(finish_late, NULL);
}

/* Deadlines count from a moment between the two looks at the clock, or a little after it. */
static intptr_t never_too_early(void *arg)
{
    (void)arg;
    for (int i = 0; i < 300; i++) {
        whorl_timeout timeout;
        int64_t start = whorl_now();
        check_equal(whorl_timeout_begin(&timeout, WHORL_US(i)), 0);
        while (whorl_yield() == 0)
            ;
        check(whorl_now() - start >= WHORL_US(i));
        check_equal(whorl_timeout_end(&timeout, -ECANCELED), -ETIMEDOUT);
    }
    return 0;
}

static void a_scope_does_not_run_out_early(void **state)
{
    (void)state;
    run_checks(never_too_early, NULL);
}

static intptr_t fail_after(void *arg)
{
    intptr_t turns = (intptr_t)arg;
    for (intptr_t i = 0; i < turns; i++)
        check_equal(whorl_yield(), 0);
    return -turns;
}

static intptr_t gather_what_has_failed(void *arg)
{
    static const intptr_t turns[] = {5, 3, 1, 4};
    whorl_task *tasks[4];
    intptr_t results[4];
    (void)arg;
    for (unsigned flags = 0; flags <= WHORL_COLLECT; flags++) {
        for (int i = 0; i < 4; i++)
            tasks[i] = whorl_spawn(fail_after, (void *)turns[i]);
        for (int i = 0; i < 10; i++)
            check_equal(whorl_yield(), 0);
        check_equal(whorl_gather(tasks, 4, results, flags), flags ? 0 : -1);
        for (int i = 0; i < 4; i++)
            check_equal(results[i], -turns[i]);
    }
    return 0;
}

static void of_errors_from_before_a_gather_the_first_in_time_is_told(void **state)
{
    (void)state;
    run_checks(gather_what_has_failed, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_scope_that_is_open_cannot_be_begun),
        behaviour(a_scope_whose_time_has_passed_cannot_be_moved),
        behaviour(a_body_that_never_waits_is_never_stopped),
        behaviour(a_scope_does_not_run_out_early),
        behaviour(of_errors_from_before_a_gather_the_first_in_time_is_told),
    };
    return run_behaviours("scope edges", tests);
}
