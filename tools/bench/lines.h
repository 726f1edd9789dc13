/* The lines workload: a file of text, cached, is read line by line from start to end. */
#ifndef BENCH_LINES_H
#define BENCH_LINES_H

#include "workload.h"

extern const workload lines_workload;

#endif
