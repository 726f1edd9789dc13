/*
 * Writes by a pool of blocking threads: each pulls the next piece and writes it with pwrite(2). The
 * only thing shared is the number of the next piece; the fsync comes when all have ended.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "fail.h"
#include "threads_max.h"
#include "write.h"

typedef struct pool {
    write_job job;
    _Atomic uint64_t next;
    atomic_bool has_failed;
} pool;

typedef struct writer {
    pool *pool;
    uint64_t slot;
    pthread_t thread;
} writer;

static void *write_pieces(void *arg)
{
    const writer *mine = arg;
    pool *in = mine->pool;
    const write_job *job = &in->job;
    for (;;) {
        uint64_t piece = atomic_fetch_add_explicit(&in->next, 1, memory_order_relaxed);
        if (piece >= job->pieces)
            return NULL;
        ssize_t did = pwrite(job->fd, write_fill(job, mine->slot, piece), write_length(job, piece),
                             (off_t)(piece * job->size));
        if (write_check(job, piece, did < 0 ? -errno : did) == 0)
            continue;
        atomic_store(&in->has_failed, true);
        return NULL;
    }
}

int write_run_threads(const options *given, sample *out)
{
    static writer writers[FILE_THREADS_MAX];
    static pool in;
    if (write_open(&in.job, given) != 0)
        return -1;
    write_start(&in.job);
    for (uint64_t slot = 0; slot < in.job.depth; slot++) {
        writers[slot] = (writer){.pool = &in, .slot = slot};
        int error = pthread_create(&writers[slot].thread, NULL, write_pieces, &writers[slot]);
        if (error != 0)
            return fail_call("starting a thread", error);
    }
    for (uint64_t slot = 0; slot < in.job.depth; slot++)
        pthread_join(writers[slot].thread, NULL);
    if (atomic_load(&in.has_failed))
        return -1;
    if (fsync(in.job.fd) != 0)
        return fail_call("the fsync", errno);
    write_stop(&in.job);
    return write_close(&in.job, out);
}
