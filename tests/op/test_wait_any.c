/* The wait for the first of several ops, as the rooms above use it. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <op/op.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { OPS = 3 };

struct scene {
    pair pipes[OPS];
    whorl_op ops[OPS];
};

static void begin(struct scene *scene)
{
    for (int i = 0; i < OPS; i++) {
        scene->pipes[i] = pipe_pair();
        scene->ops[i] = whorl_op_poll(scene->pipes[i].ends[0], POLLIN);
        op_begin(loop_here, loop_here->current, &scene->ops[i]);
    }
}

static void end(struct scene *scene)
{
    for (int i = 0; i < OPS; i++) {
        whorl_op_cancel(&scene->ops[i]);
        whorl_op_await(&scene->ops[i]);
        check(!(scene->ops[i].state & OP_IN_FLIGHT));
        close_pair(&scene->pipes[i]);
    }
}

static void write_to(const struct scene *scene, int number)
{
    check_equal(write(scene->pipes[number].ends[1], "x", 1), 1);
}

static int wait_any(struct scene *scene, int64_t ns)
{
    int64_t deadline = ns == WHORL_FOREVER ? ns : whorl_now() + ns;
    return op_wait_any(loop_here, scene->ops, OPS, deadline);
}

static int still_in_flight(const struct scene *scene)
{
    int count = 0;
    for (int i = 0; i < OPS; i++)
        count += (scene->ops[i].state & OP_IN_FLIGHT) != 0;
    return count;
}

static intptr_t wait_for_one_after_the_other(void *arg)
{
    static const int turns[OPS] = {1, 2, 0};
    struct scene scene;
    begin(&scene);
    for (int i = 0; i < OPS; i++) {
        write_to(&scene, turns[i]);
        check_equal(wait_any(&scene, WHORL_FOREVER), 0);
        check_equal(scene.ops[turns[i]].result, POLLIN);
        check_equal(still_in_flight(&scene), OPS - 1 - i);
    }
    end(&scene);
    return (intptr_t)arg;
}

static void each_end_ends_one_wait(void **state)
{
    (void)state;
    run_checks(wait_for_one_after_the_other, NULL);
}

static intptr_t wait_for_two_at_once(void *arg)
{
    struct scene scene;
    begin(&scene);
    write_to(&scene, 0);
    write_to(&scene, 2);
    check_equal(wait_any(&scene, WHORL_FOREVER), 0);
    while (still_in_flight(&scene) > 1)
        check_equal(whorl_yield(), 0);
    check((scene.ops[1].state & OP_IN_FLIGHT) != 0);
    end(&scene);
    return (intptr_t)arg;
}

static void ends_that_come_together_end_the_same_wait(void **state)
{
    (void)state;
    run_checks(wait_for_two_at_once, NULL);
}

static intptr_t wait_for_time(void *arg)
{
    struct scene scene;
    begin(&scene);
    check_equal(wait_any(&scene, WHORL_MS(5)), 0);
    check_equal(still_in_flight(&scene), OPS);
    check_equal(wait_any(&scene, 0), 0);
    check_equal(still_in_flight(&scene), OPS);
    write_to(&scene, 1);
    check_equal(wait_any(&scene, WHORL_SECONDS(100)), 0);
    check_equal(still_in_flight(&scene), OPS - 1);
    end(&scene);
    return (intptr_t)arg;
}

static void a_deadline_leaves_the_ops_in_flight(void **state)
{
    (void)state;
    run_checks(wait_for_time, NULL);
}

static struct scene shared;

static intptr_t wait_until_cancelled(void *arg)
{
    begin(&shared);
    check_equal(wait_any(&shared, WHORL_FOREVER), -ECANCELED);
    check_equal(still_in_flight(&shared), OPS);
    check_equal(wait_any(&shared, WHORL_FOREVER), -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    write_to(&shared, 2);
    check_equal(wait_any(&shared, WHORL_FOREVER), 0);
    check_equal(shared.ops[2].result, POLLIN);
    end(&shared);
    return (intptr_t)arg;
}

static intptr_t cancel_who_waits(void *arg)
{
    whorl_task *task = whorl_spawn(wait_until_cancelled, NULL);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    check_equal(whorl_cancel(task), 0);
    check_equal(whorl_join(task), 0);
    return (intptr_t)arg;
}

static void a_cancel_leaves_them_too(void **state)
{
    (void)state;
    run_checks(cancel_who_waits, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(each_end_ends_one_wait),
        behaviour(ends_that_come_together_end_the_same_wait),
        behaviour(a_deadline_leaves_the_ops_in_flight),
        behaviour(a_cancel_leaves_them_too),
    };
    return run_behaviours("wait_any", tests);
}
