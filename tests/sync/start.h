/*
 * What the tests of what tasks share have in common: the virtual clock, under which a second takes
 * no time and exactly one second, and tasks that run at once until they first wait.
 */
#ifndef TESTS_SYNC_START_H
#define TESTS_SYNC_START_H

#include <errno.h>
#include <string.h>

#include "support.h"

#define FAR WHORL_SECONDS(1000000)

static const whorl_config virtual_clock = {.clock = WHORL_CLOCK_VIRTUAL};

static inline whorl_task *start(whorl_fn *fn, void *arg)
{
    whorl_spawn_options eager = {.eager = 1};
    whorl_task *task = whorl_spawn_with(&eager, fn, arg);
    check(task != NULL);
    return task;
}

#endif
