/*
 * Threads that sleep until they are released: the threads' side of spawn and sleepers. Started and
 * ended by one thread.
 */
#ifndef BENCH_PARKED_H
#define BENCH_PARKED_H

#include <pthread.h>
#include <stdint.h>

#include "options.h"

enum { PARKED_MAX = 2000, PARKED_STACK = 65536 };

typedef struct parked {
    pthread_mutex_t mutex;
    pthread_cond_t release;
    pthread_cond_t all_asleep;
    uint64_t asleep;
    uint64_t wanted; /* as many asleep are all */
    bool is_released;
    uint64_t count;
    pthread_t *threads;
    pthread_attr_t attributes; /* small stacks, with guards */
} parked;

/* Starts `count` threads and waits until all are asleep. 0, or -1 with a sentence. */
int parked_start(parked *out, uint64_t count);

/* Wakes all and joins them. */
void parked_end(parked *in);

/* For a subject's adapt: no more than PARKED_MAX tasks. */
void parked_cap(options *own);

#endif
