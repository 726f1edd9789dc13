/* Taking calls back: before their time, as it comes, and too late. */
#include "as_task.h"

#include <errno.h>

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

static void a_call_taken_back_before_its_time_never_begins(void **state)
{
    (void)state;
    int64_t start = whorl_now();
    whorl_task *call = whorl_call_later(HOUR, count, NULL);
    whorl_task *at_once = whorl_call_later(0, count, NULL);
    whorl_task *never = whorl_call_later(WHORL_FOREVER, count, NULL);
    assert_int_equal(whorl_call_cancel(call), 0);
    assert_int_equal(whorl_call_cancel(at_once), 0);
    assert_int_equal(whorl_call_cancel(never), 0);
    assert_int_equal(whorl_call_cancel(call), -EINVAL);
    assert_int_equal(whorl_join(call), -EINVAL);
    assert_int_equal(whorl_yield(), 0);
    assert_int_equal(whorl_now(), start);
    assert_int_equal(whorl_sleep(2 * HOUR), 0);
    assert_int_equal(calls, 0);
}

static void cancelled_like_a_task_it_ends_so_without_a_call(void **state)
{
    (void)state;
    int64_t start = whorl_now();
    whorl_task *call = whorl_call_later(HOUR, count, NULL);
    assert_int_equal(whorl_cancel(call), 0);
    assert_int_equal(whorl_cancelling(call), 1);
    assert_int_equal(whorl_join(call), -ECANCELED);
    assert_int_equal(whorl_now(), start);
    assert_int_equal(calls, 0);
}

static whorl_task *due;

/* Runs at the same time as `due`, and before it. */
static intptr_t take_back_due(void *arg)
{
    (void)arg;
    assert_int_equal(whorl_call_when(due), -EALREADY);
    return whorl_call_cancel(due);
}

/* Though it is still there when the test's function has returned. */
static void one_taken_back_is_nothing_that_a_test_leaves(void **state)
{
    (void)state;
    assert_int_equal(whorl_call_cancel(whorl_call_later(HOUR, count, NULL)), 0);
    assert_int_equal(whorl_call_cancel(whorl_call_later(0, count, NULL)), 0);
}

static void one_whose_time_has_come_is_taken_back_until_it_runs(void **state)
{
    (void)state;
    whorl_task *other = whorl_call_later(HOUR, take_back_due, NULL);
    due = whorl_call_later(HOUR, count, NULL);
    assert_int_equal(whorl_join(other), 0);
    assert_int_equal(whorl_sleep(HOUR), 0);
    assert_int_equal(calls, 0);
}

static intptr_t sleep_first(void *arg)
{
    assert_int_equal(whorl_sleep(HOUR), 0);
    return count(arg);
}

static void one_that_has_begun_goes_on_alone(void **state)
{
    (void)state;
    whorl_task *call = whorl_call_later(HOUR, sleep_first, NULL);
    assert_int_equal(whorl_sleep(HOUR + 1), 0);
    assert_int_equal(whorl_call_cancel(call), -EALREADY);
    assert_int_equal(whorl_call_cancel(call), -EINVAL);
    assert_int_equal(whorl_sleep(HOUR), 0);
    assert_int_equal(calls, 1);
}

static void one_that_has_ended_gives_its_handle_back(void **state)
{
    (void)state;
    whorl_task *call = whorl_call_later(HOUR, count, NULL);
    assert_int_equal(whorl_sleep(HOUR + 1), 0);
    assert_int_equal(whorl_is_done(call), 1);
    assert_int_equal(whorl_call_cancel(call), -EALREADY);
    assert_int_equal(whorl_is_done(call), -EINVAL);
}

static intptr_t take_itself_back(void *arg)
{
    (void)arg;
    return whorl_call_cancel(whorl_self()) == -EALREADY ? count(NULL) : -1;
}

static void one_may_release_itself_by_it(void **state)
{
    (void)state;
    whorl_call_later(HOUR, take_itself_back, NULL);
    assert_int_equal(whorl_sleep(HOUR + 1), 0);
    assert_int_equal(calls, 1);
}

/* A call and the one that takes it back, each at a time of its own, often the same. */
enum { PAIRS = 500, TIMES = 20 };

static struct pair_of_calls {
    whorl_task *call;
    bool called;
    bool taken_back;
} pairs[PAIRS];

static intptr_t mark_called(void *arg)
{
    ((struct pair_of_calls *)arg)->called = true;
    return 0;
}

static intptr_t take_back(void *arg)
{
    struct pair_of_calls *both = arg;
    int result = whorl_call_cancel(both->call);
    assert_true(result == 0 || result == -EALREADY);
    assert_int_equal(result == -EALREADY, both->called);
    both->taken_back = result == 0;
    return 0;
}

static void at_random_each_is_called_or_taken_back(void **state)
{
    (void)state;
    random_source random = random_from_seed(2);
    int both_ways[2] = {0, 0};
    for (long round = 0; round < test_rounds(20); round++) {
        int64_t start = whorl_now();
        for (int i = 0; i < PAIRS; i++) {
            bool first = random_below(&random, 2);
            int64_t called = (int64_t)random_below(&random, TIMES);
            int64_t taken = (int64_t)random_below(&random, TIMES);
            pairs[i] = (struct pair_of_calls){0};
            if (first)
                whorl_release(whorl_call_at(start + taken, take_back, &pairs[i]));
            pairs[i].call = whorl_call_at(start + called, mark_called, &pairs[i]);
            if (!first)
                whorl_release(whorl_call_at(start + taken, take_back, &pairs[i]));
        }
        assert_int_equal(whorl_sleep(2 * TIMES), 0);
        for (int i = 0; i < PAIRS; i++) {
            assert_true(pairs[i].called != pairs[i].taken_back);
            both_ways[pairs[i].called]++;
        }
    }
    print_message("%d taken back, %d called\n", both_ways[0], both_ways[1]);
    assert_true(both_ways[0] > 0 && both_ways[1] > 0);
}

#define in_virtual_time(test) as_task_with(test, .setup = no_calls, .clock = WHORL_CLOCK_VIRTUAL)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_virtual_time(a_call_taken_back_before_its_time_never_begins),
        in_virtual_time(cancelled_like_a_task_it_ends_so_without_a_call),
        in_virtual_time(one_taken_back_is_nothing_that_a_test_leaves),
        in_virtual_time(one_whose_time_has_come_is_taken_back_until_it_runs),
        in_virtual_time(one_that_has_begun_goes_on_alone),
        in_virtual_time(one_that_has_ended_gives_its_handle_back),
        in_virtual_time(one_may_release_itself_by_it),
        in_virtual_time(at_random_each_is_called_or_taken_back),
    };
    return run_behaviours("taking calls back", tests);
}
