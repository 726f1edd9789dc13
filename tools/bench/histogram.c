/*
 * Percentiles of a histogram; see histogram.h. Asked for once, after the measurement, so it may
 * take its time.
 */
#include "histogram.h"

#include <math.h>

static double bucket_middle(unsigned bucket)
{
    if (bucket < HISTOGRAM_FINE)
        return bucket;
    unsigned power = bucket / HISTOGRAM_FINE + 5;
    double width = ldexp(1, (int)power - 6);
    return ldexp(1, (int)power) + (bucket % HISTOGRAM_FINE + 0.5) * width;
}

double histogram_percentile(const histogram *from, double part)
{
    double wanted = part * (double)from->total;
    uint64_t seen = 0;
    for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        seen += from->counts[bucket];
        if (seen > 0 && (double)seen >= wanted)
            return bucket_middle(bucket);
    }
    return NAN;
}
