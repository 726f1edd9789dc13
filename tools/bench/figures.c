/*
 * Arithmetic on samples; see figures.h. A figure applies to all rounds of a subject or to none, so
 * the first round tells which.
 */
#include "figures.h"

#include <math.h>
#include <stdlib.h>

const char *figure_key(figure which)
{
    static const char *const keys[FIGURE_COUNT] = {
        [FIGURE_PER_SECOND] = "per_second",
        [FIGURE_NS_PER_OP] = "ns_per_op",
        [FIGURE_CPU_NS_PER_OP] = "cpu_ns_per_op",
        [FIGURE_P50_NS] = "p50_ns",
        [FIGURE_P99_NS] = "p99_ns",
        [FIGURE_P999_NS] = "p999_ns",
        [FIGURE_BYTES_PER_TASK] = "bytes_per_task",
        [FIGURE_ALONE_NS] = "alone_ns",
        [FIGURE_ADDED_NS] = "added_ns",
        [FIGURE_TOTAL_NS] = "total_ns",
        [FIGURE_CALL_NS] = "call_ns",
        [FIGURE_INSERT_NS] = "insert_ns",
        [FIGURE_REMOVE_NS] = "remove_ns",
        [FIGURE_EXPIRE_NS] = "expire_ns",
    };
    return keys[which];
}

void sample_clear(sample *out)
{
    for (size_t i = 0; i < FIGURE_COUNT; i++)
        out->value[i] = NAN;
}

void sample_rate(sample *out, uint64_t count, int64_t elapsed, int64_t cpu)
{
    out->value[FIGURE_PER_SECOND] = (double)count * 1e9 / (double)elapsed;
    out->value[FIGURE_NS_PER_OP] = (double)elapsed / (double)count;
    out->value[FIGURE_CPU_NS_PER_OP] = (double)cpu / (double)count;
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* The value below which `part` of the sorted ones lie, between its neighbours in proportion. */
static double quantile(const double *sorted, size_t n, double part)
{
    double place = part * (double)(n - 1);
    size_t below = (size_t)place;
    size_t above = below + 1 < n ? below + 1 : below;
    return sorted[below] + (place - (double)below) * (sorted[above] - sorted[below]);
}

double figures_median(double *values, size_t n)
{
    qsort(values, n, sizeof *values, compare);
    return quantile(values, n, 0.5);
}

static middle summary(double *values, size_t n)
{
    if (n == 0 || isnan(values[0]))
        return (middle){NAN, NAN, NAN};
    double median = figures_median(values, n);
    return (middle){median, quantile(values, n, 0.25), quantile(values, n, 0.75)};
}

static middle summary_of(const series *from, figure which)
{
    double values[ROUNDS_MAX];
    for (size_t i = 0; i < from->rounds; i++)
        values[i] = from->samples[i].value[which];
    return summary(values, from->rounds);
}

double series_median(const series *from, figure which)
{
    return summary_of(from, which).median;
}

double series_spread(const series *from, figure which)
{
    middle all = summary_of(from, which);
    return (all.upper - all.lower) / all.median;
}

middle series_ratio(const series *above, const series *below, figure which)
{
    double values[ROUNDS_MAX];
    size_t n = above->rounds < below->rounds ? above->rounds : below->rounds;
    for (size_t i = 0; i < n; i++)
        values[i] = above->samples[i].value[which] / below->samples[i].value[which];
    return summary(values, n);
}
