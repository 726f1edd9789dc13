/*
 * The scene of the tests of select: two channels, a future and a sleeper, a case for each, and what
 * must be left of them.
 */
#ifndef TESTS_SYNC_SELECTING_H
#define TESTS_SYNC_SELECTING_H

#include "elsewhere.h"

#include <errno.h>
#include <stdlib.h>

static const whorl_config virtual_time = {.clock = WHORL_CLOCK_VIRTUAL};

static whorl_channel rendezvous;
static whorl_channel buffered;
static whorl_future future;

static inline void renew(void)
{
    static int room[2];
    rendezvous = (whorl_channel)WHORL_CHANNEL_INIT_RENDEZVOUS(int);
    buffered = (whorl_channel)WHORL_CHANNEL_INIT(room);
    future = (whorl_future)WHORL_FUTURE_INIT;
}

static inline whorl_task *begun(whorl_fn *fn, void *arg)
{
    whorl_task *task = whorl_spawn(fn, arg);
    check_equal(whorl_yield(), 0);
    return task;
}

static inline intptr_t send_seven(void *channel)
{
    int number = 7;
    return whorl_channel_send(channel, &number);
}

static inline intptr_t receive(void *channel)
{
    int number = -1;
    int received = whorl_channel_recv(channel, &number);
    return received < 0 ? received : number;
}

static inline intptr_t sleep_far(void *arg)
{
    (void)arg;
    return whorl_sleep(WHORL_SECONDS(100));
}

/* A select whose case at `place` is the one that happens; the others are left as they were. */
struct scene {
    int got;
    int sent;
    whorl_task *sleeper;
    whorl_case cases[4];
};

static inline void scene_begin(struct scene *scene)
{
    renew();
    scene->got = -1;
    scene->sent = 5;
    scene->sleeper = begun(sleep_far, NULL);
    scene->cases[0] = whorl_case_recv(&buffered, &scene->got);
    scene->cases[1] = whorl_case_send(&rendezvous, &scene->sent);
    scene->cases[2] = whorl_case_future(&future);
    scene->cases[3] = whorl_case_task(scene->sleeper);
    for (int i = 0; i < 4; i++)
        scene->cases[i].result = 1000 + i;
}

static inline void scene_end(struct scene *scene, int chosen)
{
    int number = 8;
    for (int i = 0; i < 4; i++)
        if (i != chosen)
            check_equal(scene->cases[i].result, 1000 + i);
    if (chosen != 0)
        check_equal(scene->got, -1);
    /* Nobody is left in a queue. */
    check_equal(whorl_channel_try_recv(&rendezvous, &number), -EAGAIN);
    check_equal(whorl_channel_try_send(&buffered, &number), 0);
    check_equal(whorl_channel_size(&buffered), 1);
    check_equal(whorl_channel_destroy(&rendezvous), 0);
    check_equal(whorl_channel_destroy(&buffered), 0);
    check_equal(whorl_future_destroy(&future), 0);
    check_equal(whorl_cancel(scene->sleeper), chosen == 3 ? -EALREADY : 0);
    check_equal(whorl_join(scene->sleeper), -ECANCELED);
}

#endif
