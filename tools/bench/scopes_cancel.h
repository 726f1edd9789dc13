/* The part `cancel` of scopes, as its subjects share it. */
#ifndef BENCH_SCOPES_CANCEL_H
#define BENCH_SCOPES_CANCEL_H

#include "workload.h"

/* What is measured, summed over the repetitions. */
typedef struct cancel_times {
    uint64_t repetitions;
    int64_t elapsed; /* ns from the first cancel until the last has ended */
    int64_t cpu;
} cancel_times;

/* --tasks sockets, each with nothing to receive. */
typedef struct silent_sockets {
    uint64_t count;
    int *fds;
} silent_sockets;

/* 0, or -1 with a sentence. They last until the process ends. */
int silent_open(silent_sockets *out, uint64_t count);

/* Fills the sample. */
void cancel_fill(sample *out, uint64_t tasks, const cancel_times *from);

int cancel_run_whorl(const options *given, sample *out);
int cancel_run_liburing(const options *given, sample *out);

#endif
