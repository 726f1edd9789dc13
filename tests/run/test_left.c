/* What a test leaves behind fails it, by name; and its limits of time. */
#include "core/forbid.h"
#include "run/group.h"

#include <fcntl.h>
#include <signal.h>

#define HOUR WHORL_SECONDS(3600)

static void passes(void **state)
{
    (void)state;
    assert_int_equal(whorl_yield(), 0);
}

static int passes_too(void **state)
{
    passes(state);
    return 0;
}

/* --- Left behind --- */

static intptr_t sleep_on(void *arg)
{
    (void)arg;
    return whorl_sleep(HOUR);
}

static void leaves_tasks(void **state)
{
    (void)state;
    whorl_release(whorl_spawn_with(&(whorl_spawn_options){.name = "gardener"}, sleep_on, NULL));
    whorl_spawn_with(&(whorl_spawn_options){.name = "cook"}, sleep_on, NULL);
    whorl_yield();
}

static void leaves_a_call(void **state)
{
    (void)state;
    whorl_call_later(HOUR, sleep_on, NULL);
}

static int leaves_tasks_too(void **state)
{
    leaves_tasks(state);
    return 0;
}

static void tasks_that_live_on_fail_it_by_name(void **state)
{
    (void)state;
    const struct CMUnitTest tests[] = {
        whorl_unit_test(leaves_tasks),
        whorl_unit_test(leaves_a_call),
        whorl_unit_test(passes),
    };
    struct child child;
    watch_tests(tests, &child);
    assert_true(child_exited(&child, 2));
    assert_true(has_said(&child, "ERROR: leaves_tasks has left tasks behind: cook, gardener\n"));
    assert_true(has_said(&child, "ERROR: leaves_a_call has left tasks behind: task-2\n"));
    assert_true(has_passed(&child, passes));
}

static void fixtures_may_not_leave_any_either(void **state)
{
    (void)state;
    const struct CMUnitTest tests[] = {
        whorl_unit_test_setup(passes, leaves_tasks_too),
        whorl_unit_test_teardown(passes, leaves_tasks_too),
        whorl_unit_test_setup_teardown(passes, passes_too, passes_too),
    };
    struct child child;
    watch_tests(tests, &child);
    assert_true(child_exited(&child, 2));
    assert_true(has_said(&child, "ERROR: the set-up of passes has left tasks behind: cook, gar"));
    assert_true(has_said(&child, "ERROR: the tear-down of passes has left tasks behind: cook,"));
}

static void leaves_ops(void **state)
{
    static char bytes[2];
    static whorl_op ops[2];
    pair both = pipe_pair();
    (void)state;
    for (int i = 0; i < 2; i++) {
        ops[i] = whorl_op_read(both.ends[0], &bytes[i], 1);
        assert_int_equal(whorl_op_start(&ops[i]), 0);
    }
}

static void leaves_an_op_and_a_task(void **state)
{
    static char byte;
    pair both = pipe_pair();
    whorl_op op = whorl_op_read(both.ends[0], &byte, 1);
    assert_int_equal(whorl_op_start(&op), 0);
    leaves_a_call(state);
}

static void ops_in_flight_fail_it(void **state)
{
    (void)state;
    const struct CMUnitTest tests[] = {
        whorl_unit_test(leaves_ops),
        whorl_unit_test(leaves_an_op_and_a_task),
        whorl_unit_test(passes),
    };
    struct child child;
    watch_tests(tests, &child);
    assert_true(child_exited(&child, 2));
    assert_true(has_said(&child, "ERROR: leaves_ops has left 2 operations in flight\n"));
    assert_true(has_said(&child, "ERROR: leaves_an_op_and_a_task has left 1 operation in flight; "
                                 "has left tasks behind: task-2\n"));
    assert_true(has_passed(&child, passes));
}

static void leaves_a_group(void **state)
{
    whorl_group group;
    (void)state;
    assert_int_equal(whorl_group_init(&group), 0);
    assert_int_equal(whorl_group_spawn(&group, sleep_on, NULL), 0);
}

static void a_scope_left_open_fails_it(void **state)
{
    (void)state;
    const struct CMUnitTest tests[] = {whorl_unit_test(leaves_a_group), whorl_unit_test(passes)};
    struct child child;
    watch_tests(tests, &child);
    assert_true(child_exited(&child, 1));
    assert_true(has_said(&child, "ERROR: leaves_a_group has left a scope open\n"));
    assert_true(has_passed(&child, passes));
}

static intptr_t end_the_sleeper(void *task)
{
    assert_int_equal(whorl_cancel(task), 0);
    return whorl_join(task);
}

static void defers_its_cleanup(void **state)
{
    (void)state;
    assert_int_equal(whorl_defer(end_the_sleeper, whorl_spawn(sleep_on, NULL)), 0);
}

static void what_is_deferred_may_clean_up(void **state)
{
    (void)state;
    const struct CMUnitTest tests[] = {whorl_unit_test(defers_its_cleanup)};
    struct child child;
    watch_tests(tests, &child);
    assert_true(child_exited(&child, 0));
}

static int left_open[2];

static int opens(void **state)
{
    (void)state;
    left_open[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    left_open[1] = whorl_open("/dev/full", O_WRONLY | O_CLOEXEC, 0);
    return 0;
}

static int closes(void **state)
{
    (void)state;
    close(left_open[0]);
    return whorl_close(left_open[1]);
}

static void leaves_descriptors(void **state)
{
    opens(state);
    print_message("left %d and %d\n", left_open[0], left_open[1]);
}

static void descriptors_that_stay_open_fail_it_by_name(void **state)
{
    (void)state;
    const struct CMUnitTest tests[] = {
        whorl_unit_test_setup_teardown(passes, opens, closes),
        whorl_unit_test_teardown(leaves_descriptors, closes),
        whorl_unit_test(leaves_descriptors),
        whorl_unit_test_setup(passes, opens),
    };
    struct child child;
    char sentence[128];
    int fds[2];
    watch_tests(tests, &child);
    assert_true(child_exited(&child, 2));
    const char *said = strstr(child.text, "left ");
    assert_non_null(said);
    assert_int_equal(sscanf(said, "left %d and %d", &fds[0], &fds[1]), 2);
    snprintf(
        sentence, sizeof sentence,
        "ERROR: leaves_descriptors has left descriptors open: %d (/dev/null), %d (/dev/full)\n",
        fds[0], fds[1]);
    assert_true(has_said(&child, sentence));
    assert_true(has_said(&child, "ERROR: passes has left descriptors open: "));
}

/* --- Time --- */

static void takes_hours(void **state)
{
    (void)state;
    int64_t start = whorl_now();
    assert_int_equal(whorl_sleep(100 * HOUR), 0);
    assert_int_equal(whorl_now() - start, 100 * HOUR);
}

static void a_virtual_clock_is_one_by_choice(void **state)
{
    (void)state;
    const whorl_config config = {.stack_size = WHORL_STACK_MIN};
    const struct CMUnitTest tests[] = {
        whorl_unit_test_with(takes_hours, .clock = WHORL_CLOCK_VIRTUAL),
        whorl_unit_test_with(takes_hours, .clock = WHORL_CLOCK_VIRTUAL, .config = &config),
        whorl_unit_test_with(passes, .limit = WHORL_FOREVER),
    };
    struct child child;
    watch_tests(tests, &child);
    assert_true(child_exited(&child, 0));
}

static void ends_when_cancelled(void **state)
{
    (void)state;
    while (whorl_sleep(WHORL_MS(1)) == 0)
        continue;
}

static void fails_when_cancelled(void **state)
{
    (void)state;
    for (;;)
        assert_int_equal(whorl_sleep(WHORL_MS(1)), 0);
}

static int never_sets_up(void **state)
{
    ends_when_cancelled(state);
    return 0;
}

#define within_300_ms(test, ...) whorl_unit_test_with(test, .limit = WHORL_MS(300), __VA_ARGS__)

static void a_test_that_takes_longer_than_its_limit_is_cancelled_and_fails(void **state)
{
    (void)state;
    const struct CMUnitTest tests[] = {
        within_300_ms(ends_when_cancelled, .clock = WHORL_CLOCK_REAL),
        within_300_ms(fails_when_cancelled, .clock = WHORL_CLOCK_REAL),
        within_300_ms(ends_when_cancelled, .clock = WHORL_CLOCK_VIRTUAL),
        within_300_ms(fails_when_cancelled, .clock = WHORL_CLOCK_VIRTUAL),
        within_300_ms(passes, .setup = never_sets_up),
        whorl_unit_test(passes),
    };
    struct child child;
    watch_tests(tests, &child);
    assert_true(child_exited(&child, 5));
    assert_true(has_said(&child, "ERROR: ends_when_cancelled did not end within 300 ms\n"));
    assert_true(has_said(&child, "ERROR: fails_when_cancelled did not end within 300 ms\n"));
    assert_true(has_said(&child, "ERROR: the set-up of passes did not end within 300 ms\n"));
    assert_true(has_passed(&child, passes));
}

static void takes_a_second(void **state)
{
    (void)state;
    assert_int_equal(whorl_sleep(WHORL_SECONDS(60)), -ECANCELED);
}

static void the_limit_is_told_in_seconds_too(void **state)
{
    (void)state;
    const struct CMUnitTest tests[] = {
        whorl_unit_test_with(takes_a_second, .limit = WHORL_SECONDS(1)),
    };
    struct child child;
    watch_tests(tests, &child);
    assert_true(child_exited(&child, 1));
    assert_true(has_said(&child, "ERROR: takes_a_second did not end within 1.0 s\n"));
}

static void spins(void **state)
{
    (void)state;
    for (volatile int on = 1; on;)
        continue;
}

static void ignores_its_cancel(void **state)
{
    (void)state;
    for (;;) {
        whorl_sleep(WHORL_MS(1));
        whorl_uncancel();
    }
}

static void yields_in_virtual_time(void **state)
{
    (void)state;
    while (whorl_yield() == 0)
        continue;
}

static void one_that_does_not_react_is_aborted_with_a_sentence(void **state)
{
    (void)state;
    const struct CMUnitTest tests[][1] = {
        {within_300_ms(spins, .clock = WHORL_CLOCK_REAL)},
        {within_300_ms(ignores_its_cancel, .clock = WHORL_CLOCK_REAL)},
        {within_300_ms(yields_in_virtual_time, .clock = WHORL_CLOCK_VIRTUAL)},
    };
    for (size_t i = 0; i < count_of(tests); i++) {
        struct child child;
        char sentence[128];
        watch_tests(tests[i], &child);
        assert_true(WIFSIGNALED(child.status) && WTERMSIG(child.status) == SIGABRT);
        snprintf(sentence, sizeof sentence,
                 "whorl: test %s did not end within 300 ms, nor, cancelled, within as long again",
                 tests[i][0].name);
        assert_true(has_said(&child, sentence));
    }
}

static intptr_t look_for_a_watcher(void *arg)
{
    check_equal(status_figure("Threads:"), *(long *)arg);
    return whorl_sleep(HOUR);
}

static int run_unwatched(void *arg)
{
    whorl_trial trial = {.name = "trial", .limit = WHORL_MS(50)};
    long threads = status_figure("Threads:");
    check_equal(forbid_call(SYS_clone3, EAGAIN), 0);
    check_equal(forbid_call(SYS_clone, EAGAIN), 0);
    whorl_trial_begin(&trial);
    check_equal(whorl_trial_run(&trial, look_for_a_watcher, &threads), 1);
    check_text(trial.complaint, "did not end within 50 ms");
    check_equal(whorl_trial_end(&trial), 0);
    return (int)(intptr_t)arg;
}

static void without_a_thread_to_watch_it_the_run_itself_keeps_the_limit(void **state)
{
    (void)state;
    run_in_child(run_unwatched, NULL);
}

static void is_stuck(void **state)
{
    (void)state;
    whorl_sleep(WHORL_FOREVER);
}

static void is_stuck_and_fails(void **state)
{
    (void)state;
    assert_int_equal(whorl_sleep(WHORL_FOREVER), 0);
}

static void a_deadlock_fails_it_at_once(void **state)
{
    (void)state;
    const struct CMUnitTest tests[] = {
        whorl_unit_test(is_stuck),
        whorl_unit_test(is_stuck_and_fails),
        whorl_unit_test(passes),
    };
    struct child child;
    watch_tests(tests, &child);
    assert_true(child_exited(&child, 2));
    assert_true(has_said(&child, "is_stuck waits for time\n"));
    assert_true(has_said(&child, "ERROR: is_stuck came to a deadlock\n"));
    assert_true(has_said(&child, "ERROR: is_stuck_and_fails came to a deadlock\n"));
    assert_true(has_passed(&child, passes));
}

static void a_run_that_cannot_begin_fails_it(void **state)
{
    (void)state;
    const whorl_config config = {.entries = 1 << 30};
    const struct CMUnitTest tests[] = {whorl_unit_test_with(passes, .config = &config)};
    struct child child;
    watch_tests(tests, &child);
    assert_true(child_exited(&child, 1));
    assert_true(has_said(&child, "ERROR: passes could not run: Invalid argument\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(tasks_that_live_on_fail_it_by_name),
        behaviour(fixtures_may_not_leave_any_either),
        behaviour(ops_in_flight_fail_it),
        behaviour(a_scope_left_open_fails_it),
        behaviour(what_is_deferred_may_clean_up),
        behaviour(descriptors_that_stay_open_fail_it_by_name),
        behaviour(a_virtual_clock_is_one_by_choice),
        behaviour(a_test_that_takes_longer_than_its_limit_is_cancelled_and_fails),
        behaviour(the_limit_is_told_in_seconds_too),
        behaviour(one_that_does_not_react_is_aborted_with_a_sentence),
        behaviour(without_a_thread_to_watch_it_the_run_itself_keeps_the_limit),
        behaviour(a_deadlock_fails_it_at_once),
        behaviour(a_run_that_cannot_begin_fails_it),
    };
    return run_behaviours("what tests leave", tests);
}
