/*
 * Waiting for a task with a limit: its result in time; its cancel, and its cleanup,
 * when it is late.
 */
#include "scope/plans.h"

#include <errno.h>

#define SOON WHORL_MS(5)

static int cleaned;
static int began;

static intptr_t give_seven(void *arg)
{
    (void)arg;
    began++;
    return whorl_yield() < 0 ? -EIO : 7;
}

static intptr_t sleep_and_clean_up(void *arg)
{
    whorl_shield shield;
    (void)arg;
    began++;
    int result = whorl_sleep(FAR);
    whorl_shield_begin(&shield, FAR);
    check_equal(whorl_sleep(SOON), 0);
    cleaned++;
    return whorl_shield_end(&shield, result);
}

static intptr_t ignore_the_cancel(void *arg)
{
    (void)arg;
    check_equal(whorl_sleep(FAR), -ECANCELED);
    return 9;
}

static intptr_t in_time(void *arg)
{
    (void)arg;
    whorl_task *task = whorl_spawn(give_seven, NULL);
    check_equal(whorl_wait_for(task, FAR), 7);
    check_equal(whorl_join(task), -EINVAL);
    check_equal(whorl_wait_for(task, FAR), -EINVAL);
    return 0;
}

static void a_task_that_ends_in_time_gives_its_result(void **state)
{
    (void)state;
    run_checks(in_time, NULL);
}

static intptr_t too_late(void *arg)
{
    (void)arg;
    cleaned = 0;
    check_equal(whorl_wait_for(whorl_spawn(sleep_and_clean_up, NULL), SOON), -ETIMEDOUT);
    check_equal(cleaned, 1);
    check_equal(whorl_wait_for(whorl_spawn(ignore_the_cancel, NULL), SOON), 9);
    return 0;
}

static void a_late_task_is_cancelled_and_its_cleanup_awaited(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, too_late, NULL);
}

static intptr_t no_time(void *arg)
{
    (void)arg;
    for (int64_t ns = -1; ns <= 0; ns++) {
        began = 0;
        check_equal(whorl_wait_for(whorl_spawn(give_seven, NULL), ns), -ETIMEDOUT);
        check_equal(began, 0);
        whorl_task *task = whorl_spawn(give_seven, NULL);
        while (!whorl_is_done(task))
            check_equal(whorl_yield(), 0);
        check_equal(whorl_wait_for(task, ns), 7);
    }
    return 0;
}

static void without_time_a_task_never_begins_but_one_that_is_done_counts(void **state)
{
    (void)state;
    run_checks(no_time, NULL);
}

static intptr_t wait_long(void *arg)
{
    return whorl_wait_for(*(whorl_task **)arg, FAR);
}

static intptr_t cancel_the_waiter(void *arg)
{
    (void)arg;
    cleaned = 0;
    whorl_task *task = whorl_spawn(sleep_and_clean_up, NULL);
    whorl_task *waiter = whorl_spawn(wait_long, &task);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_cancel(waiter), 0);
    check_equal(whorl_join(waiter), -ECANCELED);
    check_equal(cleaned, 1);
    check_equal(whorl_join(task), -EINVAL);
    return 0;
}

static void cancelling_the_waiter_cancels_the_task_and_awaits_it(void **state)
{
    (void)state;
    run_checks(cancel_the_waiter, NULL);
}

static whorl_task *first, *second;

static intptr_t wait_for_second(void *arg)
{
    (void)arg;
    return whorl_wait_for(second, FAR);
}

static intptr_t wait_for_first(void *arg)
{
    (void)arg;
    check_equal(whorl_yield(), 0);
    check_equal(whorl_wait_for(first, 0), -EDEADLK);
    return 4;
}

static intptr_t circle(void *arg)
{
    (void)arg;
    check_equal(whorl_wait_for(whorl_self(), 0), -EDEADLK);
    check_equal(whorl_cancelling(whorl_self()), 0);
    first = whorl_spawn(wait_for_second, NULL);
    second = whorl_spawn(wait_for_first, NULL);
    check_equal(whorl_join(first), 4);
    return 0;
}

static void waiting_in_a_circle_is_refused_and_cancels_nobody(void **state)
{
    (void)state;
    run_checks(circle, NULL);
    assert_int_equal(whorl_wait_for(NULL, 1), -EPERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_task_that_ends_in_time_gives_its_result),
        behaviour(a_late_task_is_cancelled_and_its_cleanup_awaited),
        behaviour(without_time_a_task_never_begins_but_one_that_is_done_counts),
        behaviour(cancelling_the_waiter_cancels_the_task_and_awaits_it),
        behaviour(waiting_in_a_circle_is_refused_and_cancels_nobody),
    };
    return run_behaviours("wait_for", tests);
}
