/* Tasks that sleep until they are cancelled: whorl's side of spawn and sleepers. Called inside a
 * task. */
#ifndef BENCH_SLEEPING_H
#define BENCH_SLEEPING_H

#include <whorl.h>

typedef struct sleeping {
    uint64_t wanted;
    uint64_t count;  /* spawned */
    uint64_t asleep; /* that have begun to sleep */
    whorl_task **tasks;
} sleeping;

/* Makes room for the handles of `count` tasks, touched, so that it costs nothing later. 0, -ENOMEM.
 */
int sleeping_open(sleeping *out, uint64_t count);

/* Spawns them and lets them run until each is asleep. 0, or an error. */
intptr_t sleeping_fill(sleeping *in);

/* Both of the above. */
intptr_t sleeping_start(sleeping *out, uint64_t count);

/* Cancels each and joins each. 0, or an error: each must have ended by its cancel. */
intptr_t sleeping_end(sleeping *in);

#endif
