/*
 * The end of generators: left early, or cancelled from outside; and a caller that is cancelled
 * while it asks. No value is lost.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "generating.h"

/* --- Left early --- */

static intptr_t leave_early(void *arg)
{
    static const intptr_t results[] = {-ECANCELED, 5, -EIO};
    (void)arg;
    for (size_t i = 0; i < count_of(results); i++) {
        whorl_generator each;
        int64_t begun = whorl_now();
        cleaned = 0;
        begin(&each, count_and_clean_up, results[i]);
        check_next(&each, 0);
        check_next(&each, 1);
        check_equal(whorl_generator_end(&each), results[i]);
        check_equal(cleaned, 1);
        check_equal(whorl_now() - begun, WHORL_SECONDS(1));
    }
    return 0;
}

static void one_left_early_is_cancelled_and_its_cleanup_awaited(void **state)
{
    (void)state;
    run_checks_with(&virtual_time, leave_early, NULL);
}

static intptr_t never_ask(void *arg)
{
    whorl_generator each;
    (void)arg;
    bodies = 0;
    begin(&each, count_and_clean_up, 1);
    check_equal(whorl_generator_end(&each), -ECANCELED);
    begin(&each, count_and_clean_up, 1);
    whorl_yield();
    check_equal(whorl_generator_end(&each), -ECANCELED);
    check_equal(bodies, 0);
    return 0;
}

static void one_that_was_never_asked_never_runs(void **state)
{
    (void)state;
    run_checks(never_ask, NULL);
}

static intptr_t yield_on_regardless(whorl_generator *self, void *arg)
{
    check_equal(whorl_generator_yield(self, 0), -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    for (int i = 0; i < 10; i++)
        check_equal(whorl_generator_yield(self, 1), -ECANCELED);
    check_equal(whorl_sleep(WHORL_SECONDS(1)), 0);
    return (intptr_t)arg;
}

static intptr_t leave_one_that_goes_on(void *arg)
{
    whorl_generator each;
    (void)arg;
    begin(&each, yield_on_regardless, 6);
    check_next(&each, 0);
    check_equal(whorl_generator_end(&each), 6);
    return 0;
}

static void one_that_takes_its_cancel_back_yields_to_nobody(void **state)
{
    (void)state;
    run_checks_with(&virtual_time, leave_one_that_goes_on, NULL);
}

static intptr_t end_it_when_cancelled(void *arg)
{
    whorl_generator each;
    intptr_t value;
    (void)arg;
    cleaned = 0;
    begin(&each, count_and_clean_up, 4);
    check_next(&each, 0);
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_generator_next(&each, &value), -ECANCELED);
    check_equal(whorl_generator_end(&each), 4);
    check_equal(cleaned, 1);
    return 0;
}

static void a_cancelled_owner_awaits_the_cleanup_too(void **state)
{
    (void)state;
    run_checks_with(&virtual_time, end_it_when_cancelled, NULL);
}

/* --- Cancels --- */

static intptr_t run_out_while_asking(void *arg)
{
    whorl_generator each;
    whorl_timeout scope;
    intptr_t value = 77;
    int64_t begun = whorl_now();
    (void)arg;
    begin(&each, sleep_then_yield, 0);
    check_equal(whorl_timeout_begin(&scope, WHORL_SECONDS(1)), 0);
    check_equal(whorl_timeout_end(&scope, whorl_generator_next(&each, &value)), -ETIMEDOUT);
    check_equal(value, 77);
    check_equal(whorl_timeout_begin(&scope, WHORL_MS(500)), 0);
    check_equal(whorl_timeout_end(&scope, whorl_generator_next(&each, &value)), -ETIMEDOUT);
    check_next(&each, 0); /* it went on meanwhile */
    check_equal(whorl_now() - begun, WHORL_SECONDS(2));
    check_equal(whorl_timeout_begin(&scope, WHORL_SECONDS(1)), 0);
    check_equal(whorl_timeout_end(&scope, whorl_generator_next(&each, &value)), -ETIMEDOUT);
    check_equal(whorl_sleep(WHORL_SECONDS(100)), 0);
    check_next(&each, 1); /* kept */
    check_next(&each, 2);
    check_equal(whorl_now() - begun, WHORL_SECONDS(105));
    check_equal(whorl_generator_next(&each, &value), 0);
    check_equal(whorl_generator_end(&each), 0);
    return 0;
}

static void who_is_cancelled_while_asking_loses_no_value(void **state)
{
    (void)state;
    run_checks_with(&virtual_time, run_out_while_asking, NULL);
}

/* Yields, having cancelled who asks before or after. */
static whorl_task *asking;

static intptr_t cancel_who_asks(whorl_generator *self, void *arg)
{
    (void)arg;
    check_equal(whorl_cancel(asking), 0);
    return whorl_generator_yield(self, 5);
}

static intptr_t cancel_after(void *arg)
{
    (void)arg;
    return whorl_cancel(asking);
}

static intptr_t yield_then_others(whorl_generator *self, void *arg)
{
    (void)arg;
    whorl_release(whorl_spawn(cancel_after, NULL)); /* runs after the hand-over */
    whorl_generator_yield(self, 5);
    return 0;
}

static intptr_t cancel_in_both_orders(void *arg)
{
    whorl_generator each;
    (void)arg;
    begin(&each, cancel_who_asks, 0);
    asking = whorl_spawn(ask, &each);
    check_equal(whorl_join(asking), -ECANCELED);
    check_next(&each, 5);
    check_equal(whorl_generator_end(&each), -ECANCELED);
    begin(&each, yield_then_others, 0);
    asking = whorl_spawn(ask, &each);
    check_equal(whorl_join(asking), 5);
    check_equal(whorl_generator_end(&each), 0);
    return 0;
}

static void a_cancel_before_the_hand_over_wins_and_one_after_it_does_not(void **state)
{
    (void)state;
    run_checks(cancel_in_both_orders, NULL);
}

static intptr_t cancel_from_outside(void *arg)
{
    whorl_generator each;
    intptr_t value;
    (void)arg;
    cleaned = 0;
    begin(&each, count_and_clean_up, -ECANCELED);
    check_next(&each, 0);
    check_equal(whorl_cancel(generator_task), 0);
    check_equal(whorl_generator_next(&each, &value), -ECANCELED);
    check_equal(whorl_cancelling(whorl_self()), 0);
    check_equal(cleaned, 1);
    check_equal(whorl_generator_end(&each), -ECANCELED);
    return 0;
}

static void one_cancelled_from_outside_ends_and_says_so(void **state)
{
    (void)state;
    run_checks_with(&virtual_time, cancel_from_outside, NULL);
}

/* A value that is held is taken back by who yielded it. */
static intptr_t yield_within_a_limit(whorl_generator *self, void *arg)
{
    whorl_timeout scope;
    (void)arg;
    check_equal(whorl_sleep(WHORL_SECONDS(1)), 0);
    check_equal(whorl_timeout_begin(&scope, WHORL_SECONDS(1)), 0);
    check_equal(whorl_timeout_end(&scope, whorl_generator_yield(self, 1)), -ETIMEDOUT);
    return whorl_generator_yield(self, 2);
}

static intptr_t take_too_late(void *arg)
{
    whorl_generator each;
    whorl_timeout scope;
    intptr_t value;
    (void)arg;
    begin(&each, yield_within_a_limit, 0);
    check_equal(whorl_timeout_begin(&scope, WHORL_MS(500)), 0);
    check_equal(whorl_timeout_end(&scope, whorl_generator_next(&each, &value)), -ETIMEDOUT);
    check_equal(whorl_sleep(WHORL_SECONDS(5)), 0);
    check_next(&each, 2);
    check_equal(whorl_generator_next(&each, &value), 0);
    check_equal(whorl_generator_end(&each), 0);
    return 0;
}

static void a_yield_that_is_cut_short_takes_back_what_nobody_took(void **state)
{
    (void)state;
    run_checks_with(&virtual_time, take_too_late, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(one_left_early_is_cancelled_and_its_cleanup_awaited),
        behaviour(one_that_was_never_asked_never_runs),
        behaviour(one_that_takes_its_cancel_back_yields_to_nobody),
        behaviour(a_cancelled_owner_awaits_the_cleanup_too),
        behaviour(who_is_cancelled_while_asking_loses_no_value),
        behaviour(a_cancel_before_the_hand_over_wins_and_one_after_it_does_not),
        behaviour(one_cancelled_from_outside_ends_and_says_so),
        behaviour(a_yield_that_is_cut_short_takes_back_what_nobody_took),
    };

    return run_behaviours("generator_end", tests);
}
