/*
 * Ten thousand tasks that wait in one queue: served in the order in which they came, cancelled from
 * anywhere in it, turned away.
 */
#include "queue_calls.h"

#include <stdlib.h>

enum { MANY = CROWD_OF(10000) };

static struct call *calls;
static whorl_queue queue;

static void get_many(void)
{
    check_equal(whorl_queue_init(&queue, WHORL_QUEUE_FIFO, 0, NULL), 0);
    for (int i = 0; i < MANY; i++)
        begin_get(&calls[i], &queue);
}

/* The one item in the queue is -1; those that wait are their numbers. */
static void put_many(void)
{
    check_equal(whorl_queue_init(&queue, WHORL_QUEUE_FIFO, 1, NULL), 0);
    check_equal(whorl_queue_put(&queue, item_of(-1)), 0);
    for (int i = 0; i < MANY; i++)
        begin_put(&calls[i], &queue, i);
}

static intptr_t serve_getters(void *arg)
{
    (void)arg;
    get_many();
    for (intptr_t i = 0; i < MANY; i++)
        check_equal(whorl_queue_put(&queue, item_of(i)), 0);
    check_equal(whorl_queue_size(&queue), 0);
    for (int i = 0; i < MANY; i++)
        check_equal(end_get(&calls[i]), i);
    return whorl_queue_destroy(&queue);
}

static void ten_thousand_getters_get_in_the_order_in_which_they_came(void **state)
{
    run_checks(serve_getters, state);
}

static intptr_t serve_putters(void *arg)
{
    (void)arg;
    put_many();
    for (intptr_t i = -1; i < MANY; i++)
        check_equal(next_of(&queue), i);
    for (int i = 0; i < MANY; i++)
        check_equal(end_call(&calls[i]), 0);
    return whorl_queue_destroy(&queue);
}

static void ten_thousand_putters_put_in_the_order_in_which_they_came(void **state)
{
    run_checks(serve_putters, state);
}

/* Two of three; some of them before the first is served, some while others are. */
static bool is_to_be_cancelled(int i)
{
    return i % 3 != 0;
}

static void cancel_many(void)
{
    for (int i = MANY; i-- > 0;)
        if (is_to_be_cancelled(i))
            check_equal(whorl_cancel(calls[i].task), 0);
}

static intptr_t cancel_getters(void *arg)
{
    intptr_t next = 0;
    (void)arg;
    get_many();
    cancel_many();
    for (intptr_t i = 0; i < MANY; i++)
        check_equal(whorl_queue_put(&queue, item_of(i)), 0);
    for (int i = 0; i < MANY; i++) {
        intptr_t got = end_get(&calls[i]);
        check_equal(got, is_to_be_cancelled(i) ? -ECANCELED : next++);
    }
    check_equal(whorl_queue_size(&queue), MANY - next);
    while (next < MANY)
        check_equal(next_of(&queue), next++);
    return whorl_queue_destroy(&queue);
}

static void of_ten_thousand_getters_the_cancelled_lose_nothing_for_the_others(void **state)
{
    run_checks(cancel_getters, state);
}

static intptr_t cancel_putters(void *arg)
{
    (void)arg;
    put_many();
    cancel_many();
    check_equal(next_of(&queue), -1);
    for (int i = 0; i < MANY; i++)
        if (!is_to_be_cancelled(i))
            check_equal(next_of(&queue), i);
    check_equal(next_of(&queue), -EAGAIN);
    for (int i = 0; i < MANY; i++)
        check_equal(end_call(&calls[i]), is_to_be_cancelled(i) ? -ECANCELED : 0);
    return whorl_queue_destroy(&queue);
}

static void of_ten_thousand_putters_the_cancelled_put_nothing(void **state)
{
    run_checks(cancel_putters, state);
}

static intptr_t turn_away(void *arg)
{
    (void)arg;
    get_many();
    check_equal(whorl_queue_shutdown(&queue, WHORL_QUEUE_GRACEFUL), 0);
    for (int i = 0; i < MANY; i++)
        check_equal(end_get(&calls[i]), -EPIPE);
    check_equal(whorl_queue_destroy(&queue), 0);
    put_many();
    check_equal(whorl_queue_shutdown(&queue, WHORL_QUEUE_IMMEDIATE), 0);
    for (int i = 0; i < MANY; i++)
        check_equal(end_call(&calls[i]), -EPIPE);
    return whorl_queue_destroy(&queue);
}

static void ten_thousand_are_turned_away_by_a_shutdown(void **state)
{
    run_checks(turn_away, state);
}

static intptr_t join_many(void *arg)
{
    (void)arg;
    check_equal(whorl_queue_init(&queue, WHORL_QUEUE_FIFO, 0, NULL), 0);
    check_equal(whorl_queue_put(&queue, NULL), 0);
    for (int i = 0; i < MANY; i++)
        begin_join(&calls[i], &queue);
    check_equal(next_of(&queue), 0);
    check_equal(whorl_queue_task_done(&queue), 0);
    for (int i = 0; i < MANY; i++)
        check_equal(end_call(&calls[i]), 0);
    return whorl_queue_destroy(&queue);
}

static void ten_thousand_may_join(void **state)
{
    run_checks(join_many, state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(ten_thousand_getters_get_in_the_order_in_which_they_came),
        behaviour(ten_thousand_putters_put_in_the_order_in_which_they_came),
        behaviour(of_ten_thousand_getters_the_cancelled_lose_nothing_for_the_others),
        behaviour(of_ten_thousand_putters_the_cancelled_put_nothing),
        behaviour(ten_thousand_are_turned_away_by_a_shutdown),
        behaviour(ten_thousand_may_join),
    };
    calls = calloc(MANY, sizeof *calls);
    if (!calls)
        return 1;
    tell_crowd(MANY);
    int status = run_behaviours("queue, many", tests);
    free(calls);
    return status;
}
