/*
 * Gathering at its edges: errors, cancels and ends that meet in one turn, tasks that have ended
 * before, a child that somebody else cancels, circles, and tasks that stand there more than once.
 */
#include "scope/plans.h"

#include <errno.h>

#define SOON WHORL_MS(3)

enum { MANY = 40 }; /* more than find room on the stack of the call */

static intptr_t give(void *arg)
{
    return (intptr_t)arg;
}

static intptr_t sleep_far(void *arg)
{
    (void)arg;
    return whorl_sleep(FAR);
}

/* Ends with what it was given when it is cancelled. */
static intptr_t answer_a_cancel(void *arg)
{
    check_equal(whorl_sleep(FAR), -ECANCELED);
    return (intptr_t)arg;
}

static void check_taken(whorl_task *const *tasks, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check_equal(whorl_is_done(tasks[i]), -EINVAL);
}

/* --- Ended before --- */

static intptr_t gather_with_an_ended_failure(void *arg)
{
    (void)arg;
    for (size_t place = 0; place < 3; place++) {
        whorl_task *tasks[3];
        intptr_t results[3];
        for (size_t i = 0; i < 3; i++)
            tasks[i] = whorl_spawn(i == place ? give : sleep_far, (void *)(intptr_t)-EIO);
        check_equal(whorl_yield(), 0);
        check_equal(whorl_gather(tasks, 3, results, 0), -EIO);
        for (size_t i = 0; i < 3; i++)
            check_equal(results[i], i == place ? -EIO : -ECANCELED);
        check_taken(tasks, 3);
    }
    return 0;
}

static void a_failure_before_the_call_cancels_the_others_too(void **state)
{
    (void)state;
    run_checks(gather_with_an_ended_failure, NULL);
}

static intptr_t gather_the_ended(void *arg)
{
    whorl_task *tasks[MANY];
    intptr_t results[MANY];
    (void)arg;
    for (unsigned flags = 0; flags <= WHORL_COLLECT; flags++) {
        for (intptr_t i = 0; i < MANY; i++)
            tasks[i] = whorl_spawn(give, (void *)(i == 7 ? -EIO : i));
        check_equal(whorl_yield(), 0);
        check_equal(whorl_cancel(whorl_self()), 0);
        check_equal(whorl_gather(tasks, MANY, results, flags), flags ? 0 : -EIO);
        check_equal(whorl_uncancel(), 1);
        for (intptr_t i = 0; i < MANY; i++)
            check_equal(results[i], i == 7 ? -EIO : i);
        check_taken(tasks, MANY);
    }
    return 0;
}

static void when_all_have_ended_a_cancel_changes_nothing(void **state)
{
    (void)state;
    run_checks(gather_the_ended, NULL);
}

/* --- Somebody else's cancel of a child --- */

static whorl_task *children[3];
static intptr_t child_results[3];

static intptr_t gather_children(void *arg)
{
    int result = whorl_gather(children, 3, child_results, (unsigned)(uintptr_t)arg);
    check_equal(whorl_cancelling(whorl_self()), 0);
    check_equal(whorl_yield(), 0);
    return result;
}

static intptr_t cancel_a_child(void *arg)
{
    (void)arg;
    for (unsigned flags = 0; flags <= WHORL_COLLECT; flags++) {
        for (int i = 0; i < 3; i++)
            children[i] = whorl_spawn(answer_a_cancel, (void *)(intptr_t)(i == 1 ? -ECANCELED : i));
        whorl_task *task = whorl_spawn(gather_children, (void *)(uintptr_t)flags);
        check_equal(whorl_yield(), 0);
        check_equal(whorl_cancel(children[1]), 0);
        check_equal(whorl_yield(), 0);
        check_equal(whorl_cancelling(children[0]), !flags); /* an error like another */
        if (flags) {
            check_equal(whorl_cancel(children[0]), 0);
            check_equal(whorl_cancel(children[2]), 0);
        }
        check_equal(whorl_join(task), flags ? 0 : -ECANCELED);
        for (int i = 0; i < 3; i++)
            check_equal(child_results[i], i == 1 ? -ECANCELED : i);
    }
    return 0;
}

static void a_child_that_another_cancels_is_an_error_like_another(void **state)
{
    (void)state;
    run_checks(cancel_a_child, NULL);
}

/* --- Error and cancel together --- */

static int first_error;

/* Ends with an error in the turn in which it is cancelled, and tells whether it was the first. */
static intptr_t fail_when_cancelled(void *arg)
{
    check_equal(whorl_sleep(FAR), -ECANCELED);
    if (!first_error)
        first_error = (int)(intptr_t)arg;
    return (intptr_t)arg;
}

static intptr_t gather_and_stay_cancelled(void *arg)
{
    int result = whorl_gather(children, 3, child_results, (unsigned)(uintptr_t)arg);
    check_equal(result, arg == NULL ? first_error : -ECANCELED);
    check_equal(whorl_yield(), -ECANCELED); /* the cancel is still there */
    return result;
}

static void cancel_and_fail(int which, bool child_first, unsigned flags)
{
    static const int errors[] = {-EIO, -ECANCELED, -EPIPE};
    first_error = 0;
    for (int i = 0; i < 3; i++)
        children[i] = whorl_spawn(fail_when_cancelled, (void *)(intptr_t)errors[i]);
    whorl_task *task = whorl_spawn(gather_and_stay_cancelled, (void *)(uintptr_t)flags);
    check_equal(whorl_yield(), 0);
    if (child_first)
        check_equal(whorl_cancel(children[which]), 0);
    check_equal(whorl_cancel(task), 0);
    if (!child_first)
        check_equal(whorl_cancel(children[which]), 0);
    int expected = child_first ? errors[which] : errors[0];
    check_equal(whorl_join(task), flags ? -ECANCELED : expected);
    for (int i = 0; i < 3; i++)
        check_equal(child_results[i], errors[i]);
    check_taken(children, 3);
}

static intptr_t fail_and_cancel_together(void *arg)
{
    (void)arg;
    for (int which = 0; which < 3; which++)
        for (int order = 0; order < 2; order++)
            for (unsigned flags = 0; flags <= WHORL_COLLECT; flags++)
                cancel_and_fail(which, order, flags);
    return 0;
}

static void of_an_error_and_a_cancel_in_one_turn_the_first_in_time_is_told(void **state)
{
    (void)state;
    run_checks(fail_and_cancel_together, NULL);
}

/* --- The last end and a cancel --- */

static intptr_t gather_at_its_end(void *arg)
{
    int result = whorl_gather(children, 1, child_results, 0);
    (void)arg;
    check_equal(result, 0);
    check_equal(child_results[0], 31);
    check_equal(whorl_yield(), -ECANCELED);
    return 1;
}

static intptr_t cancel_at_its_end(void *arg)
{
    (void)arg;
    for (int order = 0; order < 2; order++) {
        children[0] = whorl_spawn(answer_a_cancel, (void *)31);
        whorl_task *task = whorl_spawn(gather_at_its_end, NULL);
        check_equal(whorl_yield(), 0);
        check_equal(whorl_cancel(order ? task : children[0]), 0);
        check_equal(whorl_cancel(order ? children[0] : task), 0);
        check_equal(whorl_join(task), 1);
    }
    return 0;
}

static intptr_t cancel_my_gatherer(void *arg)
{
    check_equal(whorl_yield(), 0);
    check_equal(whorl_cancel(arg), 0);
    return 31;
}

static intptr_t gather_my_canceller(void *arg)
{
    (void)arg;
    children[0] = whorl_spawn(cancel_my_gatherer, whorl_self());
    check_equal(gather_at_its_end(NULL), 1);
    check_equal(whorl_uncancel(), 1);
    return 0;
}

static void a_cancel_as_the_last_one_ends_loses_no_result(void **state)
{
    (void)state;
    run_checks(cancel_at_its_end, NULL);
    run_checks(gather_my_canceller, NULL);
}

/* --- A child that ignores its cancel --- */

static intptr_t go_on_for_a_while(void *arg)
{
    check_equal(whorl_sleep(FAR), -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    for (int i = 0; i < 3; i++)
        check_equal(whorl_sleep(WHORL_MS(1)), 0);
    return (intptr_t)arg;
}

static intptr_t gather_the_deaf(void *arg)
{
    (void)arg;
    const whorl_call calls[] = {{go_on_for_a_while, (void *)1}, {go_on_for_a_while, (void *)2}};
    intptr_t results[2] = {0};
    whorl_timeout scope;
    for (unsigned flags = 0; flags <= WHORL_COLLECT; flags++) {
        int64_t start = whorl_now();
        check_equal(whorl_timeout_begin(&scope, SOON), 0);
        intptr_t result = whorl_gather_calls(calls, 2, results, flags);
        check_equal(result, 0); /* they finished all the same, so it did */
        check_equal(whorl_now() - start, SOON + WHORL_MS(3));
        check_equal(results[0], 1);
        check_equal(results[1], 2);
        check_equal(whorl_yield(), -ECANCELED);
        check_equal(whorl_timeout_end(&scope, result), 0);
    }
    return 0;
}

static void children_that_ignore_their_cancel_are_awaited_and_keep_their_results(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, gather_the_deaf, NULL);
}

/* --- Circles --- */

static whorl_task *circle[3];

static intptr_t gather_the_first(void *arg)
{
    whorl_task *tasks[2] = {arg, circle[0]}; /* `arg` sleeps; the first waits for us */
    intptr_t results[2] = {55, 55};
    check_equal(whorl_yield(), 0);
    check_equal(whorl_gather(tasks, 2, results, 0), -EDEADLK);
    tasks[1] = whorl_self();
    check_equal(whorl_gather(tasks, 2, results, WHORL_COLLECT), -EDEADLK);
    check_equal(results[0], 55);
    check_equal(whorl_is_done(tasks[0]), 0);
    check_equal(whorl_cancelling(tasks[0]), 0);
    check_equal(whorl_cancelling(circle[0]), 0);
    return 4;
}

static intptr_t join_next(void *arg)
{
    return whorl_join(circle[(intptr_t)arg]);
}

static intptr_t close_a_circle(void *arg)
{
    whorl_task *sleeper = whorl_spawn(sleep_far, arg);
    circle[0] = whorl_spawn(join_next, (void *)1);
    circle[1] = whorl_spawn(join_next, (void *)2);
    circle[2] = whorl_spawn(gather_the_first, sleeper);
    check_equal(whorl_join(circle[0]), 4);
    check_equal(whorl_cancel(sleeper), 0);
    check_equal(whorl_join(sleeper), -ECANCELED);
    return 0;
}

static void gathering_who_joins_the_caller_is_refused_and_nothing_changes(void **state)
{
    (void)state;
    run_checks(close_a_circle, NULL);
}

/* --- More than once --- */

static intptr_t gather_one_many_times(void *arg)
{
    whorl_task *tasks[MANY];
    intptr_t results[MANY];
    (void)arg;
    for (unsigned flags = 0; flags <= WHORL_COLLECT; flags++) {
        whorl_task *one = whorl_spawn(answer_a_cancel, (void *)(intptr_t)-EIO);
        whorl_task *other = whorl_spawn(answer_a_cancel, (void *)5);
        for (int i = 0; i < MANY; i++)
            tasks[i] = i % 2 ? one : other;
        check_equal(whorl_yield(), 0);
        check_equal(whorl_cancel(one), 0);
        if (flags)
            check_equal(whorl_cancel(other), 0);
        check_equal(whorl_gather(tasks, MANY, results, flags), flags ? 0 : -EIO);
        for (int i = 0; i < MANY; i++)
            check_equal(results[i], i % 2 ? -EIO : 5);
        check_taken(tasks, MANY);
    }
    return 0;
}

static void a_task_that_fails_may_stand_there_many_times(void **state)
{
    (void)state;
    run_checks(gather_one_many_times, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_failure_before_the_call_cancels_the_others_too),
        behaviour(when_all_have_ended_a_cancel_changes_nothing),
        behaviour(a_child_that_another_cancels_is_an_error_like_another),
        behaviour(of_an_error_and_a_cancel_in_one_turn_the_first_in_time_is_told),
        behaviour(a_cancel_as_the_last_one_ends_loses_no_result),
        behaviour(children_that_ignore_their_cancel_are_awaited_and_keep_their_results),
        behaviour(gathering_who_joins_the_caller_is_refused_and_nothing_changes),
        behaviour(a_task_that_fails_may_stand_there_many_times),
    };
    return run_behaviours("gather edges", tests);
}
