/*
 * Waiting for items and for room: who is served, by whom, in which order, and when.
 */
#include "as_task.h"
#include "queue_calls.h"

#include <string.h>

static void a_get_waits_for_an_item(void **state)
{
    (void)state;
    whorl_queue queue = WHORL_QUEUE_INIT;
    struct call getter;
    begin_get(&getter, &queue);
    assert_int_equal(whorl_sleep(WHORL_SECONDS(5)), 0);
    assert_false(getter.ended);
    assert_int_equal(whorl_queue_put(&queue, item_of(4)), 0);
    assert_int_equal(end_get(&getter), 4);
    assert_int_equal(whorl_queue_destroy(&queue), 0);
}

static void a_put_waits_for_room(void **state)
{
    (void)state;
    whorl_queue queue = WHORL_QUEUE_INIT_BOUNDED(1);
    struct call putter;
    void *item;
    assert_int_equal(whorl_queue_put(&queue, item_of(1)), 0);
    begin_put(&putter, &queue, 2);
    assert_int_equal(whorl_sleep(WHORL_SECONDS(5)), 0);
    assert_false(putter.ended);
    assert_int_equal(whorl_queue_get(&queue, &item), 0);
    assert_int_equal((intptr_t)item, 1);
    assert_int_equal(end_call(&putter), 0);
    assert_int_equal(next_of(&queue), 2);
    assert_int_equal(whorl_queue_destroy(&queue), 0);
}

static int turns;

static intptr_t count_a_turn(void *arg)
{
    turns++;
    return (intptr_t)arg;
}

static void a_call_that_need_not_wait_returns_at_once(void **state)
{
    (void)state;
    whorl_queue queue = WHORL_QUEUE_INIT_BOUNDED(1);
    void *item;
    turns = 0;
    whorl_release(whorl_spawn(count_a_turn, NULL));
    assert_int_equal(whorl_queue_put(&queue, item_of(1)), 0);
    assert_int_equal(whorl_queue_get(&queue, &item), 0);
    assert_int_equal(whorl_queue_task_done(&queue), 0);
    assert_int_equal(whorl_queue_join(&queue), 0);
    assert_int_equal(turns, 0);
    assert_int_equal(whorl_yield(), 0);
    assert_int_equal(turns, 1);
    assert_int_equal(whorl_queue_destroy(&queue), 0);
}

static void a_put_hands_its_item_to_the_first_getter_at_once(void **state)
{
    (void)state;
    struct call getters[2];
    whorl_queue queue = WHORL_QUEUE_INIT;
    begin_get(&getters[0], &queue);
    begin_get(&getters[1], &queue);
    assert_int_equal(whorl_queue_try_put(&queue, item_of(9)), 0);
    /* It is the getter's, who has not run. */
    assert_false(getters[0].ended);
    assert_int_equal(whorl_queue_size(&queue), 0);
    assert_int_equal(next_of(&queue), -EAGAIN);
    assert_int_equal(whorl_queue_try_put(&queue, item_of(1)), 0);
    assert_int_equal(next_of(&queue), -EAGAIN);
    assert_int_equal(end_get(&getters[0]), 9);
    assert_int_equal(end_get(&getters[1]), 1);
    assert_int_equal(whorl_queue_destroy(&queue), 0);
}

/* Of 2, 4, 1 and 3, put while three getters wait: what these get, and what is left. */
static const intptr_t promised[][4] = {
    [WHORL_QUEUE_LIFO] = {3, 1, 4, 2},
    [WHORL_QUEUE_PRIORITY] = {1, 2, 3, 4},
};

static void a_getter_that_was_served_takes_the_best_when_it_runs(void **state)
{
    (void)state;
    struct call getters[3];
    whorl_queue queue;
    for (int kind = WHORL_QUEUE_LIFO; kind <= WHORL_QUEUE_PRIORITY; kind++) {
        assert_int_equal(whorl_queue_init(&queue, (enum whorl_queue_kind)kind, 0, compare_numbers),
                         0);
        for (int i = 0; i < 3; i++)
            begin_get(&getters[i], &queue);
        put_numbers(&queue, (const intptr_t[]){2, 4, 1}, 3);
        /* Each of them is somebody's, though it lies there until he runs. */
        assert_int_equal(whorl_queue_size(&queue), 3);
        assert_int_equal(next_of(&queue), -EAGAIN);
        assert_int_equal(whorl_queue_destroy(&queue), -EBUSY);
        assert_int_equal(whorl_queue_try_put(&queue, item_of(3)), 0);
        assert_int_equal(whorl_cancel(getters[1].task), 0);
        for (int i = 0; i < 3; i++)
            assert_int_equal(end_get(&getters[i]), promised[kind][i]);
        assert_int_equal(next_of(&queue), promised[kind][3]);
        assert_int_equal(whorl_queue_destroy(&queue), 0);
    }
}

static void an_immediate_shutdown_drops_what_is_promised(void **state)
{
    (void)state;
    struct call getter;
    whorl_queue queue;
    whorl_queue_init(&queue, WHORL_QUEUE_PRIORITY, 0, compare_numbers);
    begin_get(&getter, &queue);
    assert_int_equal(whorl_queue_try_put(&queue, item_of(1)), 0);
    assert_int_equal(whorl_queue_shutdown(&queue, WHORL_QUEUE_IMMEDIATE), 0);
    assert_int_equal(whorl_queue_size(&queue), 0);
    assert_int_equal(whorl_queue_destroy(&queue), -EBUSY);
    assert_int_equal(end_get(&getter), -EPIPE);
    assert_int_equal(whorl_queue_join(&queue), 0);
    assert_int_equal(whorl_queue_destroy(&queue), 0);
}

/* The item of a queue of one is promised, and fills it; a putter waits although a getter does. */
static void a_promised_item_makes_room_when_it_is_taken(void **state)
{
    (void)state;
    struct call getters[2], putter;
    whorl_queue queue;
    whorl_queue_init(&queue, WHORL_QUEUE_PRIORITY, 1, compare_numbers);
    begin_get(&getters[0], &queue);
    begin_get(&getters[1], &queue);
    assert_int_equal(whorl_queue_try_put(&queue, item_of(8)), 0);
    assert_int_equal(whorl_queue_try_put(&queue, item_of(6)), -EAGAIN);
    begin_put(&putter, &queue, 7);
    assert_false(putter.ended);
    assert_int_equal(end_get(&getters[0]), 8);
    assert_int_equal(end_call(&putter), 0);
    assert_int_equal(end_get(&getters[1]), 7);
    assert_int_equal(whorl_queue_destroy(&queue), 0);
}

/* With 5 and 3 in a full queue, 4 and 1 wait to be put in this order; what comes out,
 * one by one. */
static const intptr_t by_kind[][4] = {
    [WHORL_QUEUE_FIFO] = {5, 3, 4, 1},
    [WHORL_QUEUE_LIFO] = {3, 4, 1, 5},
    [WHORL_QUEUE_PRIORITY] = {3, 4, 1, 5},
};

static void a_get_from_a_full_queue_lets_the_first_putter_put_at_once(void **state)
{
    (void)state;
    struct call putters[2];
    whorl_queue queue;
    for (int kind = WHORL_QUEUE_FIFO; kind <= WHORL_QUEUE_PRIORITY; kind++) {
        assert_int_equal(whorl_queue_init(&queue, (enum whorl_queue_kind)kind, 2, compare_numbers),
                         0);
        put_numbers(&queue, (const intptr_t[]){5, 3}, 2);
        begin_put(&putters[0], &queue, 4);
        begin_put(&putters[1], &queue, 1);
        for (int i = 0; i < 4; i++) {
            assert_int_equal(next_of(&queue), by_kind[kind][i]);
            /* A putter has filled the room, though he has not run; nobody comes before him. */
            assert_int_equal(whorl_queue_is_full(&queue), i < 2);
            assert_int_equal(whorl_queue_size(&queue), i < 2 ? 2 : 3 - i);
            if (i < 2)
                assert_int_equal(whorl_queue_try_put(&queue, item_of(99)), -EAGAIN);
        }
        assert_true(!putters[0].ended && !putters[1].ended);
        assert_int_equal(end_call(&putters[0]), 0);
        assert_int_equal(end_call(&putters[1]), 0);
        assert_int_equal(whorl_queue_destroy(&queue), 0);
    }
}

/* A getter that was served, and another that was not: both run after the put. */
static void nobody_overtakes_who_waits(void **state)
{
    (void)state;
    whorl_queue queue = WHORL_QUEUE_INIT_BOUNDED(1);
    struct call first, late;
    begin_get(&first, &queue);
    assert_int_equal(whorl_queue_put(&queue, item_of(1)), 0);
    begin_get(&late, &queue);
    assert_int_equal(whorl_queue_put(&queue, item_of(2)), 0);
    assert_int_equal(end_get(&late), 2);
    assert_int_equal(end_get(&first), 1);
    assert_int_equal(whorl_queue_put(&queue, item_of(3)), 0);
    begin_put(&first, &queue, 4);
    assert_int_equal(next_of(&queue), 3);
    begin_put(&late, &queue, 5);
    assert_false(late.ended);
    assert_int_equal(next_of(&queue), 4);
    assert_int_equal(next_of(&queue), 5);
    assert_int_equal(end_call(&late), 0);
    assert_int_equal(end_call(&first), 0);
    assert_int_equal(whorl_queue_destroy(&queue), 0);
}

/* The queue, and its memory, may go when its waiters were served. */
static void who_was_served_does_not_need_the_queue_any_more(void **state)
{
    (void)state;
    whorl_queue queue = WHORL_QUEUE_INIT_BOUNDED(1);
    struct call putter, getter, joiner;
    begin_get(&getter, &queue);
    assert_int_equal(whorl_queue_put(&queue, item_of(1)), 0);
    assert_int_equal(whorl_queue_put(&queue, item_of(2)), 0);
    begin_put(&putter, &queue, 3);
    begin_join(&joiner, &queue);
    assert_int_equal(next_of(&queue), 2);
    assert_int_equal(next_of(&queue), 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(whorl_queue_task_done(&queue), 0);
    assert_int_equal(whorl_queue_destroy(&queue), 0);
    memset(&queue, 0xff, sizeof queue);
    assert_int_equal(end_get(&getter), 1);
    assert_int_equal(end_call(&putter), 0);
    assert_int_equal(end_call(&joiner), 0);
}

/* --- A producer and a consumer --- */

enum { PASSED = 20000 };

static whorl_queue line;

static intptr_t produce(void *arg)
{
    (void)arg;
    for (intptr_t i = 0; i < PASSED; i++)
        assert_int_equal(whorl_queue_put(&line, item_of(i)), 0);
    return 0;
}

static intptr_t consume(void *arg)
{
    (void)arg;
    for (intptr_t i = 0; i < PASSED; i++) {
        void *item = NULL;
        assert_int_equal(whorl_queue_get(&line, &item), 0);
        assert_int_equal((intptr_t)item, i);
    }
    return 0;
}

static void twenty_thousand_items_pass_in_order_through_any_capacity(void **state)
{
    (void)state;
    const whorl_call calls[] = {{produce, NULL}, {consume, NULL}};
    const whorl_call reversed[] = {{consume, NULL}, {produce, NULL}};
    for (size_t capacity = 0; capacity <= 5; capacity++) {
        assert_int_equal(whorl_queue_init(&line, WHORL_QUEUE_FIFO, capacity, NULL), 0);
        assert_int_equal(whorl_gather_calls(calls, 2, NULL, 0), 0);
        assert_int_equal(whorl_gather_calls(reversed, 2, NULL, 0), 0);
        assert_int_equal(whorl_queue_destroy(&line), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(a_get_waits_for_an_item),
        as_task(a_put_waits_for_room),
        as_task(a_call_that_need_not_wait_returns_at_once),
        as_task(a_put_hands_its_item_to_the_first_getter_at_once),
        as_task(a_getter_that_was_served_takes_the_best_when_it_runs),
        as_task(an_immediate_shutdown_drops_what_is_promised),
        as_task(a_promised_item_makes_room_when_it_is_taken),
        as_task(a_get_from_a_full_queue_lets_the_first_putter_put_at_once),
        as_task(nobody_overtakes_who_waits),
        as_task(who_was_served_does_not_need_the_queue_any_more),
        as_task(twenty_thousand_items_pass_in_order_through_any_capacity),
    };
    return run_behaviours("queue, waiting", tests);
}
