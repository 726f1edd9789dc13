/*
 * The sync workload: what it costs that tasks and threads meet. It has parts, each a table of its
 * own:
 *
 *   lock    a lock that nobody else wants, taken and given back
 *   hand    an item from one task to another: through a queue, a channel, a generator
 *   post    a call from another thread to a loop that is busy
 *   thread  a call from a task to a thread, and back
 */
#ifndef BENCH_SYNC_H
#define BENCH_SYNC_H

#include "workload.h"

/* Part `index`, counted from 0, and NULL behind the last. All take the options as they are. */
const workload *sync_part(size_t index, options *own);

extern const workload sync_lock_workload;
extern const workload sync_hand_workload;
extern const workload sync_post_workload;
extern const workload sync_thread_workload;

#endif
