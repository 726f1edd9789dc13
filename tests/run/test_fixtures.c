/* Set-ups and tear-downs as tasks; what state they share; what happens when one of them fails. */
#include "run/group.h"

static int values[3] = {1, 2, 3};
static int torn_down;

static int refuse_others(whorl_task *task, void *arg)
{
    (void)arg;
    return task == whorl_self() ? 0 : 1;
}

/* Each is the main task of a run of its own. */
static void be_a_task_of_its_own(void)
{
    assert_non_null(whorl_self());
    assert_int_equal(whorl_yield(), 0);
    assert_int_equal(whorl_each_task(refuse_others, NULL), 0);
}

static int set_up(void **state)
{
    be_a_task_of_its_own();
    *state = &values[1];
    return 0;
}

static int tear_down(void **state)
{
    be_a_task_of_its_own();
    assert_ptr_equal(*state, &values[2]);
    torn_down++;
    return 0;
}

static void sees_the_state(void **state)
{
    be_a_task_of_its_own();
    assert_ptr_equal(*state, &values[1]);
    *state = &values[2];
}

static void sees_the_state_and_fails(void **state)
{
    sees_the_state(state);
    fail();
}

static void has_a_first_state(void **state)
{
    assert_ptr_equal(*state, &values[1]);
}

static void was_torn_down(void **state)
{
    assert_int_equal(torn_down, *(int *)*state);
}

static int fail_to_set_up(void **state)
{
    be_a_task_of_its_own();
    (void)state;
    fail();
    return 0;
}

static int give_three(void **state)
{
    (void)state;
    return whorl_yield() == 0 ? 3 : 0;
}

static int fail_to_tear_down(void **state)
{
    (void)state;
    whorl_yield();
    fail();
    return 0;
}

static void never_runs(void **state)
{
    (void)state;
    print_message("ran in spite of its set-up\n");
}

static void passes(void **state)
{
    (void)state;
    assert_int_equal(whorl_yield(), 0);
}

static void fails(void **state)
{
    (void)state;
    whorl_yield();
    fail();
}

static void fixtures_are_tasks_and_share_the_state(void **state)
{
    (void)state;
    const struct CMUnitTest tests[] = {
        whorl_unit_test_setup_teardown(sees_the_state, set_up, tear_down),
        whorl_unit_test_with(has_a_first_state, .state = &values[1]),
        whorl_unit_test_with(was_torn_down, .state = &values[0]),
        whorl_unit_test_setup(has_a_first_state, set_up),
    };
    struct child child;
    watch_tests(tests, &child);
    assert_true(child_exited(&child, 0));
}

static void the_tear_down_runs_after_a_failure(void **state)
{
    (void)state;
    const struct CMUnitTest tests[] = {
        whorl_unit_test_setup_teardown(sees_the_state_and_fails, set_up, tear_down),
        whorl_unit_test_with(was_torn_down, .state = &values[0]),
    };
    struct child child;
    watch_tests(tests, &child);
    assert_true(child_exited(&child, 1));
    assert_true(has_failed(&child, sees_the_state_and_fails));
    assert_true(has_passed(&child, was_torn_down));
}

static void after_a_failing_set_up_neither_test_nor_tear_down_runs(void **state)
{
    (void)state;
    int none = 0;
    const struct CMUnitTest tests[] = {
        whorl_unit_test_setup_teardown(never_runs, fail_to_set_up, tear_down),
        whorl_unit_test_setup_teardown(never_runs, give_three, tear_down),
        whorl_unit_test_with(was_torn_down, .state = &none),
        whorl_unit_test(passes),
    };
    struct child child;
    watch_tests(tests, &child);
    assert_true(child_exited(&child, 2));
    assert_true(has_failed(&child, never_runs));
    assert_true(has_said(&child, "ERROR: the set-up of never_runs gave 3\n"));
    assert_null(strstr(child.text, "ran in spite"));
    assert_true(has_passed(&child, was_torn_down));
    assert_true(has_passed(&child, passes));
}

static void a_failing_tear_down_fails_the_test(void **state)
{
    (void)state;
    const struct CMUnitTest tests[] = {
        whorl_unit_test_teardown(passes, fail_to_tear_down),
        whorl_unit_test_teardown(passes, give_three),
        whorl_unit_test(has_a_first_state), /* fails, as it has none */
    };
    struct child child;
    watch_tests(tests, &child);
    assert_true(child_exited(&child, 3));
    assert_true(has_failed(&child, passes));
    assert_true(has_said(&child, "ERROR: the tear-down of passes gave 3\n"));
    assert_true(has_failed(&child, has_a_first_state));
}

static void a_tear_down_that_fails_after_its_test_leaves_the_next_alone(void **state)
{
    (void)state;
    const struct CMUnitTest tests[] = {
        whorl_unit_test_teardown(fails, fail_to_tear_down),
        whorl_unit_test(passes),
        whorl_unit_test_teardown(fails, give_three),
        whorl_unit_test(passes),
    };
    struct child child;
    watch_tests(tests, &child);
    assert_true(child_exited(&child, 2));
    assert_true(was_in_error(&child, fails));
    assert_true(has_passed(&child, passes));
    assert_non_null(strstr(strstr(child.text, "       OK ] passes") + 1, "       OK ] passes"));
}

static int leave_a_state(void **state)
{
    *state = values;
    return 0;
}

static int leave_none(void **state)
{
    (void)state;
    return 0;
}

static void a_groups_state_is_refused_with_a_sentence(void **state)
{
    (void)state;
    const struct CMUnitTest tests[] = {whorl_unit_test(passes)};
    struct child child;
    watch_group((struct group){tests, 1, leave_a_state}, &child);
    assert_true(child_exited(&child, 1));
    assert_true(has_said(&child, "ERROR: the group's set-up has left a state"));
    watch_group((struct group){tests, 1, leave_none}, &child);
    assert_true(child_exited(&child, 0));
}

static const struct CMUnitTest outside_of_functions[] = {
    whorl_unit_test(passes),
    whorl_unit_test_with(sees_the_state, .state = &values[1]),
    whorl_unit_test_setup_teardown(sees_the_state, set_up, tear_down),
};

static int run_twice(void *arg)
{
    int failed = run_group(arg);
    return failed + run_group(arg);
}

static void the_array_may_stand_outside_of_functions_and_run_again(void **state)
{
    (void)state;
    struct group group = {outside_of_functions, count_of(outside_of_functions), NULL};
    run_in_child(run_twice, &group);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(fixtures_are_tasks_and_share_the_state),
        behaviour(the_tear_down_runs_after_a_failure),
        behaviour(after_a_failing_set_up_neither_test_nor_tear_down_runs),
        behaviour(a_failing_tear_down_fails_the_test),
        behaviour(a_tear_down_that_fails_after_its_test_leaves_the_next_alone),
        behaviour(a_groups_state_is_refused_with_a_sentence),
        behaviour(the_array_may_stand_outside_of_functions_and_run_again),
    };
    return run_behaviours("fixtures", tests);
}
