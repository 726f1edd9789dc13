/*
 * What groups refuse: calls out of order, from elsewhere, without memory, or with nonsense; nothing
 * changes by them.
 */
#include "plans.h"
#include "starve.h"

#include <errno.h>
#include <pthread.h>

static int ended;

static intptr_t count_end(void *arg)
{
    intptr_t result = follow(arg);
    ended++;
    return result;
}

static intptr_t nest(void *arg)
{
    whorl_group outer, inner;
    whorl_timeout timeout;
    whorl_shield shield;
    (void)arg;
    check_equal(whorl_group_init(&outer), 0);
    check_equal(whorl_timeout_begin(&timeout, FAR), 0);
    check_equal(whorl_shield_begin(&shield, FAR), 0);
    check_equal(whorl_group_init(&inner), 0);
    check_equal(whorl_group_wait(&outer, -EIO), -EPERM);
    check_equal(whorl_timeout_end(&timeout, -EIO), -EPERM);
    check_equal(whorl_shield_end(&shield, -EIO), -EPERM);
    check_equal(whorl_group_wait(&inner, 0), 0);
    check_equal(whorl_group_wait(&inner, 0), -EPERM);
    check_equal(whorl_group_wait(&outer, -EIO), -EPERM);
    check_equal(whorl_shield_end(&shield, 1), 1);
    check_equal(whorl_group_wait(&outer, -EIO), -EPERM);
    check_equal(whorl_timeout_end(&timeout, 1), 1);
    /* Nothing has changed. */
    check_equal(whorl_group_spawn(&outer, count_end, (void *)&(struct plan){0, 1}), 0);
    check_equal(whorl_group_wait(&outer, 0), 0);
    return 0;
}

static void scopes_are_ended_in_the_order_of_their_nesting(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, nest, NULL);
}

static intptr_t begin_twice(void *arg)
{
    whorl_group group;
    (void)arg;
    check_equal(whorl_group_init(&group), 0);
    check_equal(whorl_group_spawn(&group, count_end, (void *)&(struct plan){1, 1}), 0);
    check_equal(whorl_group_init(&group), -EBUSY);
    check_equal(whorl_group_live(&group), 1);
    check_equal(whorl_group_wait(&group, 0), 0);
    check_equal(whorl_group_init(&group), 0);
    return whorl_group_wait(&group, 0);
}

static void an_open_group_is_not_begun_again(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, begin_twice, NULL);
}

static intptr_t exhaust_memory(void *arg)
{
    whorl_spawn_options large = {.stack_size = WHORL_STACK_MAX};
    whorl_task *task = NULL;
    whorl_group group;
    (void)arg;
    ended = 0;
    check_equal(whorl_group_init(&group), 0);
    check_equal(whorl_group_spawn(&group, count_end, (void *)&(struct plan){1, 10}), 0);
    leave_memory(SPARE_BYTES);
    check_equal(whorl_group_spawn_with(&group, &large, count_end, NULL, &task), -ENOMEM);
    check(task == NULL);
    check_equal(whorl_group_live(&group), 1);
    check_equal(whorl_group_wait(&group, 0), 0);
    check_equal(ended, 1);
    return 0;
}

static void without_memory_there_is_no_child_and_the_group_goes_on(void **state)
{
    run_checks_in_child(&virtual_clock, exhaust_memory, state);
}

static intptr_t touch_from_elsewhere(void *arg)
{
    whorl_group_error error;
    size_t count = 1;
    whorl_group *group = arg;
    check_equal(whorl_group_wait(group, 0), -EPERM);
    check_equal(whorl_group_wait_errors(group, 0, &error, &count), -EPERM);
    return 0;
}

static void check_refused(whorl_group *group)
{
    check_equal(whorl_group_spawn(group, count_end, NULL), -EPERM);
    check_equal(whorl_group_spawn_with(group, NULL, count_end, NULL, NULL), -EPERM);
    check_equal(whorl_group_spawn_limited(group, 1, count_end, NULL), -EPERM);
    check_equal(whorl_group_live(group), -EPERM);
    check_equal(whorl_group_cancel(group), -EPERM);
    check_equal(touch_from_elsewhere(group), 0);
}

static intptr_t touch_from_another_loop(void *arg)
{
    check_refused(arg);
    return 0;
}

static void *run_another_loop(void *arg)
{
    check_refused(arg);
    check_equal(whorl_run(touch_from_another_loop, arg), 0);
    return NULL;
}

static intptr_t misuse(void *arg)
{
    whorl_group_error error;
    size_t count = 1;
    pthread_t thread;
    whorl_group group;
    (void)arg;
    check_equal(whorl_group_init(NULL), -EINVAL);
    check_equal(whorl_group_spawn(NULL, count_end, NULL), -EINVAL);
    check_equal(whorl_group_spawn_with(NULL, NULL, count_end, NULL, NULL), -EINVAL);
    check_equal(whorl_group_spawn_limited(NULL, 1, count_end, NULL), -EINVAL);
    check_equal(whorl_group_live(NULL), -EINVAL);
    check_equal(whorl_group_cancel(NULL), -EINVAL);
    check_equal(whorl_group_wait(NULL, 0), -EINVAL);
    check_equal(whorl_group_wait_errors(NULL, 0, &error, &count), -EINVAL);
    check_equal(whorl_group_init(&group), 0);
    check_equal(whorl_group_spawn(&group, NULL, NULL), -EINVAL);
    check_equal(whorl_group_spawn_with(&group, NULL, NULL, NULL, NULL), -EINVAL);
    check_equal(whorl_group_spawn_limited(&group, 1, NULL, NULL), -EINVAL);
    check_equal(whorl_group_spawn_limited(&group, 0, count_end, NULL), -EINVAL);
    check_equal(whorl_group_wait_errors(&group, 0, &error, NULL), -EINVAL);
    check_equal(whorl_group_wait_errors(&group, 0, NULL, &count), -EINVAL);
    check_equal(whorl_join(whorl_spawn(touch_from_elsewhere, &group)), 0);
    check_equal(pthread_create(&thread, NULL, run_another_loop, &group), 0);
    check_equal(pthread_join(thread, NULL), 0);
    /* Nothing has changed. */
    check_equal(whorl_yield(), 0);
    check_equal(whorl_group_live(&group), 0);
    return whorl_group_wait(&group, 0);
}

static void misuse_is_refused_and_changes_nothing(void **state)
{
    static whorl_group group;
    (void)state;
    run_checks_with(&virtual_clock, misuse, NULL);
    assert_int_equal(whorl_group_init(&group), -EPERM);
    check_refused(&group);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(scopes_are_ended_in_the_order_of_their_nesting),
        behaviour(an_open_group_is_not_begun_again),
        behaviour(without_memory_there_is_no_child_and_the_group_goes_on),
        behaviour(misuse_is_refused_and_changes_nothing),
    };
    return run_behaviours("group, what it refuses", tests);
}
