/*
 * The results as JSON: an array with one object a row. Rows are written as workloads end, and the
 * array is closed even when a run fails, so that what stands there is always valid.
 */
#ifndef BENCH_JSON_H
#define BENCH_JSON_H

#include <stdbool.h>
#include <stdio.h>

#include "workload.h"

typedef struct json {
    FILE *out;
    bool has_row;
} json;

/* Opens the array. */
void json_begin(json *to, FILE *out);

/* Adds an object for each subject that ran. */
void json_outcome(json *to, const outcome *from);

/* Closes the array. 0, or -1 with a sentence when something could not be written. */
int json_end(json *to);

#endif
