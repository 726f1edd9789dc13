/*
 * Waiting for items and for room: who is served, by whom, in which order, and when.
 */
#include "queue_calls.h"

#include <string.h>

static intptr_t get_before_put(void *arg)
{
    whorl_queue queue = WHORL_QUEUE_INIT;
    struct call getter;
    (void)arg;
    begin_get(&getter, &queue);
    check_equal(whorl_sleep(WHORL_SECONDS(5)), 0);
    check(!getter.ended);
    check_equal(whorl_queue_put(&queue, item_of(4)), 0);
    check_equal(end_get(&getter), 4);
    return whorl_queue_destroy(&queue);
}

static void a_get_waits_for_an_item(void **state)
{
    run_checks_with(&virtual_clock, get_before_put, state);
}

static intptr_t put_before_room(void *arg)
{
    whorl_queue queue = WHORL_QUEUE_INIT_BOUNDED(1);
    struct call putter;
    void *item;
    (void)arg;
    check_equal(whorl_queue_put(&queue, item_of(1)), 0);
    begin_put(&putter, &queue, 2);
    check_equal(whorl_sleep(WHORL_SECONDS(5)), 0);
    check(!putter.ended);
    check_equal(whorl_queue_get(&queue, &item), 0);
    check_equal((intptr_t)item, 1);
    check_equal(end_call(&putter), 0);
    check_equal(next_of(&queue), 2);
    return whorl_queue_destroy(&queue);
}

static void a_put_waits_for_room(void **state)
{
    run_checks_with(&virtual_clock, put_before_room, state);
}

static int turns;

static intptr_t count_a_turn(void *arg)
{
    turns++;
    return (intptr_t)arg;
}

static intptr_t put_and_get_without_a_turn(void *arg)
{
    whorl_queue queue = WHORL_QUEUE_INIT_BOUNDED(1);
    void *item;
    (void)arg;
    turns = 0;
    whorl_release(whorl_spawn(count_a_turn, NULL));
    check_equal(whorl_queue_put(&queue, item_of(1)), 0);
    check_equal(whorl_queue_get(&queue, &item), 0);
    check_equal(whorl_queue_task_done(&queue), 0);
    check_equal(whorl_queue_join(&queue), 0);
    check_equal(turns, 0);
    check_equal(whorl_yield(), 0);
    check_equal(turns, 1);
    return whorl_queue_destroy(&queue);
}

static void a_call_that_need_not_wait_returns_at_once(void **state)
{
    run_checks(put_and_get_without_a_turn, state);
}

static intptr_t hand_an_item_over(void *arg)
{
    struct call getters[2];
    whorl_queue queue = WHORL_QUEUE_INIT;
    (void)arg;
    begin_get(&getters[0], &queue);
    begin_get(&getters[1], &queue);
    check_equal(whorl_queue_try_put(&queue, item_of(9)), 0);
    /* It is the getter's, who has not run. */
    check(!getters[0].ended);
    check_equal(whorl_queue_size(&queue), 0);
    check_equal(next_of(&queue), -EAGAIN);
    check_equal(whorl_queue_try_put(&queue, item_of(1)), 0);
    check_equal(next_of(&queue), -EAGAIN);
    check_equal(end_get(&getters[0]), 9);
    check_equal(end_get(&getters[1]), 1);
    return whorl_queue_destroy(&queue);
}

static void a_put_hands_its_item_to_the_first_getter_at_once(void **state)
{
    run_checks(hand_an_item_over, state);
}

/* Of 2, 4, 1 and 3, put while three getters wait: what these get, and what is left. */
static const intptr_t promised[][4] = {
    [WHORL_QUEUE_LIFO] = {3, 1, 4, 2},
    [WHORL_QUEUE_PRIORITY] = {1, 2, 3, 4},
};

static intptr_t promise_an_item(void *arg)
{
    struct call getters[3];
    whorl_queue queue;
    (void)arg;
    for (int kind = WHORL_QUEUE_LIFO; kind <= WHORL_QUEUE_PRIORITY; kind++) {
        check_equal(whorl_queue_init(&queue, (enum whorl_queue_kind)kind, 0, compare_numbers), 0);
        for (int i = 0; i < 3; i++)
            begin_get(&getters[i], &queue);
        put_numbers(&queue, (const intptr_t[]){2, 4, 1}, 3);
        /* Each of them is somebody's, though it lies there until he runs. */
        check_equal(whorl_queue_size(&queue), 3);
        check_equal(next_of(&queue), -EAGAIN);
        check_equal(whorl_queue_destroy(&queue), -EBUSY);
        check_equal(whorl_queue_try_put(&queue, item_of(3)), 0);
        check_equal(whorl_cancel(getters[1].task), 0);
        for (int i = 0; i < 3; i++)
            check_equal(end_get(&getters[i]), promised[kind][i]);
        check_equal(next_of(&queue), promised[kind][3]);
        check_equal(whorl_queue_destroy(&queue), 0);
    }
    return 0;
}

static void a_getter_that_was_served_takes_the_best_when_it_runs(void **state)
{
    run_checks(promise_an_item, state);
}

static intptr_t drop_a_promised_item(void *arg)
{
    struct call getter;
    whorl_queue queue;
    (void)arg;
    whorl_queue_init(&queue, WHORL_QUEUE_PRIORITY, 0, compare_numbers);
    begin_get(&getter, &queue);
    check_equal(whorl_queue_try_put(&queue, item_of(1)), 0);
    check_equal(whorl_queue_shutdown(&queue, WHORL_QUEUE_IMMEDIATE), 0);
    check_equal(whorl_queue_size(&queue), 0);
    check_equal(whorl_queue_destroy(&queue), -EBUSY);
    check_equal(end_get(&getter), -EPIPE);
    check_equal(whorl_queue_join(&queue), 0);
    return whorl_queue_destroy(&queue);
}

static void an_immediate_shutdown_drops_what_is_promised(void **state)
{
    run_checks(drop_a_promised_item, state);
}

/* The item of a queue of one is promised, and fills it; a putter waits although a getter does. */
static intptr_t promise_from_putter_to_getter(void *arg)
{
    struct call getters[2], putter;
    whorl_queue queue;
    (void)arg;
    whorl_queue_init(&queue, WHORL_QUEUE_PRIORITY, 1, compare_numbers);
    begin_get(&getters[0], &queue);
    begin_get(&getters[1], &queue);
    check_equal(whorl_queue_try_put(&queue, item_of(8)), 0);
    check_equal(whorl_queue_try_put(&queue, item_of(6)), -EAGAIN);
    begin_put(&putter, &queue, 7);
    check(!putter.ended);
    check_equal(end_get(&getters[0]), 8);
    check_equal(end_call(&putter), 0);
    check_equal(end_get(&getters[1]), 7);
    return whorl_queue_destroy(&queue);
}

static void a_promised_item_makes_room_when_it_is_taken(void **state)
{
    run_checks(promise_from_putter_to_getter, state);
}

/* With 5 and 3 in a full queue, 4 and 1 wait to be put in this order; what comes out, one by one. */
static const intptr_t by_kind[][4] = {
    [WHORL_QUEUE_FIFO] = {5, 3, 4, 1},
    [WHORL_QUEUE_LIFO] = {3, 4, 1, 5},
    [WHORL_QUEUE_PRIORITY] = {3, 4, 1, 5},
};

static intptr_t let_putters_in(void *arg)
{
    struct call putters[2];
    whorl_queue queue;
    (void)arg;
    for (int kind = WHORL_QUEUE_FIFO; kind <= WHORL_QUEUE_PRIORITY; kind++) {
        check_equal(whorl_queue_init(&queue, (enum whorl_queue_kind)kind, 2, compare_numbers), 0);
        put_numbers(&queue, (const intptr_t[]){5, 3}, 2);
        begin_put(&putters[0], &queue, 4);
        begin_put(&putters[1], &queue, 1);
        for (int i = 0; i < 4; i++) {
            check_equal(next_of(&queue), by_kind[kind][i]);
            /* A putter has filled the room, though he has not run; nobody comes before him. */
            check_equal(whorl_queue_is_full(&queue), i < 2);
            check_equal(whorl_queue_size(&queue), i < 2 ? 2 : 3 - i);
            if (i < 2)
                check_equal(whorl_queue_try_put(&queue, item_of(99)), -EAGAIN);
        }
        check(!putters[0].ended && !putters[1].ended);
        check_equal(end_call(&putters[0]), 0);
        check_equal(end_call(&putters[1]), 0);
        check_equal(whorl_queue_destroy(&queue), 0);
    }
    return 0;
}

static void a_get_from_a_full_queue_lets_the_first_putter_put_at_once(void **state)
{
    run_checks(let_putters_in, state);
}

/* A getter that was served, and another that was not: both run after the put. */
static intptr_t come_late(void *arg)
{
    whorl_queue queue = WHORL_QUEUE_INIT_BOUNDED(1);
    struct call first, late;
    (void)arg;
    begin_get(&first, &queue);
    check_equal(whorl_queue_put(&queue, item_of(1)), 0);
    begin_get(&late, &queue);
    check_equal(whorl_queue_put(&queue, item_of(2)), 0);
    check_equal(end_get(&late), 2);
    check_equal(end_get(&first), 1);
    check_equal(whorl_queue_put(&queue, item_of(3)), 0);
    begin_put(&first, &queue, 4);
    check_equal(next_of(&queue), 3);
    begin_put(&late, &queue, 5);
    check(!late.ended);
    check_equal(next_of(&queue), 4);
    check_equal(next_of(&queue), 5);
    check_equal(end_call(&late), 0);
    check_equal(end_call(&first), 0);
    return whorl_queue_destroy(&queue);
}

static void nobody_overtakes_who_waits(void **state)
{
    run_checks(come_late, state);
}

/* The queue, and its memory, may go when its waiters were served. */
static intptr_t serve_and_leave(void *arg)
{
    whorl_queue queue = WHORL_QUEUE_INIT_BOUNDED(1);
    struct call putter, getter, joiner;
    (void)arg;
    begin_get(&getter, &queue);
    check_equal(whorl_queue_put(&queue, item_of(1)), 0);
    check_equal(whorl_queue_put(&queue, item_of(2)), 0);
    begin_put(&putter, &queue, 3);
    begin_join(&joiner, &queue);
    check_equal(next_of(&queue), 2);
    check_equal(next_of(&queue), 3);
    for (int i = 0; i < 3; i++)
        check_equal(whorl_queue_task_done(&queue), 0);
    check_equal(whorl_queue_destroy(&queue), 0);
    memset(&queue, 0xff, sizeof queue);
    check_equal(end_get(&getter), 1);
    check_equal(end_call(&putter), 0);
    check_equal(end_call(&joiner), 0);
    return 0;
}

static void who_was_served_does_not_need_the_queue_any_more(void **state)
{
    run_checks(serve_and_leave, state);
}

/* --- A producer and a consumer --- */

enum { PASSED = 20000 };

static whorl_queue line;

static intptr_t produce(void *arg)
{
    (void)arg;
    for (intptr_t i = 0; i < PASSED; i++)
        check_equal(whorl_queue_put(&line, item_of(i)), 0);
    return 0;
}

static intptr_t consume(void *arg)
{
    (void)arg;
    for (intptr_t i = 0; i < PASSED; i++) {
        void *item = NULL;
        check_equal(whorl_queue_get(&line, &item), 0);
        if (!check_equal((intptr_t)item, i))
            break;
    }
    return 0;
}

static intptr_t pass_many(void *arg)
{
    const whorl_call calls[] = {{produce, NULL}, {consume, NULL}};
    const whorl_call reversed[] = {{consume, NULL}, {produce, NULL}};
    (void)arg;
    for (size_t capacity = 0; capacity <= 5; capacity++) {
        check_equal(whorl_queue_init(&line, WHORL_QUEUE_FIFO, capacity, NULL), 0);
        check_equal(whorl_gather_calls(calls, 2, NULL, 0), 0);
        check_equal(whorl_gather_calls(reversed, 2, NULL, 0), 0);
        check_equal(whorl_queue_destroy(&line), 0);
    }
    return 0;
}

static void twenty_thousand_items_pass_in_order_through_any_capacity(void **state)
{
    run_checks(pass_many, state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_get_waits_for_an_item),
        behaviour(a_put_waits_for_room),
        behaviour(a_call_that_need_not_wait_returns_at_once),
        behaviour(a_put_hands_its_item_to_the_first_getter_at_once),
        behaviour(a_getter_that_was_served_takes_the_best_when_it_runs),
        behaviour(an_immediate_shutdown_drops_what_is_promised),
        behaviour(a_promised_item_makes_room_when_it_is_taken),
        behaviour(a_get_from_a_full_queue_lets_the_first_putter_put_at_once),
        behaviour(nobody_overtakes_who_waits),
        behaviour(who_was_served_does_not_need_the_queue_any_more),
        behaviour(twenty_thousand_items_pass_in_order_through_any_capacity),
    };
    return run_behaviours("queue, waiting", tests);
}
