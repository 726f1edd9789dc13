/*
 * Channels: elements of any size, in their order, with a capacity and without; closing, looking,
 * iterating.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "channels.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static whorl_channel *const both[] = {&buffered, &rendezvous};

/* --- Sending and receiving --- */

enum { SENT = 1000 };

static intptr_t send_all(void *arg)
{
    for (int i = 0; i < SENT; i++)
        check_equal(whorl_channel_send(arg, &i), 0);
    check_equal(whorl_channel_close(arg), 0);
    return 0;
}

static intptr_t iterate(void *arg)
{
    whorl_task *sender = whorl_spawn(send_all, arg);
    int expected = 0;
    int number;
    while (whorl_channel_recv(arg, &number) == 0)
        check_equal(number, expected++);
    check_equal(expected, SENT);
    check_equal(whorl_channel_recv(arg, &number), -EPIPE);
    check_equal(whorl_join(sender), 0);
    return 0;
}

static void every_element_comes_once_and_in_order_until_the_close(void **state)
{
    (void)state;
    for (size_t i = 0; i < count_of(both); i++) {
        renew_channels();
        run_checks(iterate, both[i]);
    }
}

static intptr_t meet(void *arg)
{
    int number = 5;
    (void)arg;
    whorl_task *sender = begun(send_one, &rendezvous);
    check_equal(whorl_is_done(sender), 0);
    check_equal(whorl_channel_size(&rendezvous), 0);
    check_equal(receive_one(&rendezvous), 7);
    check_equal(whorl_join(sender), 0);
    whorl_task *receiver = begun(receive_one, &rendezvous);
    check_equal(whorl_is_done(receiver), 0);
    check_equal(whorl_channel_send(&rendezvous, &number), 0);
    number = 6; /* what was sent was copied */
    check_equal(whorl_is_done(receiver), 0);
    check_equal(whorl_join(receiver), 5);
    return 0;
}

static void a_rendezvous_waits_for_the_other_side(void **state)
{
    (void)state;
    renew_channels();
    run_checks(meet, NULL);
}

static intptr_t fill_and_drain(void *arg)
{
    (void)arg;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 4; i++) {
            check_equal(whorl_channel_size(&buffered), i);
            check_equal(whorl_channel_send(&buffered, &i), 0);
        }
        whorl_task *sender = begun(send_one, &buffered);
        check_equal(whorl_is_done(sender), 0);
        check_equal(whorl_channel_size(&buffered), 4);
        check_equal(receive_one(&buffered), 0);
        /* The one that waited has its element in the buffer before it runs. */
        check_equal(whorl_channel_size(&buffered), 4);
        check_equal(whorl_join(sender), 0);
        for (int i = 1; i < 4; i++)
            check_equal(receive_one(&buffered), i);
        check_equal(receive_one(&buffered), 7);
        check_equal(whorl_channel_size(&buffered), 0);
    }
    return 0;
}

static void a_buffer_keeps_as_many_as_it_has_room_for(void **state)
{
    (void)state;
    renew_channels();
    run_checks(fill_and_drain, NULL);
}

static char turns[8];
static int turn;

static intptr_t receive_in_turn(void *arg)
{
    char letter = '?';
    check_equal(whorl_channel_recv(arg, &letter), 0);
    return letter;
}

static intptr_t send_in_turn(void *arg)
{
    char letter = (char)('a' + turn++);
    return whorl_channel_send(arg, &letter);
}

static intptr_t wait_in_turn(void *arg)
{
    whorl_channel channel = WHORL_CHANNEL_INIT_RENDEZVOUS(char);
    whorl_task *tasks[6];
    (void)arg;
    turn = 0;
    for (int i = 0; i < 6; i++)
        tasks[i] = begun(i < 3 ? receive_in_turn : send_in_turn, &channel);
    for (int i = 0; i < 6; i++)
        check_equal(whorl_join(tasks[i]), i < 3 ? 'a' + i : 0);
    for (int i = 0; i < 3; i++)
        tasks[i] = begun(send_in_turn, &channel);
    for (int i = 0; i < 3; i++)
        turns[i] = (char)receive_in_turn(&channel);
    check_text(turns, "def");
    for (int i = 0; i < 3; i++)
        check_equal(whorl_join(tasks[i]), 0);
    return 0;
}

static void who_came_first_is_served_first(void **state)
{
    (void)state;
    run_checks(wait_in_turn, NULL);
}

/* --- Sizes --- */

struct sized {
    size_t size;
    size_t capacity;
};

static intptr_t send_patterns(void *arg)
{
    const struct sized *sized = arg;
    whorl_channel channel;
    char *sent = malloc(sized->size);
    char *got = malloc(sized->size + 1);
    check_equal(whorl_channel_init(&channel, sized->size, sized->capacity), 0);
    check_equal(whorl_channel_capacity(&channel), sized->capacity);
    for (int round = 0; round < 10; round++) {
        for (size_t i = 0; i < sized->capacity; i++) {
            memset(sent, (int)(round + i), sized->size);
            check_equal(whorl_channel_try_send(&channel, sent), 0);
        }
        check_equal(whorl_channel_try_send(&channel, sent), -EAGAIN);
        for (size_t i = 0; i < sized->capacity; i++) {
            memset(sent, (int)(round + i), sized->size);
            got[sized->size] = 'x';
            check_equal(whorl_channel_try_recv(&channel, got), 0);
            check_equal(memcmp(sent, got, sized->size), 0);
            check_equal(got[sized->size], 'x');
        }
    }
    check_equal(whorl_channel_destroy(&channel), 0);
    free(sent);
    free(got);
    return 0;
}

static void elements_may_be_of_any_size(void **state)
{
    static const size_t sizes[] = {1, 3, 4, 7, 8, 9, 16, 100, 4096, 100000};
    (void)state;
    for (size_t i = 0; i < count_of(sizes); i++)
        for (size_t capacity = 0; capacity <= 3; capacity++)
            run_checks(send_patterns, &(struct sized){sizes[i], capacity});
}

/* --- Without waiting --- */

static intptr_t try_both(void *arg)
{
    int number = 3;
    (void)arg;
    check_equal(whorl_channel_try_recv(&rendezvous, &number), -EAGAIN);
    check_equal(whorl_channel_try_send(&rendezvous, &number), -EAGAIN);
    whorl_task *receiver = begun(receive_one, &rendezvous);
    check_equal(whorl_channel_try_recv(&rendezvous, &number), -EAGAIN);
    check_equal(whorl_channel_try_send(&rendezvous, &number), 0);
    check_equal(whorl_channel_try_send(&rendezvous, &number), -EAGAIN);
    check_equal(whorl_join(receiver), 3);
    whorl_task *sender = begun(send_one, &rendezvous);
    check_equal(whorl_channel_try_send(&rendezvous, &number), -EAGAIN);
    check_equal(whorl_channel_try_recv(&rendezvous, &number), 0);
    check_equal(number, 7);
    check_equal(whorl_channel_try_recv(&rendezvous, &number), -EAGAIN);
    check_equal(number, 7);
    check_equal(whorl_join(sender), 0);
    return 0;
}

static void the_try_forms_succeed_only_where_nobody_must_wait(void **state)
{
    (void)state;
    renew_channels();
    run_checks(try_both, NULL);
}

/* --- Closing --- */

static intptr_t close_with_elements(void *arg)
{
    int number = 1;
    (void)arg;
    check_equal(whorl_channel_is_closed(&buffered), 0);
    for (; number <= 4; number++)
        check_equal(whorl_channel_send(&buffered, &number), 0);
    whorl_task *sender = begun(send_one, &buffered);
    check_equal(whorl_channel_close(&buffered), 0);
    check_equal(whorl_channel_is_closed(&buffered), 1);
    check_equal(whorl_channel_close(&buffered), -EALREADY);
    check_equal(whorl_join(sender), -EPIPE);
    check_equal(whorl_channel_send(&buffered, &number), -EPIPE);
    check_equal(whorl_channel_try_send(&buffered, &number), -EPIPE);
    check_equal(whorl_channel_size(&buffered), 4);
    for (int i = 1; i <= 3; i++)
        check_equal(receive_one(&buffered), i);
    check_equal(whorl_channel_try_recv(&buffered, &number), 0);
    check_equal(number, 4);
    check_equal(whorl_channel_try_recv(&buffered, &number), -EPIPE);
    check_equal(whorl_channel_recv(&buffered, &number), -EPIPE);
    check_equal(number, 4);
    return 0;
}

static void what_was_sent_before_the_close_is_still_received(void **state)
{
    (void)state;
    renew_channels();
    run_checks(close_with_elements, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(every_element_comes_once_and_in_order_until_the_close),
        behaviour(a_rendezvous_waits_for_the_other_side),
        behaviour(a_buffer_keeps_as_many_as_it_has_room_for),
        behaviour(who_came_first_is_served_first),
        behaviour(elements_may_be_of_any_size),
        behaviour(the_try_forms_succeed_only_where_nobody_must_wait),
        behaviour(what_was_sent_before_the_close_is_still_received),
    };

    return run_behaviours("channel", tests);
}
