/*
 * The write workload: its job, shared by the subjects. A run empties the file, writes it from start
 * to end in pieces, calls fsync, and then looks whether what it wrote is there.
 */
#ifndef BENCH_WRITE_H
#define BENCH_WRITE_H

#include <string.h>

#include "file.h"
#include "workload.h"

typedef struct write_job {
    int fd;
    uint64_t size;
    uint64_t total;
    uint64_t depth;
    uint64_t pieces;
    uint64_t next; /* the next piece to write */
    char *buffers; /* depth of them */
    int64_t start;
    int64_t cpu;
    int64_t elapsed;
    int64_t cpu_used;
} write_job;

/* Empties the file and makes the buffers. 0, or -1 with a sentence. */
int write_open(write_job *out, const options *given);

/* From here on it is measured. */
void write_start(write_job *in);

/* To here it is measured; the fsync is done. */
void write_stop(write_job *in);

/* Checks the file, closes it and fills the sample. 0, or -1 with a sentence. */
int write_close(write_job *in, sample *out);

/* Bytes of a piece; the last may be shorter. */
static inline uint64_t write_length(const write_job *in, uint64_t piece)
{
    uint64_t rest = in->total - piece * in->size;
    return rest < in->size ? rest : in->size;
}

/* Slot `slot`'s buffer, with the number of the piece at its start, as far as there is room. */
static inline char *write_fill(const write_job *in, uint64_t slot, uint64_t piece)
{
    char *buffer = in->buffers + slot * in->size;
    memcpy(buffer, &piece, in->size < sizeof piece ? in->size : sizeof piece);
    return buffer;
}

/* Checks what a write of `piece` gave. 0, or -1 with a sentence: a short write is a failure. */
int write_failed(const write_job *in, uint64_t piece, long result);

static inline int write_check(const write_job *in, uint64_t piece, long result)
{
    bool is_whole = result == (long)write_length(in, piece);
    return __builtin_expect(is_whole, 1) ? 0 : write_failed(in, piece, result);
}

/* The subjects. */
int write_run_whorl(const options *given, sample *out);
int write_run_file(const options *given, sample *out);
int write_run_liburing(const options *given, sample *out);
int write_run_threads(const options *given, sample *out);

extern const workload write_workload;

#endif
