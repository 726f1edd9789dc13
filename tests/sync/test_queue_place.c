/*
 * Queues from the wrong place and with wrong arguments: outside a task, in a task of another loop,
 * NULL. And their ends: what keeps one from being destroyed, and what a deadlock says of it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "core/stuck.h"
#include "queue_calls.h"

#include <limits.h>
#include <pthread.h>

static whorl_queue queue;

static intptr_t give_null(void *arg)
{
    void *item = item_of(77);
    (void)arg;
    check_equal(whorl_queue_put(NULL, item), -EINVAL);
    check_equal(whorl_queue_try_put(NULL, item), -EINVAL);
    check_equal(whorl_queue_get(NULL, &item), -EINVAL);
    check_equal(whorl_queue_try_get(NULL, &item), -EINVAL);
    check_equal(whorl_queue_task_done(NULL), -EINVAL);
    check_equal(whorl_queue_join(NULL), -EINVAL);
    check_equal(whorl_queue_shutdown(NULL, WHORL_QUEUE_GRACEFUL), -EINVAL);
    check_equal(whorl_queue_destroy(NULL), -EINVAL);
    check_equal(whorl_queue_size(NULL), -EINVAL);
    check_equal(whorl_queue_capacity(NULL), -EINVAL);
    check_equal(whorl_queue_is_empty(NULL), -EINVAL);
    check_equal(whorl_queue_is_full(NULL), -EINVAL);
    check_equal((intptr_t)item, 77);
    check_equal(whorl_queue_init(&queue, WHORL_QUEUE_FIFO, 0, NULL), 0);
    check_equal(whorl_queue_put(&queue, item), 0);
    check_equal(whorl_queue_get(&queue, NULL), -EINVAL);
    check_equal(whorl_queue_try_get(&queue, NULL), -EINVAL);
    check_equal(whorl_queue_shutdown(&queue, (enum whorl_queue_ending)2), -EINVAL);
    check_equal(next_of(&queue), 77);
    check_equal(whorl_queue_put(&queue, item), 0);
    check_equal(next_of(&queue), 77);
    return whorl_queue_destroy(&queue);
}

static void null_and_what_is_unknown_are_refused(void **state)
{
    run_checks(give_null, state);
}

static void what_makes_no_queue_is_refused(void **state)
{
    void *slots[8];
    (void)state;
    assert_int_equal(whorl_queue_init(NULL, WHORL_QUEUE_FIFO, 0, NULL), -EINVAL);
    assert_int_equal(whorl_queue_init(&queue, (enum whorl_queue_kind)3, 0, NULL), -EINVAL);
    assert_int_equal(whorl_queue_init(&queue, WHORL_QUEUE_PRIORITY, 0, NULL), -EINVAL);
    assert_int_equal(whorl_queue_init(&queue, WHORL_QUEUE_FIFO, SIZE_MAX / 2 + 1, NULL), -EINVAL);
    assert_int_equal(whorl_queue_init_with(NULL, WHORL_QUEUE_FIFO, slots, 8, NULL), -EINVAL);
    assert_int_equal(whorl_queue_init_with(&queue, WHORL_QUEUE_FIFO, NULL, 8, NULL), -EINVAL);
    assert_int_equal(whorl_queue_init_with(&queue, WHORL_QUEUE_FIFO, slots, 0, NULL), -EINVAL);
    assert_int_equal(whorl_queue_init_with(&queue, WHORL_QUEUE_PRIORITY, slots, 4, NULL), -EINVAL);
    assert_int_equal(whorl_queue_init(&queue, WHORL_QUEUE_FIFO, SIZE_MAX / 2, NULL), 0);
    assert_true(whorl_queue_capacity(&queue) == SSIZE_MAX);
}

/* Outside a task a queue is made, looked at and destroyed; but nobody puts or gets. */
static void check_strangers_are_refused(void)
{
    void *item = item_of(77);
    check_equal(whorl_queue_put(&queue, item), -EPERM);
    check_equal(whorl_queue_try_put(&queue, item), -EPERM);
    check_equal(whorl_queue_get(&queue, &item), -EPERM);
    check_equal(whorl_queue_try_get(&queue, &item), -EPERM);
    check_equal(whorl_queue_task_done(&queue), -EPERM);
    check_equal(whorl_queue_join(&queue), -EPERM);
    check_equal(whorl_queue_shutdown(&queue, WHORL_QUEUE_IMMEDIATE), -EPERM);
    check_equal((intptr_t)item, 77);
}

static void outside_a_task_only_making_looking_and_destroying_work(void **state)
{
    (void)state;
    assert_int_equal(whorl_queue_init(&queue, WHORL_QUEUE_FIFO, 2, NULL), 0);
    check_strangers_are_refused();
    assert_int_equal(whorl_queue_size(&queue), 0);
    assert_int_equal(whorl_queue_capacity(&queue), 2);
    assert_int_equal(whorl_queue_is_empty(&queue), 1);
    assert_int_equal(whorl_queue_is_full(&queue), 0);
    assert_int_equal(whorl_queue_destroy(&queue), 0);
}

static intptr_t leave_two(void *arg)
{
    (void)arg;
    check_equal(whorl_queue_put(&queue, item_of(1)), 0);
    return whorl_queue_put(&queue, item_of(2));
}

static intptr_t find_two(void *arg)
{
    (void)arg;
    check_equal(next_of(&queue), 1);
    check_equal(next_of(&queue), 2);
    return 0;
}

static void what_one_run_leaves_in_a_queue_another_finds(void **state)
{
    assert_int_equal(whorl_queue_init(&queue, WHORL_QUEUE_FIFO, 0, NULL), 0);
    run_checks(leave_two, state);
    assert_int_equal(whorl_queue_size(&queue), 2);
    assert_int_equal(whorl_queue_destroy(&queue), -ENOTEMPTY);
    run_checks(find_two, state);
    assert_int_equal(whorl_queue_destroy(&queue), 0);
}

/* --- Another thread's loop, where tasks of this one wait --- */

static whorl_queue empty, full;

static void check_all_is_refused(whorl_queue *its)
{
    void *item = item_of(77);
    check_equal(whorl_queue_put(its, item), -EPERM);
    check_equal(whorl_queue_try_put(its, item), -EPERM);
    check_equal(whorl_queue_get(its, &item), -EPERM);
    check_equal(whorl_queue_try_get(its, &item), -EPERM);
    check_equal(whorl_queue_task_done(its), -EPERM);
    check_equal(whorl_queue_join(its), -EPERM);
    check_equal(whorl_queue_shutdown(its, WHORL_QUEUE_GRACEFUL), -EPERM);
    check_equal(whorl_queue_shutdown(its, WHORL_QUEUE_IMMEDIATE), -EPERM);
    check_equal((intptr_t)item, 77);
}

/* Whoever waits in one, to get, to put or in a join, and whether the call would have to wait. */
static intptr_t meddle(void *arg)
{
    check_all_is_refused(&empty);
    check_all_is_refused(&full);
    check_all_is_refused(&queue);
    return (intptr_t)arg;
}

static void *run_meddler(void *arg)
{
    check_strangers_are_refused();
    check_equal(whorl_run(meddle, arg), 0);
    return NULL;
}

static intptr_t wait_while_another_meddles(void *arg)
{
    struct call getter, putter, joiner;
    pthread_t thread;
    (void)arg;
    check_equal(whorl_queue_init(&empty, WHORL_QUEUE_FIFO, 0, NULL), 0);
    check_equal(whorl_queue_init(&full, WHORL_QUEUE_FIFO, 1, NULL), 0);
    check_equal(whorl_queue_init(&queue, WHORL_QUEUE_FIFO, 0, NULL), 0);
    check_equal(whorl_queue_put(&full, item_of(1)), 0);
    check_equal(whorl_queue_put(&queue, item_of(1)), 0);
    begin_get(&getter, &empty);
    begin_put(&putter, &full, 2);
    begin_join(&joiner, &queue);
    check_equal(next_of(&queue), 1);
    check_equal(pthread_create(&thread, NULL, run_meddler, NULL), 0);
    check_equal(pthread_join(thread, NULL), 0);
    check(!getter.ended && !putter.ended && !joiner.ended);
    check_equal(next_of(&full), 1);
    check_equal(next_of(&full), 2);
    check_equal(whorl_queue_put(&empty, item_of(3)), 0);
    check_equal(whorl_queue_task_done(&queue), 0);
    check_equal(end_get(&getter), 3);
    check_equal(end_call(&putter), 0);
    check_equal(end_call(&joiner), 0);
    check_equal(whorl_queue_destroy(&empty), 0);
    check_equal(whorl_queue_destroy(&full), 0);
    return whorl_queue_destroy(&queue);
}

static void a_task_of_another_loop_does_not_meddle_with_those_who_wait(void **state)
{
    run_checks(wait_while_another_meddles, state);
}

/* --- Destroying --- */

static intptr_t destroy_too_early(void *arg)
{
    struct call caller;
    (void)arg;
    check_equal(whorl_queue_init(&queue, WHORL_QUEUE_LIFO, 1, NULL), 0);
    begin_get(&caller, &queue);
    check_equal(whorl_queue_destroy(&queue), -EBUSY);
    check_equal(whorl_queue_put(&queue, item_of(1)), 0);
    check_equal(end_get(&caller), 1);
    check_equal(whorl_queue_put(&queue, item_of(2)), 0);
    begin_put(&caller, &queue, 3);
    check_equal(whorl_queue_destroy(&queue), -EBUSY);
    check_equal(next_of(&queue), 2);
    check_equal(whorl_queue_destroy(&queue), -ENOTEMPTY);
    check_equal(end_call(&caller), 0);
    check_equal(next_of(&queue), 3);
    begin_join(&caller, &queue);
    check_equal(whorl_queue_destroy(&queue), -EBUSY);
    check_equal(whorl_cancel(caller.task), 0);
    check_equal(end_call(&caller), -ECANCELED);
    return whorl_queue_destroy(&queue);
}

static void a_queue_with_waiters_or_items_is_not_destroyed(void **state)
{
    run_checks(destroy_too_early, state);
}

static intptr_t use_after_the_end(void *arg)
{
    void *item;
    (void)arg;
    check_equal(whorl_queue_init(&queue, WHORL_QUEUE_FIFO, 3, NULL), 0);
    check_equal(whorl_queue_put(&queue, item_of(1)), 0);
    check_equal(next_of(&queue), 1);
    check_equal(whorl_queue_destroy(&queue), 0);
    check_equal(whorl_queue_put(&queue, item_of(2)), -EPIPE);
    check_equal(whorl_queue_try_put(&queue, item_of(2)), -EPIPE);
    check_equal(whorl_queue_get(&queue, &item), -EPIPE);
    check_equal(whorl_queue_join(&queue), 0);
    check_equal(whorl_queue_destroy(&queue), 0);
    check_equal(whorl_queue_init(&queue, WHORL_QUEUE_LIFO, 0, NULL), 0);
    check_equal(whorl_queue_put(&queue, item_of(4)), 0);
    check_equal(next_of(&queue), 4);
    return whorl_queue_destroy(&queue);
}

static void a_destroyed_queue_is_as_if_shut_down_until_it_is_made_anew(void **state)
{
    run_checks(use_after_the_end, state);
}

/* --- Deadlocks --- */

static intptr_t get_forever(void *arg)
{
    void *item;
    (void)arg;
    check_equal(whorl_queue_get(&empty, &item), -ECANCELED);
    return 0;
}

static intptr_t put_forever(void *arg)
{
    (void)arg;
    check_equal(whorl_queue_put(&full, item_of(2)), -ECANCELED);
    return 0;
}

static intptr_t get_stuck(void *arg)
{
    (void)arg;
    check_equal(whorl_queue_init(&empty, WHORL_QUEUE_FIFO, 0, NULL), 0);
    check_equal(whorl_queue_init(&full, WHORL_QUEUE_FIFO, 1, NULL), 0);
    check_equal(whorl_queue_put(&full, item_of(1)), 0);
    check(spawn("ann", get_forever) != NULL);
    check(spawn("bob", put_forever) != NULL);
    check_equal(whorl_queue_join(&full), -ECANCELED);
    check_equal(next_of(&full), 1);
    check_equal(next_of(&full), -EAGAIN);
    return whorl_queue_destroy(&full);
}

static void a_deadlock_says_who_waits_for_what_in_a_queue(void **state)
{
    const struct scene scene = {get_stuck, {0}, -EDEADLK, 0};
    struct child child;
    (void)state;
    watch(&scene, &child);
    assert_true(is_told(&child, "ann", "an item in a queue"));
    assert_true(is_told(&child, "bob", "room in a queue"));
    assert_true(is_told(&child, "main", "all items of a queue to be done"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(null_and_what_is_unknown_are_refused),
        behaviour(what_makes_no_queue_is_refused),
        behaviour(outside_a_task_only_making_looking_and_destroying_work),
        behaviour(what_one_run_leaves_in_a_queue_another_finds),
        behaviour(a_task_of_another_loop_does_not_meddle_with_those_who_wait),
        behaviour(a_queue_with_waiters_or_items_is_not_destroyed),
        behaviour(a_destroyed_queue_is_as_if_shut_down_until_it_is_made_anew),
        behaviour(a_deadlock_says_who_waits_for_what_in_a_queue),
    };
    return run_behaviours("queue, place", tests);
}
