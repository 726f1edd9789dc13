/*
 * The run's end, with tasks inside of scopes and gathers: all are cancelled and awaited, a shield
 * is waited for up to its limit, and what main left open itself is nobody's business any more.
 */
#include "support.h"

#include <errno.h>

#define SOON WHORL_MS(3)
#define FAR WHORL_SECONDS(100)

enum { CHILDREN = 40 };

static int begun, ended;

static intptr_t sleep_far(void *arg)
{
    (void)arg;
    begun++;
    int result = whorl_sleep(FAR);
    ended++;
    return result;
}

static intptr_t gather_far(void *arg)
{
    whorl_call calls[CHILDREN];
    intptr_t results[CHILDREN];
    for (int i = 0; i < CHILDREN; i++)
        calls[i] = (whorl_call){sleep_far, NULL};
    check_equal(whorl_gather_calls(calls, CHILDREN, results, (unsigned)(uintptr_t)arg), -ECANCELED);
    for (int i = 0; i < CHILDREN; i++)
        check_equal(results[i], -ECANCELED);
    ended++;
    return 0;
}

static intptr_t wait_far(void *arg)
{
    check_equal(whorl_wait_for(whorl_spawn(sleep_far, arg), FAR), -ECANCELED);
    ended++;
    return 0;
}

static intptr_t be_in_a_scope(void *arg)
{
    whorl_timeout outer, inner;
    (void)arg;
    check_equal(whorl_timeout_begin(&outer, FAR), 0);
    check_equal(whorl_timeout_begin(&inner, 2 * FAR), 0);
    intptr_t result = whorl_timeout_end(&inner, whorl_sleep(FAR));
    check_equal(result, -ECANCELED);
    check_equal(whorl_timeout_end(&outer, result), -ECANCELED); /* a cancel, not a timeout */
    ended++;
    return 0;
}

static intptr_t be_shielded(void *arg)
{
    whorl_shield shield;
    (void)arg;
    check_equal(whorl_shield_begin(&shield, FAR), 0);
    check_equal(whorl_sleep(SOON), 0);
    check_equal(whorl_shield_end(&shield, 0), 0);
    check_equal(whorl_yield(), -ECANCELED);
    ended++;
    return 0;
}

static intptr_t overrun_a_shield(void *arg)
{
    whorl_shield shield;
    (void)arg;
    check_equal(whorl_shield_begin(&shield, SOON), 0);
    check_equal(whorl_sleep(FAR), -ECANCELED);
    check_equal(whorl_shield_end(&shield, 0), 0);
    ended++;
    return 0;
}

static intptr_t leave_them(void *arg)
{
    static whorl_timeout timeout; /* open when main returns */
    (void)arg;
    begun = ended = 0;
    whorl_spawn(gather_far, NULL);
    whorl_spawn(gather_far, (void *)(uintptr_t)WHORL_COLLECT);
    whorl_spawn(wait_far, NULL);
    whorl_spawn(be_in_a_scope, NULL);
    whorl_spawn(be_shielded, NULL);
    whorl_spawn(overrun_a_shield, NULL);
    check_equal(whorl_sleep(1), 0);
    check_equal(whorl_timeout_begin(&timeout, SOON), 0);
    check_equal(ended, 0);
    return 12;
}

static void whoever_is_in_a_scope_or_a_gather_ends_with_the_run(void **state)
{
    (void)state;
    assert_int_equal(run(leave_them, NULL), 12);
    assert_int_equal(begun, 2 * CHILDREN + 1);
    assert_int_equal(ended, begun + 6);
}

static intptr_t call_after_the_end(void *arg)
{
    const whorl_call calls[] = {{sleep_far, NULL}, {sleep_far, NULL}};
    intptr_t results[2] = {0};
    (void)arg;
    check_equal(whorl_sleep(FAR), -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    /* Tasks that are made now start cancelled. */
    check_equal(whorl_gather_calls(calls, 2, results, 0), -ECANCELED);
    check_equal(results[0], -ECANCELED);
    check_equal(results[1], -ECANCELED);
    check_equal(whorl_gather_calls(calls, 2, results, WHORL_COLLECT), 0);
    check_equal(results[1], -ECANCELED);
    check_equal(whorl_wait_for(whorl_spawn(sleep_far, NULL), FAR), -ECANCELED);
    check_equal(whorl_sleep(1), 0);
    ended++;
    return 0;
}

static intptr_t leave_one(void *arg)
{
    begun = ended = 0;
    whorl_spawn(call_after_the_end, arg);
    return whorl_yield();
}

static void what_is_gathered_after_mains_end_never_begins(void **state)
{
    (void)state;
    assert_int_equal(run(leave_one, NULL), 0);
    assert_int_equal(begun, 0);
    assert_int_equal(ended, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(whoever_is_in_a_scope_or_a_gather_ends_with_the_run),
        behaviour(what_is_gathered_after_mains_end_never_begins),
    };
    return run_behaviours("scope drain", tests);
}
