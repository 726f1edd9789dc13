/*
 * Spawning: arguments and results, the order in which tasks first run, eager tasks, options and
 * their errors, and names.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { TASKS = 1000, DEPTH = 300 };

/* The order in which tasks of a test ran, as the numbers that they were given. */
static int order[4 * TASKS];
static int ran;

static intptr_t note(void *arg)
{
    order[ran++] = (int)(intptr_t)arg;
    return (intptr_t)arg;
}

static intptr_t note_twice(void *arg)
{
    note(arg);
    check_equal(whorl_yield(), 0);
    return note(arg);
}

static intptr_t give_back(void *arg)
{
    return (intptr_t)arg;
}

static intptr_t join_each_kind_of_result(void *arg)
{
    static const intptr_t results[] = {0, 1, INTPTR_MAX, -1, -EDEADLK, -ECANCELED, INTPTR_MIN};
    whorl_task *task;

    for (size_t i = 0; i < count_of(results); i++) {
        task = whorl_spawn(give_back, (void *)results[i]);
        check(task != NULL);
        check_equal(whorl_join(task), results[i]);
    }
    task = whorl_spawn(give_back, arg);
    check(whorl_join(task) == (intptr_t)arg);
    return 0;
}

static void a_tasks_result_is_the_joiners(void **state)
{
    (void)state;
    run_checks(join_each_kind_of_result, state);
}

static intptr_t spawn_many_in_order(void *arg)
{
    static whorl_task *tasks[TASKS];

    (void)arg;
    ran = 0;
    for (intptr_t i = 0; i < TASKS; i++)
        tasks[i] = whorl_spawn(note_twice, (void *)i);
    check_equal(ran, 0);
    for (intptr_t i = 0; i < TASKS; i++)
        check_equal(whorl_join(tasks[i]), i);
    check_equal(ran, 2 * TASKS);
    for (int i = 0; i < ran; i++)
        check_equal(order[i], i % TASKS);
    return 0;
}

static void tasks_first_run_in_the_order_of_their_spawning(void **state)
{
    (void)state;
    run_checks(spawn_many_in_order, NULL);
}

static intptr_t spawn_behind_a_ready_task(void *arg)
{
    whorl_task *first = whorl_spawn(note_twice, (void *)1);
    whorl_task *second;

    (void)arg;
    ran = 0;
    check_equal(whorl_yield(), 0);
    second = whorl_spawn(note, (void *)2);
    check_equal(whorl_yield(), 0);
    check_equal(ran, 3);
    check_equal(order[0], 1);
    check_equal(order[1], 1);
    check_equal(order[2], 2);
    check_equal(whorl_join(first), 1);
    check_equal(whorl_join(second), 2);
    return 0;
}

static void a_new_task_runs_after_those_that_are_ready(void **state)
{
    (void)state;
    run_checks(spawn_behind_a_ready_task, NULL);
}

static intptr_t spawn_eagerly(void *arg)
{
    whorl_spawn_options eager = {.eager = 1};
    whorl_task *waiting = whorl_spawn(note, (void *)1);
    whorl_task *ended;
    whorl_task *begun;

    (void)arg;
    ran = 0;
    ended = whorl_spawn_with(&eager, note, (void *)2);
    check_equal(ran, 1);
    check_equal(whorl_is_done(ended), 1);
    begun = whorl_spawn_with(&eager, note_twice, (void *)3);
    check_equal(ran, 2);
    check_equal(whorl_is_done(begun), 0);
    check_equal(whorl_is_done(waiting), 0);
    check_equal(whorl_yield(), 0);
    check_equal(ran, 4);
    check_equal(order[0], 2);
    check_equal(order[1], 3);
    check_equal(order[2], 1);
    check_equal(order[3], 3);
    check_equal(whorl_join(begun), 3);
    check_equal(whorl_join(ended), 2);
    check_equal(whorl_join(waiting), 1);
    return 0;
}

static void an_eager_task_runs_at_once_and_then_its_spawner(void **state)
{
    (void)state;
    run_checks(spawn_eagerly, NULL);
}

static intptr_t nest_eagerly(void *arg)
{
    whorl_spawn_options eager = {.eager = 1};
    intptr_t depth = (intptr_t)arg;
    whorl_task *task;
    intptr_t below;

    note(arg);
    if (depth == 0)
        return 0;
    task = whorl_spawn_with(&eager, nest_eagerly, (void *)(depth - 1));
    note(arg);
    if (!check(task != NULL))
        return -ENOMEM;
    below = whorl_join(task);
    return below < 0 ? below : below + 1;
}

static intptr_t nest_eager_tasks(void *arg)
{
    ran = 0;
    check_equal(nest_eagerly(arg), (intptr_t)arg);
    check_equal(ran, 2 * (intptr_t)arg + 1);
    for (int i = 0; i <= (intptr_t)arg; i++)
        check_equal(order[i], (intptr_t)arg - i);
    for (int i = 1; i <= (intptr_t)arg; i++)
        check_equal(order[(intptr_t)arg + i], i);
    return 0;
}

static void eager_tasks_nest(void **state)
{
    (void)state;
    run_checks(nest_eager_tasks, (void *)DEPTH);
}

static intptr_t release_my_spawner_first(void *arg)
{
    check_equal(whorl_yield(), 0);
    *(int *)arg += 1;
    return 0;
}

static intptr_t spawn_eagerly_from_an_eager_task_that_ends(void *arg)
{
    whorl_task *task =
        whorl_spawn_with(&(whorl_spawn_options){.eager = 1}, release_my_spawner_first, arg);

    check(task != NULL);
    check_equal(whorl_release(task), 0);
    *(int *)arg += 1;
    return 0;
}

static intptr_t leave_an_eager_grandchild(void *arg)
{
    int count = 0;
    whorl_task *task = whorl_spawn_with(&(whorl_spawn_options){.eager = 1},
                                        spawn_eagerly_from_an_eager_task_that_ends, &count);

    (void)arg;
    check_equal(count, 1);
    check_equal(whorl_join(task), 0);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_yield(), 0);
    check_equal(count, 2);
    return 0;
}

static void an_eager_task_outlives_its_eager_spawner(void **state)
{
    (void)state;
    run_checks(leave_an_eager_grandchild, NULL);
}

static whorl_task *spawn_and_tell(size_t stack_size, whorl_fn *fn, int *error)
{
    whorl_spawn_options options = {.stack_size = stack_size, .error = error};

    *error = 1;
    return whorl_spawn_with(&options, fn, (void *)3);
}

static intptr_t spawn_with_bad_options(void *arg)
{
    static const size_t absurd[] = {1, WHORL_STACK_MIN - 1, WHORL_STACK_MAX + 1, SIZE_MAX};
    int error;
    whorl_task *task;

    (void)arg;
    check(whorl_spawn(NULL, NULL) == NULL);
    check(whorl_spawn_with(NULL, NULL, NULL) == NULL);
    check(spawn_and_tell(0, NULL, &error) == NULL);
    check_equal(error, -EINVAL);
    for (size_t i = 0; i < count_of(absurd); i++) {
        check(spawn_and_tell(absurd[i], give_back, &error) == NULL);
        check_equal(error, -EINVAL);
    }
    task = spawn_and_tell(0, give_back, &error);
    check_equal(error, 0);
    check_equal(whorl_join(task), 3);
    return 0;
}

static void bad_options_are_refused_with_a_reason(void **state)
{
    (void)state;
    run_checks(spawn_with_bad_options, NULL);
}

static intptr_t spawn_in_all_sizes(void *arg)
{
    static const size_t sizes[] = {
        2 * WHORL_STACK_MIN, 65536, 65537, 100000, 1 << 20, 8 << 20, 1 << 28, WHORL_STACK_MAX};
    whorl_task *tasks[count_of(sizes)];
    int error;

    (void)arg;
    for (size_t i = 0; i < count_of(sizes); i++) {
        tasks[i] = spawn_and_tell(sizes[i], give_back, &error);
        check_equal(error, 0);
    }
    for (size_t i = 0; i < count_of(sizes); i++)
        check_equal(whorl_join(tasks[i]), 3);
    return 0;
}

static void stacks_of_every_allowed_size_are_given(void **state)
{
    (void)state;
    run_checks(spawn_in_all_sizes, NULL);
}

static intptr_t spawn_while_cancelled(void *arg)
{
    whorl_spawn_options eager = {.eager = 1};
    whorl_task *later;
    whorl_task *now;

    (void)arg;
    ran = 0;
    check_equal(whorl_cancel(whorl_self()), 0);
    later = whorl_spawn(note, (void *)1);
    now = whorl_spawn_with(&eager, note_twice, (void *)2);
    check_equal(ran, 1);
    check_equal(whorl_uncancel(), 1);
    check_equal(whorl_join(later), 1);
    check_equal(whorl_join(now), 2);
    return 0;
}

static void a_cancelled_task_can_spawn(void **state)
{
    (void)state;
    run_checks(spawn_while_cancelled, NULL);
}

static intptr_t release_before_and_after_the_end(void *arg)
{
    whorl_task *early = whorl_spawn(note_twice, (void *)1);
    whorl_task *late = whorl_spawn(note, (void *)2);

    (void)arg;
    ran = 0;
    check_equal(whorl_release(early), 0);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_is_done(late), 1);
    check_equal(whorl_release(late), 0);
    check_equal(whorl_yield(), 0);
    check_equal(ran, 3);
    return 0;
}

static void a_released_task_goes_on_alone(void **state)
{
    (void)state;
    run_checks(release_before_and_after_the_end, NULL);
}

static intptr_t spawn_a_hundred_thousand_one_after_another(void *arg)
{
    long rounds = test_rounds(100000);

    (void)arg;
    for (long i = 0; i < rounds; i++) {
        whorl_task *task = whorl_spawn(give_back, (void *)(intptr_t)i);

        if (!check(task != NULL) || !check_equal(whorl_join(task), i))
            break;
    }
    return 0;
}

static void one_pooled_stack_serves_a_hundred_thousand_tasks(void **state)
{
    whorl_config config = {.pooled_stacks = 1};

    (void)state;
    run_checks_with(&config, spawn_a_hundred_thousand_one_after_another, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_tasks_result_is_the_joiners),
        behaviour(tasks_first_run_in_the_order_of_their_spawning),
        behaviour(a_new_task_runs_after_those_that_are_ready),
        behaviour(an_eager_task_runs_at_once_and_then_its_spawner),
        behaviour(eager_tasks_nest),
        behaviour(an_eager_task_outlives_its_eager_spawner),
        behaviour(bad_options_are_refused_with_a_reason),
        behaviour(stacks_of_every_allowed_size_are_given),
        behaviour(a_cancelled_task_can_spawn),
        behaviour(a_released_task_goes_on_alone),
        behaviour(one_pooled_stack_serves_a_hundred_thousand_tasks),
    };

    return run_behaviours("spawn", tests);
}
