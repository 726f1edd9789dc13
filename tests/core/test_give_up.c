/*
 * A deadlock that cancelling does not end: a wait that nothing cuts short, and that nobody will
 * end. No public call waits so, and the wait here is made for the test. Or a task that takes its
 * cancel back, and waits again.
 */
#include "core/child.h"

#include <core/loop.h>
#include <stdlib.h>

static const struct wait_kind eternity = {.name = "eternity"};

static intptr_t never(void *arg)
{
    return (intptr_t)arg;
}

static intptr_t wait_for_ever(void *arg)
{
    check_equal(whorl_defer(never, arg), 0);
    check_equal(whorl_defer(never, arg), 0);
    return task_park(loop_here, loop_here->current, &eternity, NULL);
}

static intptr_t join_the_eternal(void *arg)
{
    whorl_spawn_options options = {.name = "hermit"};
    whorl_task *task = whorl_spawn_with(&options, wait_for_ever, arg);
    check_equal(whorl_join(task), -ECANCELED);
    return 5;
}

static int run_into_it(void *arg)
{
    whorl_config config = {.drain_warning = -1};
    for (int i = 0; i < 3; i++)
        check_equal(whorl_run_with(&config, join_the_eternal, arg), -EDEADLK);
    return 0;
}

static size_t times_in(const char *text, const char *part)
{
    size_t times = 0;
    while ((text = strstr(text, part))) {
        text += strlen(part);
        times++;
    }
    return times;
}

static void a_task_that_cannot_be_ended_is_named_and_given_up(void **state)
{
    (void)state;
    struct child child;
    assert_int_equal(child_run(run_into_it, NULL, &child), 0);
    assert_true(child_exited(&child, 0));
    assert_int_equal(times_in(child.text, "main waits for the end of hermit\n"), 3);
    assert_int_equal(times_in(child.text, "hermit waits for eternity\n"), 6);
    assert_int_equal(times_in(child.text, "given up"), 3);
}

/* The same when main has ended, and the hermit is a leftover. */
static intptr_t leave_it_behind(void *arg)
{
    check_equal(whorl_release(whorl_spawn(wait_for_ever, arg)), 0);
    return whorl_yield();
}

static int leave_one(void *arg)
{
    whorl_config config = {.drain_warning = -1};
    check_equal(whorl_run_with(&config, leave_it_behind, arg), -EDEADLK);
    return 0;
}

static void a_leftover_that_cannot_be_ended_does_not_hold_the_run(void **state)
{
    (void)state;
    struct child child;
    assert_int_equal(child_run(leave_one, NULL, &child), 0);
    assert_true(child_exited(&child, 0));
    assert_non_null(strstr(child.text, "waits for eternity\n"));
    assert_non_null(strstr(child.text, "given up"));
}

/* What it waits for is the program's, and is used again. */
static whorl_queue queue = WHORL_QUEUE_INIT;

static intptr_t get_stubbornly(void *arg)
{
    for (;;) {
        check_equal(whorl_queue_get(&queue, &arg), -ECANCELED);
        check_equal(whorl_uncancel(), 1);
    }
    return 0;
}

static intptr_t put_and_get(void *arg)
{
    void *item = NULL;
    check_equal(whorl_queue_put(&queue, arg), 0);
    check_equal(whorl_queue_try_get(&queue, &item), 0);
    check(item == arg);
    return 0;
}

static int give_up_and_use_again(void *arg)
{
    for (int i = 0; i < 3; i++) {
        check_equal(whorl_run(get_stubbornly, arg), -EDEADLK);
        check_equal(whorl_run(put_and_get, arg), 0);
    }
    return whorl_queue_destroy(&queue);
}

static void what_it_waited_for_outlives_it(void **state)
{
    (void)state;
    struct child child;
    assert_int_equal(child_run(give_up_and_use_again, &child, &child), 0);
    assert_true(child_exited(&child, 0));
    assert_int_equal(times_in(child.text, "given up"), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_task_that_cannot_be_ended_is_named_and_given_up),
        behaviour(a_leftover_that_cannot_be_ended_does_not_hold_the_run),
        behaviour(what_it_waited_for_outlives_it),
    };
    return run_behaviours("give up", tests);
}
