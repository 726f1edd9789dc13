/*
 * Conditions and cancels: who is cancelled while it waits holds the mutex again all the same, and
 * a notify goes only to who can use it.
 */
#include "start.h"

static whorl_mutex mutex = WHORL_MUTEX_INIT;
static whorl_cond cond = WHORL_COND_INIT;
static int holding; /* tasks that have come back with the mutex */

/* Gives what the wait gave, and notes in *arg what the wait after that gives. */
static intptr_t wait_for_notify(void *arg)
{
    check_equal(whorl_mutex_lock(&mutex), 0);
    int error = whorl_cond_wait(&cond, &mutex);
    check_equal(++holding, 1);
    int next = whorl_yield();
    check_equal(whorl_yield(), next);
    check_equal(holding--, 1);
    check_equal(whorl_mutex_unlock(&mutex), 0);
    if (arg)
        *(int *)arg = next;
    return error;
}

static intptr_t cancel_while_another_holds(void *arg)
{
    int next = 0;
    (void)arg;
    whorl_task *task = start(wait_for_notify, &next);
    check_equal(whorl_mutex_lock(&mutex), 0);
    check_equal(whorl_cancel(task), 0);
    check_equal(whorl_cond_destroy(&cond), 0);
    for (int i = 0; i < 3; i++) {
        check_equal(whorl_sleep(1), 0);
        check_equal(whorl_is_done(task), 0);
        check_equal(whorl_cancel(task), 0);
    }
    check_equal(whorl_mutex_unlock(&mutex), 0);
    /* It is its own, and nobody else's. */
    check_equal(whorl_mutex_try_lock(&mutex), -EBUSY);
    check_equal(whorl_join(task), -ECANCELED);
    check_equal(next, -ECANCELED);
    /* So it is when nobody holds the mutex. */
    task = start(wait_for_notify, &next);
    check_equal(whorl_cancel(task), 0);
    check_equal(whorl_mutex_try_lock(&mutex), -EBUSY);
    check_equal(whorl_join(task), -ECANCELED);
    return whorl_mutex_is_locked(&mutex);
}

static void who_is_cancelled_holds_the_mutex_again(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, cancel_while_another_holds, NULL);
}

static intptr_t run_out_within_limits(void *arg)
{
    whorl_timeout outer, inner;
    whorl_shield shield;
    (void)arg;
    check_equal(whorl_mutex_lock(&mutex), 0);
    check_equal(whorl_timeout_begin(&outer, WHORL_SECONDS(2)), 0);
    check_equal(whorl_timeout_begin(&inner, WHORL_SECONDS(1)), 0);
    intptr_t result = whorl_cond_wait(&cond, &mutex);
    check_equal(result, -ECANCELED);
    check_equal(whorl_mutex_try_lock(&mutex), -EBUSY);
    /* Again, though its time is up: it is not let go. */
    check_equal(whorl_cond_wait(&cond, &mutex), -ECANCELED);
    check_equal(whorl_timeout_end(&inner, result), -ECANCELED);
    check_equal(whorl_timeout_end(&outer, -ECANCELED), -ETIMEDOUT);
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_shield_begin(&shield, WHORL_SECONDS(1)), 0);
    check_equal(whorl_shield_end(&shield, whorl_cond_wait(&cond, &mutex)), -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    return whorl_mutex_unlock(&mutex);
}

static intptr_t hold_for_three_seconds(void *arg)
{
    whorl_task *task = start(run_out_within_limits, arg);
    int64_t begun = whorl_now();
    check_equal(whorl_mutex_lock(&mutex), 0);
    check_equal(whorl_sleep(WHORL_SECONDS(3)), 0);
    check_equal(whorl_mutex_unlock(&mutex), 0);
    check_equal(whorl_join(task), 0);
    check_equal(whorl_now() - begun, WHORL_SECONDS(4));
    return 0;
}

static void no_limit_cuts_the_way_back_to_the_mutex_short(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, hold_for_three_seconds, NULL);
}

static intptr_t take_and_tell(void *arg)
{
    check_equal(whorl_mutex_lock(&mutex), 0);
    *(bool *)arg = true;
    return whorl_mutex_unlock(&mutex);
}

static intptr_t wait_when_cancelled(void *arg)
{
    bool taken = false;
    (void)arg;
    check_equal(whorl_mutex_lock(&mutex), 0);
    whorl_task *other = start(take_and_tell, &taken);
    check_equal(whorl_cancel(whorl_self()), 0);
    for (int i = 0; i < 3; i++)
        check_equal(whorl_cond_wait(&cond, &mutex), -ECANCELED);
    check_equal(taken, false);
    check_equal(whorl_mutex_unlock(&mutex), 0);
    check_equal(whorl_uncancel(), 1);
    return whorl_join(other);
}

static void a_cancelled_task_does_not_let_the_mutex_go(void **state)
{
    (void)state;
    run_checks(wait_when_cancelled, NULL);
}

/* --- Notifies --- */

static intptr_t cancel_and_notify(void *arg)
{
    bool cancel_first = arg != NULL;
    int next = 0;
    whorl_task *first = start(wait_for_notify, &next);
    whorl_task *second = start(wait_for_notify, NULL);
    check_equal(whorl_mutex_lock(&mutex), 0);
    if (cancel_first)
        check_equal(whorl_cancel(first), 0);
    check_equal(whorl_cond_notify(&cond, 1), 0);
    if (!cancel_first)
        check_equal(whorl_cancel(first), 0);
    check_equal(whorl_mutex_unlock(&mutex), 0);
    check_equal(whorl_join(first), cancel_first ? -ECANCELED : 0);
    check_equal(next, -ECANCELED);
    check_equal(whorl_sleep(1), 0);
    check_equal(whorl_is_done(second), cancel_first);
    check_equal(whorl_cond_notify(&cond, 1), 0);
    return whorl_join(second);
}

static void a_notify_passes_over_who_was_cancelled_before(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, cancel_and_notify, (void *)1);
}

static void a_notified_task_has_its_notify_though_it_is_cancelled_after(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, cancel_and_notify, NULL);
}

static intptr_t notify_when_cancelled(void *arg)
{
    (void)arg;
    whorl_task *first = start(wait_for_notify, NULL);
    whorl_task *second = start(wait_for_notify, NULL);
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_cond_notify(&cond, 1), 0);
    check_equal(whorl_cond_notify_all(&cond), 0);
    check_equal(whorl_uncancel(), 1);
    check_equal(whorl_join(first), 0);
    return whorl_join(second);
}

static void a_cancelled_task_can_notify(void **state)
{
    (void)state;
    run_checks(notify_when_cancelled, NULL);
}

/* --- Predicates --- */

static bool come;

static int has_come(void *arg)
{
    (void)arg;
    return come;
}

static intptr_t wait_until_it_has_come(void *arg)
{
    (void)arg;
    check_equal(whorl_mutex_lock(&mutex), 0);
    int error = whorl_cond_wait_for(&cond, &mutex, has_come, NULL);
    check_equal(whorl_mutex_unlock(&mutex), 0);
    return error;
}

/* The first is notified, cancelled, and then finds nothing. */
static intptr_t notify_too_early(void *arg)
{
    come = false;
    whorl_task *first = start(wait_until_it_has_come, arg);
    whorl_task *second = start(wait_for_notify, NULL);
    check_equal(whorl_cond_notify(&cond, 1), 0);
    check_equal(whorl_cancel(first), 0);
    check_equal(whorl_join(first), -ECANCELED);
    return whorl_join(second);
}

static void a_notify_that_a_cancelled_task_cannot_use_is_passed_on(void **state)
{
    (void)state;
    run_checks(notify_too_early, NULL);
}

static intptr_t let_it_come(void *arg)
{
    come = false;
    whorl_task *first = start(wait_until_it_has_come, arg);
    whorl_task *second = start(wait_until_it_has_come, arg);
    whorl_task *third = start(wait_for_notify, NULL);
    come = true;
    check_equal(whorl_cond_notify(&cond, 1), 0);
    check_equal(whorl_cancel(first), 0);
    check_equal(whorl_cancel(second), 0);
    check_equal(whorl_join(first), 0);
    check_equal(whorl_join(second), -ECANCELED);
    check_equal(whorl_sleep(1), 0);
    check_equal(whorl_is_done(third), 0);
    check_equal(whorl_cancel(third), 0);
    return whorl_join(third) + ECANCELED;
}

static void what_has_come_by_a_notify_before_the_cancel_is_found(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, let_it_come, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(who_is_cancelled_holds_the_mutex_again),
        behaviour(no_limit_cuts_the_way_back_to_the_mutex_short),
        behaviour(a_cancelled_task_does_not_let_the_mutex_go),
        behaviour(a_notify_passes_over_who_was_cancelled_before),
        behaviour(a_notified_task_has_its_notify_though_it_is_cancelled_after),
        behaviour(a_cancelled_task_can_notify),
        behaviour(a_notify_that_a_cancelled_task_cannot_use_is_passed_on),
        behaviour(what_has_come_by_a_notify_before_the_cancel_is_found),
    };
    return run_behaviours("cancelled conditions", tests);
}
