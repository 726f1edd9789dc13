/*
 * Deadlocks that no call can refuse: the run tells on stderr which task waits for what, cancels and
 * awaits them all, and ends with -EDEADLK.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "stuck.h"

static whorl_task *ann, *bob;
static whorl_group group;

static intptr_t wait_in_a_circle(void *arg)
{
    (void)arg;
    main_task = whorl_self();
    ann = spawn("ann", wait_for_main);
    return wait_for(ann);
}

static void the_report_says_which_task_waits_for_what(void **state)
{
    const struct scene scene = {wait_in_a_circle, {.name = "olga"}, -EDEADLK, 2};
    struct child child;
    (void)state;
    watch(&scene, &child);
    assert_non_null(strstr(child.text, "deadlock"));
    assert_true(is_told(&child, "olga", "ann"));
    assert_true(is_told(&child, "ann", "olga"));
}

static intptr_t wait_for_room(void *arg)
{
    defer_cleanup();
    check_equal(whorl_group_spawn_limited(&group, 2, wait_for_main, arg), -ECANCELED);
    return 0;
}

static intptr_t fill_a_group(void *arg)
{
    whorl_spawn_options options[] = {{.name = "ann"}, {.name = "bob"}};
    defer_cleanup();
    check_equal(whorl_group_init(&group), 0);
    for (int i = 0; i < 2; i++)
        check_equal(whorl_group_spawn_with(&group, &options[i], wait_for_room, arg, NULL), 0);
    check_equal(whorl_group_wait(&group, 0), 0);
    return 0;
}

static void a_full_group_whose_children_wait_for_room_is_stuck(void **state)
{
    const struct scene scene = {fill_a_group, {0}, -EDEADLK, 3};
    struct child child;
    (void)state;
    watch(&scene, &child);
    assert_true(is_told(&child, "main", "ann"));
    assert_true(is_told(&child, "main", "bob"));
    assert_true(is_told(&child, "ann", "room"));
    assert_true(is_told(&child, "bob", "room"));
}

static intptr_t go_through_main(void *arg)
{
    whorl_as_completed each;
    (void)arg;
    defer_cleanup();
    check_equal(whorl_as_completed_begin(&each, &main_task, 1, WHORL_FOREVER), 0);
    check_equal(whorl_as_completed_next(&each, NULL, NULL), -ECANCELED);
    return whorl_as_completed_end(&each);
}

static intptr_t gather_ann(void *arg)
{
    (void)arg;
    defer_cleanup();
    intptr_t result = -1;
    check_equal(whorl_gather(&ann, 1, &result, 0), 0);
    check_equal(result, 0);
    return 7;
}

static intptr_t join_bob(void *arg)
{
    (void)arg;
    defer_cleanup();
    main_task = whorl_self();
    ann = spawn("ann", go_through_main);
    bob = spawn("bob", gather_ann);
    check_equal(whorl_join(bob), -ECANCELED);
    return 3;
}

static void a_circle_through_every_kind_of_wait_is_told(void **state)
{
    const struct scene scene = {join_bob, {0}, -EDEADLK, 3};
    struct child child;
    (void)state;
    watch(&scene, &child);
    assert_true(is_told(&child, "main", "bob"));
    assert_true(is_told(&child, "bob", "ann"));
    assert_true(is_told(&child, "ann", "main"));
}

static intptr_t wait_for_fifty(void *arg)
{
    whorl_task *tasks[50];
    (void)arg;
    main_task = whorl_self();
    defer_cleanup();
    for (int i = 0; i < 50; i++) {
        char name[16];
        snprintf(name, sizeof name, "task%02d", i);
        tasks[i] = spawn(name, i % 2 ? sleep_first : wait_for_main);
    }
    check_equal(whorl_wait(tasks, 50, WHORL_FIRST_COMPLETED, WHORL_FOREVER), -ECANCELED);
    return 0;
}

static void each_of_fifty_is_told(void **state)
{
    for (enum whorl_clock clock = WHORL_CLOCK_REAL; clock <= WHORL_CLOCK_VIRTUAL; clock++) {
        const struct scene scene = {wait_for_fifty, {.clock = clock}, -EDEADLK, 51};
        struct child child;
        (void)state;
        watch(&scene, &child);
        for (int i = 0; i < 50; i++) {
            char name[16];
            snprintf(name, sizeof name, "task%02d", i);
            assert_true(is_told(&child, name, "main"));
        }
    }
}

enum { CROWD = 70, TOLD = 64 };

static intptr_t wait_for_a_crowd(void *arg)
{
    whorl_task *tasks[CROWD];
    main_task = whorl_self();
    defer_cleanup();
    for (int i = 0; i < CROWD; i++)
        tasks[i] = spawn(NULL, wait_for_main);
    check_equal(whorl_wait(tasks, CROWD, WHORL_ALL_COMPLETED, WHORL_FOREVER), -ECANCELED);
    return (intptr_t)arg;
}

static void of_a_crowd_the_rest_is_counted(void **state)
{
    const struct scene scene = {wait_for_a_crowd, {0}, -EDEADLK, CROWD + 1};
    struct child child;
    char rest[32];
    (void)state;
    watch(&scene, &child);
    snprintf(rest, sizeof rest, "and %d more\n", CROWD + 1 - TOLD);
    assert_non_null(strstr(child.text, rest));
}

static intptr_t sleep_forever(void *arg)
{
    (void)arg;
    defer_cleanup();
    check_equal(whorl_sleep(WHORL_FOREVER), -ECANCELED);
    return 0;
}

static intptr_t join_a_sleeper(void *arg)
{
    (void)arg;
    ann = spawn("ann", sleep_forever);
    check_equal(whorl_join(ann), -ECANCELED);
    return sleep_forever(NULL);
}

static void forever_is_no_time_that_comes(void **state)
{
    for (enum whorl_clock clock = WHORL_CLOCK_REAL; clock <= WHORL_CLOCK_VIRTUAL; clock++) {
        const struct scene scene = {join_a_sleeper, {.clock = clock}, -EDEADLK, 2};
        struct child child;
        (void)state;
        watch(&scene, &child);
        assert_true(is_told(&child, "ann", ""));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(the_report_says_which_task_waits_for_what),
        behaviour(a_full_group_whose_children_wait_for_room_is_stuck),
        behaviour(a_circle_through_every_kind_of_wait_is_told),
        behaviour(each_of_fifty_is_told),
        behaviour(of_a_crowd_the_rest_is_counted),
        behaviour(forever_is_no_time_that_comes),
    };
    return run_behaviours("deadlock", tests);
}
