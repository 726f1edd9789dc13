/*
 * Shield scopes: what waits inside, what they hide until they end, and where they stop protecting.
 */
#include "support.h"

#include <errno.h>

#define SOON WHORL_MS(5)
#define FAR WHORL_SECONDS(100)

static intptr_t clean_up(void *arg)
{
    whorl_shield shield;
    (void)arg;
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_sleep(1), -ECANCELED);
    check_equal(whorl_shield_begin(&shield, FAR), 0);
    check_equal(whorl_sleep(SOON), 0);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_cancelling(whorl_self()), 1);
    check_equal(whorl_shield_end(&shield, 5), 5);
    check_equal(whorl_sleep(1), -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    check_equal(whorl_sleep(1), 0);
    return 0;
}

static void cleanup_may_wait_in_a_cancelled_task(void **state)
{
    (void)state;
    run_checks(clean_up, NULL);
}

static intptr_t sleep_shielded(void *arg)
{
    whorl_shield shield;
    int *slept = arg;
    check_equal(whorl_shield_begin(&shield, FAR), 0);
    *slept = whorl_sleep(SOON) == 0;
    check_equal(whorl_shield_end(&shield, 0), 0);
    return whorl_sleep(FAR);
}

static intptr_t cancel_a_shielded_one(void *arg)
{
    int slept = 0;
    whorl_task *task = whorl_spawn(sleep_shielded, &slept);
    (void)arg;
    check_equal(whorl_yield(), 0);
    check_equal(whorl_cancel(task), 0);
    check_equal(whorl_join(task), -ECANCELED);
    check_equal(slept, 1);
    return 0;
}

static void a_cancel_that_comes_meanwhile_is_delivered_after(void **state)
{
    (void)state;
    run_checks(cancel_a_shielded_one, NULL);
}

static intptr_t overrun(void *arg)
{
    whorl_shield shield;
    (void)arg;
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_shield_begin(&shield, SOON), 0);
    check_equal(whorl_sleep(FAR), -ECANCELED);
    check_equal(whorl_sleep(1), -ECANCELED);
    check_equal(whorl_shield_end(&shield, -ECANCELED), -ECANCELED);
    /* Without time it protects from nothing; without a cancel there is nothing to show. */
    check_equal(whorl_shield_begin(&shield, 0), 0);
    check_equal(whorl_sleep(1), -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    check_equal(whorl_sleep(1), 0);
    check_equal(whorl_shield_end(&shield, 0), 0);
    return 0;
}

static void cleanup_that_overruns_its_shield_is_interrupted(void **state)
{
    (void)state;
    run_checks(overrun, NULL);
}

static intptr_t nest(void *arg)
{
    whorl_timeout outer, inner;
    whorl_shield shield;
    (void)arg;
    check_equal(whorl_timeout_begin(&outer, 0), 0);
    check_equal(whorl_sleep(1), -ECANCELED);
    check_equal(whorl_shield_begin(&shield, FAR), 0);
    check_equal(whorl_sleep(1), 0);
    check_equal(whorl_timeout_begin(&inner, SOON), 0);
    check_equal(whorl_timeout_end(&inner, whorl_sleep(FAR)), -ETIMEDOUT);
    check_equal(whorl_sleep(1), 0);
    check_equal(whorl_shield_end(&shield, 0), 0);
    check_equal(whorl_timeout_end(&outer, whorl_sleep(1)), -ETIMEDOUT);
    return 0;
}

static void it_hides_outer_timeouts_and_not_inner_ones(void **state)
{
    (void)state;
    run_checks(nest, NULL);
}

static intptr_t misuse(void *arg)
{
    whorl_shield shield;
    whorl_timeout timeout;
    (void)arg;
    check_equal(whorl_shield_begin(NULL, 1), -EINVAL);
    check_equal(whorl_shield_begin(&shield, WHORL_FOREVER), -EINVAL);
    check_equal(whorl_shield_end(NULL, 1), -EINVAL);
    check_equal(whorl_shield_begin(&shield, 1), 0);
    check_equal(whorl_timeout_begin(&timeout, FAR), 0);
    check_equal(whorl_shield_end(&shield, 1), -EPERM);
    check_equal(whorl_timeout_end(&timeout, 1), 1);
    check_equal(whorl_shield_end(&shield, 1), 1);
    check_equal(whorl_shield_end(&shield, 1), -EPERM);
    return 0;
}

static void a_shield_has_a_limit_and_is_ended_in_order(void **state)
{
    whorl_shield shield;
    (void)state;
    run_checks(misuse, NULL);
    assert_int_equal(whorl_shield_begin(&shield, 1), -EPERM);
    assert_int_equal(whorl_shield_end(&shield, 1), -EPERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(cleanup_may_wait_in_a_cancelled_task),
        behaviour(a_cancel_that_comes_meanwhile_is_delivered_after),
        behaviour(cleanup_that_overruns_its_shield_is_interrupted),
        behaviour(it_hides_outer_timeouts_and_not_inner_ones),
        behaviour(a_shield_has_a_limit_and_is_ended_in_order),
    };
    return run_behaviours("shield", tests);
}
