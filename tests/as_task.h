/*
 * Tests that run as tasks, by the adapter that users have too (whorl/test.h). All of their tasks
 * use cmocka's assertions. A check fails them as well: they need those in helpers that they share
 * with tests of other kinds, and on threads of their own.
 */
#ifndef TESTS_AS_TASK_H
#define TESTS_AS_TASK_H

#include "support.h"

#include <whorl/test.h>

/* Among the behaviours of a program, one that is the main task of a run in virtual time. */
#define as_task(function) as_task_with(function, .clock = WHORL_CLOCK_VIRTUAL)

/* The same with what whorl_unit_test_with takes. The limit is for hangs, and not for slow
 * machines. */
#define as_task_with(function, ...)                                                                \
    whorl_unit_test_with(function, .teardown = task_behaviour_end,                                 \
                         .limit = WHORL_SECONDS(test_rounds(500)), __VA_ARGS__)

#endif
