/*
 * Groups: children that end together, however they were started; ending them early; and an owner
 * that forgets to wait. Errors, bounds and refusals of a group have programs of their own.
 */
#include "plans.h"

#include <errno.h>
#include <string.h>

static int ended;
static int cleaned;

static intptr_t count_end(void *arg)
{
    intptr_t result = follow(arg);
    ended++;
    return result;
}

static intptr_t sleep_and_clean_up(void *arg)
{
    whorl_shield shield;
    whorl_group *group = arg;
    int result = whorl_sleep(FAR);
    whorl_shield_begin(&shield, FAR);
    check_equal(whorl_sleep(WHORL_SECONDS(10)), 0);
    if (group)
        check_equal(whorl_group_spawn(group, follow, NULL), -ESHUTDOWN);
    cleaned++;
    return whorl_shield_end(&shield, result);
}

static intptr_t wait_for_children(void *arg)
{
    static const struct plan plans[] = {{1, 10}, {3, 30}, {2, 20}};
    whorl_group group;
    int64_t start = whorl_now();
    (void)arg;
    ended = 0;
    check_equal(whorl_group_init(&group), 0);
    check_equal(whorl_group_live(&group), 0);
    for (size_t i = 0; i < 3; i++)
        check_equal(whorl_group_spawn(&group, count_end, (void *)&plans[i]), 0);
    check_equal(whorl_group_live(&group), 3);
    check_equal(whorl_now(), start);
    check_equal(whorl_sleep(WHORL_MS(1500)), 0);
    check_equal(whorl_group_live(&group), 2);
    check_equal(whorl_group_wait(&group, 5), 0);
    check_equal(ended, 3);
    check_equal(whorl_now() - start, WHORL_SECONDS(3));
    /* With no children at all, and with some that have ended already. */
    check_equal(whorl_group_init(&group), 0);
    check_equal(whorl_group_wait(&group, 0), 0);
    check_equal(whorl_group_init(&group), 0);
    check_equal(whorl_group_spawn(&group, count_end, (void *)&plans[0]), 0);
    check_equal(whorl_sleep(WHORL_SECONDS(2)), 0);
    check_equal(whorl_group_live(&group), 0);
    check_equal(whorl_group_wait(&group, 0), 0);
    check_equal(whorl_now() - start, WHORL_SECONDS(5));
    return 0;
}

static void a_group_ends_with_its_last_child(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, wait_for_children, NULL);
}

static whorl_group family;

static intptr_t have_children(void *arg)
{
    intptr_t depth = (intptr_t)arg;
    check_equal(whorl_sleep(WHORL_SECONDS(1)), 0);
    for (int i = 0; i < 2 && depth > 0; i++)
        check_equal(whorl_group_spawn(&family, have_children, (void *)(depth - 1)), 0);
    ended++;
    return 0;
}

static intptr_t found_a_family(void *arg)
{
    int64_t start = whorl_now();
    (void)arg;
    ended = 0;
    check_equal(whorl_group_init(&family), 0);
    check_equal(whorl_group_spawn(&family, have_children, (void *)9), 0);
    check_equal(whorl_group_wait(&family, 0), 0);
    check_equal(ended, 1023);
    check_equal(whorl_now() - start, WHORL_SECONDS(10));
    /* By a task that is neither the owner nor a child. */
    check_equal(whorl_group_init(&family), 0);
    check_equal(whorl_join(whorl_spawn(have_children, (void *)1)), 0);
    check_equal(whorl_group_live(&family), 2);
    check_equal(whorl_group_wait(&family, 0), 0);
    check_equal(ended, 1026);
    return 0;
}

static void children_are_spawned_by_anybody_who_knows_the_group(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, found_a_family, NULL);
}

static intptr_t name_own(void *arg)
{
    static char large[200 << 10];
    char local[sizeof large];
    memset(local, 1, sizeof local);
    memcpy(large, local, sizeof local);
    check_text(whorl_name(whorl_self()), arg);
    ended++;
    check_equal(whorl_yield(), 0);
    return 7;
}

static intptr_t spawn_with_options(void *arg)
{
    int error = 99;
    whorl_task *task = NULL;
    whorl_group group;
    whorl_spawn_options options = {
        .name = "kim", .stack_size = 512 << 10, .eager = 1, .error = &error};
    (void)arg;
    ended = 0;
    check_equal(whorl_group_init(&group), 0);
    check_equal(whorl_group_spawn_with(&group, &options, name_own, (void *)"kim", &task), 0);
    check_equal(ended, 1);
    check_equal(whorl_group_live(&group), 1);
    check_equal(whorl_join(task), 7);
    options.eager = 0;
    check_equal(whorl_group_spawn_with(&group, &options, name_own, (void *)"kim", NULL), 0);
    check_equal(ended, 1);
    check_equal(whorl_yield(), 0);
    check_equal(ended, 2);
    options.stack_size = WHORL_STACK_MIN - 1;
    check_equal(whorl_group_spawn_with(&group, &options, name_own, NULL, &task), -EINVAL);
    options.stack_size = WHORL_STACK_MAX + 1;
    check_equal(whorl_group_spawn_with(&group, &options, name_own, NULL, NULL), -EINVAL);
    check_equal(error, 99);
    check_equal(whorl_group_wait(&group, 0), 0);
    check_equal(ended, 2);
    return 0;
}

static void options_are_heeded_and_error_is_not_used(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, spawn_with_options, NULL);
}

static intptr_t handle_children_alone(void *arg)
{
    static const struct plan plans[] = {{1, 10}, {2, 20}, {9, 90}, {3, 30}};
    whorl_task *tasks[4];
    whorl_group group;
    int64_t start = whorl_now();
    (void)arg;
    ended = 0;
    check_equal(whorl_group_init(&group), 0);
    for (size_t i = 0; i < 4; i++) {
        void *plan = (void *)&plans[i];
        check_equal(whorl_group_spawn_with(&group, NULL, count_end, plan, &tasks[i]), 0);
    }
    check_equal(whorl_join(tasks[0]), 10);
    check_equal(whorl_release(tasks[1]), 0);
    /* One cancelled alone harms nobody. */
    check_equal(whorl_cancel(tasks[2]), 0);
    check_equal(whorl_group_wait(&group, 0), 0);
    check_equal(ended, 4);
    check_equal(whorl_now() - start, WHORL_SECONDS(3));
    /* The handles are good for longer than the group. */
    check_equal(whorl_is_cancelled(tasks[2]), 1);
    check_equal(whorl_join(tasks[2]), -ECANCELED);
    check_equal(whorl_join(tasks[3]), 30);
    return 0;
}

static void a_child_can_be_joined_released_and_cancelled_alone(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, handle_children_alone, NULL);
}

static intptr_t cancel_the_family(void *arg)
{
    check_equal(whorl_sleep(WHORL_SECONDS(1)), 0);
    check_equal(whorl_group_cancel(&family), 0);
    check_equal(whorl_group_cancel(&family), 0);
    return (intptr_t)arg;
}

/* Checks the body and the end of a group that somebody cancels, in `body_seconds` from now. */
static void end_a_cancelled_family(int body_seconds)
{
    int64_t start = whorl_now();
    cleaned = 0;
    check_equal(whorl_group_spawn(&family, sleep_and_clean_up, &family), 0);
    check_equal(whorl_sleep(body_seconds ? FAR : 0), body_seconds ? -ECANCELED : 0);
    check_equal(whorl_now() - start, WHORL_SECONDS(body_seconds));
    if (!body_seconds)
        check_equal(whorl_group_cancel(&family), 0);
    check_equal(whorl_yield(), -ECANCELED);
    check_equal(whorl_cancelling(whorl_self()), 0);
    check_equal(whorl_group_spawn(&family, follow, NULL), -ESHUTDOWN);
    check_equal(whorl_group_cancel(&family), 0);
    check_equal(whorl_group_wait(&family, -ECANCELED), 0);
    check_equal(cleaned, 1);
    check_equal(whorl_now() - start, WHORL_SECONDS(body_seconds + 10));
    check_equal(whorl_yield(), 0);
}

static intptr_t cancel_groups(void *arg)
{
    (void)arg;
    check_equal(whorl_group_init(&family), 0);
    end_a_cancelled_family(0);
    check_equal(whorl_group_init(&family), 0);
    check_equal(whorl_group_spawn(&family, cancel_the_family, NULL), 0);
    end_a_cancelled_family(1);
    check_equal(whorl_group_init(&family), 0);
    check_equal(whorl_release(whorl_spawn(cancel_the_family, NULL)), 0);
    end_a_cancelled_family(1);
    /* While the owner waits already. */
    check_equal(whorl_group_init(&family), 0);
    check_equal(whorl_group_spawn(&family, cancel_the_family, NULL), 0);
    check_equal(whorl_group_spawn(&family, sleep_and_clean_up, &family), 0);
    check_equal(whorl_group_wait(&family, 0), 0);
    check_equal(cleaned, 2);
    /* A child that has not run yet never does. */
    ended = 0;
    check_equal(whorl_group_init(&family), 0);
    check_equal(whorl_group_spawn(&family, count_end, NULL), 0);
    check_equal(whorl_group_cancel(&family), 0);
    /* A body that was turned away for it has not failed. */
    check_equal(whorl_group_wait(&family, whorl_group_spawn(&family, count_end, NULL)), 0);
    check_equal(ended, 0);
    return 0;
}

static void a_group_can_be_ended_early_without_an_error(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, cancel_groups, NULL);
}

static intptr_t forget_to_wait(void *arg)
{
    whorl_group outer, inner;
    check_equal(whorl_group_init(&outer), 0);
    check_equal(whorl_group_spawn(&outer, sleep_and_clean_up, NULL), 0);
    check_equal(whorl_group_init(&inner), 0);
    check_equal(whorl_group_spawn(&inner, sleep_and_clean_up, NULL), 0);
    check_equal(whorl_group_init(&family), 0);
    check_equal(whorl_group_spawn(&family, sleep_and_clean_up, &family), 0);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_group_spawn(&inner, count_end, NULL), 0);
    return (intptr_t)arg;
}

static intptr_t join_the_forgetful(void *arg)
{
    int64_t start = whorl_now();
    (void)arg;
    cleaned = 0;
    ended = 0;
    check_equal(whorl_join(whorl_spawn(forget_to_wait, (void *)5)), 5);
    check_equal(cleaned, 3);
    check_equal(ended, 0);
    check_equal(whorl_now() - start, WHORL_SECONDS(10));
    /* Without children there is nothing to wait for. */
    check_equal(whorl_group_init(&family), 0);
    return 0;
}

static void an_owner_that_does_not_wait_ends_after_its_children(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, join_the_forgetful, NULL);
    cleaned = 0;
    assert_int_equal(run_with(&virtual_clock, forget_to_wait, (void *)6), 6);
    assert_int_equal(cleaned, 3);
}

enum { CROWD = CROWD_OF(10000) };

static intptr_t spawn_a_crowd(void *arg)
{
    static struct plan plans[CROWD];
    whorl_group group;
    (void)arg;
    ended = 0;
    check_equal(whorl_group_init(&group), 0);
    for (int i = 0; i < CROWD; i++) {
        plans[i] = (struct plan){i % 7, i};
        check_equal(whorl_group_spawn(&group, count_end, &plans[i]), 0);
    }
    check_equal(whorl_group_live(&group), CROWD);
    check_equal(whorl_group_wait(&group, 0), 0);
    check_equal(ended, CROWD);
    /* And all cancelled. */
    check_equal(whorl_group_init(&group), 0);
    for (int i = 0; i < CROWD; i++)
        check_equal(whorl_group_spawn(&group, count_end, &plans[CROWD - 1]), 0);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_group_cancel(&group), 0);
    check_equal(whorl_group_wait(&group, 0), 0);
    check_equal(ended, 2 * CROWD);
    return 0;
}

static void ten_thousand_children_are_awaited_and_cancelled(void **state)
{
    (void)state;
    tell_crowd(CROWD);
    run_checks_with(&virtual_clock, spawn_a_crowd, NULL);
}

static intptr_t spawn_one_by_one(void *arg)
{
    static const struct plan plan = {0, 1};
    whorl_group group;
    (void)arg;
    ended = 0;
    check_equal(whorl_group_init(&group), 0);
    long before = status_figure("VmRSS:");
    for (int i = 0; i < 20000; i++)
        check_equal(whorl_group_spawn_limited(&group, 10, count_end, (void *)&plan), 0);
    /* A page for each would be 80,000 KiB. */
    check(before > 0 && status_figure("VmRSS:") - before < 20000);
    check_equal(whorl_group_wait(&group, 0), 0);
    check_equal(ended, 20000);
    return 0;
}

static void a_child_that_has_ended_well_leaves_nothing_behind(void **state)
{
    (void)state;
    if (UNDER_SANITIZER)
        skip_because("a sanitizer's own memory hides the stacks'");
    run_checks_with(&virtual_clock, spawn_one_by_one, NULL);
}

/* Owns a group whose only child does as much, down to the last. */
static intptr_t own_a_chain(void *arg)
{
    intptr_t depth = (intptr_t)arg;
    whorl_group group;
    if (depth == 0)
        return sleep_and_clean_up(NULL);
    check_equal(whorl_group_init(&group), 0);
    check_equal(whorl_group_spawn(&group, own_a_chain, (void *)(depth - 1)), 0);
    return whorl_group_wait(&group, 0);
}

enum { CHAIN = CROWD_OF(2000) };

static intptr_t cancel_a_chain(void *arg)
{
    (void)arg;
    cleaned = 0;
    whorl_task *task = whorl_spawn(own_a_chain, (void *)CHAIN);
    check_equal(whorl_sleep(1), 0);
    check_equal(whorl_cancel(task), 0);
    check_equal(whorl_join(task), -ECANCELED);
    check_equal(cleaned, 1);
    return 0;
}

static void a_cancel_goes_down_through_two_thousand_groups(void **state)
{
    whorl_config config = virtual_clock;
    (void)state;
    tell_crowd(CHAIN);
    config.stack_size = WHORL_STACK_MIN;
    run_checks_with(&config, cancel_a_chain, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_group_ends_with_its_last_child),
        behaviour(children_are_spawned_by_anybody_who_knows_the_group),
        behaviour(options_are_heeded_and_error_is_not_used),
        behaviour(a_child_can_be_joined_released_and_cancelled_alone),
        behaviour(a_group_can_be_ended_early_without_an_error),
        behaviour(an_owner_that_does_not_wait_ends_after_its_children),
        behaviour(ten_thousand_children_are_awaited_and_cancelled),
        behaviour(a_child_that_has_ended_well_leaves_nothing_behind),
        behaviour(a_cancel_goes_down_through_two_thousand_groups),
    };
    return run_behaviours("group", tests);
}
