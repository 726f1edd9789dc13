/* What this kernel has for the engine: io_uring's features, and the table of operations. */
#ifndef BENCH_KERNEL_FEATURES_H
#define BENCH_KERNEL_FEATURES_H

#include <stdio.h>

/* Prints both to `tables`, and as one JSON object to `out`; either may be NULL. 0, or -1 with a
 * sentence. */
int features_print(FILE *tables, FILE *out);

#endif
