/*
 * How a run comes to its end: main has ended, its limit is reached, or nothing can happen any more.
 *
 *     running --> draining --> over
 *                    '-------> given up
 *
 * draining: every task is cancelled, and awaited; those that do not heed it are named after a
 * while. The result is main's, unless the limit or a deadlock was first. given up: in a second
 * deadlock, tasks that wait though they are cancelled will never run again.
 */
#ifndef CORE_ENDING_H
#define CORE_ENDING_H

#include <core/loop.h>

/* Main has ended with `result`: everything else is to be cancelled. */
void ending_main_ended(struct loop *loop, intptr_t result);

/* Arms the timer of the run's limit, if it has one and its clock is real. */
void ending_arm_limit(struct loop *loop);

/* The limit is reached. */
void ending_limit_reached(struct loop *loop);

/* Nothing can happen any more. The first time, has every task end; the second time, gives up those
 * that could not. Returns whether the loop goes on. */
bool ending_unstick(struct loop *loop);

/* A task will never run again: other threads that wait for its end are told so, with `result`. */
void ending_tell_others(struct task *task, intptr_t result);

/* No task will run again: takes those who wait out of what they wait for, as that may be the
 * program's, and outlive their stacks. */
void ending_end_waits(struct loop *loop);

/* Disarms the timers of this room. */
void ending_disarm(struct loop *loop);

#endif
