/*
 * Selects that meet: each other on both sides of a channel, never themselves; cancels and closes
 * against a hand-over; and whom chance prefers.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "core/child.h"

#include <stdlib.h>

static const whorl_config virtual_time = {.clock = WHORL_CLOCK_VIRTUAL};

static whorl_channel left = WHORL_CHANNEL_INIT_RENDEZVOUS(int);
static whorl_channel right = WHORL_CHANNEL_INIT_RENDEZVOUS(int);

static whorl_task *begun(whorl_fn *fn, void *arg)
{
    whorl_task *task = whorl_spawn(fn, arg);
    check_equal(whorl_yield(), 0);
    return task;
}

static void destroy_both(void)
{
    check_equal(whorl_channel_destroy(&left), 0);
    check_equal(whorl_channel_destroy(&right), 0);
    left = (whorl_channel)WHORL_CHANNEL_INIT_RENDEZVOUS(int);
    right = (whorl_channel)WHORL_CHANNEL_INIT_RENDEZVOUS(int);
}

/* --- Select against select --- */

enum { ROUNDS = 1000 };

static int sent_total;
static int got_total;

/* Sends into whichever is asked, and counts up. */
static intptr_t select_to_send(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        int number = i;
        whorl_case cases[] = {whorl_case_send(&left, &number), whorl_case_send(&right, &number)};
        ssize_t chosen = whorl_select(cases, 2, WHORL_FOREVER);
        check(chosen >= 0 && cases[chosen].result == 0);
        sent_total += number;
    }
    return 0;
}

static intptr_t select_to_receive(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        int number = -1;
        whorl_case cases[] = {whorl_case_recv(&right, &number), whorl_case_recv(&left, &number)};
        ssize_t chosen = whorl_select(cases, 2, WHORL_FOREVER);
        check(chosen >= 0 && cases[chosen].result == 0);
        got_total += number;
    }
    return 0;
}

static intptr_t meet_by_selects(void *arg)
{
    whorl_task *tasks[6];
    (void)arg;
    sent_total = 0;
    got_total = 0;
    for (int i = 0; i < 6; i++)
        tasks[i] = whorl_spawn(i % 2 ? select_to_send : select_to_receive, NULL);
    check_equal(whorl_gather(tasks, 6, NULL, 0), 0);
    check_equal(got_total, sent_total);
    check_equal(sent_total, 3 * (ROUNDS * (ROUNDS - 1) / 2));
    destroy_both();
    return 0;
}

static void selects_on_both_sides_of_a_rendezvous_meet(void **state)
{
    (void)state;
    run_checks(meet_by_selects, NULL);
}

/* Both sides of one channel in one select. Gives what it received, or 100 if it sent. */
static intptr_t send_and_receive(void *arg)
{
    int sent = (int)(intptr_t)arg;
    int got = -1;
    whorl_case cases[] = {whorl_case_send(&left, &sent), whorl_case_recv(&left, &got),
                          whorl_case_send(&left, &sent), whorl_case_recv(&left, &got)};
    ssize_t chosen = whorl_select(cases, 4, WHORL_SECONDS(1));
    if (chosen < 0)
        return chosen;
    check_equal(cases[chosen].result, 0);
    check_equal(got == -1, chosen % 2 == 0);
    return chosen % 2 ? got : 100;
}

static intptr_t meet_nobody(void *arg)
{
    (void)arg;
    check_equal(send_and_receive((void *)1), -ETIMEDOUT);
    whorl_task *first = begun(send_and_receive, (void *)1);
    intptr_t second = send_and_receive((void *)2);
    if (second == 100)
        check_equal(whorl_join(first), 2);
    else if (check_equal(second, 1))
        check_equal(whorl_join(first), 100);
    first = begun(send_and_receive, (void *)1);
    check_equal(whorl_channel_try_send(&left, &(int){5}), 0);
    check_equal(whorl_channel_try_send(&left, &(int){6}), -EAGAIN);
    check_equal(whorl_join(first), 5);
    first = begun(send_and_receive, (void *)1);
    int number = -1;
    check_equal(whorl_channel_try_recv(&left, &number), 0);
    check_equal(whorl_channel_try_recv(&left, &number), -EAGAIN);
    check_equal(number, 1);
    check_equal(whorl_join(first), 100);
    destroy_both();
    return 0;
}

static void a_select_on_both_sides_meets_others_but_not_itself(void **state)
{
    (void)state;
    run_checks_with(&virtual_time, meet_nobody, NULL);
}

/* --- Cancels and closes --- */

static intptr_t receive_from_either(void *arg)
{
    int number = -1;
    whorl_case cases[] = {whorl_case_recv(&left, &number), whorl_case_recv(&right, &number),
                          whorl_case_recv(&left, &number)};
    ssize_t chosen = whorl_select(cases, 3, WHORL_FOREVER);
    (void)arg;
    if (chosen < 0)
        return chosen;
    return cases[chosen].result < 0 ? cases[chosen].result : number;
}

static intptr_t cancel_in_both_orders(void *arg)
{
    (void)arg;
    for (int i = 0; i < 2; i++) {
        whorl_channel *channel = i == 0 ? &left : &right;
        whorl_task *first = begun(receive_from_either, NULL);
        whorl_task *second = begun(receive_from_either, NULL);
        check_equal(whorl_cancel(first), 0);
        check_equal(whorl_channel_try_send(channel, &(int){5}), 0);
        check_equal(whorl_cancel(second), 0);
        check_equal(whorl_channel_try_send(channel, &(int){6}), -EAGAIN);
        check_equal(whorl_join(first), -ECANCELED);
        check_equal(whorl_join(second), 5);
    }
    destroy_both();
    return 0;
}

static void a_cancel_before_the_hand_over_wins_and_one_after_it_does_not(void **state)
{
    (void)state;
    run_checks(cancel_in_both_orders, NULL);
}

static intptr_t close_under_selects(void *arg)
{
    whorl_task *tasks[10];
    (void)arg;
    for (int i = 0; i < 10; i++)
        tasks[i] = begun(receive_from_either, NULL);
    check_equal(whorl_channel_try_send(&right, &(int){5}), 0);
    check_equal(whorl_channel_close(&left), 0);
    check_equal(whorl_join(tasks[0]), 5);
    for (int i = 1; i < 10; i++)
        check_equal(whorl_join(tasks[i]), -EPIPE);
    check_equal(whorl_channel_try_send(&right, &(int){6}), -EAGAIN);
    destroy_both();
    for (int i = 0; i < 4; i++)
        tasks[i] = begun(send_and_receive, (void *)1);
    check_equal(whorl_channel_close(&left), 0);
    destroy_both();
    check_equal(whorl_gather(tasks, 4, NULL, WHORL_COLLECT), 0);
    return 0;
}

static void a_close_ends_each_select_that_waits(void **state)
{
    (void)state;
    run_checks_with(&virtual_time, close_under_selects, NULL);
}

/* Two things happen to one select before its task runs: the second is for the next. */
static intptr_t serve_twice(void *arg)
{
    whorl_future future = WHORL_FUTURE_INIT;
    int number = -1;
    (void)arg;
    whorl_task *first = begun(receive_from_either, NULL);
    whorl_task *second = begun(receive_from_either, NULL);
    check_equal(whorl_channel_try_send(&left, &(int){1}), 0);
    check_equal(whorl_channel_try_send(&right, &(int){2}), 0);
    check_equal(whorl_channel_try_send(&left, &(int){3}), -EAGAIN);
    check_equal(whorl_join(first), 1);
    check_equal(whorl_join(second), 2);
    check_equal(whorl_future_set(&future, 0), 0);
    check_equal(whorl_channel_try_recv(&left, &number), -EAGAIN);
    destroy_both();
    return 0;
}

static void what_comes_second_goes_to_the_next_who_waits(void **state)
{
    (void)state;
    run_checks(serve_twice, NULL);
}

/* --- Fairness --- */

enum { DRAWS = 30000, CASES = 7 };

/* Of those that are ready, be they side by side or not, each is drawn as often as another; a
 * deviation of a tenth is more than ten times the standard one. */
static void check_shares(const char *ready)
{
    static int room[CASES][1];
    whorl_channel channels[CASES];
    whorl_case cases[CASES];
    int counts[CASES] = {0};
    int number = 1;
    int number_ready = 0;
    for (int i = 0; i < CASES; i++) {
        channels[i] = (whorl_channel)WHORL_CHANNEL_INIT(room[i]);
        cases[i] = whorl_case_recv(&channels[i], &number);
        if (ready[i] == 'x') {
            number_ready++;
            check_equal(whorl_channel_try_send(&channels[i], &number), 0);
        }
    }
    for (int i = 0; i < DRAWS; i++) {
        ssize_t chosen = whorl_select(cases, CASES, 0);
        if (!check(chosen >= 0))
            return;
        counts[chosen]++;
        check_equal(whorl_channel_try_send(&channels[chosen], &number), 0);
    }
    for (int i = 0; i < CASES; i++) {
        int share = ready[i] == 'x' ? DRAWS / number_ready : 0;
        if (abs(counts[i] - share) > share / 10)
            check_failed("of %s case %d was drawn %d times, not %d", ready, i, counts[i], share);
    }
}

static intptr_t draw_often(void *arg)
{
    (void)arg;
    check_shares("xxxxxxx");
    check_shares("xx.....");
    check_shares("x.....x");
    check_shares(".xx.x..");
    check_shares("...x...");
    return 0;
}

static void of_several_that_are_ready_each_is_as_likely(void **state)
{
    (void)state;
    run_checks(draw_often, NULL);
}

static intptr_t send_forever(void *channel)
{
    int number = 1;
    int sent;
    do
        sent = whorl_channel_send(channel, &number);
    while (sent == 0);
    return sent;
}

/* Two selects take turns, from one busy channel and from one that has something now and then. */
static intptr_t receive_from_busy(void *arg)
{
    int number = -1;
    whorl_case cases[] = {whorl_case_recv(&left, &number), whorl_case_recv(&right, &number)};
    int counts[2] = {0};
    (void)arg;
    for (int i = 0; i < 4000; i++) {
        ssize_t chosen = whorl_select(cases, 2, WHORL_FOREVER);
        if (!check(chosen >= 0))
            break;
        counts[chosen]++;
        check_equal(whorl_yield(), 0);
    }
    /* Both senders are always there. */
    check(counts[0] > 1600 && counts[1] > 1600);
    return 0;
}

static intptr_t share_two_channels(void *arg)
{
    whorl_task *senders[] = {begun(send_forever, &left), begun(send_forever, &right),
                             begun(send_forever, &left), begun(send_forever, &right)};
    whorl_task *receivers[] = {whorl_spawn(receive_from_busy, NULL),
                               whorl_spawn(receive_from_busy, NULL)};
    (void)arg;
    check_equal(whorl_gather(receivers, 2, NULL, 0), 0);
    check_equal(whorl_channel_close(&left), 0);
    check_equal(whorl_channel_close(&right), 0);
    check_equal(whorl_gather(senders, 4, NULL, WHORL_COLLECT), 0);
    destroy_both();
    return 0;
}

static void a_busy_channel_starves_none_though_selects_take_turns(void **state)
{
    (void)state;
    run_checks(share_two_channels, NULL);
}

/* --- What the deadlock report says --- */

static intptr_t select_nothing(void *arg)
{
    (void)arg;
    return whorl_select(NULL, 0, WHORL_FOREVER);
}

static intptr_t get_stuck(void *arg)
{
    whorl_future future = WHORL_FUTURE_INIT;
    whorl_task *task = whorl_spawn_with(&(whorl_spawn_options){.name = "ann"}, select_nothing, arg);
    whorl_case cases[] = {whorl_case_future(&future), whorl_case_task(task)};
    check_equal(whorl_select(cases, 2, WHORL_FOREVER), -ECANCELED);
    check_equal(whorl_future_destroy(&future), 0);
    return 0;
}

static int run_stuck(void *arg)
{
    check_equal(whorl_run(get_stuck, arg), -EDEADLK);
    return 0;
}

static void a_deadlock_report_names_the_tasks_of_a_select(void **state)
{
    struct child child;
    assert_int_equal(child_run(run_stuck, state, &child), 0);
    assert_true(child_exited(&child, 0));
    assert_non_null(strstr(
        child.text, "main waits for one of the cases of its select, among them the end of ann\n"));
    assert_non_null(strstr(child.text, "ann waits for one of the cases of its select\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(selects_on_both_sides_of_a_rendezvous_meet),
        behaviour(a_select_on_both_sides_meets_others_but_not_itself),
        behaviour(a_cancel_before_the_hand_over_wins_and_one_after_it_does_not),
        behaviour(a_close_ends_each_select_that_waits),
        behaviour(what_comes_second_goes_to_the_next_who_waits),
        behaviour(of_several_that_are_ready_each_is_as_likely),
        behaviour(a_busy_channel_starves_none_though_selects_take_turns),
        behaviour(a_deadlock_report_names_the_tasks_of_a_select),
    };

    return run_behaviours("select_meet", tests);
}
