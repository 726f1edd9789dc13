/* Once: who runs the function, who gets its result, and what a failure means. */
#include "as_task.h"
#include "start.h"

static whorl_once once = WHORL_ONCE_INIT;
static int runs;

/* What a run of the function comes to, after a second. */
static intptr_t produce(void *arg)
{
    runs++;
    check_equal(whorl_once_is_done(&once), 0);
    int slept = whorl_sleep(WHORL_SECONDS(1));
    return slept ? slept : (intptr_t)arg;
}

/* `arg` is what its own function would give. */
static intptr_t need(void *arg)
{
    return whorl_once_run(&once, produce, arg);
}

static void begin(void)
{
    runs = 0;
    check_equal(whorl_once_init(&once), 0);
}

static void the_first_runs_it_and_all_get_its_result(void **state)
{
    (void)state;
    begin();
    whorl_task *tasks[3];
    for (intptr_t i = 0; i < 3; i++)
        tasks[i] = start(need, (void *)(i + 10));
    int64_t begun = whorl_now();
    for (int i = 0; i < 3; i++)
        assert_int_equal(whorl_join(tasks[i]), 10);
    assert_int_equal(whorl_now() - begun, WHORL_SECONDS(1));
    assert_int_equal(whorl_once_is_done(&once), 1);
    assert_int_equal(need((void *)99), 10);
    assert_int_equal(whorl_now() - begun, WHORL_SECONDS(1));
    assert_int_equal(runs, 1);
}

static void a_failure_is_the_runners_own_and_the_next_runs_it(void **state)
{
    (void)state;
    static const intptr_t results[] = {-EIO, -ECANCELED, 0, 8, -EPIPE};
    static const intptr_t expected[] = {-EIO, -ECANCELED, 0, 0, 0};
    whorl_task *tasks[5];
    begin();
    int64_t begun = whorl_now();
    for (int i = 0; i < 5; i++)
        tasks[i] = start(need, (void *)results[i]);
    for (int i = 0; i < 5; i++)
        assert_int_equal(whorl_join(tasks[i]), expected[i]);
    assert_int_equal(whorl_now() - begun, WHORL_SECONDS(3));
    assert_int_equal(runs, 3);
}

static void after_a_failure_the_next_who_comes_runs_it(void **state)
{
    (void)state;
    begin();
    assert_int_equal(need((void *)-EIO), -EIO);
    assert_int_equal(whorl_once_is_done(&once), 0);
    assert_int_equal(need((void *)5), 5);
    assert_int_equal(whorl_once_is_done(&once), 1);
    assert_int_equal(runs, 2);
}

static void a_cancelled_runner_leaves_it_to_the_next_who_is_not(void **state)
{
    (void)state;
    begin();
    whorl_task *runner = start(need, (void *)1);
    whorl_task *waiter = start(need, (void *)2);
    whorl_task *next = start(need, (void *)3);
    assert_int_equal(whorl_cancel(waiter), 0);
    assert_int_equal(whorl_cancel(runner), 0);
    assert_int_equal(whorl_join(runner), -ECANCELED);
    assert_int_equal(whorl_join(waiter), -ECANCELED);
    assert_int_equal(whorl_join(next), 3);
    assert_int_equal(runs, 2);
}

static intptr_t fail_at_the_gate(void *arg)
{
    assert_int_equal(whorl_event_wait(arg), 0);
    return -EIO;
}

static intptr_t run_gated(void *arg)
{
    return whorl_once_run(&once, fail_at_the_gate, arg);
}

static intptr_t note_the_level(void *arg)
{
    runs++;
    *(int *)arg = whorl_yield();
    return 4;
}

static intptr_t run_and_note(void *arg)
{
    return whorl_once_run(&once, note_the_level, arg);
}

static void who_is_cancelled_after_its_turn_had_come_runs_it(void **state)
{
    (void)state;
    whorl_event gate = WHORL_EVENT_INIT;
    int level = 0;
    begin();
    whorl_task *runner = start(run_gated, &gate);
    whorl_task *waiter = start(run_and_note, &level);
    assert_int_equal(whorl_event_set(&gate), 0);
    /* The waiter is ready behind this task when the runner has run. */
    assert_int_equal(whorl_yield(), 0);
    assert_int_equal(whorl_is_done(runner), 1);
    assert_int_equal(runs, 0);
    assert_int_equal(whorl_once_destroy(&once), -EBUSY);
    assert_int_equal(whorl_cancel(waiter), 0);
    assert_int_equal(whorl_join(waiter), 4);
    assert_int_equal(level, -ECANCELED);
    assert_int_equal(whorl_join(runner), -EIO);
    assert_int_equal(runs, 1);
}

static intptr_t run_it_inside(void *arg)
{
    assert_int_equal(need(arg), -EDEADLK);
    assert_int_equal(whorl_once_destroy(&once), -EBUSY);
    assert_int_equal(whorl_cancel(whorl_self()), 0);
    assert_int_equal(need(arg), -EDEADLK);
    return whorl_uncancel();
}

static void running_it_inside_of_itself_is_refused(void **state)
{
    (void)state;
    begin();
    assert_int_equal(whorl_once_run(&once, NULL, NULL), -EINVAL);
    assert_int_equal(whorl_once_run(&once, run_it_inside, NULL), 1);
    assert_int_equal(whorl_once_run(&once, NULL, NULL), -EINVAL);
    assert_int_equal(runs, 0);
}

/* The result is in the hands of those who wait before they run. */
static void a_result_that_was_given_outlives_the_once(void **state)
{
    (void)state;
    begin();
    whorl_task *runner = start(need, (void *)6);
    whorl_task *waiter = start(need, NULL);
    assert_int_equal(whorl_sleep(WHORL_MS(500)), 0);
    assert_int_equal(whorl_is_done(runner), 0);
    assert_int_equal(whorl_join(runner), 6);
    assert_int_equal(whorl_once_destroy(&once), 0);
    assert_int_equal(whorl_once_is_done(&once), 0);
    assert_int_equal(whorl_join(waiter), 6);
}

static intptr_t use_what_is_there(void *arg)
{
    (void)arg;
    return need(NULL) - 9;
}

static intptr_t run_early(void *arg)
{
    begin();
    return need(arg) - 9;
}

static void a_result_is_kept_for_later_runs(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, run_early, (void *)9);
    run_checks_with(&virtual_clock, use_what_is_there, NULL);
    assert_int_equal(runs, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(the_first_runs_it_and_all_get_its_result),
        as_task(a_failure_is_the_runners_own_and_the_next_runs_it),
        as_task(after_a_failure_the_next_who_comes_runs_it),
        as_task(a_cancelled_runner_leaves_it_to_the_next_who_is_not),
        as_task(who_is_cancelled_after_its_turn_had_come_runs_it),
        as_task(running_it_inside_of_itself_is_refused),
        as_task(a_result_that_was_given_outlives_the_once),
        behaviour(a_result_is_kept_for_later_runs),
    };
    return run_behaviours("once", tests);
}
