/*
 * Channels at their edges: their memory, the wrong place, and nothing.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "as_task.h"
#include "channels.h"
#include "elsewhere.h"

#include <errno.h>

/* --- Memory --- */

static void destroy_in_use(size_t capacity)
{
    whorl_channel channel;
    int number = 2;
    assert_int_equal(whorl_channel_init(&channel, sizeof(int), capacity), 0);
    whorl_task *receiver = begun(receive_one, &channel);
    assert_int_equal(whorl_channel_destroy(&channel), -EBUSY);
    assert_int_equal(whorl_channel_send(&channel, &number), 0);
    assert_int_equal(whorl_join(receiver), 2);
    while (whorl_channel_try_send(&channel, &number) == 0)
        ;
    whorl_task *sender = begun(send_one, &channel);
    assert_int_equal(whorl_channel_destroy(&channel), -EBUSY);
    assert_int_equal(whorl_channel_close(&channel), 0);
    assert_int_equal(whorl_channel_destroy(&channel), 0);
    assert_int_equal(whorl_join(sender), -EPIPE);
    assert_int_equal(whorl_channel_destroy(&channel), -EINVAL);
    assert_int_equal(whorl_channel_send(&channel, &number), -EINVAL);
    assert_int_equal(whorl_channel_recv(&channel, &number), -EINVAL);
    assert_int_equal(whorl_channel_close(&channel), -EINVAL);
    assert_int_equal(whorl_channel_size(&channel), -EINVAL);
    assert_int_equal(whorl_channel_init(&channel, sizeof(int), 1), 0);
    assert_int_equal(whorl_channel_send(&channel, &number), 0);
    assert_int_equal(whorl_channel_destroy(&channel), 0);
}

static void a_channel_that_tasks_wait_for_cannot_be_destroyed(void **state)
{
    (void)state;
    destroy_in_use(0);
    destroy_in_use(2);
}

static void a_channel_with_an_array_leaves_it_to_its_owner(void **state)
{
    (void)state;
    renew_channels();
    assert_int_equal(whorl_channel_capacity(&buffered), 4);
    assert_int_equal(whorl_channel_capacity(&rendezvous), 0);
    assert_int_equal(whorl_channel_destroy(&buffered), 0);
    assert_int_equal(whorl_channel_destroy(&rendezvous), 0);
    numbers[3] = 1;
}

/* --- The wrong place, and nothing --- */

static intptr_t use_from_elsewhere(void *arg)
{
    int number = 1;
    (void)arg;
    check_equal(whorl_channel_send(&rendezvous, &number), -EPERM);
    check_equal(whorl_channel_try_send(&rendezvous, &number), -EPERM);
    check_equal(whorl_channel_recv(&rendezvous, &number), -EPERM);
    check_equal(whorl_channel_try_recv(&rendezvous, &number), -EPERM);
    check_equal(whorl_channel_close(&rendezvous), -EPERM);
    check_equal(number, 1);
    return 0;
}

static void no_other_thread_can_send_receive_or_close(void **state)
{
    (void)state;
    int number = 4;
    renew_channels();
    without_a_loop(use_from_elsewhere);
    whorl_task *task = begun(receive_one, &rendezvous);
    in_another_loop(use_from_elsewhere);
    assert_int_equal(whorl_channel_send(&rendezvous, &number), 0);
    assert_int_equal(whorl_join(task), 4);
    task = begun(send_one, &rendezvous);
    in_another_loop(use_from_elsewhere);
    assert_int_equal(receive_one(&rendezvous), 7);
    assert_int_equal(whorl_join(task), 0);
}

static void null_is_refused(void **state)
{
    (void)state;
    int number = 1;
    renew_channels();
    assert_int_equal(whorl_channel_init(NULL, 1, 1), -EINVAL);
    assert_int_equal(whorl_channel_init(&(whorl_channel){0}, 0, 1), -EINVAL);
    assert_int_equal(whorl_channel_destroy(NULL), -EINVAL);
    assert_int_equal(whorl_channel_send(NULL, &number), -EINVAL);
    assert_int_equal(whorl_channel_send(&buffered, NULL), -EINVAL);
    assert_int_equal(whorl_channel_recv(NULL, &number), -EINVAL);
    assert_int_equal(whorl_channel_recv(&buffered, NULL), -EINVAL);
    assert_int_equal(whorl_channel_try_send(NULL, &number), -EINVAL);
    assert_int_equal(whorl_channel_try_send(&buffered, NULL), -EINVAL);
    assert_int_equal(whorl_channel_try_recv(NULL, &number), -EINVAL);
    assert_int_equal(whorl_channel_try_recv(&buffered, NULL), -EINVAL);
    assert_int_equal(whorl_channel_close(NULL), -EINVAL);
    assert_int_equal(whorl_channel_size(NULL), -EINVAL);
    assert_int_equal(whorl_channel_capacity(NULL), -EINVAL);
    assert_int_equal(whorl_channel_is_closed(NULL), -EINVAL);
    assert_int_equal(whorl_channel_size(&buffered), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(a_channel_that_tasks_wait_for_cannot_be_destroyed),
        behaviour(a_channel_with_an_array_leaves_it_to_its_owner),
        as_task(no_other_thread_can_send_receive_or_close),
        as_task(null_is_refused),
    };

    return run_behaviours("channel_edges", tests);
}
