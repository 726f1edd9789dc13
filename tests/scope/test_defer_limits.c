/*
 * What bounds deferred handlers: they may wait for as long as their shield hides a cancel from
 * them, and there are as many as there is memory for.
 */
#include "plans.h"
#include "starve.h"

#include <errno.h>

static size_t ran;

static intptr_t count(void *arg)
{
    ran++;
    return (intptr_t)arg;
}

static intptr_t sleep_in_a_handler(void *arg)
{
    const struct plan *plan = arg;
    check_equal(whorl_sleep(WHORL_SECONDS(plan->seconds)), plan->result);
    return count(NULL);
}

static intptr_t follow_in_a_child(void *arg)
{
    whorl_group group;
    check_equal(whorl_group_init(&group), 0);
    check_equal(whorl_group_spawn(&group, follow, arg), 0);
    check_equal(whorl_group_wait(&group, 0), 0);
    check_equal(whorl_join(whorl_spawn(follow, arg)), ((struct plan *)arg)->result);
    return count(NULL);
}

static const struct plan in_time = {3, 0}, too_long = {20, -ECANCELED}, longer = {20, 0};

static intptr_t defer_waits(void *arg)
{
    check_equal(whorl_defer(sleep_in_a_handler, (void *)&in_time), 0);
    if (arg)
        check_equal(whorl_cancel(whorl_self()), 0);
    /* Is no waiting point. */
    check_equal(whorl_defer(follow_in_a_child, (void *)&in_time), 0);
    return whorl_yield();
}

static intptr_t join_those_who_wait(void *arg)
{
    int64_t start = whorl_now();
    (void)arg;
    check_equal(whorl_join(whorl_spawn(defer_waits, NULL)), 0);
    check_equal(ran, 2);
    check_equal(whorl_now() - start, WHORL_SECONDS(9));
    check_equal(whorl_join(whorl_spawn(defer_waits, (void *)1)), -ECANCELED);
    check_equal(ran, 4);
    check_equal(whorl_now() - start, WHORL_SECONDS(18));
    /* A cancel that comes while they run is hidden too, and is too late for the result. */
    whorl_task *task = whorl_spawn(defer_waits, NULL);
    check_equal(whorl_sleep(WHORL_SECONDS(1)), 0);
    check_equal(whorl_is_done(task), 0);
    check_equal(whorl_cancel(task), 0);
    check_equal(whorl_cancelling(task), 1);
    check_equal(whorl_join(task), 0);
    check_equal(ran, 6);
    ran = 0;
    return 0;
}

static void a_handler_may_wait_and_spawn_although_its_task_is_cancelled(void **state)
{
    (void)state;
    ran = 0;
    run_checks_with(&virtual_clock, join_those_who_wait, NULL);
}

static intptr_t outlast(void *arg)
{
    check_equal(whorl_sleep(WHORL_SECONDS(20)), -ECANCELED);
    check_equal(whorl_yield(), -ECANCELED);
    return count(arg);
}

static intptr_t defer_too_long(void *arg)
{
    int cancel = arg != NULL;
    check_equal(whorl_defer(sleep_in_a_handler, (void *)&in_time), 0);
    check_equal(whorl_defer(cancel ? outlast : sleep_in_a_handler, (void *)&longer), 0);
    check_equal(whorl_defer(sleep_in_a_handler, (void *)(cancel ? &too_long : &longer)), 0);
    return cancel ? whorl_cancel(whorl_self()) : 0;
}

static intptr_t join_those_too_long(void *arg)
{
    int64_t limit = *(int64_t *)arg, start = whorl_now();
    check_equal(whorl_join(whorl_spawn(defer_too_long, (void *)1)), 0);
    check_equal(ran, 3);
    /* Two were stopped at the limit, each at its own; the third was not. */
    check_equal(whorl_now() - start, 2 * limit + WHORL_SECONDS(3));
    /* Without a cancel, there is nothing to let through. */
    start = whorl_now();
    check_equal(whorl_join(whorl_spawn(defer_too_long, NULL)), 0);
    check_equal(whorl_now() - start, WHORL_SECONDS(43));
    ran = 0;
    return 0;
}

static void a_handler_that_outlasts_its_shield_is_told_of_the_cancel(void **state)
{
    whorl_config config = virtual_clock;
    int64_t limit = WHORL_SECONDS(10);
    (void)state;
    ran = 0;
    run_checks_with(&config, join_those_too_long, &limit);
    config.defer_limit = limit = WHORL_SECONDS(5);
    run_checks_with(&config, join_those_too_long, &limit);
    config.defer_limit = -1;
    assert_int_equal(run_with(&config, join_those_too_long, &limit), -EINVAL);
}

static intptr_t defer_until_refused(void *arg)
{
    size_t *deferred = arg;
    int error;
    leave_memory(SPARE_BYTES);
    while ((error = whorl_defer(count, NULL)) == 0 && *deferred < 10000000)
        ++*deferred;
    check_equal(error, -ENOMEM);
    return 3;
}

static intptr_t join_until_refused(void *arg)
{
    size_t deferred = 0;
    check_equal(whorl_join(whorl_spawn(defer_until_refused, &deferred)), 3);
    check(deferred > 0);
    check_equal(ran, deferred);
    return (intptr_t)arg;
}

static void what_cannot_be_deferred_does_not_run_and_the_rest_does(void **state)
{
    (void)state;
    if (UNDER_SANITIZER)
        skip_because("a sanitizer's malloc has all its address space before it is limited");
    ran = 0;
    run_checks_in_child(NULL, join_until_refused, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_handler_may_wait_and_spawn_although_its_task_is_cancelled),
        behaviour(a_handler_that_outlasts_its_shield_is_told_of_the_cancel),
        behaviour(what_cannot_be_deferred_does_not_run_and_the_rest_does),
    };
    return run_behaviours("defer, its limits", tests);
}
