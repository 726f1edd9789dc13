/*
 * Figures: what one run of one subject gives (a sample), what the rounds of a subject give together
 * (a series), and what is drawn from them: median, spread, paired ratio.
 *
 * A figure that does not apply is NAN and is printed nowhere.
 */
#ifndef BENCH_FIGURES_H
#define BENCH_FIGURES_H

#include <stddef.h>
#include <stdint.h>

enum { ROUNDS_MAX = 1000 };

typedef enum figure {
    FIGURE_PER_SECOND,
    FIGURE_NS_PER_OP,
    FIGURE_CPU_NS_PER_OP,
    FIGURE_P50_NS,
    FIGURE_P99_NS,
    FIGURE_P999_NS,
    FIGURE_BYTES_PER_TASK,
    FIGURE_SPAWN_NS,
    FIGURE_CANCEL_NS,
    FIGURE_ALONE_NS, /* an operation, without what is measured */
    FIGURE_ADDED_NS, /* what is measured adds to it */
    FIGURE_TOTAL_NS, /* all operations of a run */
    FIGURE_CALL_NS,  /* what an operation takes of its caller */
    FIGURE_INSERT_NS,
    FIGURE_REMOVE_NS,
    FIGURE_EXPIRE_NS,
    FIGURE_COUNT
} figure;

/* The figure's key in a JSON row; NULL for one that only the tables show. */
const char *figure_key(figure which);

typedef struct sample {
    double value[FIGURE_COUNT];
} sample;

typedef struct series {
    size_t rounds;
    sample samples[ROUNDS_MAX];
} series;

/* The middle half of the rounds lies between the quartiles. The extremes would tell more of what
 * else the machine did, the more so the more rounds there are. */
typedef struct middle {
    double median;
    double lower; /* quartile */
    double upper;
} middle;

/* A sample in which no figure applies. */
void sample_clear(sample *out);

/* Fills per_second, ns_per_op and cpu_ns_per_op from a count of operations, wall and CPU ns. */
void sample_rate(sample *out, uint64_t count, int64_t elapsed, int64_t cpu);

/* Median of n > 0 values, which it sorts. */
double figures_median(double *values, size_t n);

/* Median over the rounds; NAN if the figure does not apply. */
double series_median(const series *from, figure which);

/* (upper quartile - lower quartile) / median over the rounds. */
double series_spread(const series *from, figure which);

/* The ratio above / below of each round, and of those the middle. Rounds are paired: a
 * machine that was slow for a while was slow for both. */
middle series_ratio(const series *above, const series *below, figure which);

#endif
