/*
 * Cancels and timeouts against puts, gets and joins, before and after they are served: nothing is
 * lost, nothing doubled.
 */
#include "queue_calls.h"

static intptr_t cancel_a_getter(void *arg)
{
    whorl_queue queue = WHORL_QUEUE_INIT;
    struct call getters[3];
    (void)arg;
    for (int i = 0; i < 3; i++)
        begin_get(&getters[i], &queue);
    /* Cancelled, and not yet run when the items come. */
    check_equal(whorl_cancel(getters[1].task), 0);
    check_equal(whorl_cancel(getters[0].task), 0);
    check_equal(whorl_queue_put(&queue, item_of(1)), 0);
    check_equal(whorl_queue_put(&queue, item_of(2)), 0);
    check_equal(end_get(&getters[0]), -ECANCELED);
    check_equal(end_get(&getters[1]), -ECANCELED);
    check_equal(getters[0].item, -1);
    check_equal(end_get(&getters[2]), 1);
    check_equal(next_of(&queue), 2);
    return whorl_queue_destroy(&queue);
}

static void a_getter_that_is_cancelled_before_takes_nothing(void **state)
{
    run_checks(cancel_a_getter, state);
}

static intptr_t cancel_a_putter(void *arg)
{
    whorl_queue queue = WHORL_QUEUE_INIT_BOUNDED(1);
    struct call putters[3];
    (void)arg;
    check_equal(whorl_queue_put(&queue, item_of(9)), 0);
    for (int i = 0; i < 3; i++)
        begin_put(&putters[i], &queue, i);
    check_equal(whorl_cancel(putters[1].task), 0);
    check_equal(whorl_cancel(putters[0].task), 0);
    check_equal(next_of(&queue), 9);
    check_equal(next_of(&queue), 2);
    check_equal(next_of(&queue), -EAGAIN);
    check_equal(end_call(&putters[0]), -ECANCELED);
    check_equal(end_call(&putters[1]), -ECANCELED);
    check_equal(end_call(&putters[2]), 0);
    check_equal(next_of(&queue), -EAGAIN);
    /* What was not put is not to be done. */
    check_equal(whorl_queue_task_done(&queue), 0);
    check_equal(whorl_queue_task_done(&queue), 0);
    check_equal(whorl_queue_task_done(&queue), -EINVAL);
    return whorl_queue_destroy(&queue);
}

static void a_putter_that_is_cancelled_before_puts_nothing(void **state)
{
    run_checks(cancel_a_putter, state);
}

/* --- Cancelled after: the call has done its work, and the cancel waits for the next one --- */

static intptr_t get_twice(void *arg)
{
    struct call *call = arg;
    void *item = NULL;
    call->result = whorl_queue_get(call->queue, &item);
    call->item = (intptr_t)item;
    check_equal(whorl_cancelling(whorl_self()), 1);
    check_equal(whorl_queue_get(call->queue, &item), -ECANCELED);
    check_equal((intptr_t)item, call->item);
    return 0;
}

static intptr_t put_twice(void *arg)
{
    struct call *call = arg;
    call->result = whorl_queue_put(call->queue, item_of(call->item));
    check_equal(whorl_cancelling(whorl_self()), 1);
    check_equal(whorl_queue_put(call->queue, item_of(99)), -ECANCELED);
    return 0;
}

static intptr_t join_twice(void *arg)
{
    struct call *call = arg;
    call->result = whorl_queue_join(call->queue);
    check_equal(whorl_cancelling(whorl_self()), 1);
    check_equal(whorl_queue_join(call->queue), -ECANCELED);
    return 0;
}

static intptr_t cancel_after(void *arg)
{
    whorl_queue queue = WHORL_QUEUE_INIT_BOUNDED(1);
    struct call getter = {.queue = &queue}, putter = {.queue = &queue, .item = 3};
    struct call joiner = {.queue = &queue};
    (void)arg;
    begin_call(&getter, get_twice);
    check_equal(whorl_queue_put(&queue, item_of(1)), 0);
    check_equal(whorl_cancel(getter.task), 0);
    check_equal(whorl_queue_put(&queue, item_of(2)), 0);
    check_equal(end_get(&getter), 1);
    begin_call(&putter, put_twice);
    begin_call(&joiner, join_twice);
    check_equal(next_of(&queue), 2);
    check_equal(whorl_cancel(putter.task), 0);
    check_equal(end_call(&putter), 0);
    check_equal(next_of(&queue), 3);
    check_equal(next_of(&queue), -EAGAIN);
    for (int i = 0; i < 3; i++)
        check_equal(whorl_queue_task_done(&queue), 0);
    check_equal(whorl_cancel(joiner.task), 0);
    check_equal(end_call(&joiner), 0);
    return whorl_queue_destroy(&queue);
}

static void who_is_cancelled_after_it_was_served_has_done_its_work(void **state)
{
    run_checks(cancel_after, state);
}

static intptr_t cancel_a_joiner(void *arg)
{
    whorl_queue queue = WHORL_QUEUE_INIT;
    struct call joiners[2];
    (void)arg;
    check_equal(whorl_queue_put(&queue, item_of(1)), 0);
    begin_join(&joiners[0], &queue);
    begin_join(&joiners[1], &queue);
    check_equal(whorl_cancel(joiners[0].task), 0);
    check_equal(next_of(&queue), 1);
    check_equal(whorl_queue_task_done(&queue), 0);
    check_equal(end_call(&joiners[0]), -ECANCELED);
    check_equal(end_call(&joiners[1]), 0);
    return whorl_queue_destroy(&queue);
}

static void a_joiner_that_is_cancelled_before_does_not_keep_the_others(void **state)
{
    run_checks(cancel_a_joiner, state);
}

/* --- A task that is cancelled already --- */

static int turns;

static intptr_t count_a_turn(void *arg)
{
    turns++;
    return (intptr_t)arg;
}

/* Has another task ready; the call must let it run, and give -ECANCELED. */
#define check_refused(call)                                                                        \
    do {                                                                                           \
        turns = 0;                                                                                 \
        whorl_release(whorl_spawn(count_a_turn, NULL));                                            \
        check_equal(call, -ECANCELED);                                                             \
        check_equal(turns, 1);                                                                     \
    } while (0)

static intptr_t call_while_cancelled(void *arg)
{
    whorl_queue queue = WHORL_QUEUE_INIT_BOUNDED(2);
    void *item = item_of(77);
    (void)arg;
    check_equal(whorl_cancel(whorl_self()), 0);
    check_refused(whorl_queue_join(&queue));
    check_refused(whorl_queue_put(&queue, item_of(1)));
    check_equal(whorl_queue_size(&queue), 0);
    check_equal(whorl_queue_try_put(&queue, item_of(2)), 0);
    check_refused(whorl_queue_get(&queue, &item));
    check_equal((intptr_t)item, 77);
    check_equal(whorl_queue_try_put(&queue, item_of(3)), 0);
    check_refused(whorl_queue_put(&queue, item_of(4)));
    check_equal(next_of(&queue), 2);
    check_equal(next_of(&queue), 3);
    check_equal(whorl_queue_task_done(&queue), 0);
    check_equal(whorl_queue_shutdown(&queue, WHORL_QUEUE_GRACEFUL), 0);
    check_refused(whorl_queue_put(&queue, item_of(5)));
    check_refused(whorl_queue_get(&queue, &item));
    check_equal(whorl_queue_shutdown(&queue, WHORL_QUEUE_IMMEDIATE), 0);
    check_equal(whorl_queue_destroy(&queue), 0);
    check_equal(whorl_uncancel(), 1);
    return 0;
}

static void a_cancelled_task_is_refused_where_it_might_wait_and_nowhere_else(void **state)
{
    run_checks(call_while_cancelled, state);
}

/* --- Timeouts --- */

static intptr_t run_out_of_time(void *arg)
{
    whorl_queue queue = WHORL_QUEUE_INIT_BOUNDED(1);
    struct call getter = {.queue = &queue, .item = -1, .limit = WHORL_SECONDS(1)};
    struct call putter = {.queue = &queue, .item = 5, .limit = WHORL_SECONDS(2)};
    struct call joiner = {.queue = &queue, .limit = WHORL_SECONDS(3)};
    int64_t start = whorl_now();
    (void)arg;
    begin_call(&getter, call_get);
    check_equal(end_get(&getter), -ETIMEDOUT);
    check_equal(whorl_now() - start, WHORL_SECONDS(1));
    check_equal(whorl_queue_put(&queue, item_of(1)), 0);
    begin_call(&joiner, call_join);
    begin_call(&putter, call_put);
    check_equal(end_call(&putter), -ETIMEDOUT);
    check_equal(whorl_now() - start, WHORL_SECONDS(3));
    check_equal(next_of(&queue), 1);
    check_equal(next_of(&queue), -EAGAIN);
    check_equal(end_call(&joiner), -ETIMEDOUT);
    check_equal(whorl_now() - start, WHORL_SECONDS(4));
    check_equal(whorl_queue_put(&queue, item_of(2)), 0);
    check_equal(next_of(&queue), 2);
    return whorl_queue_destroy(&queue);
}

static void a_timeout_ends_the_wait_and_nothing_was_done(void **state)
{
    run_checks_with(&virtual_clock, run_out_of_time, state);
}

static intptr_t in_time(void *arg)
{
    whorl_queue queue = WHORL_QUEUE_INIT;
    struct call getter = {.queue = &queue, .item = -1, .limit = WHORL_SECONDS(1)};
    (void)arg;
    begin_call(&getter, call_get);
    check_equal(whorl_sleep(WHORL_MS(999)), 0);
    check_equal(whorl_queue_put(&queue, item_of(6)), 0);
    check_equal(end_get(&getter), 6);
    return whorl_queue_destroy(&queue);
}

static void an_item_that_comes_in_time_is_got(void **state)
{
    run_checks_with(&virtual_clock, in_time, state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_getter_that_is_cancelled_before_takes_nothing),
        behaviour(a_putter_that_is_cancelled_before_puts_nothing),
        behaviour(who_is_cancelled_after_it_was_served_has_done_its_work),
        behaviour(a_joiner_that_is_cancelled_before_does_not_keep_the_others),
        behaviour(a_cancelled_task_is_refused_where_it_might_wait_and_nowhere_else),
        behaviour(a_timeout_ends_the_wait_and_nothing_was_done),
        behaviour(an_item_that_comes_in_time_is_got),
    };
    return run_behaviours("queue, cancel", tests);
}
