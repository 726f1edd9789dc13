/*
 * Channels: elements of any size, in their order, with a capacity and without; closing, looking,
 * iterating.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "as_task.h"
#include "channels.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- Sending and receiving --- */

enum { SENT = 1000 };

static intptr_t send_all(void *arg)
{
    for (int i = 0; i < SENT; i++)
        assert_int_equal(whorl_channel_send(arg, &i), 0);
    assert_int_equal(whorl_channel_close(arg), 0);
    return 0;
}

static void iterate(whorl_channel *channel)
{
    whorl_task *sender = whorl_spawn(send_all, channel);
    int expected = 0;
    int number;
    while (whorl_channel_recv(channel, &number) == 0)
        assert_int_equal(number, expected++);
    assert_int_equal(expected, SENT);
    assert_int_equal(whorl_channel_recv(channel, &number), -EPIPE);
    assert_int_equal(whorl_join(sender), 0);
}

static void every_element_comes_once_and_in_order_until_the_close(void **state)
{
    (void)state;
    renew_channels();
    iterate(&buffered);
    iterate(&rendezvous);
}

static void a_rendezvous_waits_for_the_other_side(void **state)
{
    (void)state;
    int number = 5;
    renew_channels();
    whorl_task *sender = begun(send_one, &rendezvous);
    assert_int_equal(whorl_is_done(sender), 0);
    assert_int_equal(whorl_channel_size(&rendezvous), 0);
    assert_int_equal(receive_one(&rendezvous), 7);
    assert_int_equal(whorl_join(sender), 0);
    whorl_task *receiver = begun(receive_one, &rendezvous);
    assert_int_equal(whorl_is_done(receiver), 0);
    assert_int_equal(whorl_channel_send(&rendezvous, &number), 0);
    number = 6; /* what was sent was copied */
    assert_int_equal(whorl_is_done(receiver), 0);
    assert_int_equal(whorl_join(receiver), 5);
}

static void a_buffer_keeps_as_many_as_it_has_room_for(void **state)
{
    (void)state;
    renew_channels();
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 4; i++) {
            assert_int_equal(whorl_channel_size(&buffered), i);
            assert_int_equal(whorl_channel_send(&buffered, &i), 0);
        }
        whorl_task *sender = begun(send_one, &buffered);
        assert_int_equal(whorl_is_done(sender), 0);
        assert_int_equal(whorl_channel_size(&buffered), 4);
        assert_int_equal(receive_one(&buffered), 0);
        /* The one that waited has its element in the buffer before it runs. */
        assert_int_equal(whorl_channel_size(&buffered), 4);
        assert_int_equal(whorl_join(sender), 0);
        for (int i = 1; i < 4; i++)
            assert_int_equal(receive_one(&buffered), i);
        assert_int_equal(receive_one(&buffered), 7);
        assert_int_equal(whorl_channel_size(&buffered), 0);
    }
}

static char turns[8];
static int turn;

static intptr_t receive_in_turn(void *arg)
{
    char letter = '?';
    assert_int_equal(whorl_channel_recv(arg, &letter), 0);
    return letter;
}

static intptr_t send_in_turn(void *arg)
{
    char letter = (char)('a' + turn++);
    return whorl_channel_send(arg, &letter);
}

static void who_came_first_is_served_first(void **state)
{
    (void)state;
    whorl_channel channel = WHORL_CHANNEL_INIT_RENDEZVOUS(char);
    whorl_task *tasks[6];
    turn = 0;
    for (int i = 0; i < 6; i++)
        tasks[i] = begun(i < 3 ? receive_in_turn : send_in_turn, &channel);
    for (int i = 0; i < 6; i++)
        assert_int_equal(whorl_join(tasks[i]), i < 3 ? 'a' + i : 0);
    for (int i = 0; i < 3; i++)
        tasks[i] = begun(send_in_turn, &channel);
    for (int i = 0; i < 3; i++)
        turns[i] = (char)receive_in_turn(&channel);
    assert_string_equal(turns, "def");
    for (int i = 0; i < 3; i++)
        assert_int_equal(whorl_join(tasks[i]), 0);
}

/* --- Sizes --- */

static void send_patterns(size_t size, size_t capacity)
{
    whorl_channel channel;
    char *sent = malloc(size);
    char *got = malloc(size + 1);
    assert_int_equal(whorl_channel_init(&channel, size, capacity), 0);
    assert_int_equal(whorl_channel_capacity(&channel), capacity);
    for (int round = 0; round < 10; round++) {
        for (size_t i = 0; i < capacity; i++) {
            memset(sent, (int)(round + i), size);
            assert_int_equal(whorl_channel_try_send(&channel, sent), 0);
        }
        assert_int_equal(whorl_channel_try_send(&channel, sent), -EAGAIN);
        for (size_t i = 0; i < capacity; i++) {
            memset(sent, (int)(round + i), size);
            got[size] = 'x';
            assert_int_equal(whorl_channel_try_recv(&channel, got), 0);
            assert_int_equal(memcmp(sent, got, size), 0);
            assert_int_equal(got[size], 'x');
        }
    }
    assert_int_equal(whorl_channel_destroy(&channel), 0);
    free(sent);
    free(got);
}

static void elements_may_be_of_any_size(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 3, 4, 7, 8, 9, 16, 100, 4096, 100000};
    for (size_t i = 0; i < count_of(sizes); i++)
        for (size_t capacity = 0; capacity <= 3; capacity++)
            send_patterns(sizes[i], capacity);
}

/* --- Without waiting --- */

static void the_try_forms_succeed_only_where_nobody_must_wait(void **state)
{
    (void)state;
    int number = 3;
    renew_channels();
    assert_int_equal(whorl_channel_try_recv(&rendezvous, &number), -EAGAIN);
    assert_int_equal(whorl_channel_try_send(&rendezvous, &number), -EAGAIN);
    whorl_task *receiver = begun(receive_one, &rendezvous);
    assert_int_equal(whorl_channel_try_recv(&rendezvous, &number), -EAGAIN);
    assert_int_equal(whorl_channel_try_send(&rendezvous, &number), 0);
    assert_int_equal(whorl_channel_try_send(&rendezvous, &number), -EAGAIN);
    assert_int_equal(whorl_join(receiver), 3);
    whorl_task *sender = begun(send_one, &rendezvous);
    assert_int_equal(whorl_channel_try_send(&rendezvous, &number), -EAGAIN);
    assert_int_equal(whorl_channel_try_recv(&rendezvous, &number), 0);
    assert_int_equal(number, 7);
    assert_int_equal(whorl_channel_try_recv(&rendezvous, &number), -EAGAIN);
    assert_int_equal(number, 7);
    assert_int_equal(whorl_join(sender), 0);
}

/* --- Closing --- */

static void what_was_sent_before_the_close_is_still_received(void **state)
{
    (void)state;
    int number = 1;
    renew_channels();
    assert_int_equal(whorl_channel_is_closed(&buffered), 0);
    for (; number <= 4; number++)
        assert_int_equal(whorl_channel_send(&buffered, &number), 0);
    whorl_task *sender = begun(send_one, &buffered);
    assert_int_equal(whorl_channel_close(&buffered), 0);
    assert_int_equal(whorl_channel_is_closed(&buffered), 1);
    assert_int_equal(whorl_channel_close(&buffered), -EALREADY);
    assert_int_equal(whorl_join(sender), -EPIPE);
    assert_int_equal(whorl_channel_send(&buffered, &number), -EPIPE);
    assert_int_equal(whorl_channel_try_send(&buffered, &number), -EPIPE);
    assert_int_equal(whorl_channel_size(&buffered), 4);
    for (int i = 1; i <= 3; i++)
        assert_int_equal(receive_one(&buffered), i);
    assert_int_equal(whorl_channel_try_recv(&buffered, &number), 0);
    assert_int_equal(number, 4);
    assert_int_equal(whorl_channel_try_recv(&buffered, &number), -EPIPE);
    assert_int_equal(whorl_channel_recv(&buffered, &number), -EPIPE);
    assert_int_equal(number, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(every_element_comes_once_and_in_order_until_the_close),
        as_task(a_rendezvous_waits_for_the_other_side),
        as_task(a_buffer_keeps_as_many_as_it_has_room_for),
        as_task(who_came_first_is_served_first),
        as_task(elements_may_be_of_any_size),
        as_task(the_try_forms_succeed_only_where_nobody_must_wait),
        as_task(what_was_sent_before_the_close_is_still_received),
    };

    return run_behaviours("channel", tests);
}
