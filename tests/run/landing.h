/*
 * For tests of whorl_run_abandon: a run, and the place where a jump out of it lands. The function
 * that it lands in does nothing before it.
 */
#ifndef TESTS_RUN_LANDING_H
#define TESTS_RUN_LANDING_H

#include "support.h"

#include <setjmp.h>

static jmp_buf landing;

/* Runs main and, if it is left, gives what whorl_run_abandon does. */
static inline intptr_t run_and_land(const whorl_config *config, whorl_fn *main, void *arg)
{
    if (setjmp(landing) == 0)
        return whorl_run_with(config, main, arg);
    return whorl_run_abandon();
}

/* The thread sanitizer's longjmp knows the stack of the running fiber alone. */
#define skip_without_longjmp()                                                                     \
    do {                                                                                           \
        if (UNDER_THREAD_SANITIZER)                                                                \
            skip_because("the thread sanitizer's longjmp finds no way out of a fiber");            \
    } while (0)

/* A task's function: jumps out of the run. */
static inline intptr_t leave(void *arg)
{
    longjmp(landing, 1);
    return (intptr_t)arg;
}

#endif
