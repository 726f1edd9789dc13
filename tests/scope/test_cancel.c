/*
 * Cancel as a level: sentence by sentence what task.h says of whorl_cancel, whorl_uncancel,
 * whorl_cancelling and whorl_is_cancelled.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum { OTHERS = 50 };

static int bodies;

static intptr_t count_a_body(void *arg)
{
    bodies++;
    return (intptr_t)arg;
}

static intptr_t sleep_forever(void *arg)
{
    (void)arg;
    return whorl_sleep(WHORL_FOREVER);
}

static intptr_t cancel_before_the_first_step(void *arg)
{
    whorl_task *task = whorl_spawn(count_a_body, arg);

    bodies = 0;
    check_equal(whorl_cancelling(task), 0);
    check_equal(whorl_cancel(task), 0);
    check_equal(whorl_cancelling(task), 1);
    check_equal(whorl_is_done(task), 0);
    check_equal(whorl_is_cancelled(task), 0);
    check_equal(whorl_yield(), 0);
    check_equal(bodies, 0);
    check_equal(whorl_is_done(task), 1);
    check_equal(whorl_is_cancelled(task), 1);
    check_equal(whorl_cancelling(task), 0);
    check_equal(whorl_join(task), -ECANCELED);
    return 0;
}

static void a_task_cancelled_before_its_first_step_never_runs(void **state)
{
    (void)state;
    run_checks(cancel_before_the_first_step, NULL);
}

static intptr_t hear_it_once(void *arg)
{
    check_equal(whorl_sleep(WHORL_FOREVER), -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    check_equal(whorl_uncancel(), 0);
    check_equal(whorl_yield(), 0);
    return (intptr_t)arg;
}

static intptr_t cancel_thrice(void *arg)
{
    whorl_task *task = whorl_spawn(hear_it_once, (void *)9);

    (void)arg;
    check_equal(whorl_yield(), 0);
    for (int i = 0; i < 3; i++)
        check_equal(whorl_cancel(task), 0);
    check_equal(whorl_join(task), 9);
    return 0;
}

static void cancelling_twice_is_cancelling_once(void **state)
{
    (void)state;
    run_checks(cancel_thrice, NULL);
}

static intptr_t cancel_an_ended_task(void *arg)
{
    whorl_task *task = whorl_spawn(count_a_body, (void *)10);

    (void)arg;
    check_equal(whorl_yield(), 0);
    check_equal(whorl_cancel(task), -EALREADY);
    check_equal(whorl_cancelling(task), 0);
    check_equal(whorl_is_cancelled(task), 0);
    check_equal(whorl_join(task), 10);
    return 0;
}

static void an_ended_task_is_not_cancelled_any_more(void **state)
{
    (void)state;
    run_checks(cancel_an_ended_task, NULL);
}

static intptr_t end_with_a_result_though_cancelled(void *arg)
{
    check_equal(whorl_sleep(WHORL_FOREVER), -ECANCELED);
    check_equal(whorl_cancelling(whorl_self()), 1);
    return (intptr_t)arg;
}

static intptr_t give_back(void *arg)
{
    return (intptr_t)arg;
}

static intptr_t compare_ends(void *arg)
{
    whorl_task *finished = whorl_spawn(end_with_a_result_though_cancelled, (void *)11);
    whorl_task *says_so = whorl_spawn(give_back, (void *)(intptr_t)-ECANCELED);

    (void)arg;
    check_equal(whorl_yield(), 0);
    check_equal(whorl_cancel(finished), 0);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_is_done(finished), 1);
    check_equal(whorl_is_cancelled(finished), 0);
    check_equal(whorl_cancelling(finished), 0);
    check_equal(whorl_is_cancelled(says_so), 1);
    check_equal(whorl_join(finished), 11);
    check_equal(whorl_join(says_so), -ECANCELED);
    return 0;
}

static void a_task_is_cancelled_if_it_ended_with_that_result(void **state)
{
    (void)state;
    run_checks(compare_ends, NULL);
}

static intptr_t cancel_myself(void *arg)
{
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_cancelling(whorl_self()), 1);
    check_equal(whorl_is_cancelled(whorl_self()), 0);
    check_equal(whorl_is_done(whorl_self()), 0);
    check_equal(whorl_sleep(WHORL_FOREVER), -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    check_equal(whorl_sleep(1), 0);
    check_equal(whorl_cancel(whorl_self()), 0);
    return (intptr_t)arg;
}

static intptr_t join_one_that_cancels_itself(void *arg)
{
    whorl_task *task = whorl_spawn(cancel_myself, (void *)12);

    (void)arg;
    check_equal(whorl_join(task), 12);
    return 0;
}

static void a_task_may_cancel_itself(void **state)
{
    (void)state;
    run_checks(join_one_that_cancels_itself, NULL);
}

static intptr_t uncancel_unasked(void *arg)
{
    (void)arg;
    check_equal(whorl_uncancel(), 0);
    check_equal(whorl_yield(), 0);
    return 0;
}

static void taking_back_no_cancel_gives_zero(void **state)
{
    (void)state;
    run_checks(uncancel_unasked, NULL);
}

static intptr_t join_it(void *task)
{
    return whorl_join(task);
}

static intptr_t cancel_one_whom_many_join(void *arg)
{
    whorl_task *one = whorl_spawn(sleep_forever, arg);
    whorl_task *joiners[OTHERS];

    for (int i = 0; i < OTHERS; i++)
        joiners[i] = whorl_spawn(join_it, one);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_cancel(one), 0);
    for (int i = 0; i < OTHERS; i++)
        check_equal(whorl_join(joiners[i]), -ECANCELED);
    check_equal(whorl_cancelling(whorl_self()), 0);
    check_equal(whorl_yield(), 0);
    return 0;
}

static void joiners_of_a_cancelled_task_get_its_result_and_are_not_cancelled(void **state)
{
    (void)state;
    run_checks(cancel_one_whom_many_join, NULL);
}

static intptr_t release_things_while_cancelled(void *arg)
{
    pair both = unix_pair();
    char byte;

    (void)arg;
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_shutdown(both.ends[1], SHUT_WR), 0);
    check_equal(read(both.ends[0], &byte, 1), 0);
    check_equal(whorl_close(both.ends[0]), 0);
    check(!is_open(both.ends[0]));
    check_equal(whorl_close(both.ends[1]), 0);
    check(!is_open(both.ends[1]));
    check_equal(whorl_cancelling(whorl_self()), 1);
    return 0;
}

static void close_and_shutdown_do_their_work_in_a_cancelled_task(void **state)
{
    (void)state;
    run_checks(release_things_while_cancelled, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_task_cancelled_before_its_first_step_never_runs),
        behaviour(cancelling_twice_is_cancelling_once),
        behaviour(an_ended_task_is_not_cancelled_any_more),
        behaviour(a_task_is_cancelled_if_it_ended_with_that_result),
        behaviour(a_task_may_cancel_itself),
        behaviour(taking_back_no_cancel_gives_zero),
        behaviour(joiners_of_a_cancelled_task_get_its_result_and_are_not_cancelled),
        behaviour(close_and_shutdown_do_their_work_in_a_cancelled_task),
    };

    return run_behaviours("cancel", tests);
}
