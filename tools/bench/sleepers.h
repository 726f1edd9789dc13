/*
 * The sleepers workload, and whether this machine has the memory for it: a million tasks want about
 * 6 GiB with what the kernel keeps for them.
 */
#ifndef BENCH_SLEEPERS_H
#define BENCH_SLEEPERS_H

#include "workload.h"

extern const workload sleepers_workload;

/* Its fit, for any number of tasks: whether the memory for --tasks is there. */
int sleepers_fit(const options *given, char reason[REASON_MAX]);

#endif
