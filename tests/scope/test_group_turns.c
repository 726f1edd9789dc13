/*
 * Groups between two steps: what comes after an owner or a spawner was woken and before it runs;
 * circles through a group; and a group that has ended.
 */
#include "support.h"

#include <errno.h>

static const whorl_config virtual_clock = {.clock = WHORL_CLOCK_VIRTUAL};

static whorl_group group;
static whorl_task *owner;

static intptr_t yield_twice(void *arg)
{
    (void)arg;
    whorl_yield();
    return whorl_yield();
}

static intptr_t sleep_long(void *arg)
{
    (void)arg;
    return whorl_sleep(WHORL_SECONDS(500));
}

static void wait_until_empty(void)
{
    while (whorl_group_live(&group) > 0)
        check_equal(whorl_yield(), 0);
}

/* --- Between the wake and the step --- */

static intptr_t own(void *arg)
{
    check_equal(whorl_group_init(&group), 0);
    check_equal(whorl_group_spawn(&group, arg ? sleep_long : yield_twice, NULL), 0);
    return whorl_group_wait(&group, 0);
}

static intptr_t own_with_limit(void *arg)
{
    whorl_timeout limit;
    check_equal(whorl_timeout_begin(&limit, WHORL_SECONDS(1)), 0);
    return whorl_timeout_end(&limit, own(arg));
}

static intptr_t spawn_and_cancel_the_woken_owner(void *arg)
{
    int64_t start = whorl_now();
    owner = whorl_spawn(own, arg);
    check_equal(whorl_yield(), 0);
    wait_until_empty();
    check_equal(whorl_is_done(owner), 0);
    check_equal(whorl_group_spawn(&group, sleep_long, NULL), 0);
    check_equal(whorl_cancel(owner), 0);
    check_equal(whorl_join(owner), -ECANCELED);
    check_equal(whorl_now(), start);
    /* The same with an outer timeout: the child that came late is stopped by it. */
    owner = whorl_spawn(own_with_limit, arg);
    check_equal(whorl_yield(), 0);
    wait_until_empty();
    check_equal(whorl_group_spawn(&group, sleep_long, NULL), 0);
    check_equal(whorl_join(owner), -ETIMEDOUT);
    check_equal(whorl_now() - start, WHORL_SECONDS(1));
    return 0;
}

static void an_owner_that_was_woken_still_hears_its_cancel(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, spawn_and_cancel_the_woken_owner, NULL);
}

static intptr_t spawn_limited(void *arg)
{
    return whorl_group_spawn_limited(&group, 1, sleep_long, arg);
}

static intptr_t take_the_room_and_cancel(void *arg)
{
    int64_t start = whorl_now();
    check_equal(whorl_group_init(&group), 0);
    check_equal(whorl_group_spawn(&group, yield_twice, NULL), 0);
    whorl_task *spawner = whorl_spawn(spawn_limited, arg);
    wait_until_empty();
    check_equal(whorl_is_done(spawner), 0);
    check_equal(whorl_group_spawn(&group, sleep_long, NULL), 0);
    check_equal(whorl_cancel(spawner), 0);
    check_equal(whorl_join(spawner), -ECANCELED);
    check_equal(whorl_now(), start);
    check_equal(whorl_group_live(&group), 1);
    check_equal(whorl_group_cancel(&group), 0);
    return whorl_group_wait(&group, 0);
}

static void a_spawner_that_was_woken_still_hears_its_cancel(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, take_the_room_and_cancel, NULL);
}

static intptr_t turned_away;

static intptr_t spawn_beside(void *arg)
{
    turned_away = whorl_group_spawn_limited(&group, 2, sleep_long, arg);
    return turned_away;
}

/* The spawner is a child of the group: shutting the group cancels it too. */
static intptr_t take_the_room_and_shut(void *arg)
{
    turned_away = 0;
    check_equal(whorl_group_init(&group), 0);
    check_equal(whorl_group_spawn(&group, yield_twice, NULL), 0);
    check_equal(whorl_group_spawn(&group, spawn_beside, arg), 0);
    while (whorl_group_live(&group) != 1)
        check_equal(whorl_yield(), 0);
    check_equal(whorl_group_spawn(&group, sleep_long, NULL), 0);
    check_equal(whorl_group_cancel(&group), 0);
    check_equal(whorl_group_wait(&group, 0), 0);
    check_equal(turned_away, -ESHUTDOWN);
    return 0;
}

static void a_spawner_that_was_woken_is_turned_away_by_its_group(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, take_the_room_and_shut, NULL);
}

/* --- Circles --- */

static intptr_t join_the_owner(void *arg)
{
    (void)arg;
    return whorl_join(owner);
}

static intptr_t gather_the_owner(void *arg)
{
    (void)arg;
    check_equal(whorl_wait_for(owner, WHORL_SECONDS(1)), -EDEADLK);
    check_equal(whorl_race(&owner, 1, NULL, NULL), -EDEADLK);
    return whorl_gather(&owner, 1, NULL, 0);
}

static intptr_t own_one_who(void *arg)
{
    whorl_fn *child = (whorl_fn *)arg;
    check_equal(whorl_group_init(&group), 0);
    check_equal(whorl_group_spawn(&group, child, NULL), 0);
    whorl_yield(); /* the child runs before its owner waits */
    return whorl_group_wait(&group, 0);
}

static intptr_t close_a_circle(void *arg)
{
    (void)arg;
    static whorl_fn *const children[] = {join_the_owner, gather_the_owner};
    for (size_t i = 0; i < count_of(children); i++) {
        owner = whorl_spawn(own_one_who, (void *)children[i]);
        check_equal(whorl_join(owner), -EDEADLK);
    }
    return 0;
}

static void a_child_cannot_wait_for_its_owner(void **state)
{
    (void)state;
    run_checks(close_a_circle, NULL);
}

static intptr_t join_it(void *arg)
{
    return whorl_join(arg);
}

/* The owner's child joins a task that joins the owner. */
static intptr_t own_one_who_joins(void *arg)
{
    check_equal(whorl_group_init(&group), 0);
    check_equal(whorl_group_spawn(&group, join_it, arg), 0);
    whorl_yield();
    return whorl_group_wait(&group, 0);
}

static intptr_t close_a_longer_circle(void *arg)
{
    whorl_task *middle = whorl_spawn(join_the_owner, arg);
    owner = whorl_spawn(own_one_who_joins, middle);
    check_equal(whorl_join(owner), -EDEADLK);
    intptr_t result = whorl_join(middle); /* it got the owner's, or came too late for its handle */
    check(result == -EDEADLK || result == -EINVAL);
    return 0;
}

static void a_child_cannot_wait_for_its_owner_through_others(void **state)
{
    (void)state;
    run_checks(close_a_longer_circle, NULL);
}

static intptr_t join_the_waiting_owner(void *arg)
{
    (void)arg;
    wait_until_empty();
    return whorl_join(owner);
}

/* The owner waits for room that was promised, and for no child. */
static intptr_t join_while_room_is_promised(void *arg)
{
    owner = whorl_spawn(own, arg);
    check_equal(whorl_yield(), 0);
    whorl_task *spawner = whorl_spawn(spawn_limited, arg);
    whorl_task *joiner = whorl_spawn(join_the_waiting_owner, arg);
    check_equal(whorl_join(joiner), 0);
    return whorl_join(spawner);
}

static void an_owner_is_joined_while_room_in_its_group_is_promised(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, join_while_room_is_promised, NULL);
}

/* --- Ended --- */

static intptr_t spawn_after_the_end(void *arg)
{
    check_equal(own(arg), 0);
    check_equal(whorl_group_spawn(&group, sleep_long, NULL), -ESHUTDOWN);
    check_equal(whorl_group_spawn_limited(&group, 9, sleep_long, NULL), -ESHUTDOWN);
    check_equal(whorl_group_live(&group), 0);
    check_equal(whorl_group_cancel(&group), 0);
    check_equal(whorl_yield(), 0);
    return whorl_group_wait(&group, 0) == -EPERM ? 0 : -1;
}

static void a_group_that_has_ended_takes_nobody_in(void **state)
{
    (void)state;
    run_checks(spawn_after_the_end, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(an_owner_that_was_woken_still_hears_its_cancel),
        behaviour(a_spawner_that_was_woken_still_hears_its_cancel),
        behaviour(a_spawner_that_was_woken_is_turned_away_by_its_group),
        behaviour(a_child_cannot_wait_for_its_owner),
        behaviour(a_child_cannot_wait_for_its_owner_through_others),
        behaviour(an_owner_is_joined_while_room_in_its_group_is_promised),
        behaviour(a_group_that_has_ended_takes_nobody_in),
    };
    return run_behaviours("group turns", tests);
}
