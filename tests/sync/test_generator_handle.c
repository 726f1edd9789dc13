/*
 * The handle of a generator's task, which whoever learns it may join or release as any other's:
 * the generator goes on, and tells its owner the result all the same.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "generating.h"

enum { NEWCOMERS = 8 };

static whorl_task *newcomers[NEWCOMERS];

static intptr_t yield_one_then_end(whorl_generator *self, void *arg)
{
    generator_task = whorl_self();
    check_equal(whorl_generator_yield(self, 1), 0);
    return (intptr_t)arg;
}

static intptr_t join_the_generator(void *arg)
{
    (void)arg;
    return whorl_join(generator_task);
}

static intptr_t sleep_undisturbed(void *arg)
{
    check_equal(whorl_sleep(WHORL_SECONDS(1)), 0);
    return (intptr_t)arg;
}

/* The first of them gets the stack of whichever task ended last and is not kept. */
static void spawn_newcomers(void)
{
    for (intptr_t i = 0; i < NEWCOMERS; i++)
        newcomers[i] = whorl_spawn(sleep_undisturbed, (void *)i);
    check_equal(whorl_yield(), 0);
}

static void join_newcomers(void)
{
    for (int i = 0; i < NEWCOMERS; i++)
        check_equal(whorl_join(newcomers[i]), i);
}

/* `releases`: instead of a join. */
static void begin_and_take_the_handle(whorl_generator *each, bool releases)
{
    intptr_t value;
    begin(each, yield_one_then_end, 7);
    check_next(each, 1);
    whorl_task *joiner = releases ? NULL : whorl_spawn(join_the_generator, NULL);
    check_equal(whorl_yield(), 0);
    if (releases)
        check_equal(whorl_release(generator_task), 0);
    check_equal(whorl_generator_next(each, &value), 0);
    if (joiner)
        check_equal(whorl_join(joiner), 7);
    check_equal(whorl_join(generator_task), -EINVAL);
}

static intptr_t ask_and_end_after(void *releases)
{
    whorl_generator each;
    intptr_t value;
    begin_and_take_the_handle(&each, releases);
    spawn_newcomers();
    check_equal(whorl_generator_next(&each, &value), 0);
    check_equal(whorl_generator_end(&each), 7);
    check_equal(whorl_generator_end(&each), 7);
    join_newcomers();
    return 0;
}

static void one_that_was_joined_still_tells_its_result(void **state)
{
    (void)state;
    run_checks_with(&virtual_time, ask_and_end_after, (void *)0);
}

static void one_that_was_released_still_tells_its_result(void **state)
{
    (void)state;
    run_checks_with(&virtual_time, ask_and_end_after, (void *)1);
}

static whorl_generator left;

static intptr_t leave_it_open(void *releases)
{
    begin_and_take_the_handle(&left, releases);
    spawn_newcomers();
    return 8;
}

static intptr_t await_who_leaves_it_open(void *arg)
{
    intptr_t value;
    (void)arg;
    for (intptr_t releases = 0; releases < 2; releases++) {
        check_equal(whorl_join(whorl_spawn(leave_it_open, (void *)releases)), 8);
        check_equal(whorl_generator_next(&left, &value), -EINVAL);
        check_equal(whorl_generator_end(&left), -EINVAL);
        join_newcomers();
    }
    return 0;
}

static void one_left_open_after_that_harms_no_task_that_came_later(void **state)
{
    (void)state;
    run_checks_with(&virtual_time, await_who_leaves_it_open, NULL);
}

/* It ends with its owner, while those who join it have yet to run. */
static intptr_t leave_one_that_is_joined(void *arg)
{
    begin(&left, count_and_clean_up, 9);
    check_next(&left, 0);
    for (int i = 0; i < NEWCOMERS; i++)
        newcomers[i] = whorl_spawn(join_the_generator, NULL);
    return whorl_yield() + (intptr_t)arg;
}

static intptr_t ask_at_once(void *arg)
{
    intptr_t value;
    check_equal(whorl_join(generator_task), 9);
    check_equal(whorl_generator_next(&left, &value), -EINVAL);
    return (intptr_t)arg;
}

static intptr_t await_who_leaves_a_joined_one(void *arg)
{
    (void)arg;
    whorl_task *owner = whorl_spawn(leave_one_that_is_joined, (void *)8);
    check_equal(whorl_yield(), 0);
    whorl_task *asker = whorl_spawn(ask_at_once, (void *)5);
    check_equal(whorl_join(owner), 8);
    check_equal(whorl_join(asker), 5);
    for (int i = 0; i < NEWCOMERS; i++)
        check_equal(whorl_join(newcomers[i]), 9);
    return 0;
}

static void who_joins_one_that_ends_with_its_owner_gets_its_result(void **state)
{
    (void)state;
    run_checks_with(&virtual_time, await_who_leaves_a_joined_one, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(one_that_was_joined_still_tells_its_result),
        behaviour(one_that_was_released_still_tells_its_result),
        behaviour(one_left_open_after_that_harms_no_task_that_came_later),
        behaviour(who_joins_one_that_ends_with_its_owner_gets_its_result),
    };

    return run_behaviours("generator_handle", tests);
}
