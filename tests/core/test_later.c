/* Calls at a later time: when they begin, in which order,
 * and what becomes of them at main's end. */
#include "as_task.h"
#include "child.h"

#define HOUR WHORL_SECONDS(3600)

static int calls;

static intptr_t count(void *arg)
{
    calls++;
    return (intptr_t)arg;
}

static int no_calls(void **state)
{
    (void)state;
    calls = 0;
    return 0;
}

/* --- Time --- */

static intptr_t tell_time(void *arg)
{
    *(int64_t *)arg = whorl_now();
    return 7;
}

static void a_call_begins_at_its_time_and_gives_its_result(void **state)
{
    (void)state;
    int64_t start = whorl_now(), later, at;
    whorl_task *two = whorl_call_at(start + 2 * HOUR, tell_time, &at);
    whorl_task *one = whorl_call_later(HOUR, tell_time, &later);
    assert_int_equal(whorl_join(one), 7);
    assert_int_equal(later - start, HOUR);
    assert_int_equal(whorl_join(two), 7);
    assert_int_equal(at - start, 2 * HOUR);
    assert_int_equal(whorl_now() - start, 2 * HOUR);
    assert_int_equal(whorl_join(two), -EINVAL);
}

static void by_the_real_clock_it_does_not_begin_early(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        int64_t start = whorl_now(), begun;
        assert_int_equal(whorl_join(whorl_call_later(WHORL_US(100), tell_time, &begun)), 7);
        assert_true(begun - start >= WHORL_US(100));
    }
}

static void a_call_that_is_released_begins_all_the_same(void **state)
{
    (void)state;
    assert_int_equal(whorl_release(whorl_call_later(HOUR, count, NULL)), 0);
    assert_int_equal(whorl_sleep(HOUR - 1), 0);
    assert_int_equal(calls, 0);
    assert_int_equal(whorl_sleep(2), 0);
    assert_int_equal(calls, 1);
}

static void it_may_wait_and_spawn_like_any_task(void **state)
{
    (void)state;
    whorl_task *call = whorl_call_later(HOUR, count, (void *)5);
    whorl_task *tasks[] = {call, whorl_call_later(2 * HOUR, count, (void *)6)};
    intptr_t results[2];
    assert_int_equal(whorl_gather(tasks, 2, results, 0), 0);
    assert_int_equal(results[0] + results[1], 11);
    assert_int_equal(whorl_wait_for(whorl_call_later(HOUR, count, NULL), HOUR / 2), -ETIMEDOUT);
    assert_int_equal(calls, 2);
}

static void its_time_can_be_asked_for_until_it_has_come(void **state)
{
    (void)state;
    int64_t start = whorl_now();
    whorl_task *call = whorl_call_later(HOUR, count, NULL);
    whorl_task *never = whorl_call_later(WHORL_FOREVER, count, NULL);
    whorl_task *plain = whorl_spawn(count, NULL);
    assert_int_equal(whorl_call_when(call) - start, HOUR);
    assert_true(whorl_call_when(never) == WHORL_FOREVER);
    assert_int_equal(whorl_call_when(plain), -EALREADY);
    assert_int_equal(whorl_join(plain), 0);
    assert_int_equal(whorl_sleep(2 * HOUR), 0);
    assert_int_equal(whorl_call_when(call), -EALREADY);
    assert_int_equal(whorl_cancel(never), 0);
    assert_int_equal(whorl_call_when(never), -EALREADY);
    assert_int_equal(whorl_join(call), 0);
    assert_int_equal(whorl_join(never), -ECANCELED);
    assert_int_equal(whorl_call_when(call), -EINVAL);
}

/* --- Order --- */

enum { CROWD = CROWD_OF(10000) };

static struct entry {
    int64_t deadline;
    int number;
} entries[CROWD], *begun[CROWD];

static intptr_t enter(void *arg)
{
    begun[calls++] = arg;
    return 0;
}

static intptr_t enter_in_time(void *arg)
{
    assert_int_equal(whorl_now(), ((struct entry *)arg)->deadline);
    return enter(arg);
}

static void calls_begin_by_time_and_then_in_the_order_of_asking(void **state)
{
    (void)state;
    random_source random = random_from_seed(1);
    int64_t start = whorl_now();
    tell_crowd(CROWD);
    for (int i = 0; i < CROWD; i++) {
        int64_t after = HOUR * (1 + (int64_t)random_below(&random, 300));
        entries[i] = (struct entry){start + after, i};
        assert_int_equal(whorl_release(whorl_call_later(after, enter_in_time, &entries[i])), 0);
    }
    assert_int_equal(whorl_sleep(400 * HOUR), 0);
    assert_int_equal(calls, CROWD);
    for (int i = 1; i < CROWD; i++)
        assert_true(begun[i - 1]->deadline < begun[i]->deadline ||
                    (begun[i - 1]->deadline == begun[i]->deadline &&
                     begun[i - 1]->number < begun[i]->number));
}

static void a_call_at_once_comes_after_the_tasks_that_are_ready(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++)
        entries[i].number = i;
    assert_int_equal(whorl_release(whorl_spawn(enter, &entries[0])), 0);
    assert_int_equal(whorl_release(whorl_call_later(0, enter, &entries[2])), 0);
    assert_int_equal(whorl_release(whorl_spawn(enter, &entries[1])), 0);
    assert_int_equal(whorl_release(whorl_call_later(-1, enter, &entries[3])), 0);
    assert_int_equal(whorl_release(whorl_call_at(whorl_now(), enter, &entries[4])), 0);
    assert_int_equal(whorl_release(whorl_call_later(INT64_MIN, enter, &entries[5])), 0);
    assert_int_equal(calls, 0);
    assert_int_equal(whorl_sleep(1), 0);
    assert_int_equal(calls, 6);
    for (int i = 0; i < 6; i++)
        assert_int_equal(begun[i]->number, i);
}

static void times_that_have_passed_come_in_their_order_too(void **state)
{
    (void)state;
    int64_t deadlines[] = {whorl_now() - 1, 1, 0, INT64_MIN, whorl_now() - 1};
    int order[] = {2, 3, 1, 0, 4};
    for (int i = 0; i < 5; i++) {
        entries[i].number = i;
        assert_int_equal(whorl_release(whorl_call_at(deadlines[i], enter, &entries[i])), 0);
    }
    assert_int_equal(whorl_sleep(1), 0);
    assert_int_equal(calls, 5);
    for (int i = 0; i < 5; i++)
        assert_int_equal(begun[i]->number, order[i]);
}

/* The first is overdue, and has not begun, when the second is asked for. */
static void an_overdue_call_is_not_overtaken_by_one_of_the_same_time(void **state)
{
    (void)state;
    int64_t deadline = whorl_now() + WHORL_US(20);
    for (int i = 0; i < 2; i++) {
        entries[i].number = i;
        assert_int_equal(whorl_release(whorl_call_at(deadline, enter, &entries[i])), 0);
        while (whorl_now() <= deadline)
            continue;
    }
    while (calls < 2)
        assert_int_equal(whorl_yield(), 0);
    assert_int_equal(begun[0]->number, 0);
    assert_int_equal(begun[1]->number, 1);
}

/* --- The run's end --- */

static intptr_t ask_and_return(void *arg)
{
    check_equal(whorl_release(whorl_call_later(WHORL_SECONDS(1), count, arg)), 0);
    check_equal(whorl_release(whorl_call_later(WHORL_FOREVER, count, arg)), 0);
    check_equal(whorl_release(whorl_call_later(0, count, arg)), 0);
    return 0;
}

static void at_mains_end_a_call_is_cancelled_and_never_begins(void **state)
{
    (void)state;
    calls = 0;
    run_checks(ask_and_return, NULL);
    assert_int_equal(calls, 0);
}

static intptr_t ask_after_the_end(void *arg)
{
    check_equal(whorl_sleep(WHORL_FOREVER), -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    whorl_task *call = whorl_call_later(0, count, arg);
    whorl_task *late = whorl_call_later(WHORL_FOREVER, count, arg);
    check_equal(whorl_cancelling(call), 1);
    check_equal(whorl_join(call), -ECANCELED);
    check_equal(whorl_join(late), -ECANCELED);
    return 0;
}

static intptr_t leave_one_that_asks(void *arg)
{
    check_equal(whorl_release(whorl_spawn(ask_after_the_end, arg)), 0);
    return whorl_yield();
}

static void asked_for_after_mains_end_it_starts_cancelled(void **state)
{
    (void)state;
    calls = 0;
    run_checks(leave_one_that_asks, NULL);
    assert_int_equal(calls, 0);
}

static intptr_t wait_for_never(void *arg)
{
    return whorl_join(whorl_call_later(WHORL_FOREVER, count, arg));
}

static int wait_in_vain(void *arg)
{
    check_equal(whorl_run(wait_for_never, arg), -EDEADLK);
    return calls;
}

static void a_call_that_never_begins_shows_in_a_deadlock(void **state)
{
    (void)state;
    struct child child;
    calls = 0;
    assert_int_equal(child_run(wait_in_vain, NULL, &child), 0);
    assert_true(child_exited(&child, 0));
    assert_non_null(strstr(child.text, "main waits for the end of task-2\n"));
    assert_non_null(strstr(child.text, "task-2 waits for its time to begin\n"));
}

/* --- Refused --- */

static void it_is_refused_without_a_function(void **state)
{
    (void)state;
    assert_null(whorl_call_later(0, NULL, NULL));
    assert_null(whorl_call_at(0, NULL, NULL));
    assert_int_equal(whorl_call_cancel(NULL), -EINVAL);
    assert_int_equal(whorl_call_when(NULL), -EINVAL);
}

static void it_is_refused_outside_of_tasks(void **state)
{
    (void)state;
    assert_null(whorl_call_later(0, count, NULL));
    assert_null(whorl_call_at(0, count, NULL));
    assert_int_equal(whorl_call_cancel(NULL), -EPERM);
    assert_int_equal(whorl_call_when(NULL), -EPERM);
}

#define in_virtual_time(test) as_task_with(test, .setup = no_calls, .clock = WHORL_CLOCK_VIRTUAL)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_virtual_time(a_call_begins_at_its_time_and_gives_its_result),
        as_task_with(by_the_real_clock_it_does_not_begin_early, .clock = WHORL_CLOCK_REAL),
        in_virtual_time(a_call_that_is_released_begins_all_the_same),
        in_virtual_time(it_may_wait_and_spawn_like_any_task),
        in_virtual_time(its_time_can_be_asked_for_until_it_has_come),
        in_virtual_time(calls_begin_by_time_and_then_in_the_order_of_asking),
        in_virtual_time(a_call_at_once_comes_after_the_tasks_that_are_ready),
        in_virtual_time(times_that_have_passed_come_in_their_order_too),
        as_task_with(an_overdue_call_is_not_overtaken_by_one_of_the_same_time, .setup = no_calls),
        behaviour(at_mains_end_a_call_is_cancelled_and_never_begins),
        behaviour(asked_for_after_mains_end_it_starts_cancelled),
        behaviour(a_call_that_never_begins_shows_in_a_deadlock),
        as_task(it_is_refused_without_a_function),
        behaviour(it_is_refused_outside_of_tasks),
    };
    return run_behaviours("later", tests);
}
