/*
 * Joining: ended and living tasks, many joiners, cancelled joiners, cycles; and handles that were
 * given back, which every call refuses.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <errno.h>
#include <string.h>

enum { JOINERS = 500 };

static intptr_t give_back(void *arg)
{
    return (intptr_t)arg;
}

static int gate;

/* Ends some turns after the gate was opened. */
static intptr_t wait_at_the_gate(void *arg)
{
    while (gate == 0)
        check_equal(whorl_sleep(WHORL_US(100)), 0);
    check_equal(whorl_yield(), 0);
    return (intptr_t)arg;
}

static whorl_task *spawn_at_the_gate(intptr_t result)
{
    gate = 0;
    return whorl_spawn(wait_at_the_gate, (void *)result);
}

static intptr_t sleep_forever(void *arg)
{
    (void)arg;
    return whorl_sleep(WHORL_FOREVER);
}

static int joining;

static intptr_t join_it(void *task)
{
    joining++;
    return whorl_join(task);
}

/* Ends when as many tasks as it was given a number have begun to join it. */
static intptr_t wait_to_be_joined(void *arg)
{
    while (joining < (int)(intptr_t)arg)
        check_equal(whorl_yield(), 0);
    return (intptr_t)arg;
}

static intptr_t join_an_ended_task(void *arg)
{
    whorl_task *task = whorl_spawn(give_back, (void *)11);

    (void)arg;
    check_equal(whorl_is_done(task), 0);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_is_done(task), 1);
    check_equal(whorl_is_cancelled(task), 0);
    check_equal(whorl_cancelling(task), 0);
    check_equal(whorl_join(task), 11);
    check_equal(whorl_join(task), -EINVAL);
    return 0;
}

static void an_ended_task_keeps_its_result_for_the_joiner(void **state)
{
    (void)state;
    run_checks(join_an_ended_task, NULL);
}

static intptr_t join_an_ended_task_while_cancelled(void *arg)
{
    whorl_task *task = whorl_spawn(give_back, (void *)12);

    (void)arg;
    check_equal(whorl_yield(), 0);
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_join(task), 12);
    check_equal(whorl_yield(), -ECANCELED);
    return 0;
}

static void a_cancelled_joiner_gets_an_ended_tasks_result(void **state)
{
    (void)state;
    run_checks(join_an_ended_task_while_cancelled, NULL);
}

static intptr_t many_join_one(void *arg)
{
    whorl_task *one = whorl_spawn(wait_to_be_joined, (void *)JOINERS);
    static whorl_task *joiners[JOINERS];

    (void)arg;
    joining = 0;
    for (int i = 0; i < JOINERS; i++)
        joiners[i] = whorl_spawn(join_it, one);
    check_equal(whorl_join(one), JOINERS);
    for (int i = 0; i < JOINERS; i++)
        check_equal(whorl_join(joiners[i]), JOINERS);
    check_equal(whorl_join(one), -EINVAL);
    return 0;
}

static void all_of_many_joiners_get_the_result(void **state)
{
    (void)state;
    run_checks(many_join_one, NULL);
}

static intptr_t release_while_joined(void *arg)
{
    whorl_task *one = spawn_at_the_gate(78);
    whorl_task *joiner = whorl_spawn(join_it, one);

    (void)arg;
    check_equal(whorl_yield(), 0);
    check_equal(whorl_release(one), 0);
    check_equal(whorl_join(one), -EINVAL);
    gate = 1;
    check_equal(whorl_join(joiner), 78);
    return 0;
}

static void a_joiner_that_waits_gets_the_result_of_a_released_task(void **state)
{
    (void)state;
    run_checks(release_while_joined, NULL);
}

static intptr_t cancel_one_of_two_joiners(void *arg)
{
    whorl_task *one = spawn_at_the_gate(79);
    whorl_task *cancelled = whorl_spawn(join_it, one);
    whorl_task *patient = whorl_spawn(join_it, one);

    (void)arg;
    check_equal(whorl_yield(), 0);
    check_equal(whorl_cancel(cancelled), 0);
    check_equal(whorl_join(cancelled), -ECANCELED);
    check_equal(whorl_cancelling(one), 0);
    check_equal(whorl_is_done(one), 0);
    gate = 1;
    check_equal(whorl_join(patient), 79);
    return 0;
}

static intptr_t join_again_after_a_cancelled_join(void *arg)
{
    whorl_task *one = spawn_at_the_gate(80);

    (void)arg;
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_join(one), -ECANCELED);
    check_equal(whorl_join(one), -ECANCELED);
    check_equal(whorl_is_done(one), 0);
    check_equal(whorl_cancelling(one), 0);
    check_equal(whorl_uncancel(), 1);
    gate = 1;
    check_equal(whorl_join(one), 80);
    return 0;
}

static void a_cancelled_join_leaves_the_task_and_its_handle_alone(void **state)
{
    (void)state;
    run_checks(cancel_one_of_two_joiners, NULL);
    run_checks(join_again_after_a_cancelled_join, NULL);
}

static intptr_t join_oneself(void *arg)
{
    (void)arg;
    check_equal(whorl_join(whorl_self()), -EDEADLK);
    check_equal(whorl_yield(), 0);
    return 0;
}

static intptr_t a_child_joins_itself(void *arg)
{
    check_equal(join_oneself(arg), 0);
    return whorl_join(whorl_spawn(join_oneself, arg));
}

static void joining_oneself_is_refused(void **state)
{
    (void)state;
    run_checks(a_child_joins_itself, NULL);
}

/* Members of a ring, each of which joins the next; `length` of them. */
struct ring {
    whorl_task *members[3];
    intptr_t results[3];
    int length;
    int deadlocks;
};

struct member {
    struct ring *ring;
    int index;
};

static intptr_t join_the_next(void *arg)
{
    struct member *member = arg;
    struct ring *ring = member->ring;
    intptr_t result = whorl_join(ring->members[(member->index + 1) % ring->length]);

    ring->deadlocks += result == -EDEADLK;
    ring->results[member->index] = result;
    return 100 + member->index;
}

static intptr_t join_in_a_ring(void *arg)
{
    struct ring ring = {.length = (int)(intptr_t)arg};
    struct member members[3];

    for (int i = 0; i < ring.length; i++) {
        members[i] = (struct member){&ring, i};
        ring.members[i] = whorl_spawn(join_the_next, &members[i]);
    }
    for (int i = 0; i < 2 * ring.length; i++)
        check_equal(whorl_yield(), 0);
    check_equal(ring.deadlocks, 1);
    check_equal(ring.results[ring.length - 1], -EDEADLK);
    for (int i = 0; i < ring.length - 1; i++)
        check_equal(ring.results[i], 100 + i + 1);
    /* The others' handles were taken back by the ring itself. */
    check_equal(whorl_join(ring.members[0]), 100);
    for (int i = 1; i < ring.length; i++)
        check_equal(whorl_join(ring.members[i]), -EINVAL);
    return 0;
}

static void the_join_that_would_close_a_ring_is_refused(void **state)
{
    (void)state;
    run_checks(join_in_a_ring, (void *)2);
    run_checks(join_in_a_ring, (void *)3);
}

static intptr_t join_main(void *arg)
{
    check_equal(whorl_join(arg), -EDEADLK);
    return 1;
}

static intptr_t join_a_child_that_joins_main(void *arg)
{
    (void)arg;
    check_equal(whorl_join(whorl_spawn(join_main, whorl_self())), 1);
    return 0;
}

static void a_child_cannot_join_a_main_that_joins_it(void **state)
{
    (void)state;
    run_checks(join_a_child_that_joins_main, NULL);
}

static void check_every_call_refuses(whorl_task *stale)
{
    check_equal(whorl_join(stale), -EINVAL);
    check_equal(whorl_release(stale), -EINVAL);
    check_equal(whorl_cancel(stale), -EINVAL);
    check_equal(whorl_cancelling(stale), -EINVAL);
    check_equal(whorl_is_done(stale), -EINVAL);
    check_equal(whorl_is_cancelled(stale), -EINVAL);
    check(whorl_name(stale) == NULL);
    check_equal(whorl_set_name(stale, "name"), -EINVAL);
}

static intptr_t use_stale_handles(void *arg)
{
    whorl_task *joined = whorl_spawn(give_back, arg);
    whorl_task *released = whorl_spawn(give_back, arg);
    whorl_task *alive = whorl_spawn(sleep_forever, arg);
    whorl_task *next;

    check_every_call_refuses(NULL);
    check_equal(whorl_join(joined), 0);
    check_equal(whorl_release(released), 0);
    check_equal(whorl_release(alive), 0);
    check_every_call_refuses(joined);
    check_every_call_refuses(released);
    check_every_call_refuses(alive);
    check_equal(whorl_yield(), 0);
    /* The stacks may serve the next tasks by now: their handles are not the old ones. */
    for (int i = 0; i < 1000; i++) {
        next = whorl_spawn(give_back, (void *)5);
        check(next != joined && next != released && next != alive);
        check_every_call_refuses(joined);
        check_every_call_refuses(released);
        check_every_call_refuses(alive);
        check_equal(whorl_join(next), 5);
    }
    return 0;
}

static void a_handle_given_back_is_refused_by_every_call(void **state)
{
    (void)state;
    run_checks(use_stale_handles, NULL);
    run_checks_with(&(whorl_config){.pooled_stacks = 1}, use_stale_handles, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(an_ended_task_keeps_its_result_for_the_joiner),
        behaviour(a_cancelled_joiner_gets_an_ended_tasks_result),
        behaviour(all_of_many_joiners_get_the_result),
        behaviour(a_joiner_that_waits_gets_the_result_of_a_released_task),
        behaviour(a_cancelled_join_leaves_the_task_and_its_handle_alone),
        behaviour(joining_oneself_is_refused),
        behaviour(the_join_that_would_close_a_ring_is_refused),
        behaviour(a_child_cannot_join_a_main_that_joins_it),
        behaviour(a_handle_given_back_is_refused_by_every_call),
    };

    return run_behaviours("join", tests);
}
