/* Tests as tasks that fail or skip, from whichever task; the next test runs all the same. */
#include "run/group.h"

#include <signal.h>

#define HOUR WHORL_SECONDS(3600)

static intptr_t give_five(void *arg)
{
    (void)arg;
    return 5;
}

static void passes(void **state)
{
    (void)state;
    assert_int_equal(whorl_sleep(WHORL_US(1)), 0);
    assert_int_equal(whorl_join(whorl_spawn(give_five, NULL)), 5);
}

static void a_test_that_passes_is_a_task_and_passes(void **state)
{
    (void)state;
    const struct CMUnitTest tests[] = {whorl_unit_test(passes), cmocka_unit_test(passes)};
    struct child child;
    watch_tests(tests, &child);
    assert_true(child_exited(&child, 1));
    assert_true(has_passed(&child, passes));
    /* Outside of a task, it does not. */
    assert_true(has_failed(&child, passes));
}

/* --- Assertions --- */

static void fails(void **state)
{
    (void)state;
    assert_int_equal(whorl_yield(), 0);
    assert_int_equal(3, 4);
}

static int go_on_anyway;

static intptr_t fail_later(void *arg)
{
    assert_int_equal(whorl_sleep(WHORL_US(10)), 0);
    assert_string_equal("the child", "is wrong");
    go_on_anyway++;
    return (intptr_t)arg;
}

static void child_fails(void **state)
{
    (void)state;
    whorl_join(whorl_spawn(fail_later, NULL));
    go_on_anyway++;
}

static intptr_t fail_in_group(void *arg)
{
    whorl_group group;
    whorl_timeout timeout;
    whorl_timeout_begin(&timeout, HOUR);
    whorl_group_init(&group);
    whorl_group_spawn(&group, fail_later, arg);
    whorl_group_wait(&group, whorl_sleep(HOUR));
    go_on_anyway++;
    return 0;
}

static void grandchild_fails(void **state)
{
    (void)state;
    whorl_call calls[] = {{.fn = fail_in_group}, {.fn = fail_in_group}};
    whorl_gather_calls(calls, 2, NULL, 0);
    go_on_anyway++;
}

static void nobody_went_on(void **state)
{
    (void)state;
    assert_int_equal(go_on_anyway, 0);
}

static void an_assertion_fails_the_test_from_any_task(void **state)
{
    (void)state;
    const struct CMUnitTest tests[] = {
        whorl_unit_test(fails),
        whorl_unit_test(child_fails),
        whorl_unit_test_with(grandchild_fails, .clock = WHORL_CLOCK_VIRTUAL),
        whorl_unit_test(nobody_went_on),
        cmocka_unit_test(nobody_went_on),
        whorl_unit_test(passes),
    };
    struct child child;
    watch_tests(tests, &child);
    assert_true(child_exited(&child, 3));
    assert_true(has_failed(&child, fails) && has_said(&child, "0x3 != 0x4"));
    assert_true(has_failed(&child, child_fails) &&
                has_said(&child, "\"the child\" != \"is wrong\""));
    assert_true(has_failed(&child, grandchild_fails));
    assert_true(has_passed(&child, nobody_went_on));
    assert_true(has_passed(&child, passes));
}

/* --- With much going on --- */

enum { CROWD = 200 };

static pair pipes[CROWD];
static int cleaned;

static intptr_t clean_up(void *arg)
{
    check_equal(whorl_sleep(WHORL_US(10)), 0);
    close_pair(arg);
    cleaned++;
    return 0;
}

/* On its own stack the kernel may write, until the op has ended. */
static intptr_t read_for_ever(void *arg)
{
    pair *both = arg;
    char bytes[1024];
    if ((both - pipes) % 2)
        whorl_defer(clean_up, both);
    whorl_op started = whorl_op_read(both->ends[0], bytes, sizeof bytes);
    whorl_op_start(&started);
    whorl_read(both->ends[0], bytes, sizeof bytes);
    go_on_anyway++;
    return 0;
}

static intptr_t open_scopes_and_sleep(void *arg)
{
    whorl_timeout timeout;
    whorl_shield shield;
    whorl_shield_begin(&shield, WHORL_FOREVER);
    whorl_timeout_begin(&timeout, HOUR);
    whorl_sleep(WHORL_FOREVER);
    go_on_anyway++;
    return (intptr_t)arg;
}

static intptr_t wait_for_it(void *task)
{
    whorl_join(task);
    go_on_anyway++;
    return 0;
}

static void fails_amid_a_crowd(void **state)
{
    (void)state;
    char own[64];
    pair both = unix_pair();
    whorl_op op = whorl_op_read(both.ends[0], own, sizeof own);
    whorl_group group;
    whorl_group_init(&group);
    assert_int_equal(whorl_op_start(&op), 0);
    for (int i = 0; i < CROWD; i++) {
        pipes[i] = pipe_pair();
        whorl_group_spawn(&group, read_for_ever, &pipes[i]);
        whorl_release(whorl_spawn(wait_for_it, whorl_spawn(open_scopes_and_sleep, NULL)));
        whorl_call_later(i % 2 ? WHORL_US(i) : HOUR, wait_for_it, whorl_self());
    }
    whorl_defer(clean_up, &both);
    assert_int_equal(whorl_sleep(WHORL_US(50)), 0);
    fail();
}

static void what_was_deferred_has_run(void **state)
{
    (void)state;
    int left = 0;
    for (int i = 0; i < CROWD; i++)
        left += pipes[i].ends[0] != -1;
    assert_int_equal(left + cleaned, CROWD + 1);
    assert_in_range(cleaned, 2, CROWD);
    assert_int_equal(go_on_anyway, 0);
}

static void ops_in_flight_are_ended_and_what_is_deferred_runs(void **state)
{
    (void)state;
    const struct CMUnitTest tests[] = {
        whorl_unit_test_with(fails_amid_a_crowd, .limit = HOUR),
        whorl_unit_test(what_was_deferred_has_run),
        whorl_unit_test(passes),
    };
    struct child child;
    watch_tests(tests, &child);
    assert_true(child_exited(&child, 1));
    assert_true(has_failed(&child, fails_amid_a_crowd));
    assert_true(has_passed(&child, what_was_deferred_has_run));
    assert_true(has_passed(&child, passes));
}

static void writes_to_nobody_and_fails(void **state)
{
    (void)state;
    pair both = pipe_pair();
    close(both.ends[0]);
    assert_int_equal(whorl_write(both.ends[1], "x", 1), -EPIPE);
    fail();
}

static void a_pending_sigpipe_does_not_kill(void **state)
{
    (void)state;
    const struct CMUnitTest tests[] = {
        whorl_unit_test(writes_to_nobody_and_fails),
        whorl_unit_test(passes),
    };
    struct child child;
    watch_tests(tests, &child);
    assert_true(child_exited(&child, 1));
    assert_true(has_failed(&child, writes_to_nobody_and_fails));
    assert_true(has_passed(&child, passes));
}

/* --- Skips, mocks, signals --- */

static intptr_t skip_from_here(void *arg)
{
    whorl_yield();
    printf("skipped: skip_from_here: what skips do is what is tested\n");
    skip();
    return (intptr_t)arg;
}

static void skips(void **state)
{
    (void)state;
    whorl_join(whorl_spawn(skip_from_here, NULL));
}

static int skip_set_up(void **state)
{
    (void)state;
    return (int)skip_from_here(NULL);
}

static void is_skipped_before(void **state)
{
    (void)state;
    fail();
}

static void a_test_may_be_skipped_from_any_task_and_by_its_set_up(void **state)
{
    (void)state;
    const struct CMUnitTest tests[] = {
        whorl_unit_test(skips),
        whorl_unit_test_setup(is_skipped_before, skip_set_up),
        whorl_unit_test(passes),
        whorl_unit_test(fails),
    };
    struct child child;
    watch_tests(tests, &child);
    assert_true(child_exited(&child, 1));
    assert_true(was_skipped(&child, skips));
    assert_true(was_skipped(&child, is_skipped_before));
    assert_true(has_passed(&child, passes));
    assert_true(has_failed(&child, fails));
}

static intptr_t mocked(void *arg)
{
    check_expected_ptr(arg);
    whorl_yield();
    return mock_type(int);
}

static void mocks_in_a_child(void **state)
{
    (void)state;
    expect_value(mocked, arg, &cleaned);
    will_return(mocked, 5);
    assert_int_equal(whorl_join(whorl_spawn(mocked, &cleaned)), 5);
}

static void mocks_the_wrong_argument(void **state)
{
    (void)state;
    expect_value(mocked, arg, &cleaned);
    will_return(mocked, 5);
    whorl_join(whorl_spawn(mocked, NULL));
}

static void mocks_what_nobody_calls(void **state)
{
    (void)state;
    will_return(mocked, 5);
}

static void mocks_are_checked_in_any_task(void **state)
{
    (void)state;
    const struct CMUnitTest tests[] = {
        whorl_unit_test(mocks_in_a_child),
        whorl_unit_test(mocks_the_wrong_argument),
        whorl_unit_test(mocks_what_nobody_calls),
        whorl_unit_test(passes),
    };
    struct child child;
    watch_tests(tests, &child);
    assert_true(child_exited(&child, 2));
    assert_true(has_passed(&child, mocks_in_a_child));
    assert_true(has_failed(&child, mocks_the_wrong_argument));
    assert_true(has_failed(&child, mocks_what_nobody_calls));
    assert_true(has_passed(&child, passes));
}

static volatile uintptr_t nowhere;

static intptr_t crash(void *arg)
{
    whorl_yield();
    *(volatile int *)nowhere = 1;
    return (intptr_t)arg;
}

static void crashes(void **state)
{
    (void)state;
    whorl_join(whorl_spawn(crash, NULL));
}

static void divides_by_nothing(void **state)
{
    (void)state;
    whorl_yield();
    raise(SIGFPE);
}

static void a_signal_that_cmocka_catches_fails_the_test(void **state)
{
    (void)state;
    const struct CMUnitTest tests[] = {
        whorl_unit_test(crashes),
        whorl_unit_test(divides_by_nothing),
        whorl_unit_test(crashes),
        whorl_unit_test(passes),
    };
    struct child child;
    if (UNDER_SANITIZER)
        skip_because("a sanitizer takes the signal, or cmocka's memory for its message, for a bug");
    watch_tests(tests, &child);
    assert_true(child_exited(&child, 3));
    assert_true(has_failed(&child, crashes));
    assert_true(has_failed(&child, divides_by_nothing));
    assert_true(has_said(&child, "Test failed with exception: Segmentation fault"));
    assert_true(has_passed(&child, passes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_test_that_passes_is_a_task_and_passes),
        behaviour(an_assertion_fails_the_test_from_any_task),
        behaviour(ops_in_flight_are_ended_and_what_is_deferred_runs),
        behaviour(a_pending_sigpipe_does_not_kill),
        behaviour(a_test_may_be_skipped_from_any_task_and_by_its_set_up),
        behaviour(mocks_are_checked_in_any_task),
        behaviour(a_signal_that_cmocka_catches_fails_the_test),
    };
    return run_behaviours("tests that fail", tests);
}
