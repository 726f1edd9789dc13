/*
 * The log workload: records of one size, made durable by several writers for a given time, one
 * record each in flight. A run makes a file of its own in the current directory, whose name is gone
 * at once.
 */
#ifndef BENCH_LOG_H
#define BENCH_LOG_H

#include <stdbool.h>

#include "workload.h"

typedef struct log_job {
    const options *given;
    char path[32]; /* until it is unlinked */
    int fd;        /* of an empty file; -1 once closed */
    char *record;
    uint64_t count; /* records that are durable */
    uint64_t next;  /* where the next goes, for who writes by hand */
    int64_t end;    /* when to stop */
    int64_t start;
    int64_t cpu;
} log_job;

/* Makes the file and the record. 0, or -1 with a sentence. */
int log_open(log_job *out, const options *given);

/* Takes the file's name away. */
void log_unlink(log_job *in);

/* From here on it is measured. */
void log_start(log_job *in);

/* Whether the time is up. */
bool log_is_over(const log_job *in);

/* To here it is measured: fills the sample. */
void log_stop(log_job *in, sample *out);

/* Checks that the file of a hand-written subject holds the records, and closes it. 0, or -1 with a
 * sentence. */
int log_close(log_job *in);

/* The subjects. */
int log_run_whorl(const options *given, sample *out);
int log_run_each(const options *given, sample *out);
int log_run_hand(const options *given, sample *out);
int log_run_hand_ahead(const options *given, sample *out);
int log_run_hand_group(const options *given, sample *out);

extern const workload log_workload;

#endif
