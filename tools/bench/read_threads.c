/*
 * Reads by blocking threads, one for each read in flight. Each pulls offsets from a generator of
 * its own, of another seed, since a shared one would be what they wait for.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "fail.h"
#include "read.h"
#include "threads_max.h"

typedef struct pool {
    read_job job;
    atomic_bool is_over;
    pthread_barrier_t start;
} pool;

typedef struct reader {
    pool *pool;
    uint64_t index;
    uint64_t done;
    long last; /* what the last read gave; all before it were whole */
    pthread_t thread;
} reader;

static void *read_until_over(void *arg)
{
    reader *mine = arg;
    const read_job *job = &mine->pool->job;
    uint64_t state = job->state + mine->index * UINT64_C(0xD1B54A32D192ED03);
    char *buffer = read_buffer(job, mine->index);
    uint64_t done = 0;
    long got = (long)job->size;
    pthread_barrier_wait(&mine->pool->start);
    while (!atomic_load_explicit(&mine->pool->is_over, memory_order_relaxed)) {
        uint64_t offset = read_next(&state, job->blocks, job->size);
        got = pread(job->fd, buffer, job->size, (off_t)offset);
        if (got != (long)job->size)
            break;
        done++;
    }
    mine->last = got < 0 ? -errno : got;
    mine->done = done;
    return NULL;
}

static int start_threads(pool *in, reader *readers)
{
    pthread_barrier_init(&in->start, NULL, (unsigned)in->job.depth + 1);
    for (uint64_t i = 0; i < in->job.depth; i++) {
        readers[i] = (reader){.pool = in, .index = i};
        int error = pthread_create(&readers[i].thread, NULL, read_until_over, &readers[i]);
        if (error != 0)
            return fail_call("starting a thread", error);
    }
    return 0;
}

int read_run_threads(const options *given, sample *out)
{
    static reader readers[FILE_THREADS_MAX];
    static pool in;
    if (read_open(&in.job, given) != 0 || start_threads(&in, readers) != 0)
        return -1;
    read_start(&in.job);
    pthread_barrier_wait(&in.start);
    usleep((useconds_t)(in.job.wanted / 1000));
    atomic_store(&in.is_over, true);
    for (uint64_t i = 0; i < in.job.depth; i++) {
        pthread_join(readers[i].thread, NULL);
        in.job.done += readers[i].done;
    }
    read_stop(&in.job);
    for (uint64_t i = 0; i < in.job.depth; i++)
        if (readers[i].last != (long)in.job.size)
            return read_failed(&in.job, readers[i].last);
    return read_close(&in.job, out);
}
