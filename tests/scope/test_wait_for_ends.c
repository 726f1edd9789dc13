/*
 * Waiting for a task with a limit, where the two ends meet: a task that ignores its cancel, that
 * finishes all the same, that another has joined or released meanwhile, that several wait for, that
 * ends in the very turn in which its time is up; and a waiter who is interrupted himself.
 */
#include "scope/plans.h"

#include <errno.h>

#define SOON WHORL_MS(3)

static whorl_task *target;

static intptr_t sleep_far(void *arg)
{
    (void)arg;
    return whorl_sleep(FAR);
}

static intptr_t give(void *arg)
{
    return (intptr_t)arg;
}

/* Goes on after its cancel, as if it had not heard it, and ends with what it was given. */
static intptr_t finish_all_the_same(void *arg)
{
    check_equal(whorl_sleep(FAR), -ECANCELED);
    return (intptr_t)arg;
}

static intptr_t take_back_and_finish(void *arg)
{
    check_equal(whorl_sleep(FAR), -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    check_equal(whorl_sleep(SOON), 0);
    return (intptr_t)arg;
}

static intptr_t wait_until_all_is_over(void *arg)
{
    static const intptr_t results[] = {0, 9, -EIO, -ETIMEDOUT};
    (void)arg;
    for (size_t i = 0; i < count_of(results); i++) {
        void *result = (void *)results[i];
        check_equal(whorl_wait_for(whorl_spawn(finish_all_the_same, result), SOON), results[i]);
        int64_t start = whorl_now();
        check_equal(whorl_wait_for(whorl_spawn(take_back_and_finish, result), SOON), results[i]);
        check_equal(whorl_now() - start, 2 * SOON); /* it was awaited to its end */
        check_equal(whorl_cancelling(whorl_self()), 0);
    }
    return 0;
}

static void a_task_that_ignores_its_cancel_is_awaited_and_its_result_counts(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, wait_until_all_is_over, NULL);
}

static intptr_t end_by_itself(void *arg)
{
    (void)arg;
    check_equal(whorl_wait_for(whorl_spawn(give, (void *)(intptr_t)-EIO), FAR), -EIO);
    check_equal(whorl_wait_for(whorl_spawn(give, (void *)(intptr_t)-ECANCELED), FAR), -ECANCELED);
    /* Somebody else's cancel of it is no timeout. */
    whorl_task *task = whorl_spawn(sleep_far, NULL);
    check_equal(whorl_cancel(task), 0);
    check_equal(whorl_wait_for(task, FAR), -ECANCELED);
    check_equal(whorl_cancelling(whorl_self()), 0);
    return 0;
}

static void a_task_that_fails_or_is_cancelled_in_time_says_so(void **state)
{
    (void)state;
    run_checks(end_by_itself, NULL);
}

/* --- Several who have the handle --- */

static intptr_t wait_far(void *arg)
{
    (void)arg;
    return whorl_wait_for(target, FAR);
}

static intptr_t join_target(void *arg)
{
    (void)arg;
    return whorl_join(target);
}

static intptr_t wait_together(void *arg)
{
    (void)arg;
    target = whorl_spawn(sleep_far, NULL);
    whorl_task *patient = whorl_spawn(wait_far, NULL);
    whorl_task *joiner = whorl_spawn(join_target, NULL);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_wait_for(target, SOON), -ETIMEDOUT);
    check_equal(whorl_join(patient), -ECANCELED); /* his own time was not up */
    check_equal(whorl_join(joiner), -ECANCELED);
    check_equal(whorl_is_done(target), -EINVAL);
    return 0;
}

static void of_several_who_wait_only_the_one_whose_time_is_up_says_so(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, wait_together, NULL);
}

static intptr_t join_after_a_cancel(void *arg)
{
    (void)arg;
    check_equal(whorl_sleep(FAR), -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    return whorl_join(target);
}

static intptr_t release_after_a_cancel(void *arg)
{
    (void)arg;
    check_equal(whorl_sleep(FAR), -ECANCELED);
    return whorl_release(target);
}

static intptr_t yield_twice(void *arg)
{
    check_equal(whorl_yield(), 0);
    check_equal(whorl_yield(), 0);
    return (intptr_t)arg;
}

/* In one turn: the task ends, another takes its handle, and the waiter, woken before that by his
 * own cancel, finds it gone. */
static void take_it_from_a_woken_waiter(whorl_fn *taker, intptr_t taken)
{
    whorl_task *after[8];
    target = whorl_spawn(finish_all_the_same, (void *)41);
    whorl_task *waiter = whorl_spawn(wait_far, NULL);
    whorl_task *other = whorl_spawn(taker, NULL);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_cancel(target), 0);
    check_equal(whorl_cancel(other), 0);
    check_equal(whorl_cancel(waiter), 0);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_join(waiter), 41);
    check_equal(whorl_join(other), taken);
    check_equal(whorl_join(target), -EINVAL);
    /* Each of those that come next has a stack of its own. */
    for (size_t i = 0; i < count_of(after); i++)
        after[i] = whorl_spawn(yield_twice, (void *)i);
    for (size_t i = 0; i < count_of(after); i++)
        check_equal(whorl_join(after[i]), i);
}

static intptr_t take_it_meanwhile(void *arg)
{
    (void)arg;
    take_it_from_a_woken_waiter(join_after_a_cancel, 41);
    take_it_from_a_woken_waiter(release_after_a_cancel, 0);
    return 0;
}

static void a_handle_that_is_taken_as_the_waiter_wakes_harms_nothing(void **state)
{
    (void)state;
    run_checks(take_it_meanwhile, NULL);
}

static intptr_t release_what_is_awaited(void *arg)
{
    (void)arg;
    target = whorl_spawn(take_back_and_finish, (void *)6);
    whorl_task *waiter = whorl_spawn(wait_far, NULL);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_cancel(target), 0);
    check_equal(whorl_release(target), 0);
    check_equal(whorl_wait_for(target, FAR), -EINVAL);
    check_equal(whorl_join(waiter), 6);
    return 0;
}

static void a_waiter_gets_the_result_of_a_task_released_meanwhile(void **state)
{
    (void)state;
    run_checks(release_what_is_awaited, NULL);
}

/* --- The very turn --- */

static intptr_t sleep_until(void *arg)
{
    int slept = whorl_sleep_until(*(int64_t *)arg);
    return slept < 0 ? slept : 17;
}

static intptr_t end_in_the_same_turn(void *arg)
{
    random_source random = random_from_seed(71);
    int in_time = 0, late = 0;
    (void)arg;
    for (long i = test_rounds(500); i > 0; i--) {
        int64_t end = whorl_now() + WHORL_US(100);
        whorl_task *task = whorl_spawn(sleep_until, &end);
        check_equal(whorl_yield(), 0);
        int64_t ns = end - whorl_now() + (int64_t)random_below(&random, 6000) - 3000;
        intptr_t result = whorl_wait_for(task, ns);
        in_time += result == 17;
        late += result == -ETIMEDOUT;
        check_equal(whorl_is_done(task), -EINVAL);
    }
    check_equal(in_time + late, test_rounds(500));
    return 0;
}

static void at_the_limit_itself_it_is_one_or_the_other(void **state)
{
    (void)state;
    run_checks(end_in_the_same_turn, NULL);
}

/* --- A waiter who is interrupted --- */

static intptr_t be_out_of_time(void *arg)
{
    whorl_timeout outer;
    whorl_shield shield;
    (void)arg;
    check_equal(whorl_timeout_begin(&outer, SOON), 0);
    intptr_t result = whorl_wait_for(whorl_spawn(sleep_far, NULL), FAR);
    check_equal(result, -ECANCELED);
    check_equal(whorl_wait_for(whorl_spawn(give, NULL), FAR), -ECANCELED);
    check_equal(whorl_shield_begin(&shield, FAR), 0);
    check_equal(whorl_wait_for(whorl_spawn(give, (void *)3), FAR), 3);
    check_equal(whorl_wait_for(whorl_spawn(sleep_far, NULL), SOON), -ETIMEDOUT);
    check_equal(whorl_shield_end(&shield, 0), 0);
    check_equal(whorl_timeout_end(&outer, result), -ETIMEDOUT);
    return 0;
}

static void an_outer_timeout_is_told_from_its_own(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, be_out_of_time, NULL);
}

static intptr_t ask_for_one_that_is_done(void *arg)
{
    whorl_task *task = whorl_spawn(give, (void *)8);
    (void)arg;
    check_equal(whorl_yield(), 0);
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_wait_for(task, 0), 8);
    check_equal(whorl_uncancel(), 1);
    return 0;
}

static void a_cancelled_waiter_gets_the_result_of_one_that_is_done(void **state)
{
    (void)state;
    run_checks(ask_for_one_that_is_done, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_task_that_ignores_its_cancel_is_awaited_and_its_result_counts),
        behaviour(a_task_that_fails_or_is_cancelled_in_time_says_so),
        behaviour(of_several_who_wait_only_the_one_whose_time_is_up_says_so),
        behaviour(a_handle_that_is_taken_as_the_waiter_wakes_harms_nothing),
        behaviour(a_waiter_gets_the_result_of_a_task_released_meanwhile),
        behaviour(at_the_limit_itself_it_is_one_or_the_other),
        behaviour(an_outer_timeout_is_told_from_its_own),
        behaviour(a_cancelled_waiter_gets_the_result_of_one_that_is_done),
    };
    return run_behaviours("wait_for ends", tests);
}
