/* The limit of a run: real time, whatever its clock, after which all is cancelled. */
#include "child.h"

#include <core/clock.h>

#define HOUR WHORL_SECONDS(3600)

static const enum whorl_clock clocks[] = {WHORL_CLOCK_REAL, WHORL_CLOCK_VIRTUAL};

static whorl_config limited(enum whorl_clock clock)
{
    return (whorl_config){.clock = clock, .limit = WHORL_MS(5), .drain_warning = -1};
}

static int cancelled;

static intptr_t read_for_ever(void *arg)
{
    char byte;
    check_equal(whorl_read(*(int *)arg, &byte, 1), -ECANCELED);
    cancelled++;
    return 7;
}

static void io_that_takes_longer_is_cancelled(void **state)
{
    (void)state;
    pair both = pipe_pair();
    for (size_t i = 0; i < count_of(clocks); i++) {
        whorl_config config = limited(clocks[i]);
        assert_int_equal(run_with(&config, read_for_ever, &both.ends[0]), -ETIMEDOUT);
    }
    close_pair(&both);
}

/* Also in a time that passes at once, and with tasks that are never all asleep. */
static intptr_t sleep_on(void *arg)
{
    int64_t ns = *(int64_t *)arg;
    while (whorl_sleep(ns) == 0)
        continue;
    cancelled++;
    return 0;
}

static intptr_t sleep_together(void *arg)
{
    whorl_release(whorl_spawn_with(&(whorl_spawn_options){.eager = 1}, sleep_on, arg));
    return sleep_on(arg);
}

static void tasks_that_go_on_for_ever_are_all_cancelled(void **state)
{
    (void)state;
    int64_t naps[] = {WHORL_US(1), HOUR};
    for (size_t i = 0; i < count_of(clocks); i++) {
        whorl_config config = limited(clocks[i]);
        cancelled = 0;
        assert_int_equal(run_with(&config, sleep_together, &naps[i]), -ETIMEDOUT);
        assert_int_equal(cancelled, 2);
    }
}

static intptr_t yield_for_ever(void *arg)
{
    while (whorl_yield() == 0)
        continue;
    return (intptr_t)arg;
}

static void tasks_that_only_yield_are_cancelled_by_the_real_clock(void **state)
{
    (void)state;
    whorl_config config = limited(WHORL_CLOCK_REAL);
    assert_int_equal(run_with(&config, yield_for_ever, NULL), -ETIMEDOUT);
}

static intptr_t clean_up(void *arg)
{
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    ++*(int *)arg;
    return 0;
}

static intptr_t sleep_and_clean_up(void *arg)
{
    check_equal(whorl_defer(clean_up, arg), 0);
    check_equal(whorl_sleep(1000 * HOUR), -ECANCELED);
    whorl_task *late = whorl_spawn(clean_up, arg);
    check_equal(whorl_cancelling(late), 1);
    check_equal(whorl_join(late), -ECANCELED);
    return 0;
}

static void cleanup_is_done_and_new_tasks_start_cancelled(void **state)
{
    (void)state;
    whorl_config config = limited(WHORL_CLOCK_REAL);
    int cleaned = 0;
    assert_int_equal(run_with(&config, sleep_and_clean_up, &cleaned), -ETIMEDOUT);
    assert_int_equal(cleaned, 1);
}

/* A task that outlives main takes its first cancel back, if that is not the limit's own. */
static int64_t limit_at;
static bool was_in_time;

static intptr_t stay_after_main(void *arg)
{
    check_equal(whorl_sleep(1000 * HOUR), -ECANCELED);
    was_in_time = clock_read() < limit_at;
    if (!was_in_time)
        return 0;
    check_equal(whorl_uncancel(), 1);
    return read_for_ever(arg);
}

static intptr_t leave_one(void *arg)
{
    whorl_spawn_options eager = {.eager = 1};
    check_equal(whorl_release(whorl_spawn_with(&eager, stay_after_main, arg)), 0);
    return 0;
}

static void it_ends_what_main_left_behind_too(void **state)
{
    (void)state;
    pair both = pipe_pair();
    for (size_t i = 0; i < count_of(clocks); i++) {
        whorl_config config = limited(clocks[i]);
        intptr_t result;
        cancelled = 0;
        do {
            config.limit *= 2;
            limit_at = clock_read() + config.limit;
            result = run_with(&config, leave_one, &both.ends[0]);
        } while (!was_in_time);
        assert_int_equal(result, -ETIMEDOUT);
        assert_int_equal(cancelled, 1);
    }
    close_pair(&both);
}

static intptr_t nap(void *arg)
{
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    return (intptr_t)arg;
}

static void a_run_that_ends_in_time_has_its_result(void **state)
{
    (void)state;
    for (size_t i = 0; i < count_of(clocks); i++) {
        whorl_config config = {.clock = clocks[i], .limit = WHORL_SECONDS(600)};
        assert_int_equal(run_with(&config, nap, (void *)5), 5);
        config.limit = WHORL_FOREVER;
        assert_int_equal(run_with(&config, nap, (void *)6), 6);
    }
}

static intptr_t sleep_for_ever(void *arg)
{
    check_equal(whorl_sleep(WHORL_FOREVER), -ECANCELED);
    return (intptr_t)arg;
}

/* It is no event that a task could wait for. */
static int be_stuck(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < count_of(clocks); i++) {
        whorl_config config = {.clock = clocks[i], .limit = WHORL_SECONDS(600)};
        check_equal(whorl_run_with(&config, sleep_for_ever, NULL), -EDEADLK);
    }
    return 0;
}

static void a_deadlock_is_found_before_it(void **state)
{
    (void)state;
    run_in_child(be_stuck, NULL);
}

static void a_negative_limit_is_refused(void **state)
{
    (void)state;
    whorl_config config = {.limit = -1};
    assert_int_equal(run_with(&config, nap, NULL), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(io_that_takes_longer_is_cancelled),
        behaviour(tasks_that_go_on_for_ever_are_all_cancelled),
        behaviour(tasks_that_only_yield_are_cancelled_by_the_real_clock),
        behaviour(cleanup_is_done_and_new_tasks_start_cancelled),
        behaviour(it_ends_what_main_left_behind_too),
        behaviour(a_run_that_ends_in_time_has_its_result),
        behaviour(a_deadlock_is_found_before_it),
        behaviour(a_negative_limit_is_refused),
    };
    return run_behaviours("limit", tests);
}
