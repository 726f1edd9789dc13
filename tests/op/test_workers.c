/*
 * The kernel's workers are as many as config.workers at most, in each run on a thread anew. What
 * keeps each busy is the open of a FIFO whose other end nobody opens.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "op/plug.h"
#include "op/workers.h"

#include <pthread.h>
#include <stdio.h>

enum { MORE = 4, BLOCKED_MOST = 64 + MORE };

static int wanted; /* workers */

/* More opens that wait than there may be workers. */
static intptr_t occupy_workers(void *arg)
{
    (void)arg;
    static plug plugs[BLOCKED_MOST];
    int count = wanted + MORE;
    for (int i = 0; i < count; i++) {
        char name[24];
        snprintf(name, sizeof name, "fifo-%d", i);
        plug_put(&plugs[i], name);
    }
    while (count_workers() < wanted)
        check_equal(whorl_sleep(WHORL_US(100)), 0);
    for (int i = 0; i < count; i++) {
        let_turn();
        check_equal(count_workers(), wanted);
        plug_pull(&plugs[i]);
    }
    return 0;
}

/* On a thread of its own: workers that have served one run stay for a while, and serve the next. */
static void *run_twice(void *arg)
{
    (void)arg;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    wanted = 2;
    check_equal(whorl_run_with(&(whorl_config){.workers = 2}, occupy_workers, NULL), 0);
    wanted = 4 * processors < 64 ? 4 * (int)processors : 64;
    check_equal(whorl_run(occupy_workers, NULL), 0);
    return NULL;
}

static void there_are_no_more_workers_than_the_run_may_have(void **state)
{
    (void)state;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run_twice, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(there_are_no_more_workers_than_the_run_may_have),
    };
    return run_behaviours("op/workers", tests);
}
