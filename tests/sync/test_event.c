/* Events: whom setting one wakes, and whom it does not. */
#include "start.h"

static whorl_event event = WHORL_EVENT_INIT;

static intptr_t wait_for_event(void *arg)
{
    int error = whorl_event_wait(&event);
    return error ? error : ++*(int *)arg;
}

static intptr_t set_and_clear(void *arg)
{
    int went_on = 0;
    (void)arg;
    whorl_task *first = start(wait_for_event, &went_on);
    whorl_task *second = start(wait_for_event, &went_on);
    check_equal(whorl_event_is_set(&event), 0);
    check_equal(whorl_event_set(&event), 0);
    check_equal(whorl_event_is_set(&event), 1);
    check_equal(whorl_event_clear(&event), 0);
    check_equal(whorl_event_is_set(&event), 0);
    check_equal(went_on, 0);
    /* Who comes after the clear waits for the next one. */
    whorl_task *late = start(wait_for_event, &went_on);
    check_equal(whorl_join(first), 1);
    check_equal(whorl_join(second), 2);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_is_done(late), 0);
    check_equal(whorl_event_set(&event), 0);
    check_equal(whorl_join(late), 3);
    return whorl_event_clear(&event);
}

static void setting_wakes_all_who_wait_then_though_it_is_cleared_at_once(void **state)
{
    (void)state;
    run_checks(set_and_clear, NULL);
}

static intptr_t wait_for_a_set_one(void *arg)
{
    int went_on = 0, others = 0;
    (void)arg;
    check_equal(whorl_event_set(&event), 0);
    check_equal(whorl_event_set(&event), 0);
    whorl_task *other = whorl_spawn(wait_for_event, &others);
    for (int i = 1; i < 4; i++)
        check_equal(wait_for_event(&went_on), i);
    check_equal(others, 0);
    check_equal(whorl_join(other), 1);
    check_equal(whorl_event_clear(&event), 0);
    check_equal(whorl_event_clear(&event), 0);
    return 0;
}

static void who_comes_while_it_is_set_goes_on_at_once(void **state)
{
    (void)state;
    run_checks(wait_for_a_set_one, NULL);
}

static intptr_t set_when_cancelled(void *arg)
{
    int went_on = 0;
    (void)arg;
    whorl_task *waiter = start(wait_for_event, &went_on);
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_event_set(&event), 0);
    check_equal(whorl_event_wait(&event), -ECANCELED);
    check_equal(whorl_event_clear(&event), 0);
    check_equal(whorl_event_is_set(&event), 0);
    check_equal(whorl_uncancel(), 1);
    return whorl_join(waiter) - 1;
}

static void a_cancelled_task_can_set_and_clear(void **state)
{
    (void)state;
    run_checks(set_when_cancelled, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(setting_wakes_all_who_wait_then_though_it_is_cleared_at_once),
        behaviour(who_comes_while_it_is_set_goes_on_at_once),
        behaviour(a_cancelled_task_can_set_and_clear),
    };
    return run_behaviours("event", tests);
}
