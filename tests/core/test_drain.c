/*
 * The run's end: once main has returned, what it left behind is cancelled and awaited; nothing
 * outlives the run; and a task that does not heed its cancel is named on stderr.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "child.h"

#include <fcntl.h>

enum { LEFT = 1000 };

static int bodies;
static int cancelled;
static int descriptor;
static whorl_task *joined;

static void count_outcome(intptr_t result)
{
    bodies++;
    cancelled += result == -ECANCELED;
}

static intptr_t sleeper(void *arg)
{
    (void)arg;
    count_outcome(whorl_sleep(WHORL_FOREVER));
    return 0;
}

static intptr_t joiner(void *arg)
{
    (void)arg;
    count_outcome(whorl_join(joined));
    return 0;
}

static intptr_t reader(void *arg)
{
    char byte;

    (void)arg;
    count_outcome(whorl_read(descriptor, &byte, 1));
    return 0;
}

static intptr_t starter(void *arg)
{
    static char bytes[LEFT];
    static int next;
    whorl_op op = whorl_op_read(descriptor, &bytes[next++ % LEFT], 1);

    (void)arg;
    check_equal(whorl_op_start(&op), 0);
    count_outcome(whorl_op_await(&op));
    return 0;
}

static intptr_t yielder(void *arg)
{
    int result;

    (void)arg;
    do {
        result = whorl_yield();
    } while (result == 0);
    count_outcome(result);
    return 0;
}

static whorl_fn *const kinds[] = {sleeper, joiner, reader, starter, yielder};

enum { KINDS = sizeof kinds / sizeof *kinds };

static intptr_t leave_each_kind(void *arg)
{
    (void)arg;
    joined = whorl_spawn(sleeper, NULL);
    for (int i = 1; i < LEFT; i++) {
        whorl_task *task = whorl_spawn(kinds[i % KINDS], NULL);

        if (i % 2 == 0)
            check_equal(whorl_release(task), 0);
    }
    for (int i = 0; i < 3; i++)
        check_equal(whorl_yield(), 0);
    check_equal(bodies, 0);
    return 21;
}

static void tasks_left_behind_are_cancelled_and_awaited(void **state)
{
    pair both = pipe_pair();

    (void)state;
    descriptor = both.ends[0];
    bodies = 0;
    cancelled = 0;
    assert_int_equal(run(leave_each_kind, NULL), 21);
    assert_int_equal(bodies, LEFT);
    assert_int_equal(cancelled, LEFT);
    close_pair(&both);
}

static intptr_t leave_unstarted(void *arg)
{
    for (int i = 0; i < LEFT; i++)
        check(whorl_spawn(sleeper, arg) != NULL);
    return 22;
}

static void tasks_that_never_ran_are_left_without_running(void **state)
{
    (void)state;
    bodies = 0;
    assert_int_equal(run(leave_unstarted, NULL), 22);
    assert_int_equal(bodies, 0);
}

static intptr_t spawn_two_more(void *arg)
{
    whorl_spawn_options eager = {.eager = 1};
    whorl_task *later;
    whorl_task *now;

    check_equal(whorl_sleep(WHORL_FOREVER), -ECANCELED);
    later = whorl_spawn(spawn_two_more, arg);
    now = whorl_spawn_with(&eager, spawn_two_more, arg);
    check(later != NULL && now != NULL);
    check_equal(whorl_uncancel(), 1);
    check_equal(whorl_join(later), -ECANCELED);
    check_equal(whorl_join(now), -ECANCELED);
    bodies++;
    return 0;
}

static intptr_t leave_one_that_spawns(void *arg)
{
    check(whorl_spawn(spawn_two_more, arg) != NULL);
    return whorl_yield();
}

static void a_task_spawned_after_mains_end_starts_cancelled(void **state)
{
    (void)state;
    bodies = 0;
    assert_int_equal(run(leave_one_that_spawns, NULL), 0);
    assert_int_equal(bodies, 1);
}

static intptr_t clean_up_with_awaits(void *arg)
{
    check_equal(whorl_sleep(WHORL_FOREVER), -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    check_equal(whorl_sleep(WHORL_MS(3)), 0);
    check_equal(whorl_yield(), 0);
    bodies++;
    return (intptr_t)arg;
}

static intptr_t leave_one_that_cleans_up(void *arg)
{
    check(whorl_spawn(clean_up_with_awaits, arg) != NULL);
    return whorl_yield();
}

static void a_task_may_take_its_cancel_back_and_clean_up(void **state)
{
    (void)state;
    bodies = 0;
    assert_int_equal(run(leave_one_that_cleans_up, NULL), 0);
    assert_int_equal(bodies, 1);
}

static intptr_t join_main_then_wait(void *arg)
{
    intptr_t result = whorl_join(arg);

    check(result == 23 || result == -ECANCELED);
    check_equal(whorl_yield(), -ECANCELED);
    bodies++;
    return 0;
}

static intptr_t leave_a_joiner_of_main(void *arg)
{
    (void)arg;
    check(whorl_spawn(join_main_then_wait, whorl_self()) != NULL);
    check_equal(whorl_yield(), 0);
    return 23;
}

static void a_task_may_join_main(void **state)
{
    (void)state;
    bodies = 0;
    assert_int_equal(run(leave_a_joiner_of_main, NULL), 23);
    assert_int_equal(bodies, 1);
}

static intptr_t main_cancels_itself(void *arg)
{
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_sleep(1), -ECANCELED);
    check(whorl_spawn(sleeper, arg) != NULL);
    return -ECANCELED;
}

static void a_cancelled_main_gives_its_own_result(void **state)
{
    (void)state;
    assert_int_equal(run(main_cancels_itself, NULL), -ECANCELED);
}

/* --- The warning --- */

/* Goes on until a while after its cancel, by refused calls or by taking the cancel back. */
static intptr_t ignore_the_cancel(void *arg)
{
    int takes_it_back = *(int *)arg;
    int64_t end;

    check_equal(whorl_sleep(WHORL_FOREVER), -ECANCELED);
    end = whorl_now() + WHORL_MS(300);
    if (takes_it_back) {
        check_equal(whorl_uncancel(), 1);
        check_equal(whorl_sleep_until(end), 0);
    }
    while (whorl_now() < end)
        check_equal(whorl_sleep(WHORL_MS(1)), -ECANCELED);
    return 0;
}

static intptr_t heed_the_cancel(void *arg)
{
    (void)arg;
    return whorl_sleep(WHORL_FOREVER);
}

static intptr_t leave_a_stubborn_and_a_good_one(void *arg)
{
    whorl_spawn_options stubborn = {.name = "stubborn-one"};
    whorl_spawn_options good = {.name = "good-one"};

    check(whorl_spawn_with(&good, heed_the_cancel, NULL) != NULL);
    check(whorl_spawn_with(&stubborn, ignore_the_cancel, arg) != NULL);
    return whorl_yield();
}

struct ending {
    whorl_config config;
    int takes_it_back;
};

static int run_ending(void *arg)
{
    struct ending *ending = arg;

    return (int)whorl_run_with(&ending->config, leave_a_stubborn_and_a_good_one,
                               &ending->takes_it_back);
}

static int count_in(const char *text, const char *part)
{
    int count = 0;

    for (text = strstr(text, part); text != NULL; text = strstr(text + 1, part))
        count++;
    return count;
}

static void a_task_that_ignores_its_cancel_is_named_on_stderr(void **state)
{
    struct child child;

    (void)state;
    for (int takes_it_back = 0; takes_it_back < 2; takes_it_back++) {
        struct ending ending = {{.drain_warning = WHORL_MS(30)}, takes_it_back};

        assert_int_equal(child_run(run_ending, &ending, &child), 0);
        assert_true(child_exited(&child, 0));
        assert_true(count_in(child.text, "stubborn-one") >= 1);
        assert_int_equal(count_in(child.text, "good-one"), 0);
        assert_int_equal(child.text[strlen(child.text) - 1], '\n');
    }
}

static void a_negative_drain_warning_is_silence(void **state)
{
    struct ending ending = {{.drain_warning = -1}, 0};
    struct child child;

    (void)state;
    assert_int_equal(child_run(run_ending, &ending, &child), 0);
    assert_true(child_exited(&child, 0));
    assert_string_equal(child.text, "");
}

static void a_long_drain_warning_is_not_given_early(void **state)
{
    struct ending ending = {{.drain_warning = WHORL_SECONDS(90)}, 1};
    struct child child;

    (void)state;
    assert_int_equal(child_run(run_ending, &ending, &child), 0);
    assert_true(child_exited(&child, 0));
    assert_string_equal(child.text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(tasks_left_behind_are_cancelled_and_awaited),
        behaviour(tasks_that_never_ran_are_left_without_running),
        behaviour(a_task_spawned_after_mains_end_starts_cancelled),
        behaviour(a_task_may_take_its_cancel_back_and_clean_up),
        behaviour(a_task_may_join_main),
        behaviour(a_cancelled_main_gives_its_own_result),
        behaviour(a_task_that_ignores_its_cancel_is_named_on_stderr),
        behaviour(a_negative_drain_warning_is_silence),
        behaviour(a_long_drain_warning_is_not_given_early),
    };

    return run_behaviours("drain", tests);
}
