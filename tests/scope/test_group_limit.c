/*
 * Bounds on a group's live children: never exceeded, first come first served, and what becomes of
 * those who wait for room when they are cancelled or the group is over.
 */
#include "plans.h"

#include <errno.h>

enum { ORDER_MAX = 16 };

static whorl_group group;
static int live;
static int most;
static int64_t start;
static intptr_t order[ORDER_MAX]; /* the children's numbers, as they began */
static size_t begun;

static void begin(void)
{
    live = 0;
    most = 0;
    begun = 0;
    start = whorl_now();
    check_equal(whorl_group_init(&group), 0);
}

static int seconds_since_start(void)
{
    return (int)((whorl_now() - start) / WHORL_SECONDS(1));
}

/* A child that knows how many of them there are. */
static intptr_t child(void *arg)
{
    if (begun < ORDER_MAX)
        order[begun] = (intptr_t)arg;
    begun++;
    if (++live > most)
        most = live;
    check(whorl_group_live(&group) >= live);
    int slept = whorl_sleep(WHORL_SECONDS(1));
    live--;
    return slept;
}

static intptr_t spawn_all_alone(void *arg)
{
    (void)arg;
    begin();
    for (intptr_t i = 0; i < 10; i++) {
        check_equal(whorl_group_spawn_limited(&group, 3, child, (void *)i), 0);
        check_equal(seconds_since_start(), i / 3);
        check(whorl_group_live(&group) <= 3);
    }
    check_equal(whorl_group_wait(&group, 0), 0);
    check_equal(most, 3);
    check_equal(begun, 10);
    for (intptr_t i = 0; i < 10; i++)
        check_equal(order[i], i);
    check_equal(seconds_since_start(), 4);
    return 0;
}

static void the_spawner_waits_while_the_group_is_full(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, spawn_all_alone, NULL);
}

/* One of many that spawn: three children each, at times of its own. */
static intptr_t spawn_three(void *arg)
{
    for (intptr_t i = 0; i < 3; i++) {
        check_equal(whorl_sleep(WHORL_MS(137 * ((intptr_t)arg % 11))), 0);
        check_equal(whorl_group_spawn_limited(&group, 7, child, arg), 0);
        check(whorl_group_live(&group) <= 7);
    }
    return 0;
}

static intptr_t spawn_from_many(void *arg)
{
    whorl_group spawners;
    (void)arg;
    begin();
    check_equal(whorl_group_init(&spawners), 0);
    for (intptr_t i = 0; i < 100; i++)
        check_equal(whorl_group_spawn(&spawners, spawn_three, (void *)i), 0);
    check_equal(whorl_group_wait(&spawners, 0), 0);
    check_equal(whorl_group_wait(&group, 0), 0);
    check_equal(begun, 300);
    check_equal(live, 0);
    check_equal(most, 7);
    return 0;
}

static void the_bound_holds_for_many_spawners(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, spawn_from_many, NULL);
}

/* A spawner of one child, with a bound of its own; tells when it was served. */
struct spawner {
    size_t limit;
    intptr_t number;
    int seconds;
};

static intptr_t spawn_one(void *arg)
{
    struct spawner *spawner = arg;
    void *number = (void *)spawner->number;
    int error = whorl_group_spawn_limited(&group, spawner->limit, child, number);
    spawner->seconds = seconds_since_start();
    return error;
}

static intptr_t come_in_order(void *arg)
{
    struct spawner spawners[] = {{1, 1, -1}, {9, 2, -1}, {2, 3, -1}, {9, 4, -1}};
    whorl_task *tasks[4];
    (void)arg;
    begin();
    check_equal(whorl_group_spawn(&group, child, NULL), 0);
    for (size_t i = 0; i < 4; i++) {
        tasks[i] = whorl_spawn(spawn_one, &spawners[i]);
        check_equal(whorl_yield(), 0);
    }
    /* The first waits for all the room there is; nobody who came later passes it. */
    check_equal(whorl_sleep(WHORL_MS(500)), 0);
    check_equal(begun, 1);
    check_equal(whorl_sleep(WHORL_MS(600)), 0);
    check_equal(whorl_group_live(&group), 2);
    check_equal(whorl_group_wait(&group, 0), 0);
    for (intptr_t i = 0; i < 4; i++) {
        check_equal(whorl_join(tasks[i]), 0);
        check_equal(order[i + 1], i + 1);
        check_equal(spawners[i].seconds, i < 2 ? 1 : 2);
    }
    return 0;
}

static void turns_are_given_in_the_order_of_coming(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, come_in_order, NULL);
}

static intptr_t yield_once(void *arg)
{
    (void)arg;
    return whorl_yield();
}

/* Has a group of one child, and one who waits for its end to spawn another; returns when that has
 * ended, and he has not run yet. */
static whorl_task *wait_for_room(struct spawner *spawner)
{
    whorl_task *task;
    begin();
    check_equal(whorl_group_spawn_with(&group, NULL, yield_once, NULL, &task), 0);
    whorl_task *waiting = whorl_spawn(spawn_one, spawner);
    while (!whorl_is_done(task))
        check_equal(whorl_yield(), 0);
    check_equal(whorl_release(task), 0);
    check_equal(spawner->seconds, -1);
    return waiting;
}

static intptr_t come_between(void *arg)
{
    struct spawner first = {1, 1, -1}, late = {1, 2, -1};
    (void)arg;
    whorl_task *waiting = wait_for_room(&first);
    check_equal(spawn_one(&late), 0);
    check_equal(whorl_join(waiting), 0);
    check_equal(whorl_group_wait(&group, 0), 0);
    check_equal(most, 1);
    check_equal(order[0], 1);
    check_equal(order[1], 2);
    /* A child without a bound takes the room that was meant for one that waits: it waits on. */
    first.seconds = -1;
    waiting = wait_for_room(&first);
    check_equal(whorl_group_spawn(&group, child, (void *)3), 0);
    check_equal(whorl_join(waiting), 0);
    check_equal(first.seconds, 1);
    check_equal(whorl_group_wait(&group, 0), 0);
    check_equal(most, 1);
    return 0;
}

static void room_that_has_just_come_goes_to_who_waited(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, come_between, NULL);
}

static intptr_t cancel_spawners(void *arg)
{
    struct spawner greedy = {1, 1, -1}, modest = {3, 2, -1}, woken = {1, 3, -1};
    whorl_timeout timeout;
    (void)arg;
    /* One that waits is cancelled: whom it was in the way of gets its turn at once. */
    begin();
    check_equal(whorl_group_spawn(&group, child, NULL), 0);
    check_equal(whorl_group_spawn(&group, child, NULL), 0);
    whorl_task *first = whorl_spawn(spawn_one, &greedy), *second = whorl_spawn(spawn_one, &modest);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_cancel(first), 0);
    check_equal(whorl_join(first), -ECANCELED);
    check_equal(whorl_join(second), 0);
    check_equal(modest.seconds, 0);
    /* In a cancelled task no child is made, be there room or not. */
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_group_spawn_limited(&group, 1, child, NULL), -ECANCELED);
    check_equal(whorl_group_spawn_limited(&group, 99, child, NULL), -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    check_equal(whorl_group_live(&group), 3);
    /* A timeout counts as a cancel does. */
    check_equal(whorl_timeout_begin(&timeout, WHORL_MS(500)), 0);
    check_equal(whorl_timeout_end(&timeout, spawn_one(&greedy)), -ETIMEDOUT);
    check_equal(whorl_group_wait(&group, 0), 0);
    check_equal(begun, 3);
    /* Cancelled when its turn has come already: it has made a child, or says that it has not. */
    first = wait_for_room(&woken);
    check_equal(whorl_cancel(first), 0);
    intptr_t result = whorl_join(first);
    check_equal(whorl_group_wait(&group, 0), 0);
    check(result == (begun == 1 ? 0 : -ECANCELED));
    return 0;
}

static void a_cancelled_spawner_makes_no_child_and_is_in_nobodys_way(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, cancel_spawners, NULL);
}

static intptr_t fail_soon(void *arg)
{
    (void)arg;
    check_equal(whorl_sleep(WHORL_SECONDS(1)), 0);
    return -EIO;
}

static intptr_t go_on(void *arg)
{
    (void)arg;
    check_equal(whorl_sleep(FAR), -ECANCELED);
    whorl_uncancel();
    return whorl_sleep(WHORL_SECONDS(5));
}

static intptr_t abort_meanwhile(void *arg)
{
    struct spawner spawners[] = {{1, 1, -1}, {1, 2, -1}};
    (void)arg;
    for (int by_cancel = 0; by_cancel < 2; by_cancel++) {
        begin();
        check_equal(whorl_group_spawn(&group, by_cancel ? child : fail_soon, NULL), 0);
        check_equal(whorl_group_spawn(&group, go_on, NULL), 0);
        whorl_task *first = whorl_spawn(spawn_one, &spawners[0]),
                   *second = whorl_spawn(spawn_one, &spawners[1]);
        check_equal(whorl_yield(), 0);
        if (by_cancel)
            check_equal(whorl_group_cancel(&group), 0);
        check_equal(whorl_group_wait(&group, 0), by_cancel ? 0 : -EIO);
        check_equal(seconds_since_start(), by_cancel ? 5 : 6);
        /* They did not wait for the children's ends, as the owner did. */
        check_equal(spawners[0].seconds, by_cancel ? 0 : 1);
        check_equal(whorl_join(first), -ESHUTDOWN);
        check_equal(whorl_join(second), -ESHUTDOWN);
        check_equal(begun, by_cancel ? 1 : 0);
    }
    return 0;
}

static void those_who_wait_when_a_group_is_over_are_turned_away(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, abort_meanwhile, NULL);
}

static intptr_t fill_up(void *arg)
{
    int *result = arg;
    check_equal(whorl_group_spawn(&group, go_on, NULL), 0);
    *result = whorl_group_spawn_limited(&group, 1, child, NULL);
    return 0;
}

static intptr_t abort_within(void *arg)
{
    int result = 0;
    (void)arg;
    /* The body itself, and a child, are stopped where they wait for room. */
    begin();
    check_equal(whorl_group_spawn(&group, fail_soon, NULL), 0);
    result = whorl_group_spawn_limited(&group, 1, child, NULL);
    check(result == -ESHUTDOWN || result == -ECANCELED);
    check_equal(whorl_group_wait(&group, 0), -EIO);
    begin();
    check_equal(whorl_group_spawn(&group, fail_soon, NULL), 0);
    check_equal(whorl_group_spawn(&group, fill_up, &result), 0);
    check_equal(whorl_group_wait(&group, 0), -EIO);
    check(result == -ESHUTDOWN || result == -ECANCELED);
    check_equal(begun, 0);
    return 0;
}

static void the_groups_own_are_stopped_where_they_wait_for_room(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, abort_within, NULL);
}

static intptr_t cancel_the_owner(void *arg)
{
    check_equal(whorl_sleep(WHORL_MS(500)), 0);
    return whorl_cancel(arg);
}

static intptr_t end_with_spawners(void *arg)
{
    struct spawner spawner = {1, 1, -1};
    (void)arg;
    /* The owner waits for the child, and then for that of whom it makes room for. */
    begin();
    check_equal(whorl_group_spawn(&group, child, NULL), 0);
    whorl_task *task = whorl_spawn(spawn_one, &spawner);
    check_equal(whorl_group_wait(&group, 0), 0);
    check_equal(whorl_join(task), 0);
    check_equal(begun, 2);
    check_equal(seconds_since_start(), 2);
    /* Cancelled while it waits, it is turned away from. */
    begin();
    check_equal(whorl_group_spawn(&group, child, NULL), 0);
    task = whorl_spawn(spawn_one, &spawner);
    whorl_task *canceller = whorl_spawn(cancel_the_owner, whorl_self());
    check_equal(whorl_group_wait(&group, 0), -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    check_equal(whorl_join(canceller), 0);
    check_equal(whorl_join(task), -ESHUTDOWN);
    check_equal(begun, 1);
    return 0;
}

static void a_group_does_not_end_under_those_who_wait_for_room(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, end_with_spawners, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(the_spawner_waits_while_the_group_is_full),
        behaviour(the_bound_holds_for_many_spawners),
        behaviour(turns_are_given_in_the_order_of_coming),
        behaviour(room_that_has_just_come_goes_to_who_waited),
        behaviour(a_cancelled_spawner_makes_no_child_and_is_in_nobodys_way),
        behaviour(those_who_wait_when_a_group_is_over_are_turned_away),
        behaviour(the_groups_own_are_stopped_where_they_wait_for_room),
        behaviour(a_group_does_not_end_under_those_who_wait_for_room),
    };
    return run_behaviours("group, its bound", tests);
}
