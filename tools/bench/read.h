/*
 * The read workload: its job, shared by the subjects. Every subject opens the same job, pulls
 * offsets from it, and closes it; what lies between start and close is what is measured.
 */
#ifndef BENCH_READ_H
#define BENCH_READ_H

#include <stdbool.h>

#include "clock.h"
#include "file.h"
#include "workload.h"

typedef struct read_job {
    int fd;
    uint64_t size;
    uint64_t depth;
    uint64_t blocks; /* places in the file from which to read */
    uint64_t state;  /* of the generator */
    char *buffers;   /* depth of them */
    uint64_t done;   /* reads that have ended */
    bool is_over;    /* the time is up or a read failed: start no more */
    int64_t start;
    int64_t deadline;
    int64_t cpu;
    int64_t wanted;
    int64_t elapsed;
    int64_t cpu_used;
} read_job;

/* Opens file and buffers. 0, or -1 with a sentence. */
int read_open(read_job *out, const options *given);

/* From here on it is measured. */
void read_start(read_job *in);

/* To here it is measured; every read has ended. */
void read_stop(read_job *in);

/* Fills the sample and closes the file. 0, or -1 with a sentence. */
int read_close(read_job *in, sample *out);

/* The next offset: the same sequence in every run (xorshift64, Marsaglia 2003). */
static inline uint64_t read_next(uint64_t *state, uint64_t blocks, uint64_t size)
{
    uint64_t x = *state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    *state = x;
    return (uint64_t)((unsigned __int128)x * blocks >> 64) * size;
}

static inline uint64_t read_offset(read_job *in)
{
    return read_next(&in->state, in->blocks, in->size);
}

static inline char *read_buffer(const read_job *in, uint64_t index)
{
    return in->buffers + index * in->size;
}

/* Counts a read that gave `result`. 0, or -1 with a sentence: a short read is a failure. */
int read_failed(read_job *in, long result);

static inline int read_count(read_job *in, long result)
{
    if (__builtin_expect(result != (long)in->size, 0))
        return read_failed(in, result);
    if (++in->done % 64 == 0 && clock_now() >= in->deadline)
        in->is_over = true;
    return 0;
}

/* The subjects. */
int read_run_whorl(const options *given, sample *out);
int read_run_whorl_gather(const options *given, sample *out);
int read_run_whorl_registered(const options *given, sample *out);
int read_run_liburing(const options *given, sample *out);
int read_run_liburing_registered(const options *given, sample *out);
int read_run_threads(const options *given, sample *out);

extern const workload read_workload;

#endif
