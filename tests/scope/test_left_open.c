/*
 * A group that its owner's function leaves open: its children end before the owner does, whatever
 * they end with, and nobody else is passed over meanwhile.
 */
#include "support.h"

#include <errno.h>

enum { CHILDREN = 5 };

static whorl_group group; /* outlives its owner's function, as a group on its stack does too */
static int ended;
static char order[16];
static size_t steps;

static void step(char what)
{
    order[steps++ % (sizeof order - 1)] = what;
}

/* Is cancelled, and ends with an error, one after another. */
static intptr_t fail_in_turn(void *arg)
{
    check_equal(whorl_sleep(WHORL_SECONDS(100)), -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    for (intptr_t i = 0; i < (intptr_t)arg; i++)
        check_equal(whorl_yield(), 0);
    ended++;
    return -EIO;
}

static intptr_t fail_early(void *arg)
{
    (void)arg;
    whorl_yield(); /* the others begin */
    ended++;
    return -EPIPE;
}

static intptr_t leave_open(void *arg)
{
    check_equal(whorl_group_init(&group), 0);
    check_equal(whorl_group_spawn(&group, arg ? fail_early : fail_in_turn, NULL), 0);
    for (intptr_t i = 1; i < CHILDREN; i++)
        check_equal(whorl_group_spawn(&group, fail_in_turn, (void *)i), 0);
    whorl_yield();
    return 7;
}

/* What a stack that was given back twice would show: two tasks on one. */
static intptr_t use_stack(void *arg)
{
    volatile intptr_t mine = (intptr_t)arg;
    check_equal(whorl_yield(), 0);
    check_equal(mine, (intptr_t)arg);
    return mine;
}

static intptr_t join_who_left_it(void *arg)
{
    for (uintptr_t early = 0; early < 2; early++) {
        ended = 0;
        check_equal(whorl_join(whorl_spawn(leave_open, (void *)early)), 7);
        check_equal(ended, CHILDREN);
        whorl_task *tasks[3 * CHILDREN];
        for (size_t i = 0; i < count_of(tasks); i++)
            tasks[i] = whorl_spawn(use_stack, (void *)i);
        for (size_t i = 0; i < count_of(tasks); i++)
            check_equal(whorl_join(tasks[i]), i);
    }
    return (intptr_t)arg;
}

static void children_that_fail_after_their_owner_has_returned_are_awaited(void **state)
{
    (void)state;
    run_checks(join_who_left_it, NULL);
}

static intptr_t go_twice(void *arg)
{
    step(*(const char *)arg);
    check_equal(whorl_yield(), 0);
    step(*(const char *)arg);
    return 0;
}

static intptr_t leave_an_empty_one(void *arg)
{
    (void)arg;
    step('b');
    return whorl_group_init(&group);
}

static intptr_t return_among_others(void *arg)
{
    whorl_task *tasks[] = {whorl_spawn(go_twice, "a"), whorl_spawn(leave_an_empty_one, NULL),
                           whorl_spawn(go_twice, "c"), whorl_spawn(go_twice, "d")};
    check_equal(whorl_gather(tasks, count_of(tasks), NULL, 0), 0);
    check_text(order, "abcdacd");
    return (intptr_t)arg;
}

static void who_is_ready_is_not_passed_over_when_another_returns(void **state)
{
    (void)state;
    run_checks(return_among_others, NULL);
}

/* The only task there is. */
static void main_may_leave_one_open(void **state)
{
    (void)state;
    ended = 0;
    assert_int_equal(run(leave_open, NULL), 7);
    assert_int_equal(ended, CHILDREN);
    assert_int_equal(run(leave_an_empty_one, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(children_that_fail_after_their_owner_has_returned_are_awaited),
        behaviour(who_is_ready_is_not_passed_over_when_another_returns),
        behaviour(main_may_leave_one_open),
    };
    return run_behaviours("left open", tests);
}
