/* A walk over all tasks that live, what may be done with those that are shown,
 * and what they have in flight. */
#include "as_task.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 100 };

static struct {
    const char *names[MOST];
    int count;
} seen;

static int see(whorl_task *task, void *arg)
{
    (void)arg;
    seen.names[seen.count++] = whorl_name(task);
    return 0;
}

static int see_all(void)
{
    seen.count = 0;
    return whorl_each_task(see, NULL);
}

static intptr_t sleep_well(void *arg)
{
    return whorl_sleep((int64_t)(intptr_t)arg);
}

static whorl_task *spawn(const char *name)
{
    return whorl_spawn_with(&(whorl_spawn_options){.name = name}, sleep_well,
                            (void *)(intptr_t)WHORL_SECONDS(1));
}

static void every_task_that_lives_is_shown_once_the_newest_first(void **state)
{
    (void)state;
    whorl_task *one = spawn("one"), *two = spawn("two");
    whorl_task *call = whorl_call_later(WHORL_FOREVER, sleep_well, NULL);
    assert_int_equal(whorl_set_name(call, "call"), 0);
    assert_int_equal(see_all(), 0);
    assert_int_equal(seen.count, 4);
    const char *expected[] = {"call", "two", "one"};
    for (int i = 0; i < 3; i++)
        assert_string_equal(seen.names[i], expected[i]);
    assert_int_equal(whorl_call_cancel(call), 0);
    assert_int_equal(whorl_join(one), 0);
    assert_int_equal(whorl_join(two), 0);
    assert_int_equal(see_all(), 0);
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.names[0], whorl_name(whorl_self()));
}

static int stop_at(whorl_task *task, void *name)
{
    seen.count++;
    return strcmp(whorl_name(task), name) == 0 ? 5 : 0;
}

static void the_walk_ends_where_it_is_told_to(void **state)
{
    (void)state;
    whorl_task *tasks[] = {spawn("one"), spawn("two"), spawn("three")};
    seen.count = 0;
    assert_int_equal(whorl_each_task(stop_at, "two"), 5);
    assert_int_equal(seen.count, 2);
    assert_int_equal(whorl_gather(tasks, 3, NULL, 0), 0);
}

/* --- Tasks whose handles are gone --- */

static int cancel_others(whorl_task *task, void *released)
{
    if (task == whorl_self())
        return 0;
    assert_int_equal(whorl_cancelling(task), 0);
    assert_int_equal(whorl_is_done(task), 0);
    assert_int_equal(whorl_in_flight(task), 0);
    assert_int_equal(whorl_cancel(task), 0);
    assert_int_equal(whorl_cancelling(task), 1);
    if (released == task)
        assert_int_equal(whorl_release(task), -EINVAL);
    return 0;
}

static void also_one_that_was_released_can_be_cancelled(void **state)
{
    (void)state;
    int64_t start = whorl_now();
    whorl_task *released = spawn("released"), *held = spawn("held");
    whorl_group group;
    assert_int_equal(whorl_release(released), 0);
    assert_int_equal(whorl_cancel(released), -EINVAL);
    assert_int_equal(whorl_group_init(&group), 0);
    assert_int_equal(whorl_group_spawn(&group, sleep_well, (void *)(intptr_t)WHORL_SECONDS(1)), 0);
    assert_int_equal(whorl_yield(), 0);
    assert_int_equal(whorl_each_task(cancel_others, released), 0);
    assert_int_equal(whorl_cancel(released), -EINVAL);
    assert_int_equal(whorl_join(held), -ECANCELED);
    assert_int_equal(whorl_group_wait(&group, 0), 0);
    assert_int_equal(whorl_now(), start);
    assert_int_equal(see_all(), 0);
    assert_int_equal(seen.count, 1);
}

static int spawn_more(whorl_task *task, void *arg)
{
    (void)task;
    assert_int_equal(whorl_release(whorl_spawn(sleep_well, arg)), 0);
    return see(task, arg);
}

static void those_spawned_meanwhile_are_not_shown(void **state)
{
    (void)state;
    whorl_task *one = spawn("one");
    seen.count = 0;
    assert_int_equal(whorl_each_task(spawn_more, NULL), 0);
    assert_int_equal(seen.count, 2);
    assert_int_equal(see_all(), 0);
    assert_int_equal(seen.count, 4);
    assert_int_equal(whorl_join(one), 0);
}

static int walk_within(whorl_task *task, void *arg)
{
    assert_int_equal(whorl_each_task(see, arg), 0);
    assert_non_null(whorl_name(task));
    return 0;
}

static void walks_may_nest(void **state)
{
    (void)state;
    whorl_task *one = spawn("one"), *released = spawn("two");
    assert_int_equal(whorl_release(released), 0);
    seen.count = 0;
    assert_int_equal(whorl_each_task(walk_within, NULL), 0);
    assert_int_equal(seen.count, 9);
    assert_int_equal(whorl_join(one), 0);
    assert_int_equal(whorl_yield(), 0);
}

static int wait_for_it(whorl_task *task, void *arg)
{
    (void)arg;
    if (task != whorl_self())
        assert_int_equal(whorl_join(task), 0);
    return 0;
}

static void one_that_waits_for_what_it_was_shown_is_told(void **state)
{
    (void)state;
    whorl_task *one = spawn("one"), *two = spawn("two");
    assert_int_equal(whorl_each_task(wait_for_it, NULL), -EBUSY);
    assert_int_equal(whorl_join(two), -EINVAL);
    assert_int_equal(whorl_join(one), 0);
}

/* --- Ops --- */

static intptr_t start_and_await(void *arg)
{
    char bytes[3];
    whorl_op ops[3];
    for (int i = 0; i < 3; i++) {
        ops[i] = whorl_op_read(*(int *)arg, &bytes[i], 1);
        assert_int_equal(whorl_op_start(&ops[i]), 0);
        assert_int_equal(whorl_in_flight(whorl_self()), i + 1);
    }
    for (int i = 0; i < 3; i++)
        assert_int_equal(whorl_op_await(&ops[i]), 1);
    assert_int_equal(whorl_in_flight(whorl_self()), 0);
    return 0;
}

static void the_ops_of_a_task_are_counted(void **state)
{
    (void)state;
    pair both = pipe_pair();
    whorl_task *task = whorl_spawn(start_and_await, &both.ends[0]);
    assert_int_equal(whorl_in_flight(task), 0);
    assert_int_equal(whorl_yield(), 0);
    assert_int_equal(whorl_in_flight(task), 3);
    assert_int_equal(whorl_in_flight(whorl_self()), 0);
    assert_int_equal(write(both.ends[1], "abc", 3), 3);
    assert_int_equal(whorl_join(task), 0);
    assert_int_equal(whorl_in_flight(task), -EINVAL);
    close_pair(&both);
}

/* --- Refused --- */

static void nobody_to_call_is_refused(void **state)
{
    (void)state;
    assert_int_equal(whorl_each_task(NULL, NULL), -EINVAL);
    assert_int_equal(whorl_in_flight(NULL), -EINVAL);
}

static void outside_of_tasks_there_is_no_walk(void **state)
{
    (void)state;
    assert_int_equal(whorl_each_task(see, NULL), -EPERM);
    assert_int_equal(whorl_in_flight(NULL), -EPERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(every_task_that_lives_is_shown_once_the_newest_first),
        as_task(the_walk_ends_where_it_is_told_to),
        as_task(also_one_that_was_released_can_be_cancelled),
        as_task(those_spawned_meanwhile_are_not_shown),
        as_task(walks_may_nest),
        as_task(one_that_waits_for_what_it_was_shown_is_told),
        as_task_with(the_ops_of_a_task_are_counted, .clock = WHORL_CLOCK_REAL),
        as_task(nobody_to_call_is_refused),
        behaviour(outside_of_tasks_there_is_no_walk),
    };
    return run_behaviours("each task", tests);
}
