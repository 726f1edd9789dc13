/*
 * Clocks, and the processors on which a measurement runs. A clock that cannot be read gives -1; the
 * clocks of this very process and CLOCK_MONOTONIC always can.
 */
#include "clock.h"

#include <sched.h>
#include <time.h>

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;
    if (clock_gettime(clock, &now) != 0)
        return -1;
    return (int64_t)now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

int64_t clock_now(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_cpu(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

int64_t clock_cpu_of_thread(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

int64_t clock_cpu_of(pid_t pid)
{
    clockid_t clock;
    if (clock_getcpuclockid(pid, &clock) != 0)
        return -1;
    return read_clock(clock);
}

uint64_t clock_scale(uint64_t count, int64_t elapsed, int64_t wanted)
{
    if (elapsed < 1)
        elapsed = 1;
    double scaled = (double)count * (double)wanted / (double)elapsed;
    return scaled < 1 ? 1 : (uint64_t)scaled;
}

int cpu_count(void)
{
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return 1;
    return CPU_COUNT(&allowed);
}

void cpu_pin(int index)
{
    static cpu_set_t allowed; /* before the first pin: a thread takes after the one that made it */
    if (CPU_COUNT(&allowed) == 0 && sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return;
    if (CPU_COUNT(&allowed) < 2)
        return;
    int seen = 0;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &allowed) || seen++ != index)
            continue;
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        sched_setaffinity(0, sizeof one, &one);
        return;
    }
}
