/*
 * The switch workload: tasks in a circle that yield to each other. A trial does a number of
 * switches, so a run first does a small trial, and then one that fills its time.
 */
#ifndef BENCH_SWITCH_H
#define BENCH_SWITCH_H

#include <whorl.h>

#include "workload.h"

enum { SWITCH_STACK = 16384, SWITCH_TRIAL = 200000, CACHE_LINE = 64, COLOURS = 32 };

/* Stacks of SWITCH_STACK bytes for the baselines; NULL, with a sentence, when there is no memory.
 */
char *switch_stacks(uint64_t count);

int switch_run_whorl(const options *given, sample *out);
int switch_run_bare(const options *given, sample *out);
int switch_run_ucontext(const options *given, sample *out);

/* `count` switches by a trial that takes `tasks`; the ns they took and their CPU ns. */
typedef struct switch_times {
    int64_t elapsed;
    int64_t cpu;
} switch_times;

/* Runs `trial` twice, as said above, and fills the sample. */
int switch_measure(const options *given, sample *out,
                   int (*trial)(uint64_t tasks, uint64_t count, switch_times *took));

extern const workload switch_workload;

#endif
