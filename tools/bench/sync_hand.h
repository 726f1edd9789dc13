/* The part `hand` of sync, as its subjects share it. */
#ifndef BENCH_SYNC_HAND_H
#define BENCH_SYNC_HAND_H

#include "workload.h"

enum { HAND_CAPACITY = 64 };

/* Hands the numbers below `count` over, in order, and looks at what arrives: 0, or an error. */
typedef intptr_t hand_pass(void *context, uint64_t count);

/* Measures for as long as was asked, after a trial that is not counted, and fills the sample. 0, or
 * the pass's error. */
intptr_t hand_measure(const options *given, sample *out, hand_pass *pass, void *context);

/* Between two threads, through a bounded queue of HAND_CAPACITY items, or of one. */
int hand_run_threads(const options *given, sample *out);
int hand_run_threads_one(const options *given, sample *out);

#endif
