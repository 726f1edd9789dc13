/*
 * The time, and a cheap glance at it, to spare looks at the clock.
 *
 * The loop asks whether a timer is due at every turn, and a turn may last a few nanoseconds; a
 * deadline counts from now, and many begin and end within a turn. So they read the processor's tick
 * counter first, and the clock (some 20 ns) only when a microsecond or so has gone by since
 * somebody did. What a glance gives is behind the clock by less than CLOCK_GLANCE_NS; for a counter
 * of 1 GHz or more on x86, and of 16 MHz or more elsewhere, as all have.
 */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* The real time: ns of CLOCK_MONOTONIC. */
static inline int64_t clock_read(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

#define CLOCK_GLANCE_NS 2048

#if defined(__x86_64__) || defined(__i386__)
#define CLOCK_GLANCE_TICKS 2048 /* about 1 us at 2 GHz */
static inline uint64_t clock_ticks(void)
{
    return __builtin_ia32_rdtsc();
}
#elif defined(__aarch64__)
#define CLOCK_GLANCE_TICKS 32 /* about 1 us at 25 MHz */
static inline uint64_t clock_ticks(void)
{
    uint64_t ticks;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
}
#else
#define CLOCK_GLANCE_TICKS 0 /* no counter: the clock is read each time */
static inline uint64_t clock_ticks(void)
{
    return 0;
}
#endif

#endif
