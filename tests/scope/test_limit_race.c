/*
 * Waits with a limit, on which two things come in the same turn: the limit, and an end or a cancel,
 * in both orders. Each wait ends once, with what came first or with what it has got.
 */
#include "support.h"

#include <errno.h>

#define LIMIT WHORL_MS(3)
#define FAR WHORL_SECONDS(1000)

/* How somebody waits for a task, at most LIMIT. */
struct way {
    intptr_t (*wait)(whorl_task *task);
    intptr_t ended;   /* what it gives when the task has ended, with 7 */
    intptr_t expired; /* when its time is up */
};

static intptr_t wait_at_most(whorl_task *task)
{
    intptr_t result = whorl_wait(&task, 1, WHORL_ALL_COMPLETED, LIMIT);
    whorl_release(task);
    return result;
}

static intptr_t go_through(whorl_task *task)
{
    whorl_as_completed each;
    check_equal(whorl_as_completed_begin(&each, &task, 1, LIMIT), 0);
    intptr_t result = whorl_as_completed_next(&each, NULL, NULL);
    check_equal(whorl_as_completed_end(&each), 0);
    whorl_release(task);
    return result;
}

static intptr_t wait_for(whorl_task *task)
{
    return whorl_wait_for(task, LIMIT);
}

static intptr_t join_in_a_scope(whorl_task *task)
{
    whorl_timeout scope;
    check_equal(whorl_timeout_begin(&scope, LIMIT), 0);
    intptr_t result = whorl_timeout_end(&scope, whorl_join(task));
    whorl_release(task);
    return result;
}

static intptr_t race_in_a_scope(whorl_task *task)
{
    whorl_timeout scope;
    check_equal(whorl_timeout_begin(&scope, LIMIT), 0);
    return whorl_timeout_end(&scope, whorl_race(&task, 1, NULL, NULL));
}

static const struct way ways[] = {
    {wait_at_most, 1, 0},
    {go_through, 1, -ETIMEDOUT},
    {wait_for, 7, -ETIMEDOUT},
    {join_in_a_scope, 7, -ETIMEDOUT},
    {race_in_a_scope, 7, -ETIMEDOUT},
};

static const struct way *way;
static whorl_task *target, *waiter;

static intptr_t wait_that_way(void *arg)
{
    (void)arg;
    return way->wait(target);
}

static intptr_t sleep_on(void *arg)
{
    int slept = whorl_sleep(FAR);
    return slept < 0 ? slept : (intptr_t)arg;
}

/* Returns when the limit of the wait is over for the clock, and nobody else has had a turn. */
static void outrun_the_limit(void)
{
    check_equal(whorl_yield(), 0);
    int64_t start = whorl_now();
    while (whorl_now() - start <= 2 * LIMIT)
        continue;
}

static intptr_t end_after(void *arg)
{
    outrun_the_limit();
    if (arg) /* The limit first. */
        whorl_yield();
    return 7;
}

static intptr_t cancel_after(void *arg)
{
    outrun_the_limit();
    if (arg)
        check_equal(whorl_yield(), 0);
    int cancelled = whorl_cancel(waiter);
    check(cancelled == 0 || cancelled == -EALREADY);
    for (int i = 0; i < 5; i++)
        check_equal(whorl_yield(), 0);
    return 0;
}

static intptr_t end_in_the_same_turn(void *arg)
{
    for (size_t i = 0; i < count_of(ways); i++) {
        way = &ways[i];
        target = whorl_spawn(end_after, arg);
        waiter = whorl_spawn(wait_that_way, NULL);
        intptr_t result = whorl_join(waiter);
        check(result == way->ended || (arg && result == way->expired));
    }
    return 0;
}

static void an_end_and_the_limit_in_the_same_turn(void **state)
{
    (void)state;
    run_checks(end_in_the_same_turn, NULL);
    run_checks(end_in_the_same_turn, (void *)1);
}

static intptr_t cancel_in_the_same_turn(void *arg)
{
    for (size_t i = 0; i < count_of(ways); i++) {
        way = &ways[i];
        whorl_task *canceller = whorl_spawn(cancel_after, arg);
        target = whorl_spawn(sleep_on, (void *)7);
        waiter = whorl_spawn(wait_that_way, NULL);
        intptr_t result = whorl_join(waiter);
        check(result == -ECANCELED || (arg && result == way->expired));
        check_equal(whorl_join(canceller), 0);
    }
    return 0;
}

static void a_cancel_and_the_limit_in_the_same_turn(void **state)
{
    (void)state;
    run_checks(cancel_in_the_same_turn, NULL);
    run_checks(cancel_in_the_same_turn, (void *)1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(an_end_and_the_limit_in_the_same_turn),
        behaviour(a_cancel_and_the_limit_in_the_same_turn),
    };
    return run_behaviours("waits with a limit, races", tests);
}
