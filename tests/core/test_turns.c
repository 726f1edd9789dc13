/*
 * Turns of the loop: who runs when. Yielding is fair; neither tasks that are always ready nor a
 * flood of completions keeps the other side waiting. All bounds are counts of steps, not times.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <errno.h>
#include <unistd.h>

enum {
    YIELDERS = 10,
    YIELDS = 1000,
    STEPS_MAX = 100000, /* within which the other side must have had its turn */
    FLOODERS = 64,
};

static int stop;

static intptr_t yield_in_step(void *arg)
{
    static int steps[YIELDERS];
    int me = (int)(intptr_t)arg;

    steps[me] = 0;
    for (int i = 0; i < YIELDS; i++) {
        check_equal(whorl_yield(), 0);
        steps[me]++;
        for (int other = 0; other < YIELDERS; other++) {
            int ahead = steps[me] - steps[other];

            if (ahead < -1 || ahead > 1)
                return check_failed("task %d is at %d, task %d at %d", me, steps[me], other,
                                    steps[other]);
        }
    }
    return 0;
}

static intptr_t yield_together(void *arg)
{
    whorl_task *tasks[YIELDERS];

    (void)arg;
    for (intptr_t i = 0; i < YIELDERS; i++)
        tasks[i] = whorl_spawn(yield_in_step, (void *)i);
    for (int i = 0; i < YIELDERS; i++)
        check_equal(whorl_join(tasks[i]), 0);
    return 0;
}

static void yielding_tasks_run_in_turn(void **state)
{
    (void)state;
    run_checks(yield_together, NULL);
}

static intptr_t yield_alone(void *arg)
{
    (void)arg;
    for (int i = 0; i < STEPS_MAX; i++) {
        if (!check_equal(whorl_yield(), 0))
            break;
    }
    return 0;
}

static void a_yield_alone_comes_back(void **state)
{
    (void)state;
    run_checks(yield_alone, NULL);
}

static intptr_t await_nop_then_stop(void *arg)
{
    whorl_op op = whorl_op_nop();

    (void)arg;
    check_equal(whorl_op_await(&op), 0);
    stop = 1;
    return 0;
}

static intptr_t read_byte_then_stop(void *arg)
{
    char byte;

    check_equal(whorl_read(*(int *)arg, &byte, 1), 1);
    stop = 1;
    return 0;
}

static intptr_t sleep_then_stop(void *arg)
{
    check_equal(whorl_sleep_until(*(int64_t *)arg), 0);
    stop = 1;
    return 0;
}

/* How an always-ready task passes its time. Each gives 0 if it may go on. */
static int step_by_yield(void)
{
    return whorl_yield();
}

static int step_by_sleeping_zero(void)
{
    return whorl_sleep(0);
}

static int step_by_refused_sleep(void)
{
    whorl_cancel(whorl_self());
    return whorl_sleep(WHORL_SECONDS(100)) == -ECANCELED ? 0 : -EIO;
}

static int step_by_refused_op(void)
{
    whorl_op op = whorl_op_nop();

    whorl_cancel(whorl_self());
    return whorl_op_await(&op) == -ECANCELED ? 0 : -EIO;
}

static intptr_t end_at_once(void *arg)
{
    return (intptr_t)arg;
}

static int step_by_spawn_and_join(void)
{
    return (int)whorl_join(whorl_spawn(end_at_once, NULL));
}

static int (*const steps[])(void) = {step_by_yield, step_by_sleeping_zero, step_by_refused_sleep,
                                     step_by_refused_op, step_by_spawn_and_join};

/* Steps until `stop`, at most STEPS_MAX times. */
static intptr_t be_always_ready(int (*step)(void))
{
    int taken = 0;

    while (!stop && taken < STEPS_MAX) {
        if (!check_equal(step(), 0))
            break;
        taken++;
    }
    check(stop);
    whorl_uncancel();
    return taken;
}

static intptr_t await_beside_a_ready_task(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < count_of(steps); i++) {
        whorl_task *task = whorl_spawn(await_nop_then_stop, NULL);

        stop = 0;
        be_always_ready(steps[i]);
        check_equal(whorl_join(task), 0);
    }
    return 0;
}

static void a_task_always_ready_does_not_keep_an_op_from_ending(void **state)
{
    (void)state;
    run_checks(await_beside_a_ready_task, NULL);
}

static intptr_t read_beside_a_ready_task(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < count_of(steps); i++) {
        pair both = pipe_pair();
        whorl_task *task = whorl_spawn(read_byte_then_stop, &both.ends[0]);

        stop = 0;
        for (int k = 0; k < 100; k++)
            check_equal(steps[i](), 0);
        check_equal(stop, 0);
        check_equal(write(both.ends[1], "x", 1), 1);
        be_always_ready(steps[i]);
        check_equal(whorl_join(task), 0);
        close_pair(&both);
    }
    return 0;
}

static void a_task_always_ready_does_not_keep_a_read_from_ending(void **state)
{
    (void)state;
    run_checks(read_beside_a_ready_task, NULL);
}

static intptr_t sleep_beside_a_ready_task(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < count_of(steps); i++) {
        int64_t deadline = whorl_now() + WHORL_MS(2);
        whorl_task *task = whorl_spawn(sleep_then_stop, &deadline);

        stop = 0;
        while (whorl_now() <= deadline)
            check_equal(steps[i](), 0);
        be_always_ready(steps[i]);
        check_equal(whorl_join(task), 0);
    }
    return 0;
}

static void a_task_always_ready_does_not_keep_a_sleeper_from_waking(void **state)
{
    (void)state;
    run_checks(sleep_beside_a_ready_task, NULL);
}

/* A task that, with its last act, spawns the next: there is always one ready, and never the same.
 */
static intptr_t spawn_my_successor(void *arg)
{
    int *generation = arg;

    if (stop || ++*generation > STEPS_MAX)
        return 0;
    return whorl_release(whorl_spawn(spawn_my_successor, arg));
}

static intptr_t await_beside_successors(void *arg)
{
    int generation = 0;
    int64_t deadline = whorl_now();

    (void)arg;
    stop = 0;
    check_equal(whorl_release(whorl_spawn(spawn_my_successor, &generation)), 0);
    check_equal(whorl_join(whorl_spawn(await_nop_then_stop, NULL)), 0);
    check(generation <= STEPS_MAX);
    check_equal(whorl_yield(), 0);
    stop = 0;
    generation = 0;
    check_equal(whorl_release(whorl_spawn(spawn_my_successor, &generation)), 0);
    check_equal(whorl_join(whorl_spawn(sleep_then_stop, &deadline)), 0);
    check(generation <= STEPS_MAX);
    check_equal(whorl_yield(), 0);
    return 0;
}

static void tasks_that_spawn_their_successors_do_not_keep_others_waiting(void **state)
{
    (void)state;
    run_checks(await_beside_successors, NULL);
}

static long flooded;

static intptr_t flood_with_nops(void *arg)
{
    (void)arg;
    while (!stop && flooded < (long)FLOODERS * STEPS_MAX) {
        whorl_op op = whorl_op_nop();

        if (!check_equal(whorl_op_await(&op), 0))
            break;
        flooded++;
    }
    return 0;
}

static intptr_t yield_beside_a_flood(void *arg)
{
    whorl_task *tasks[FLOODERS];

    (void)arg;
    stop = 0;
    flooded = 0;
    for (int i = 0; i < FLOODERS; i++)
        tasks[i] = whorl_spawn(flood_with_nops, NULL);
    for (int i = 0; i < YIELDS; i++)
        check_equal(whorl_yield(), 0);
    check(flooded > 0);
    check(flooded < (long)FLOODERS * STEPS_MAX);
    check_equal(whorl_sleep(WHORL_US(100)), 0);
    check(flooded < (long)FLOODERS * STEPS_MAX);
    stop = 1;
    for (int i = 0; i < FLOODERS; i++)
        check_equal(whorl_join(tasks[i]), 0);
    return 0;
}

static void a_flood_of_completions_does_not_keep_ready_tasks_waiting(void **state)
{
    (void)state;
    run_checks(yield_beside_a_flood, NULL);
    run_checks_with(&(whorl_config){.entries = 4, .completions = 8}, yield_beside_a_flood, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(yielding_tasks_run_in_turn),
        behaviour(a_yield_alone_comes_back),
        behaviour(a_task_always_ready_does_not_keep_an_op_from_ending),
        behaviour(a_task_always_ready_does_not_keep_a_read_from_ending),
        behaviour(a_task_always_ready_does_not_keep_a_sleeper_from_waking),
        behaviour(tasks_that_spawn_their_successors_do_not_keep_others_waiting),
        behaviour(a_flood_of_completions_does_not_keep_ready_tasks_waiting),
    };

    return run_behaviours("turns", tests);
}
