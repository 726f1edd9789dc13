/* What the tests of the virtual clock share: it, and the real one beside it. */
#ifndef TESTS_CORE_CLOCKS_H
#define TESTS_CORE_CLOCKS_H

#include "support.h"

#include <time.h>

#define HOUR WHORL_SECONDS(3600)

static const whorl_config virtual_clock = {.clock = WHORL_CLOCK_VIRTUAL, .drain_warning = -1};

static inline int64_t real_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return WHORL_SECONDS(now.tv_sec) + now.tv_nsec;
}

static inline void spend_real_time(int64_t ns)
{
    nanosleep(&(struct timespec){ns / WHORL_SECONDS(1), ns % WHORL_SECONDS(1)}, NULL);
}

static inline intptr_t sleep_an_hour(void *arg)
{
    int slept = whorl_sleep(HOUR);
    return slept < 0 ? slept : (intptr_t)arg;
}

#endif
