/*
 * After a deadlock, and short of one: what tasks can still do when they are cancelled for it, what
 * a run comes to whose leftovers are stuck, and that nothing is told while IO or time may come.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "stuck.h"

#include <pthread.h>
#include <time.h>

static whorl_task *ann, *bob;

static intptr_t spawn_those_who_outlast(void *arg)
{
    main_task = whorl_self();
    ann = spawn("ann", wait_for_main);
    (void)arg;
    defer_cleanup();
    check_equal(whorl_wait(&ann, 1, WHORL_ALL_COMPLETED, WHORL_FOREVER), -ECANCELED);
    /* What begins now begins cancelled, as in any run's end. */
    bob = spawn("bob", wait_for_main);
    check_equal(whorl_uncancel(), 1);
    check_equal(whorl_join(bob), -ECANCELED);
    check_equal(whorl_sleep(WHORL_MS(2)), 0);
    check_equal(whorl_cancel(whorl_self()), 0);
    return 9;
}

static void the_run_has_deadlocked_whatever_comes_after(void **state)
{
    const struct scene scene = {spawn_those_who_outlast, {0}, -EDEADLK, 2};
    struct child child;
    (void)state;
    watch(&scene, &child);
    assert_true(is_told(&child, "main", "ann"));
}

static intptr_t wait_for_bob(void *arg)
{
    (void)arg;
    check_equal(whorl_sleep(FAR), -ECANCELED);
    whorl_uncancel();
    return wait_for(bob);
}

static intptr_t wait_for_ann(void *arg)
{
    (void)arg;
    check_equal(whorl_sleep(FAR), -ECANCELED);
    whorl_uncancel();
    return wait_for(ann);
}

static intptr_t leave_a_circle(void *arg)
{
    ann = spawn("ann", wait_for_bob);
    bob = spawn("bob", wait_for_ann);
    (void)arg;
    return whorl_yield();
}

static void what_main_leaves_may_deadlock_too(void **state)
{
    const struct scene scene = {leave_a_circle, {.drain_warning = -1}, -EDEADLK, 2};
    struct child child;
    (void)state;
    watch(&scene, &child);
    assert_true(is_told(&child, "ann", "bob"));
    assert_true(is_told(&child, "bob", "ann"));
    assert_null(strstr(child.text, "main waits"));
}

static intptr_t take_it_back(void *arg)
{
    whorl_task **other = arg;
    for (int i = 0; i < 100; i++) {
        whorl_uncancel();
        check_equal(whorl_wait(other, 1, WHORL_ALL_COMPLETED, WHORL_FOREVER), -ECANCELED);
    }
    return 0;
}

static intptr_t join_the_stubborn(void *arg)
{
    (void)arg;
    defer_cleanup();
    ann = whorl_spawn_with(&(whorl_spawn_options){.name = "ann"}, take_it_back, &bob);
    bob = whorl_spawn_with(&(whorl_spawn_options){.name = "bob"}, take_it_back, &ann);
    check_equal(whorl_join(ann), -ECANCELED);
    return 3;
}

static void those_who_wait_again_for_what_never_comes_cannot_keep_the_run(void **state)
{
    const struct scene scene = {join_the_stubborn, {.drain_warning = -1}, -EDEADLK, 1};
    struct child child;
    (void)state;
    watch(&scene, &child);
    assert_true(is_told(&child, "ann", "bob"));
    assert_true(is_told(&child, "bob", "ann"));
}

/* --- No deadlock --- */

static pair channel;

static void *write_later(void *arg)
{
    nanosleep(&(struct timespec){0, 20000000}, NULL);
    check_equal(write(channel.ends[1], "x", 1), 1);
    return arg;
}

static intptr_t read_a_byte(void *arg)
{
    char byte;
    (void)arg;
    return whorl_read(channel.ends[0], &byte, 1);
}

static intptr_t wait_for_outside(void *arg)
{
    pthread_t thread;
    (void)arg;
    channel = pipe_pair();
    main_task = whorl_self();
    check_equal(pthread_create(&thread, NULL, write_later, NULL), 0);
    check_equal(whorl_join(whorl_spawn(read_a_byte, NULL)), 1);
    check_equal(pthread_join(thread, NULL), 0);
    close_pair(&channel);
    return 4;
}

static intptr_t wait_until_the_limit(void *arg)
{
    (void)arg;
    check_equal(whorl_wait(&main_task, 1, WHORL_ALL_COMPLETED, WHORL_MS(20)), 0);
    return 1;
}

static intptr_t wait_for_timers(void *arg)
{
    whorl_timeout scope;
    (void)arg;
    main_task = whorl_self();
    whorl_task *task = whorl_spawn(wait_until_the_limit, NULL);
    check_equal(whorl_wait(&task, 1, WHORL_ALL_COMPLETED, WHORL_FOREVER), 1);
    check_equal(whorl_join(task), 1);
    task = whorl_spawn(sleep_first, NULL);
    check_equal(whorl_timeout_begin(&scope, WHORL_MS(20)), 0);
    check_equal(whorl_timeout_end(&scope, whorl_join(task)), -ETIMEDOUT);
    check_equal(whorl_cancel(task), 0);
    check_equal(whorl_join(task), 3);
    return 4;
}

static void nothing_is_told_while_io_or_time_may_come(void **state)
{
    static const struct scene scenes[] = {
        {wait_for_outside, {.clock = WHORL_CLOCK_REAL}, 4, 0},
        {wait_for_outside, {.clock = WHORL_CLOCK_VIRTUAL}, 4, 0},
        {wait_for_timers, {.clock = WHORL_CLOCK_REAL}, 4, 1},
        {wait_for_timers, {.clock = WHORL_CLOCK_VIRTUAL}, 4, 1},
    };
    struct child child;
    (void)state;
    for (size_t i = 0; i < count_of(scenes); i++) {
        watch(&scenes[i], &child);
        assert_string_equal(child.text, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(the_run_has_deadlocked_whatever_comes_after),
        behaviour(what_main_leaves_may_deadlock_too),
        behaviour(those_who_wait_again_for_what_never_comes_cannot_keep_the_run),
        behaviour(nothing_is_told_while_io_or_time_may_come),
    };
    return run_behaviours("deadlock, its end", tests);
}
