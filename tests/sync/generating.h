/*
 * What the tests of generators share: bodies that clean up, or sleep between their values.
 */
#ifndef TESTS_SYNC_GENERATING_H
#define TESTS_SYNC_GENERATING_H

#include "core/child.h"

static const whorl_config virtual_time = {.clock = WHORL_CLOCK_VIRTUAL};

static int bodies; /* that have begun */
static int cleaned;
static whorl_task *generator_task;

/* Yields on and on; cleans up, which takes a second, when it is to stop; gives `arg`. */
static inline intptr_t count_and_clean_up(whorl_generator *self, void *arg)
{
    int yielded = 0;
    bodies++;
    generator_task = whorl_self();
    for (intptr_t i = 0; yielded == 0; i++)
        yielded = whorl_generator_yield(self, i);
    check_equal(yielded, -ECANCELED);
    check_equal(whorl_generator_yield(self, 99), -ECANCELED);
    whorl_shield shield;
    check_equal(whorl_shield_begin(&shield, WHORL_SECONDS(10)), 0);
    check_equal(whorl_sleep(WHORL_SECONDS(1)), 0);
    check_equal(whorl_shield_end(&shield, 0), 0);
    cleaned++;
    return (intptr_t)arg;
}

static inline void begin(whorl_generator *generator, whorl_generator_fn *fn, intptr_t arg)
{
    check_equal(whorl_generator_begin(generator, fn, (void *)arg), 0);
}

static inline void check_next(whorl_generator *generator, intptr_t expected)
{
    intptr_t value = -1;
    check_equal(whorl_generator_next(generator, &value), 1);
    check_equal(value, expected);
}

static inline intptr_t sleep_then_yield(whorl_generator *self, void *arg)
{
    (void)arg;
    for (intptr_t i = 0; i < 3; i++) {
        check_equal(whorl_sleep(WHORL_SECONDS(2)), 0);
        int yielded = whorl_generator_yield(self, i);
        if (yielded < 0)
            return yielded;
    }
    return 0;
}

static inline intptr_t ask(void *each)
{
    intptr_t value = -1;
    int got = whorl_generator_next(each, &value);
    return got == 1 ? value : got;
}

#endif
