/*
 * Sleeping: at least as long as asked, in the order of deadlines, and its edges. No test here says
 * how late a sleeper may be.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <errno.h>
#include <time.h>

enum {
    SLEEPERS = CROWD_OF(10000),
    EQUALS = CROWD_OF(1000),
    SPREAD_NS = 50000000,
};

static int woken;

static intptr_t sleep_at_least(void *arg)
{
    static const int64_t lengths[] = {1, 999, WHORL_US(1), WHORL_US(50), WHORL_MS(1), WHORL_MS(20)};

    (void)arg;
    for (size_t i = 0; i < count_of(lengths); i++) {
        int64_t begin = whorl_now();

        check_equal(whorl_sleep(lengths[i]), 0);
        check(whorl_now() >= begin + lengths[i]);
        begin = whorl_now();
        check_equal(whorl_sleep_until(begin + lengths[i]), 0);
        check(whorl_now() >= begin + lengths[i]);
    }
    return 0;
}

static void a_sleep_lasts_at_least_as_long_as_asked(void **state)
{
    (void)state;
    run_checks(sleep_at_least, NULL);
    run_checks_with(&(whorl_config){.without = WHORL_FEATURE_ABS_TIMER}, sleep_at_least, NULL);
}

static void now_is_the_monotonic_clock_anywhere(void **state)
{
    struct timespec before;
    struct timespec after;
    int64_t now;

    (void)state;
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &before), 0);
    now = whorl_now();
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &after), 0);
    assert_true(now >= WHORL_SECONDS(before.tv_sec) + before.tv_nsec);
    assert_true(now <= WHORL_SECONDS(after.tv_sec) + after.tv_nsec);
}

static intptr_t count_my_turn(void *arg)
{
    ++*(int *)arg;
    return 0;
}

static intptr_t sleep_as_a_yield(void *arg)
{
    static const int64_t lengths[] = {0, -1, -WHORL_SECONDS(1), INT64_MIN};
    int turns = 0;

    (void)arg;
    for (size_t i = 0; i < count_of(lengths); i++) {
        check_equal(whorl_release(whorl_spawn(count_my_turn, &turns)), 0);
        check_equal(whorl_sleep(lengths[i]), 0);
        check_equal(turns, 2 * (int)i + 1);
        check_equal(whorl_release(whorl_spawn(count_my_turn, &turns)), 0);
        check_equal(
            whorl_sleep_until(lengths[i] == INT64_MIN ? INT64_MIN : whorl_now() + lengths[i]), 0);
        check_equal(turns, 2 * (int)i + 2);
    }
    return 0;
}

static void a_sleep_of_no_length_is_a_yield(void **state)
{
    (void)state;
    run_checks(sleep_as_a_yield, NULL);
}

static intptr_t sleep_for(void *arg)
{
    return whorl_sleep(*(int64_t *)arg);
}

static intptr_t sleep_till(void *arg)
{
    return whorl_sleep_until(*(int64_t *)arg);
}

static intptr_t cancel_endless_sleeps(void *arg)
{
    static int64_t lengths[] = {WHORL_FOREVER, WHORL_FOREVER - 1, WHORL_FOREVER - 1000000,
                                INT64_MAX / 2};
    whorl_task *tasks[2 * count_of(lengths)];

    (void)arg;
    for (size_t i = 0; i < count_of(tasks); i++)
        tasks[i] = whorl_spawn(i % 2 == 0 ? sleep_for : sleep_till, &lengths[i / 2]);
    check_equal(whorl_sleep(WHORL_MS(5)), 0);
    for (size_t i = 0; i < count_of(tasks); i++) {
        check_equal(whorl_is_done(tasks[i]), 0);
        check_equal(whorl_cancel(tasks[i]), 0);
        check_equal(whorl_join(tasks[i]), -ECANCELED);
    }
    return 0;
}

static void a_sleep_past_the_end_of_time_lasts_until_cancelled(void **state)
{
    (void)state;
    run_checks(cancel_endless_sleeps, NULL);
}

struct sleeper {
    int64_t deadline;
    int rank;  /* in the order of waking */
    int asked; /* in the order of going to sleep */
};

static int asking;

static intptr_t sleep_and_rank(void *arg)
{
    struct sleeper *self = arg;
    intptr_t result;

    self->asked = asking++;
    result = whorl_sleep_until(self->deadline);
    self->rank = woken++;
    return result;
}

static struct sleeper sleepers[SLEEPERS];
static struct sleeper *by_rank[SLEEPERS];

/* Puts n sleepers to sleep. Gives whether all slept before the first deadline came. */
static bool put_to_sleep(int n, int64_t first_deadline)
{
    static whorl_task *tasks[SLEEPERS];
    bool in_time;

    woken = 0;
    asking = 0;
    for (int i = 0; i < n; i++)
        tasks[i] = whorl_spawn(sleep_and_rank, &sleepers[i]);
    while (asking < n)
        check_equal(whorl_yield(), 0);
    in_time = whorl_now() < first_deadline;
    for (int i = 0; i < n; i++)
        check_equal(whorl_join(tasks[i]), 0);
    check_equal(woken, n);
    return in_time;
}

static void check_order_of_waking(int n)
{
    for (int i = 0; i < n; i++)
        by_rank[sleepers[i].rank] = &sleepers[i];
    for (int i = 1; i < n; i++) {
        const struct sleeper *earlier = by_rank[i - 1];
        const struct sleeper *later = by_rank[i];

        if (earlier->deadline < later->deadline)
            continue;
        check_equal(earlier->deadline, later->deadline);
        check(earlier->asked < later->asked);
    }
}

/* Deadlines from `spread` different values after a lead that is long enough to go to sleep in; if
 * it was not, on a machine with much else to do, the lead is doubled. */
static intptr_t wake_in_order(void *arg)
{
    random_source source = random_from_seed(1);
    uint64_t spread = *(uint64_t *)arg;
    int n = spread == 1 ? EQUALS : SLEEPERS;
    int64_t first;

    for (int64_t lead = WHORL_MS(200); lead < WHORL_SECONDS(60); lead *= 2) {
        first = whorl_now() + lead;
        for (int i = 0; i < n; i++)
            sleepers[i].deadline = first + (int64_t)random_below(&source, spread);
        if (put_to_sleep(n, first)) {
            check_order_of_waking(n);
            return 0;
        }
    }
    check_failed("%d tasks did not get to sleep within 30 seconds", n);
    return 0;
}

static void sleepers_wake_in_the_order_of_their_deadlines(void **state)
{
    (void)state;
    tell_crowd(SLEEPERS);
    run_checks(wake_in_order, &(uint64_t){SPREAD_NS});
}

static void many_equal_deadlines_among_others_keep_the_order_of_asking(void **state)
{
    (void)state;
    tell_crowd(SLEEPERS);
    run_checks(wake_in_order, &(uint64_t){100});
}

static void sleepers_of_one_deadline_wake_in_the_order_of_asking(void **state)
{
    (void)state;
    run_checks(wake_in_order, &(uint64_t){1});
}

static intptr_t sleep_while_others_are_cancelled(void *arg)
{
    static whorl_task *tasks[EQUALS];
    int64_t lengths[EQUALS];
    random_source source = random_from_seed(2);

    (void)arg;
    for (int i = 0; i < EQUALS; i++) {
        lengths[i] = WHORL_MS(1) + (int64_t)random_below(&source, SPREAD_NS);
        tasks[i] = whorl_spawn(sleep_for, &lengths[i]);
    }
    check_equal(whorl_sleep(WHORL_MS(2)), 0);
    for (int i = 0; i < EQUALS; i += 2)
        whorl_cancel(tasks[i]);
    for (int i = 0; i < EQUALS; i++) {
        intptr_t result = whorl_join(tasks[i]);

        if (i % 2 != 0)
            check_equal(result, 0);
        else
            check(result == 0 || result == -ECANCELED);
    }
    return 0;
}

static void cancelling_half_of_the_sleepers_leaves_the_others_asleep(void **state)
{
    (void)state;
    run_checks(sleep_while_others_are_cancelled, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_sleep_lasts_at_least_as_long_as_asked),
        behaviour(now_is_the_monotonic_clock_anywhere),
        behaviour(a_sleep_of_no_length_is_a_yield),
        behaviour(a_sleep_past_the_end_of_time_lasts_until_cancelled),
        behaviour(sleepers_wake_in_the_order_of_their_deadlines),
        behaviour(many_equal_deadlines_among_others_keep_the_order_of_asking),
        behaviour(sleepers_of_one_deadline_wake_in_the_order_of_asking),
        behaviour(cancelling_half_of_the_sleepers_leaves_the_others_asleep),
    };

    return run_behaviours("sleep", tests);
}
