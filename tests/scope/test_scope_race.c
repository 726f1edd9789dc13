/*
 * Scopes that run out in the turn in which something else happens to their task: its cancel, what
 * it waits for, or the end of another scope. Either order, and nothing is lost.
 *
 * The main task holds the loop until the time has passed, so that the next turn finds all of it due
 * at once, in the order of the deadlines.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define SOON WHORL_MS(5)
#define FAR WHORL_SECONDS(100)

/* One trial; its task looks at it. */
struct race {
    int64_t deadline; /* of the scope */
    int64_t other;    /* when the other thing happens */
    whorl_task *task;
    pair both;
    intptr_t waited; /* what the wait gave */
    intptr_t ended;  /* what the scope's end gave */
    bool held;       /* the loop, by a task, until the times had passed and nobody knew */
};

static void set_times(struct race *race, int64_t soon, int64_t lead)
{
    race->deadline = whorl_now() + soon;
    race->other = race->deadline + lead;
}

static void hold_the_loop_until(int64_t deadline)
{
    while (whorl_now() <= deadline)
        continue;
}

/* Holds the loop until the times have passed, and nobody knows. False if a time had passed before:
 * then the loop may know, so that this was another trial, to be made again with more time. */
static bool hold_the_loop(const struct race *race)
{
    int64_t first = race->other < race->deadline ? race->other : race->deadline;
    bool nobody_knows = whorl_now() < first;
    hold_the_loop_until(race->deadline + 10);
    return nobody_knows;
}

/* Begins the task, lets it wait, and goes on when its scope has run out and nobody knows. */
static void begin_and_hold(struct race *race, whorl_fn *fn, int64_t lead)
{
    for (int64_t soon = SOON;; soon *= 2) {
        set_times(race, soon, lead);
        race->task = whorl_spawn(fn, race);
        check_equal(whorl_yield(), 0);
        if (hold_the_loop(race))
            return;
        whorl_join(race->task);
    }
}

/* Within a scope that has run out a wait says so, once the loop has looked at the clock. */
static void wait_until_refused(void)
{
    int64_t limit = whorl_now() + FAR;
    int result;
    do
        result = whorl_yield();
    while (result == 0 && whorl_now() < limit);
    check_equal(result, -ECANCELED);
}

/* --- A cancel from outside --- */

static intptr_t sleep_in_a_scope(void *arg)
{
    struct race *race = arg;
    whorl_timeout scope;
    check_equal(whorl_timeout_begin_at(&scope, race->deadline), 0);
    race->waited = whorl_sleep(FAR);
    race->ended = whorl_timeout_end(&scope, race->waited);
    return race->ended;
}

static intptr_t cancel_at_its_time(void *arg)
{
    struct race *race = arg;
    check_equal(whorl_sleep_until(race->other), 0);
    return whorl_cancel(race->task);
}

/* The canceller wakes with the time, and comes before the task. Whether that was the trial. */
static bool cancel_with_the_time(struct race *race, int64_t lead, int64_t soon)
{
    set_times(race, soon, lead);
    whorl_task *canceller = whorl_spawn(cancel_at_its_time, race);
    race->task = whorl_spawn(sleep_in_a_scope, race);
    check_equal(whorl_yield(), 0);
    bool held = hold_the_loop(race);
    intptr_t result = whorl_join(race->task), cancelled = whorl_join(canceller);
    if (held) {
        check_equal(result, -ECANCELED);
        check_equal(cancelled, 0);
    }
    return held;
}

static intptr_t cancel_from_outside(void *arg)
{
    struct race race = {0};
    (void)arg;
    /* Long before. */
    race.deadline = whorl_now() + FAR;
    race.task = whorl_spawn(sleep_in_a_scope, &race);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_cancel(race.task), 0);
    check_equal(whorl_join(race.task), -ECANCELED);
    /* The cancel first, then the time, then the task's turn. */
    begin_and_hold(&race, sleep_in_a_scope, 0);
    check_equal(whorl_cancel(race.task), 0);
    check_equal(whorl_join(race.task), -ECANCELED);
    for (int64_t lead = -1; lead <= 0; lead++)
        for (int64_t soon = SOON; !cancel_with_the_time(&race, lead, soon); soon *= 2)
            continue;
    return 0;
}

static void a_cancel_from_outside_is_told_also_when_the_time_is_up(void **state)
{
    (void)state;
    run_checks(cancel_from_outside, NULL);
}

/* --- What is waited for --- */

static intptr_t sleep_to_the_end(void *arg)
{
    struct race *race = arg;
    whorl_timeout scope;
    check_equal(whorl_timeout_begin_at(&scope, race->deadline), 0);
    race->waited = whorl_sleep_until(race->other);
    if (race->waited == 0)
        wait_until_refused();
    race->ended = whorl_timeout_end(&scope, race->waited);
    check_equal(whorl_yield(), 0);
    return 0;
}

static intptr_t end_a_sleep_at_the_limit(void *arg)
{
    struct race race = {0};
    (void)arg;
    for (int64_t lead = -1; lead <= 1; lead++) {
        begin_and_hold(&race, sleep_to_the_end, lead);
        check_equal(whorl_join(race.task), 0);
        /* Of the same nanosecond, the scope came first. */
        check_equal(race.waited, lead < 0 ? 0 : -ECANCELED);
        check_equal(race.ended, lead < 0 ? 0 : -ETIMEDOUT);
    }
    return 0;
}

static void a_sleep_that_ends_first_keeps_its_result(void **state)
{
    (void)state;
    run_checks(end_a_sleep_at_the_limit, NULL);
}

static intptr_t hold_then_end(void *arg)
{
    struct race *race = arg;
    race->held = hold_the_loop(race);
    return 21;
}

static intptr_t end_just_before(void *arg)
{
    struct race *race = arg;
    int error = whorl_sleep_until(race->other);
    return error ? error : 21;
}

/* A joiner and a gatherer whose time is up as the child ends. */
static void wait_for_child(whorl_fn *fn, bool by_gather, struct race *race)
{
    whorl_timeout scope;
    intptr_t result = 0;
    whorl_task *child = whorl_spawn(fn, race);
    whorl_task *holder = fn == hold_then_end ? NULL : whorl_spawn(hold_then_end, race);
    check_equal(whorl_timeout_begin_at(&scope, race->deadline), 0);
    if (by_gather && (race->waited = whorl_gather(&child, 1, &result, 0)) == 0)
        race->waited = result;
    if (!by_gather)
        race->waited = whorl_join(child);
    if (race->waited == 21)
        wait_until_refused();
    race->ended = whorl_timeout_end(&scope, race->waited);
    check_equal(race->ended, race->waited == 21 ? 21 : -ETIMEDOUT);
    if (race->waited != 21 && !by_gather)
        check_equal(whorl_join(child), 21); /* its handle and its result are still there */
    check_equal(whorl_is_done(child), -EINVAL);
    if (holder)
        check_equal(whorl_join(holder), 21);
}

static void wait_for_child_at_the_limit(whorl_fn *fn, bool by_gather, struct race *race)
{
    race->held = false;
    for (int64_t soon = SOON; !race->held; soon *= 2) {
        set_times(race, soon, -1);
        wait_for_child(fn, by_gather, race);
    }
}

static intptr_t end_children_at_the_limit(void *arg)
{
    struct race race = {0};
    (void)arg;
    for (int by_gather = 0; by_gather < 2; by_gather++) {
        wait_for_child_at_the_limit(hold_then_end, by_gather, &race);
        check_equal(race.waited, 21); /* it had ended before anybody knew of the time */
        wait_for_child_at_the_limit(end_just_before, by_gather, &race);
        check(race.waited == 21 || !by_gather); /* woken, it ends with its result */
    }
    return 0;
}

static void a_child_that_ends_at_the_limit_is_not_lost(void **state)
{
    (void)state;
    run_checks(end_children_at_the_limit, NULL);
}

static intptr_t read_in_a_scope(void *arg)
{
    struct race *race = arg;
    whorl_timeout scope;
    char byte;
    check_equal(whorl_timeout_begin_at(&scope, race->deadline), 0);
    race->waited = whorl_read(race->both.ends[0], &byte, 1);
    race->ended = whorl_timeout_end(&scope, race->waited);
    check_equal(race->ended, race->waited == 1 ? 1 : -ETIMEDOUT);
    return 0;
}

static intptr_t write_at_the_limit(void *arg)
{
    struct race race = {.both = pipe_pair()};
    random_source random = random_from_seed(81);
    long counts[2] = {0, 0};
    (void)arg;
    for (long i = 0; i < test_rounds(600); i++) {
        race.deadline = whorl_now() + WHORL_US(100);
        race.task = whorl_spawn(read_in_a_scope, &race);
        check_equal(whorl_yield(), 0);
        int64_t moment = race.deadline + (int64_t)random_below(&random, 20000) - 10000;
        if (i % 2)
            hold_the_loop_until(moment);
        else
            check_equal(whorl_sleep_until(moment), 0);
        check_equal(write(race.both.ends[1], "x", 1), 1);
        check_equal(whorl_join(race.task), 0);
        check_equal(unread_in(race.both.ends[0]), race.waited == 1 ? 0 : 1);
        counts[race.waited == 1]++;
        char byte;
        if (race.waited != 1)
            check_equal(whorl_read(race.both.ends[0], &byte, 1), 1);
    }
    printf("%ld reads had their byte, %ld ran out of time\n", counts[1], counts[0]);
    close_pair(&race.both);
    return 0;
}

static void a_byte_that_comes_at_the_limit_is_read_or_left(void **state)
{
    (void)state;
    run_checks(write_at_the_limit, NULL);
}

static intptr_t write_before_anybody_knows(void *arg)
{
    struct race race = {.both = pipe_pair()};
    (void)arg;
    for (int round = 0; round < 5; round++) {
        begin_and_hold(&race, read_in_a_scope, 0);
        check_equal(write(race.both.ends[1], "x", 1), 1);
        check_equal(whorl_join(race.task), 0);
        check_equal(race.waited, 1);
    }
    close_pair(&race.both);
    return 0;
}

static void what_completed_before_the_turn_of_the_limit_wins(void **state)
{
    (void)state;
    run_checks(write_before_anybody_knows, NULL);
}

/* --- Several scopes --- */

static intptr_t nest_at_the_limit(void *arg)
{
    struct race *race = arg;
    whorl_timeout outer, inner;
    check_equal(whorl_timeout_begin_at(&outer, race->deadline), 0);
    check_equal(whorl_timeout_begin_at(&inner, race->other), 0);
    intptr_t result = whorl_sleep(FAR);
    check_equal(result, -ECANCELED);
    race->waited = whorl_timeout_end(&inner, result);
    race->ended = whorl_timeout_end(&outer, race->waited);
    return 0;
}

static intptr_t run_out_together(void *arg)
{
    struct race race = {0};
    (void)arg;
    for (int64_t lead = -1; lead <= 1; lead++) {
        begin_and_hold(&race, nest_at_the_limit, lead);
        check_equal(whorl_join(race.task), 0);
        check_equal(race.waited, -ECANCELED);
        check_equal(race.ended, -ETIMEDOUT);
    }
    return 0;
}

static void of_scopes_that_run_out_in_one_turn_the_outermost_says_so(void **state)
{
    (void)state;
    run_checks(run_out_together, NULL);
}

static intptr_t shield_over_the_limit(void *arg)
{
    struct race *race = arg;
    whorl_timeout outer;
    whorl_shield shield;
    check_equal(whorl_timeout_begin_at(&outer, race->deadline), 0);
    check_equal(whorl_shield_begin(&shield, FAR), 0);
    check_equal(whorl_sleep_until(race->deadline + SOON), 0); /* the outer one runs out meanwhile */
    check_equal(whorl_yield(), 0);
    check_equal(whorl_shield_end(&shield, 6), 6);
    check_equal(whorl_sleep(FAR), -ECANCELED);
    check_equal(whorl_timeout_end(&outer, -ECANCELED), -ETIMEDOUT);
    return 0;
}

static intptr_t run_out_under_a_shield(void *arg)
{
    struct race race = {0};
    (void)arg;
    begin_and_hold(&race, shield_over_the_limit, 0);
    check_equal(whorl_join(race.task), 0);
    return 0;
}

static void a_scope_that_runs_out_under_a_shield_shows_after_it(void **state)
{
    (void)state;
    run_checks(run_out_under_a_shield, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_cancel_from_outside_is_told_also_when_the_time_is_up),
        behaviour(a_sleep_that_ends_first_keeps_its_result),
        behaviour(a_child_that_ends_at_the_limit_is_not_lost),
        behaviour(a_byte_that_comes_at_the_limit_is_read_or_left),
        behaviour(what_completed_before_the_turn_of_the_limit_wins),
        behaviour(of_scopes_that_run_out_in_one_turn_the_outermost_says_so),
        behaviour(a_scope_that_runs_out_under_a_shield_shows_after_it),
    };
    return run_behaviours("scope race", tests);
}
