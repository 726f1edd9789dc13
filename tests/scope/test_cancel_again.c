/*
 * A cancel that comes after another one was heard and taken back: who waits for tasks that he, or
 * their sibling's error, has cancelled already is cancelled himself, and then so are they, again.
 */
#include "support.h"

#include <errno.h>

#define SOON WHORL_MS(2)
#define FAR WHORL_SECONDS(2)

static const whorl_config virtual_clock = {.clock = WHORL_CLOCK_VIRTUAL};
static int heard;

static intptr_t give_an_error(void *arg)
{
    (void)arg;
    return -EIO;
}

/* Goes on after the first cancel, and ends with the second. */
static intptr_t be_stubborn(void *arg)
{
    (void)arg;
    heard = 0;
    check_equal(whorl_sleep(FAR), -ECANCELED);
    heard++;
    check_equal(whorl_uncancel(), 1);
    int result = whorl_sleep(FAR);
    heard += result == -ECANCELED;
    return result;
}

static intptr_t gather_a_stubborn_one(void *arg)
{
    const whorl_call calls[] = {{be_stubborn, NULL}, {give_an_error, NULL}};
    intptr_t results[2] = {0};
    (void)arg;
    check_equal(whorl_gather_calls(calls, 2, results, 0), -EIO);
    check_equal(results[0], -ECANCELED);
    return 0;
}

static intptr_t wait_for_a_stubborn_one(void *arg)
{
    check_equal(whorl_wait_for(whorl_spawn(be_stubborn, arg), SOON), -ECANCELED);
    return 0;
}

static intptr_t cancel_the_one_who_waits(void *waiter)
{
    whorl_task *task = whorl_spawn((whorl_fn *)waiter, NULL);
    int64_t start = whorl_now();
    check_equal(whorl_sleep(4 * SOON), 0);
    check_equal(heard, 1);
    check_equal(whorl_cancel(task), 0);
    check_equal(whorl_join(task), 0);
    check_equal(heard, 2);
    check(whorl_now() - start < FAR);
    return 0;
}

static void a_cancel_of_a_gathers_caller_reaches_those_whom_an_error_has_cancelled(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, cancel_the_one_who_waits, (void *)gather_a_stubborn_one);
}

static void a_cancel_of_a_waiter_reaches_the_task_that_he_has_cancelled(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, cancel_the_one_who_waits, (void *)wait_for_a_stubborn_one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_cancel_of_a_gathers_caller_reaches_those_whom_an_error_has_cancelled),
        behaviour(a_cancel_of_a_waiter_reaches_the_task_that_he_has_cancelled),
    };
    return run_behaviours("cancel again", tests);
}
