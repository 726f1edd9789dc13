/* The idle workload: what a connection costs on which nothing comes. */
#ifndef BENCH_IDLE_H
#define BENCH_IDLE_H

#include "workload.h"

extern const workload idle_workload;

/* Judges --connections; 0, or -1 with a sentence. */
int idle_check(const options *given);

#endif
