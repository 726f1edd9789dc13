/*
 * No process outlives its owner, however that ends, and at whatever point it is cancelled: neither
 * a zombie nor a descriptor is left.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "feature_sets.h"
#include "os/children.h"

#include <stdio.h>

/* --- The owner's end --- */

static pid_t last_pid;
static bool all_are_there;

/* Leaves a child that lives, one that has ended, and one that was waited for. */
static intptr_t leave_children(void *arg)
{
    whorl_process_options options = shell("exit 3");
    whorl_process *dead, *known;
    options.in = options.out = options.err = WHORL_PIPE;
    check_equal(whorl_process_spawn(&options, &dead), 0);
    check_equal(whorl_process_spawn(&options, &known), 0);
    check_equal(whorl_process_wait(known), 3);
    last_pid = whorl_process_pid(spawn_patient());
    return (intptr_t)arg;
}

static intptr_t cancel_itself(void *arg)
{
    leave_children(arg);
    check_equal(whorl_cancel(whorl_self()), 0);
    return whorl_yield();
}

static intptr_t leave_and_wait(void *arg)
{
    leave_children(arg);
    whorl_process *process = spawn_patient();
    all_are_there = true;
    return whorl_process_wait(process);
}

static whorl_task *spawn_who_waits(void)
{
    all_are_there = false;
    whorl_task *task = whorl_spawn(leave_and_wait, NULL);
    while (!all_are_there)
        check_equal(whorl_yield(), 0);
    return task;
}

static intptr_t end_owners(void *arg)
{
    int before = open_descriptors();
    (void)arg;
    check_equal(whorl_join(whorl_spawn(leave_children, (void *)6)), 6);
    check_no_children();
    check_equal(open_descriptors(), before);
    check_equal(kill(last_pid, 0) < 0 ? errno : 0, ESRCH);

    check_equal(whorl_join(whorl_spawn(cancel_itself, NULL)), -ECANCELED);
    check_no_children();

    check_equal(whorl_wait_for(spawn_who_waits(), 0), -ETIMEDOUT);
    check_no_children();
    check_equal(open_descriptors(), before);

    /* The rest is for the run's end: main's own, and those of a task that is cancelled then. */
    check(spawn_who_waits() != NULL);
    return leave_children((void *)7);
}

static void a_process_ends_with_its_owner(void **state)
{
    (void)state;
    for (int i = 0; i <= KNOWN_FEATURES + 1; i++) {
        whorl_config config = {.without = features_without(i)};
        assert_int_equal(run_with(&config, end_owners, NULL), 7);
        assert_true(check_no_children());
    }
}

static whorl_process *owned;

static intptr_t look_at_the_process(void *arg)
{
    int *seen = arg;
    check(is_alive(whorl_process_pid(owned)));
    check_equal(whorl_process_close_stdin(owned), 0);
    check_equal(whorl_process_wait(owned), 1);
    *seen = 1;
    return 0;
}

static intptr_t look_that_it_is_gone(void *arg)
{
    check_no_children();
    check_equal(*(int *)arg, 1);
    return 0;
}

static intptr_t defer_around(void *seen)
{
    check_equal(whorl_defer(look_that_it_is_gone, seen), 0);
    owned = spawn_patient();
    check_equal(whorl_defer(look_at_the_process, seen), 0);
    return 0;
}

static intptr_t join_who_defers(void *arg)
{
    int seen = 0;
    (void)arg;
    check_equal(whorl_join(whorl_spawn(defer_around, &seen)), 0);
    check_equal(seen, 1);
    return 0;
}

static void it_ends_in_its_turn_among_what_was_deferred(void **state)
{
    (void)state;
    run_checks(join_who_defers, NULL);
}

/* --- Cancelled at any point --- */

static intptr_t live_and_wait(void *arg)
{
    whorl_process *process;
    int result = whorl_process_spawn(&shell("exit 3"), &process);
    (void)arg;
    if (result < 0)
        return result;
    result = whorl_process_wait(process);
    int freed = result < 0 ? 0 : whorl_process_free(process);
    return freed < 0 ? freed : result;
}

static intptr_t live_and_talk(void *arg)
{
    static char much[200000];
    whorl_process_options options = shell("cat >&2; exit 3");
    whorl_process_output output;
    (void)arg;
    options.in = options.out = options.err = WHORL_PIPE;
    int result = whorl_process_run(&options, much, sizeof much, &output, LONG_ENOUGH);
    check_equal(output.err_len, result < 0 ? 0 : sizeof much);
    free(output.out);
    free(output.err);
    return result;
}

static intptr_t live_and_terminate(void *arg)
{
    whorl_process *process;
    (void)arg;
    int result = whorl_process_spawn(&shell("exec sleep 1000"), &process);
    if (result == 0)
        result = whorl_process_terminate(process, LONG_ENOUGH);
    return result == WHORL_SIGNALLED + SIGTERM ? 3 : result;
}

static whorl_fn *const lives[] = {live_and_wait, live_and_talk, live_and_terminate};

/* Ever later, until it was too late several times; on a busy machine that takes long, and the last
 * are not cancelled. */
static void cancel_ever_later(whorl_fn *life, whorl_spawn_options *options)
{
    int finished = 0, cancelled = 0;
    for (int turns = 0; finished < 5; turns++) {
        int before = open_descriptors();
        whorl_task *task = whorl_spawn_with(options, life, NULL);
        for (int i = 0; i < turns / 2; i++)
            check_equal(turns % 2 ? whorl_sleep(WHORL_US(20)) : whorl_yield(), 0);
        if (turns < 1000)
            whorl_cancel(task);
        intptr_t result = whorl_join(task);
        if (result != -ECANCELED && result != 3)
            check_failed("after %d turns: %zd", turns, (ssize_t)result);
        *(result == 3 ? &finished : &cancelled) += 1;
        check_no_children();
        check_equal(open_descriptors(), before);
    }
    printf("%d times cancelled, %d times too late\n", cancelled, finished);
}

static intptr_t cancel_all_lives(void *arg)
{
    (void)arg;
    for (long round = test_rounds(1); round > 0; round--)
        for (size_t i = 0; i < count_of(lives); i++)
            for (int eager = 0; eager < 2; eager++)
                cancel_ever_later(lives[i], &(whorl_spawn_options){.eager = eager});
    return 0;
}

static void a_cancel_at_any_point_leaves_nothing(void **state)
{
    (void)state;
    run_checks(cancel_all_lives, NULL);
    run_checks_with(&(whorl_config){.without = UINT64_MAX}, cancel_all_lives, NULL);
}

/* --- Time --- */

static intptr_t let_time_pass(void *arg)
{
    whorl_process_options options = shell("sleep 0.05; echo done");
    int64_t start = whorl_now();
    (void)arg;
    /* A jump to the limit's end would cut it off. */
    check_equal(says(options, "done\n"), 0);
    check(whorl_now() - start < LONG_ENOUGH);
    check_equal(whorl_process_run(&shell("exec sleep 1000"), NULL, 0, NULL, WHORL_MS(10)),
                -ETIMEDOUT);
    return check_no_children() ? 0 : -1;
}

static void a_virtual_clock_waits_for_children(void **state)
{
    whorl_config config = {.clock = WHORL_CLOCK_VIRTUAL};
    (void)state;
    run_checks_with(&config, let_time_pass, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_process_ends_with_its_owner),
        behaviour(it_ends_in_its_turn_among_what_was_deferred),
        behaviour(a_cancel_at_any_point_leaves_nothing),
        behaviour(a_virtual_clock_waits_for_children),
    };
    return run_behaviours("process end", tests);
}
