/* The parts of the sync workload; see sync.h. */
#include "sync.h"

static const workload *const parts[] = {
    &sync_lock_workload,
    &sync_hand_workload,
    &sync_post_workload,
    &sync_thread_workload,
};

const workload *sync_part(size_t index, options *own)
{
    (void)own;
    return index < sizeof parts / sizeof parts[0] ? parts[index] : NULL;
}
