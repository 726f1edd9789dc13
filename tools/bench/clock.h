/*
 * Time and processors: the monotonic clock, CPU time of a process, and pinning.
 * All times are nanoseconds. None of these allocates; each may be called from any thread.
 */
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

#include <stdint.h>
#include <sys/types.h>

#define NS_PER_SECOND INT64_C(1000000000)

/* CLOCK_MONOTONIC now. */
int64_t clock_now(void);

/* CPU time of this process with all of its threads, io_uring's kernel workers among them. */
int64_t clock_cpu(void);

/* CPU time of the calling thread. */
int64_t clock_cpu_of_thread(void);

/* CPU time of process `pid`; -1 when it cannot be read. */
int64_t clock_cpu_of(pid_t pid);

/* Scales a trial that did `count` operations in `elapsed` ns to one of `wanted` ns; at least 1. */
uint64_t clock_scale(uint64_t count, int64_t elapsed, int64_t wanted);

/* How many processors this process may use. */
int cpu_count(void);

/* Pins the calling thread to the index-th processor that the process may use, counted from 0. Does
 * nothing when there is only one, so that server and load share it as the scheduler likes. The
 * first call in a process is made before others can be. */
void cpu_pin(int index);

#endif
