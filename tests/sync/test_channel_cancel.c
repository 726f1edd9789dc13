/*
 * Channels and tasks that are cancelled: before the hand-over nothing was sent or received, after
 * it the call gives 0. Closing while tasks wait; ten thousand of them.
 */
#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = CROWD_OF(10000) };

static const whorl_config virtual_time = {.clock = WHORL_CLOCK_VIRTUAL};

static whorl_channel channel;
static whorl_task *tasks[MANY];

static whorl_task *begun(whorl_fn *fn, intptr_t arg)
{
    whorl_task *task = whorl_spawn(fn, (void *)arg);
    check_equal(whorl_yield(), 0);
    return task;
}

static intptr_t send_it(void *arg)
{
    intptr_t element = (intptr_t)arg;
    return whorl_channel_send(&channel, &element);
}

/* Gives the element. */
static intptr_t receive(void *arg)
{
    intptr_t element = (intptr_t)arg;
    int received = whorl_channel_recv(&channel, &element);
    if (received < 0)
        check_equal(element, (intptr_t)arg);
    return received < 0 ? received : element;
}

static void make_channel(size_t capacity)
{
    check_equal(whorl_channel_init(&channel, sizeof(intptr_t), capacity), 0);
}

/* --- Cancel against hand-over --- */

static intptr_t cancel_receivers(void *arg)
{
    intptr_t element = 5;
    make_channel((size_t)(intptr_t)arg);
    whorl_task *first = begun(receive, 77);
    whorl_task *second = begun(receive, 78);
    check_equal(whorl_cancel(first), 0);
    check_equal(whorl_channel_try_send(&channel, &element), 0);
    check_equal(whorl_cancel(second), 0);
    check_equal(whorl_join(first), -ECANCELED);
    check_equal(whorl_join(second), 5);
    check_equal(whorl_channel_size(&channel), 0);
    check_equal(whorl_channel_destroy(&channel), 0);
    return 0;
}

static intptr_t cancel_senders(void *arg)
{
    intptr_t element = 1;
    intptr_t capacity = (intptr_t)arg;
    make_channel((size_t)capacity);
    for (intptr_t i = 0; i < capacity; i++)
        check_equal(whorl_channel_try_send(&channel, &i), 0);
    whorl_task *first = begun(send_it, 100);
    whorl_task *second = begun(send_it, 101);
    check_equal(whorl_cancel(first), 0);
    check_equal(whorl_channel_try_recv(&channel, &element), 0);
    check_equal(element, capacity > 0 ? 0 : 101);
    check_equal(whorl_cancel(second), 0);
    check_equal(whorl_join(first), -ECANCELED);
    check_equal(whorl_join(second), 0);
    for (intptr_t i = 1; i <= capacity; i++)
        check_equal(receive(NULL), i < capacity ? i : 101);
    check_equal(whorl_channel_try_recv(&channel, &element), -EAGAIN);
    check_equal(whorl_channel_destroy(&channel), 0);
    return 0;
}

static void a_cancel_before_the_hand_over_wins_and_one_after_it_does_not(void **state)
{
    (void)state;
    for (intptr_t capacity = 0; capacity <= 2; capacity++) {
        run_checks(cancel_receivers, (void *)capacity);
        run_checks(cancel_senders, (void *)capacity);
    }
}

static intptr_t use_when_cancelled(void *arg)
{
    intptr_t element = 3;
    (void)arg;
    make_channel(2);
    check_equal(whorl_channel_send(&channel, &element), 0);
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_channel_send(&channel, &element), -ECANCELED);
    check_equal(whorl_channel_recv(&channel, &element), -ECANCELED);
    check_equal(whorl_channel_size(&channel), 1);
    check_equal(whorl_channel_try_send(&channel, &element), 0);
    check_equal(whorl_channel_size(&channel), 2);
    check_equal(whorl_channel_try_recv(&channel, &element), 0);
    check_equal(whorl_channel_try_recv(&channel, &element), 0);
    check_equal(whorl_channel_close(&channel), 0);
    check_equal(whorl_channel_destroy(&channel), 0);
    return 0;
}

static void a_cancelled_task_may_try_and_close_but_not_wait(void **state)
{
    (void)state;
    run_checks(use_when_cancelled, NULL);
}

static intptr_t run_out(void *arg)
{
    whorl_timeout scope;
    intptr_t element = 3;
    (void)arg;
    make_channel(0);
    check_equal(whorl_timeout_begin(&scope, WHORL_SECONDS(1)), 0);
    check_equal(whorl_timeout_end(&scope, whorl_channel_send(&channel, &element)), -ETIMEDOUT);
    check_equal(whorl_channel_try_recv(&channel, &element), -EAGAIN);
    check_equal(whorl_timeout_begin(&scope, WHORL_SECONDS(1)), 0);
    check_equal(whorl_timeout_end(&scope, whorl_channel_recv(&channel, &element)), -ETIMEDOUT);
    check_equal(whorl_channel_try_send(&channel, &element), -EAGAIN);
    check_equal(whorl_channel_destroy(&channel), 0);
    return 0;
}

static void a_timeout_takes_its_task_out_of_the_queue(void **state)
{
    (void)state;
    run_checks_with(&virtual_time, run_out, NULL);
}

/* A sleeper sends at the very time when the receiver's limit runs out; whoever was armed first is
 * first. */
static intptr_t send_after_a_second(void *arg)
{
    intptr_t element = (intptr_t)arg;
    check_equal(whorl_sleep(WHORL_SECONDS(1)), 0);
    return whorl_channel_try_send(&channel, &element);
}

static intptr_t send_as_the_limit_runs_out(void *arg)
{
    bool limit_first = arg;
    whorl_timeout scope;
    whorl_task *sender = NULL;
    make_channel(0);
    if (!limit_first)
        sender = begun(send_after_a_second, 6);
    check_equal(whorl_timeout_begin(&scope, WHORL_SECONDS(1)), 0);
    if (limit_first)
        sender = whorl_spawn(send_after_a_second, (void *)6);
    intptr_t result = whorl_timeout_end(&scope, receive(NULL));
    intptr_t sent = whorl_join(sender);
    /* In the same turn the limit comes before the sender's step, in either order. */
    check_equal(result, -ETIMEDOUT);
    check_equal(sent, -EAGAIN);
    check_equal(whorl_channel_destroy(&channel), 0);
    return 0;
}

static void a_limit_in_the_same_turn_as_a_send_loses_nothing(void **state)
{
    (void)state;
    run_checks_with(&virtual_time, send_as_the_limit_runs_out, (void *)0);
    run_checks_with(&virtual_time, send_as_the_limit_runs_out, (void *)1);
}

/* --- Closing --- */

static intptr_t close_on_waiters(void *arg)
{
    intptr_t capacity = (intptr_t)arg;
    for (int senders = 0; senders <= 1; senders++) {
        make_channel((size_t)capacity);
        for (intptr_t i = 0; senders && i < capacity; i++)
            check_equal(whorl_channel_try_send(&channel, &i), 0);
        for (intptr_t i = 0; i < 10; i++)
            tasks[i] = begun(senders ? send_it : receive, 50 + i);
        check_equal(whorl_cancel(tasks[4]), 0);
        check_equal(whorl_channel_close(&channel), 0);
        check_equal(whorl_cancel(tasks[5]), 0);
        for (int i = 0; i < 10; i++)
            check_equal(whorl_join(tasks[i]), i == 4 ? -ECANCELED : -EPIPE);
        for (intptr_t i = 0; senders && i < capacity; i++)
            check_equal(receive(NULL), i);
        check_equal(receive(NULL), -EPIPE);
        check_equal(whorl_channel_destroy(&channel), 0);
    }
    return 0;
}

static void a_close_turns_away_all_who_wait_on_either_side(void **state)
{
    (void)state;
    for (intptr_t capacity = 0; capacity <= 2; capacity++)
        run_checks(close_on_waiters, (void *)capacity);
}

static intptr_t receive_then_destroy(void *arg)
{
    (void)arg;
    make_channel(1);
    whorl_task *receiver = begun(receive, 77);
    check_equal(whorl_channel_close(&channel), 0);
    check_equal(whorl_channel_destroy(&channel), 0);
    memset(&channel, 0xee, sizeof channel);
    check_equal(whorl_join(receiver), -EPIPE);
    make_channel(1);
    receiver = begun(receive, 77);
    check_equal(whorl_channel_try_send(&channel, &(intptr_t){4}), 0);
    check_equal(whorl_channel_destroy(&channel), 0);
    memset(&channel, 0xee, sizeof channel);
    check_equal(whorl_join(receiver), 4);
    return 0;
}

static void a_channel_may_go_before_those_it_has_served_have_run(void **state)
{
    (void)state;
    run_checks(receive_then_destroy, NULL);
}

/* --- Many --- */

static intptr_t wait_in_thousands(void *arg)
{
    bool senders = arg;
    make_channel(0);
    for (intptr_t i = 0; i < MANY; i++)
        tasks[i] = whorl_spawn(senders ? send_it : receive, (void *)(senders ? i : -1));
    check_equal(whorl_yield(), 0);
    for (int i = 0; i < MANY; i += 4)
        check_equal(whorl_cancel(tasks[i]), 0);
    for (intptr_t i = 0; i < MANY; i++) {
        if (i % 4 == 0)
            continue;
        intptr_t element = i;
        if (!senders)
            check_equal(whorl_channel_try_send(&channel, &element), 0);
        else if (check_equal(whorl_channel_try_recv(&channel, &element), 0))
            check_equal(element, i);
    }
    for (intptr_t i = 0; i < MANY; i++)
        check_equal(whorl_join(tasks[i]), i % 4 == 0 ? -ECANCELED : senders ? 0 : i);
    check_equal(whorl_channel_destroy(&channel), 0);
    return 0;
}

static void ten_thousand_wait_in_their_order_and_a_quarter_leaves(void **state)
{
    (void)state;
    tell_crowd(MANY);
    run_checks(wait_in_thousands, (void *)0);
    run_checks(wait_in_thousands, (void *)1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_cancel_before_the_hand_over_wins_and_one_after_it_does_not),
        behaviour(a_cancelled_task_may_try_and_close_but_not_wait),
        behaviour(a_timeout_takes_its_task_out_of_the_queue),
        behaviour(a_limit_in_the_same_turn_as_a_send_loses_nothing),
        behaviour(a_close_turns_away_all_who_wait_on_either_side),
        behaviour(a_channel_may_go_before_those_it_has_served_have_run),
        behaviour(ten_thousand_wait_in_their_order_and_a_quarter_leaves),
    };

    return run_behaviours("channel_cancel", tests);
}
