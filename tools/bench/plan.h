/*
 * What a command line leads to: workloads, each with its options, one after the other. A plan is
 * judged as a whole before its first step runs.
 */
#ifndef BENCH_PLAN_H
#define BENCH_PLAN_H

#include "json.h"
#include "workload.h"

/* Lists have LIST_MAX numbers, and a workload has two of them at most; of `all`, one each. */
enum { STEPS_MAX = LIST_MAX * LIST_MAX };

typedef struct step {
    const workload *workload;
    options options;
    bool may_be_left_out; /* with a note, where this machine cannot run it */
} step;

typedef struct plan {
    size_t count;
    step steps[STEPS_MAX];
} plan;

/* Makes the plan of a subcommand and judges its options. 0, or an exit status after a sentence. */
int plan_make(plan *out, const options *given);

/* Closes the files that it holds. */
void plan_drop(plan *in);

/* Runs it, prints each result to `tables` (see report.h) and adds it to `rows`, if that is not
 * NULL. An exit status. */
int plan_run(plan *in, FILE *tables, json *rows);

#endif
