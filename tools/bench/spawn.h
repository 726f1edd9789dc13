/*
 * The spawn workload: ns to spawn a task and join it, with the pool of stacks warm and other tasks
 * asleep beside it.
 */
#ifndef BENCH_SPAWN_H
#define BENCH_SPAWN_H

#include "workload.h"

extern const workload spawn_workload;

#endif
