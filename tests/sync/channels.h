/*
 * What the tests of channels share: one channel with room for some numbers, one with none, and
 * tasks that have begun to wait at them.
 */
#ifndef TESTS_SYNC_CHANNELS_H
#define TESTS_SYNC_CHANNELS_H

#include "support.h"

static int numbers[4];
static whorl_channel buffered = WHORL_CHANNEL_INIT(numbers);
static whorl_channel rendezvous = WHORL_CHANNEL_INIT_RENDEZVOUS(int);

/* Both as they were at the program's begin. */
static inline void renew_channels(void)
{
    const whorl_channel with_room = WHORL_CHANNEL_INIT(numbers);
    const whorl_channel without = WHORL_CHANNEL_INIT_RENDEZVOUS(int);
    buffered = with_room;
    rendezvous = without;
}

static inline intptr_t send_one(void *arg)
{
    int number = 7;
    return whorl_channel_send(arg, &number);
}

static inline intptr_t receive_one(void *arg)
{
    int number = -1;
    int received = whorl_channel_recv(arg, &number);
    return received < 0 ? received : number;
}

static inline whorl_task *begun(whorl_fn *fn, void *arg)
{
    whorl_task *task = whorl_spawn(fn, arg);
    check_equal(whorl_yield(), 0);
    return task;
}

#endif
