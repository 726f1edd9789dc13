/* See retry.h. */
#include "retry.h"

#include <stdlib.h>
#include <whorl.h>

#define LONGEST WHORL_SECONDS(60)

int64_t retry_wait(int64_t first, unsigned attempt, int64_t asked, unsigned *jitter)
{
    int64_t wait = first;
    for (unsigned i = 1; i < attempt && wait < LONGEST; i++)
        wait *= 2;
    if (wait > LONGEST && first < LONGEST)
        wait = LONGEST;
    wait -= (int64_t)((double)(wait / 2) * rand_r(jitter) / RAND_MAX);
    return wait > asked ? wait : asked;
}
