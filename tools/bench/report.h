/*
 * What is printed for a person: the machine, a table for each workload, ratios, notes. `tables` is
 * where, stdout as a rule; NULL when stdout is the JSON's, and then only lines that tell of
 * something left out or made are printed, on stderr.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdio.h>

#include "workload.h"

/* Machine, kernel, version and what the kernel offers. `tables` is not NULL. */
void report_machine(FILE *tables);

/* The table of a workload with its ratios and notes. */
void report_outcome(FILE *tables, const outcome *from);

/* A line by itself, such as why a workload is left out. */
void report_line(FILE *tables, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
