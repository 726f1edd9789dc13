/* Events: whom setting one wakes, and whom it does not. */
#include "as_task.h"
#include "start.h"

static whorl_event event = WHORL_EVENT_INIT;

static intptr_t wait_for_event(void *arg)
{
    int error = whorl_event_wait(&event);
    return error ? error : ++*(int *)arg;
}

static void setting_wakes_all_who_wait_then_though_it_is_cleared_at_once(void **state)
{
    (void)state;
    int went_on = 0;
    whorl_task *first = start(wait_for_event, &went_on);
    whorl_task *second = start(wait_for_event, &went_on);
    assert_int_equal(whorl_event_is_set(&event), 0);
    assert_int_equal(whorl_event_set(&event), 0);
    assert_int_equal(whorl_event_is_set(&event), 1);
    assert_int_equal(whorl_event_clear(&event), 0);
    assert_int_equal(whorl_event_is_set(&event), 0);
    assert_int_equal(went_on, 0);
    /* Who comes after the clear waits for the next one. */
    whorl_task *late = start(wait_for_event, &went_on);
    assert_int_equal(whorl_join(first), 1);
    assert_int_equal(whorl_join(second), 2);
    assert_int_equal(whorl_yield(), 0);
    assert_int_equal(whorl_is_done(late), 0);
    assert_int_equal(whorl_event_set(&event), 0);
    assert_int_equal(whorl_join(late), 3);
    assert_int_equal(whorl_event_clear(&event), 0);
}

static void who_comes_while_it_is_set_goes_on_at_once(void **state)
{
    (void)state;
    int went_on = 0, others = 0;
    assert_int_equal(whorl_event_set(&event), 0);
    assert_int_equal(whorl_event_set(&event), 0);
    whorl_task *other = whorl_spawn(wait_for_event, &others);
    for (int i = 1; i < 4; i++)
        assert_int_equal(wait_for_event(&went_on), i);
    assert_int_equal(others, 0);
    assert_int_equal(whorl_join(other), 1);
    assert_int_equal(whorl_event_clear(&event), 0);
    assert_int_equal(whorl_event_clear(&event), 0);
}

static void a_cancelled_task_can_set_and_clear(void **state)
{
    (void)state;
    int went_on = 0;
    whorl_task *waiter = start(wait_for_event, &went_on);
    assert_int_equal(whorl_cancel(whorl_self()), 0);
    assert_int_equal(whorl_event_set(&event), 0);
    assert_int_equal(whorl_event_wait(&event), -ECANCELED);
    assert_int_equal(whorl_event_clear(&event), 0);
    assert_int_equal(whorl_event_is_set(&event), 0);
    assert_int_equal(whorl_uncancel(), 1);
    assert_int_equal(whorl_join(waiter), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(setting_wakes_all_who_wait_then_though_it_is_cleared_at_once),
        as_task(who_comes_while_it_is_set_goes_on_at_once),
        as_task(a_cancelled_task_can_set_and_clear),
    };
    return run_behaviours("event", tests);
}
