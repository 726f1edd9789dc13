/*
 * A workload, its subjects, and the rounds in which they run in turn.
 *
 * Each run of a subject is a process of its own: memory starts clean, kernel workers are counted
 * with it alone, and a crash is a sentence instead of an end of everything.
 */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include <stddef.h>

#include "figures.h"
#include "options.h"

enum {
    SUBJECTS_MAX = 8,
    RATIOS_MAX = 10,
    RATIOS_OF_MAX = 3,
    COLUMNS_MAX = 6,
    NOTES_MAX = 6,
    REASON_MAX = 256,
    TITLE_MAX = 48
};

typedef struct subject {
    const char *name;
    /* Runs once and fills `out`; 0, or -1 when the failure has been told on stderr. */
    int (*run)(const options *given, sample *out);
    /* NULL: always there. Else 0 if the subject can run; -1 and why not in `reason`. */
    int (*missing)(const options *given, char reason[REASON_MAX]);
    /* NULL: as given. Else sets in `own` what this subject does otherwise than asked. */
    void (*adapt)(options *own);
} subject;

/* Subject `above` compared with subject `below`. */
typedef struct comparison {
    const char *above;
    const char *below;
} comparison;

/* How a figure is printed. */
typedef enum unit { UNIT_COUNT, UNIT_NS, UNIT_BYTES, UNIT_MB_PER_SECOND } unit;

typedef struct column {
    const char *title;
    figure figure;
    unit unit;
} column;

/* A figure of which ratios are printed. */
typedef struct ratio_of {
    const char *title;
    figure figure;
} ratio_of;

typedef struct workload {
    command command;
    const char *part; /* which of the command's tables this is; NULL: the only one */
    /* NULL: always. Else 0 if this machine can run it; -1 and what is missing in `reason`. */
    int (*fit)(const options *given, char reason[REASON_MAX]);
    figure main; /* the spread is of this one */
    ratio_of ratios_of[RATIOS_OF_MAX];
    column columns[COLUMNS_MAX];    /* ends with a NULL title */
    subject subjects[SUBJECTS_MAX]; /* ends with a NULL name */
    comparison ratios[RATIOS_MAX];  /* ends with a NULL above */
    const char *notes[NOTES_MAX];   /* lines under the table; ends with NULL */
} workload;

/* What one subject gave in all rounds. */
typedef struct row {
    const subject *subject;
    options options; /* as this subject ran, so after adapt */
    series series;
    char left_out[REASON_MAX]; /* why it did not run; empty if it did */
} row;

/* The whole of a workload's result; rows are in the order of its subjects. */
typedef struct outcome {
    const workload *workload;
    options options;
    size_t count;
    row rows[SUBJECTS_MAX];
} outcome;

/* The workload's name for a person: its command, and its part if it has one. */
void workload_title(const workload *which, char out[TITLE_MAX]);

/* Runs the rounds. The result is malloced and the caller's; NULL when a run failed. */
outcome *workload_run(const workload *which, const options *given);

#endif
