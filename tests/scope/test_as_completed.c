/*
 * Going through tasks as they end: order, places and results, the limit, the cancel, the early end,
 * and whose the handles are when.
 */
#include "plans.h"
#include "starve.h"

#include <errno.h>
#include <stdlib.h>

/* The next one must be the one at `index`, and come `seconds` after `start`. */
static void check_next(whorl_as_completed *each, const struct plan *plans, size_t index,
                       int64_t start)
{
    size_t got = SIZE_MAX;
    intptr_t result = -1;
    check_equal(whorl_as_completed_next(each, &got, &result), 1);
    check_equal(got, index);
    check_equal(result, plans[index].result);
    check_equal(whorl_now() - start, WHORL_SECONDS(plans[index].seconds));
}

static intptr_t go_through(void *arg)
{
    static const struct plan plans[] = {{3, 30}, {1, -EIO}, {4, -ECANCELED}, {2, 0}};
    whorl_task *tasks[4], *kept[4];
    whorl_as_completed each;
    int64_t start = whorl_now();
    (void)arg;
    spawn_plans(tasks, plans, 4);
    memcpy(kept, tasks, sizeof kept);
    check_equal(whorl_as_completed_begin(&each, tasks, 4, WHORL_FOREVER), 0);
    memset(tasks, 0, sizeof tasks);
    check_equal(whorl_now(), start);
    check_next(&each, plans, 1, start);
    check_equal(whorl_join(kept[1]), -EINVAL);
    check_equal(whorl_is_done(kept[0]), 0);
    check_next(&each, plans, 3, start);
    check_next(&each, plans, 0, start);
    check_next(&each, plans, 2, start);
    for (size_t i = 0; i < 4; i++)
        check_equal(whorl_join(kept[i]), -EINVAL);
    check_equal(whorl_as_completed_next(&each, NULL, NULL), 0);
    return whorl_as_completed_end(&each);
}

static void tasks_come_in_the_order_in_which_they_end(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, go_through, NULL);
}

static intptr_t come_late(void *arg)
{
    static const struct plan plans[] = {{3, 30}, {1, 10}, {2, 20}};
    whorl_task *tasks[3];
    whorl_as_completed each;
    size_t index;
    (void)arg;
    spawn_plans(tasks, plans, 3);
    check_equal(whorl_as_completed_begin(&each, tasks, 3, FAR), 0);
    /* All have ended when the first is asked for: their order is still that of their ends. */
    check_equal(whorl_sleep(WHORL_SECONDS(5)), 0);
    check_equal(whorl_as_completed_next(&each, &index, NULL), 1);
    check_equal(index, 1);
    check_equal(whorl_as_completed_next(&each, &index, NULL), 1);
    check_equal(index, 2);
    intptr_t result = 0;
    check_equal(whorl_as_completed_next(&each, NULL, &result), 1);
    check_equal(result, 30);
    return whorl_as_completed_end(&each);
}

static void the_order_is_kept_while_nobody_asks(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, come_late, NULL);
}

static intptr_t begin_with_ended_ones(void *arg)
{
    static const struct plan plans[] = {{2, 20}, {1, 10}, {9, 90}, {0, 0}};
    static const size_t order[] = {3, 1, 0};
    whorl_task *tasks[4];
    whorl_as_completed each;
    size_t index;
    (void)arg;
    spawn_plans(tasks, plans, 4);
    check_equal(whorl_sleep(WHORL_SECONDS(3)), 0);
    check_equal(whorl_as_completed_begin(&each, tasks, 4, 0), 0);
    check_equal(whorl_cancel(whorl_self()), 0);
    /* The time is up and the caller is cancelled: they come all the same. */
    for (size_t i = 0; i < 3; i++) {
        intptr_t result = -1;
        check_equal(whorl_as_completed_next(&each, &index, &result), 1);
        check_equal(index, order[i]);
        check_equal(result, plans[index].result);
    }
    check_equal(whorl_uncancel(), 1);
    check_equal(whorl_as_completed_next(&each, &index, NULL), -ETIMEDOUT);
    check_equal(whorl_as_completed_end(&each), 0);
    check_equal(whorl_join(tasks[2]), 90);
    return 0;
}

static void those_that_have_ended_already_come_at_once(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, begin_with_ended_ones, NULL);
}

static intptr_t reach_the_limit(void *arg)
{
    static const struct plan plans[] = {{1, 10}, {3, 30}, {4, 40}};
    whorl_task *tasks[3];
    whorl_as_completed each;
    size_t index;
    int64_t start = whorl_now();
    (void)arg;
    spawn_plans(tasks, plans, 3);
    check_equal(whorl_as_completed_begin(&each, tasks, 3, WHORL_SECONDS(2)), 0);
    check_next(&each, plans, 0, start);
    check_equal(whorl_as_completed_next(&each, &index, NULL), -ETIMEDOUT);
    check_equal(whorl_now() - start, WHORL_SECONDS(2));
    check_equal(whorl_as_completed_next(&each, &index, NULL), -ETIMEDOUT);
    check_equal(whorl_cancelling(tasks[1]), 0);
    /* One ends after the limit: it comes, the other does not. */
    check_equal(whorl_sleep(WHORL_SECONDS(1) + WHORL_MS(500)), 0);
    check_equal(whorl_as_completed_next(&each, &index, NULL), 1);
    check_equal(index, 1);
    check_equal(whorl_as_completed_next(&each, &index, NULL), -ETIMEDOUT);
    check_equal(whorl_as_completed_end(&each), 0);
    check_equal(whorl_join(tasks[2]), 40);
    return 0;
}

static void the_limit_is_for_all_together_and_cancels_nobody(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, reach_the_limit, NULL);
}

static intptr_t go_through_two(void *arg)
{
    static const struct plan plans[] = {{1, 10}, {4, 40}};
    whorl_task **tasks = arg;
    whorl_as_completed each;
    size_t index;
    spawn_plans(tasks, plans, 2);
    check_equal(whorl_as_completed_begin(&each, tasks, 2, FAR), 0);
    check_equal(whorl_as_completed_next(&each, &index, NULL), 1);
    check_equal(whorl_as_completed_next(&each, &index, NULL), -ECANCELED);
    check_equal(whorl_as_completed_next(&each, &index, NULL), -ECANCELED);
    check_equal(whorl_cancelling(tasks[1]), 0);
    check_equal(whorl_uncancel(), 1);
    check_equal(whorl_as_completed_next(&each, &index, NULL), 1);
    check_equal(index, 1);
    check_equal(whorl_as_completed_next(&each, &index, NULL), 0);
    return whorl_as_completed_end(&each);
}

static intptr_t cancel_the_caller(void *arg)
{
    static const struct plan plan = {3, 30};
    whorl_task *tasks[2], *one;
    whorl_task *caller = whorl_spawn(go_through_two, tasks);
    whorl_as_completed each;
    whorl_timeout scope;
    (void)arg;
    check_equal(whorl_sleep(WHORL_SECONDS(2)), 0);
    check_equal(whorl_cancel(caller), 0);
    check_equal(whorl_join(caller), 0);
    /* An outer timeout cuts it short as well. */
    spawn_plans(&one, &plan, 1);
    check_equal(whorl_timeout_begin(&scope, WHORL_SECONDS(1)), 0);
    check_equal(whorl_as_completed_begin(&each, &one, 1, FAR), 0);
    int result = whorl_as_completed_next(&each, NULL, NULL);
    check_equal(whorl_timeout_end(&scope, result), -ETIMEDOUT);
    check_equal(whorl_as_completed_next(&each, NULL, NULL), 1);
    return whorl_as_completed_end(&each);
}

static void a_cancelled_caller_may_go_on_later(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, cancel_the_caller, NULL);
}

static intptr_t end_early(void *arg)
{
    static const struct plan plans[] = {{1, 10}, {2, 20}, {3, 30}};
    whorl_task *tasks[3];
    whorl_as_completed each;
    int64_t start = whorl_now();
    (void)arg;
    spawn_plans(tasks, plans, 3);
    check_equal(whorl_as_completed_begin(&each, tasks, 3, FAR), 0);
    check_next(&each, plans, 0, start);
    check_equal(whorl_sleep(WHORL_MS(1500)), 0);
    check_equal(whorl_as_completed_end(&each), 0);
    check_equal(whorl_now() - start, WHORL_MS(2500));
    check_equal(whorl_join(tasks[0]), -EINVAL);
    check_equal(whorl_join(tasks[1]), 20);
    check_equal(whorl_cancelling(tasks[2]), 0);
    check_equal(whorl_join(tasks[2]), 30);
    /* Before the first. */
    spawn_plans(tasks, plans, 3);
    check_equal(whorl_as_completed_begin(&each, tasks, 3, FAR), 0);
    check_equal(whorl_as_completed_end(&each), 0);
    join_plans(tasks, plans, 3);
    return 0;
}

static void those_not_given_before_the_end_go_on(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, end_early, NULL);
}

static intptr_t go_through_twins(void *arg)
{
    static const struct plan plans[] = {{2, 20}, {1, 10}};
    whorl_task *tasks[2];
    whorl_as_completed each;
    unsigned seen = 0;
    (void)arg;
    spawn_plans(tasks, plans, 2);
    whorl_task *twice[] = {tasks[0], tasks[1], tasks[0], tasks[1]};
    check_equal(whorl_as_completed_begin(&each, twice, 4, FAR), 0);
    for (int i = 0; i < 4; i++) {
        size_t index = 0;
        intptr_t result;
        check_equal(whorl_as_completed_next(&each, &index, &result), 1);
        check_equal(index % 2, i < 2);
        check_equal(result, plans[index % 2].result);
        seen |= 1U << index;
    }
    check_equal(seen, 15);
    check_equal(whorl_as_completed_next(&each, NULL, NULL), 0);
    return whorl_as_completed_end(&each);
}

static void a_task_given_twice_comes_twice(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, go_through_twins, NULL);
}

static intptr_t give_handles_back_meanwhile(void *arg)
{
    static const struct plan plans[] = {{1, 10}, {2, 20}, {3, 30}};
    whorl_task *tasks[3];
    whorl_as_completed each;
    size_t index;
    (void)arg;
    spawn_plans(tasks, plans, 3);
    check_equal(whorl_as_completed_begin(&each, tasks, 3, FAR), 0);
    check_equal(whorl_join(tasks[0]), 10);
    check_equal(whorl_release(tasks[1]), 0);
    check_equal(whorl_sleep(WHORL_SECONDS(4)), 0);
    check_equal(whorl_release(tasks[2]), 0);
    /* Others come, but not in the places of those that have gone. */
    for (int i = 0; i < 10; i++)
        check_equal(whorl_join(whorl_spawn(follow, (void *)&plans[0])), 10);
    for (size_t i = 0; i < 3; i++) {
        intptr_t result;
        check_equal(whorl_as_completed_next(&each, &index, &result), 1);
        check_equal(index, i);
        check_equal(result, plans[i].result);
    }
    return whorl_as_completed_end(&each);
}

static void handles_may_be_given_back_meanwhile(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, give_handles_back_meanwhile, NULL);
}

static intptr_t go_through_none_and_many(void *arg)
{
    static struct plan plans[1000];
    static whorl_task *tasks[1000];
    whorl_as_completed each;
    (void)arg;
    check_equal(whorl_as_completed_begin(&each, NULL, 0, FAR), 0);
    check_equal(whorl_as_completed_next(&each, NULL, NULL), 0);
    check_equal(whorl_as_completed_end(&each), 0);
    for (int i = 0; i < 1000; i++)
        plans[i] = (struct plan){(i * 389) % 1000 + 1, i};
    spawn_plans(tasks, plans, 1000);
    check_equal(whorl_as_completed_begin(&each, tasks, 1000, FAR), 0);
    for (int64_t i = 1; i <= 1000; i++) {
        size_t index = 0;
        check_equal(whorl_as_completed_next(&each, &index, NULL), 1);
        check_equal(plans[index].seconds, i);
    }
    return whorl_as_completed_end(&each);
}

static void none_and_a_thousand_are_gone_through(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, go_through_none_and_many, NULL);
}

static whorl_as_completed foreign;

static intptr_t touch_a_foreign_one(void *arg)
{
    (void)arg;
    check_equal(whorl_as_completed_next(&foreign, NULL, NULL), -EPERM);
    check_equal(whorl_as_completed_end(&foreign), -EPERM);
    return 0;
}

static intptr_t misuse(void *arg)
{
    static const struct plan plans[] = {{1, 10}, {0, 0}};
    whorl_task *tasks[2];
    whorl_as_completed each;
    (void)arg;
    spawn_plans(tasks, plans, 2);
    check_equal(whorl_as_completed_begin(NULL, tasks, 1, FAR), -EINVAL);
    check_equal(whorl_as_completed_begin(&each, NULL, 1, FAR), -EINVAL);
    check_equal(whorl_as_completed_next(NULL, NULL, NULL), -EINVAL);
    check_equal(whorl_as_completed_end(NULL), -EINVAL);
    check_equal(whorl_as_completed_begin(&foreign, tasks, 2, FAR), 0);
    check_equal(whorl_join(whorl_spawn(touch_a_foreign_one, NULL)), 0);
    check_equal(whorl_as_completed_end(&foreign), 0);
    check_equal(whorl_join(tasks[1]), 0);
    check_equal(whorl_as_completed_begin(&each, tasks, 2, FAR), -EINVAL);
    tasks[1] = whorl_self();
    check_equal(whorl_as_completed_begin(&each, tasks, 2, FAR), -EDEADLK);
    check_equal(whorl_join(tasks[0]), 10);
    return 0;
}

static void misuse_is_refused(void **state)
{
    whorl_as_completed each;
    (void)state;
    run_checks_with(&virtual_clock, misuse, NULL);
    assert_int_equal(whorl_as_completed_begin(&each, NULL, 0, 1), -EPERM);
    assert_int_equal(whorl_as_completed_next(&foreign, NULL, NULL), -EPERM);
    assert_int_equal(whorl_as_completed_end(&foreign), -EPERM);
}

static intptr_t begin_with_a_crowd(void *arg)
{
    enum { CROWD = 4 << 20 };
    static const struct plan plan = {1, 10};
    whorl_task **crowd = malloc(CROWD * sizeof *crowd);
    whorl_as_completed each;
    whorl_task *task;
    (void)arg;
    if (!check(crowd != NULL))
        return 1;
    spawn_plans(&task, &plan, 1);
    for (size_t i = 0; i < CROWD; i++)
        crowd[i] = task;
    leave_memory(SPARE_BYTES);
    check_equal(whorl_as_completed_begin(&each, crowd, CROWD, FAR), -ENOMEM);
    check_equal(whorl_join(task), 10);
    free(crowd);
    return 0;
}

static void without_memory_it_does_not_begin(void **state)
{
    run_checks_in_child(&virtual_clock, begin_with_a_crowd, state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(tasks_come_in_the_order_in_which_they_end),
        behaviour(the_order_is_kept_while_nobody_asks),
        behaviour(those_that_have_ended_already_come_at_once),
        behaviour(the_limit_is_for_all_together_and_cancels_nobody),
        behaviour(a_cancelled_caller_may_go_on_later),
        behaviour(those_not_given_before_the_end_go_on),
        behaviour(a_task_given_twice_comes_twice),
        behaviour(handles_may_be_given_back_meanwhile),
        behaviour(none_and_a_thousand_are_gone_through),
        behaviour(misuse_is_refused),
        behaviour(without_memory_it_does_not_begin),
    };
    return run_behaviours("as_completed", tests);
}
