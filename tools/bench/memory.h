/*
 * Whether this machine has the memory that a workload wants, so that one that asks for too much is
 * refused with a sentence before it runs, and not killed while it does.
 */
#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

#include "workload.h"

/* 0 if there is room for `count` times `each` bytes; else -1, and in `reason` what is missing and
 * how many to give. `what` is the option and, without its dashes, what it counts: "tasks". */
int memory_fit(const char *what, uint64_t count, uint64_t each, char reason[REASON_MAX]);

/* Resident bytes of this process; -1 if they are not told. */
int64_t memory_resident(void);

#endif
