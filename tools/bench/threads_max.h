/* How many threads the baseline `threads` takes to read and write: as many as operations in flight,
 * up to a number beyond which more only cost. */
#ifndef BENCH_THREADS_MAX_H
#define BENCH_THREADS_MAX_H

#include "options.h"

enum { FILE_THREADS_MAX = 64 };

static inline void threads_cap_depth(options *own)
{
    own->depth = own->depth < FILE_THREADS_MAX ? own->depth : FILE_THREADS_MAX;
}

#endif
