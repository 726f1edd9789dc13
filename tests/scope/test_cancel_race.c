/*
 * A cancel and a completion in the same turn of the loop, in both orders: whatever the waiting call
 * gives, nothing is lost. Either it had its effect and gives the result, with the cancel pending
 * for the next call, or it gives -ECANCELED and had none.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <fcntl.h>
#include <unistd.h>

enum order { COMPLETE_FIRST, CANCEL_FIRST, ORDERS };

struct race {
    enum order order;
    pair both;
    whorl_task *joined;
    int may_end; /* the joined task waits for it */
    intptr_t result;
    char byte;
};

static intptr_t end_when_told(void *arg)
{
    struct race *race = arg;

    while (!race->may_end) {
        if (!check_equal(whorl_sleep(WHORL_FOREVER), -ECANCELED))
            break;
        check_equal(whorl_uncancel(), 1);
    }
    return 31;
}

/* After a join that was raced: a result means that the handle is gone, a cancel that it is not. */
static void settle_the_join(struct race *race)
{
    if (race->result == 31) {
        check_equal(whorl_yield(), -ECANCELED);
        check_equal(whorl_uncancel(), 1);
        check_equal(whorl_join(race->joined), -EINVAL);
        return;
    }
    check_equal(race->result, -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    check_equal(whorl_join(race->joined), 31);
}

static intptr_t join_in_a_race(void *arg)
{
    struct race *race = arg;

    race->result = whorl_join(race->joined);
    settle_the_join(race);
    return 0;
}

static intptr_t cancel_and_end_in_one_turn(void *arg)
{
    struct race race = {.order = *(enum order *)arg};
    whorl_task *task;

    race.joined = whorl_spawn(end_when_told, &race);
    task = whorl_spawn(join_in_a_race, &race);
    check_equal(whorl_yield(), 0);
    race.may_end = 1;
    if (race.order == COMPLETE_FIRST)
        check_equal(whorl_cancel(race.joined), 0); /* wakes it: it ends before the other cancel */
    check_equal(whorl_cancel(task), 0);
    if (race.order == CANCEL_FIRST)
        check_equal(whorl_cancel(race.joined), 0);
    check_equal(whorl_join(task), 0);
    return 0;
}

static void a_join_that_is_cancelled_as_its_task_ends_loses_nothing(void **state)
{
    (void)state;
    for (enum order order = COMPLETE_FIRST; order < ORDERS; order++)
        run_checks(cancel_and_end_in_one_turn, &order);
}

static intptr_t end_then_cancel_my_joiner(void *arg)
{
    check_equal(whorl_yield(), 0);
    check_equal(whorl_cancel(arg), 0);
    return 32;
}

static intptr_t join_my_canceller(void *arg)
{
    whorl_task *task = whorl_spawn(end_then_cancel_my_joiner, whorl_self());
    intptr_t result = whorl_join(task);

    (void)arg;
    check(result == 32 || result == -ECANCELED);
    check_equal(whorl_yield(), -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    if (result == -ECANCELED)
        check_equal(whorl_join(task), 32);
    return 0;
}

static void a_task_may_cancel_its_joiner_with_its_last_act(void **state)
{
    (void)state;
    run_checks(join_my_canceller, NULL);
}

static intptr_t read_in_a_race(void *arg)
{
    struct race *race = arg;

    race->result = whorl_read(race->both.ends[0], &race->byte, 1);
    if (race->result == 1)
        check_equal(whorl_yield(), -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    return 0;
}

/* The byte is either what the read gave, or still in the pipe. */
static void check_the_byte_is_there(struct race *race, char byte)
{
    if (race->result == -ECANCELED)
        check_equal(whorl_read(race->both.ends[0], &race->byte, 1), 1);
    else
        check_equal(race->result, 1);
    check_equal(race->byte, byte);
}

static intptr_t cancel_and_write_in_one_turn(void *arg)
{
    struct race race = {.order = *(enum order *)arg, .both = pipe_pair()};
    long rounds = test_rounds(300);

    for (long i = 0; i < rounds; i++) {
        char byte = (char)('a' + i % 26);
        whorl_task *task = whorl_spawn(read_in_a_race, &race);

        /* In every third round the read has not reached the kernel yet. */
        check_equal(i % 3 == 0 ? whorl_yield() : whorl_sleep(WHORL_US(20)), 0);
        if (race.order == COMPLETE_FIRST)
            check_equal(write(race.both.ends[1], &byte, 1), 1);
        check_equal(whorl_cancel(task), 0);
        if (race.order == CANCEL_FIRST)
            check_equal(write(race.both.ends[1], &byte, 1), 1);
        check_equal(whorl_join(task), 0);
        check_the_byte_is_there(&race, byte);
    }
    close_pair(&race.both);
    return 0;
}

static void a_read_that_is_cancelled_as_its_byte_comes_loses_nothing(void **state)
{
    (void)state;
    for (enum order order = COMPLETE_FIRST; order < ORDERS; order++)
        run_checks(cancel_and_write_in_one_turn, &order);
}

static intptr_t uncancel_before_the_cancel_is_heard(void *arg)
{
    struct race *race = arg;
    intptr_t result;

    result = whorl_sleep(WHORL_FOREVER);
    check_equal(result, -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_uncancel(), 1);
    check_equal(whorl_read(race->both.ends[0], &race->byte, 1), 1);
    check_equal(race->byte, 'z');
    return 0;
}

static intptr_t cancel_then_let_go_on(void *arg)
{
    struct race race = {.both = pipe_pair()};
    whorl_task *task = whorl_spawn(uncancel_before_the_cancel_is_heard, &race);

    (void)arg;
    check_equal(whorl_yield(), 0);
    check_equal(whorl_cancel(task), 0);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    check_equal(whorl_write(race.both.ends[1], "z", 1), 1);
    check_equal(whorl_join(task), 0);
    close_pair(&race.both);
    return 0;
}

static void a_cancel_taken_back_leaves_the_next_wait_whole(void **state)
{
    (void)state;
    run_checks(cancel_then_let_go_on, NULL);
}

static intptr_t sleep_for_a_while(void *arg)
{
    int64_t *length = arg;
    int64_t deadline = whorl_now() + *length;
    intptr_t result = whorl_sleep_until(deadline);

    if (result == 0)
        check(whorl_now() >= deadline);
    else
        check_equal(result, -ECANCELED);
    return result;
}

static intptr_t cancel_sleeps_at_their_end(void *arg)
{
    random_source source = random_from_seed(3);
    long rounds = test_rounds(2000);
    int counts[2] = {0, 0};

    (void)arg;
    for (long i = 0; i < rounds; i++) {
        int64_t length = 1 + (int64_t)random_below(&source, 40000);
        whorl_task *task = whorl_spawn(sleep_for_a_while, &length);
        intptr_t result;

        check_equal(whorl_sleep(1 + (int64_t)random_below(&source, 40000)), 0);
        result = whorl_cancel(task);
        check(result == 0 || result == -EALREADY);
        result = whorl_join(task);
        counts[result != 0]++;
    }
    printf("%d sleeps ended in time, %d were cancelled\n", counts[0], counts[1]);
    check_equal(counts[0] + counts[1], rounds);
    return 0;
}

static void a_sleep_cancelled_at_its_end_ends_once(void **state)
{
    (void)state;
    run_checks(cancel_sleeps_at_their_end, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_join_that_is_cancelled_as_its_task_ends_loses_nothing),
        behaviour(a_task_may_cancel_its_joiner_with_its_last_act),
        behaviour(a_read_that_is_cancelled_as_its_byte_comes_loses_nothing),
        behaviour(a_cancel_taken_back_leaves_the_next_wait_whole),
        behaviour(a_sleep_cancelled_at_its_end_ends_once),
    };

    return run_behaviours("cancel_race", tests);
}
