/* See memory.h. What is available is what the kernel says could be had without swapping. */
#include "memory.h"

#include <stdio.h>
#include <unistd.h>

/* MemAvailable of /proc/meminfo in bytes; UINT64_MAX when it is not told. */
static uint64_t available_bytes(void)
{
    FILE *in = fopen("/proc/meminfo", "re");
    unsigned long long kib = UINT64_MAX >> 10;
    char line[128];
    while (in != NULL && fgets(line, sizeof line, in) != NULL)
        if (sscanf(line, "MemAvailable: %llu", &kib) == 1)
            break;
    if (in != NULL)
        fclose(in);
    return (uint64_t)kib << 10;
}

int memory_fit(const char *what, uint64_t count, uint64_t each, char reason[REASON_MAX])
{
    uint64_t wanted = count * each, there = available_bytes();
    if (wanted <= there)
        return 0;
    snprintf(reason, REASON_MAX,
             "%llu %s want about %llu MiB of memory and %llu MiB are available: give at most --%s "
             "%llu",
             (unsigned long long)count, what, (unsigned long long)(wanted >> 20),
             (unsigned long long)(there >> 20), what, (unsigned long long)(there / each));
    return -1;
}

int64_t memory_resident(void)
{
    long long pages = -1;
    FILE *in = fopen("/proc/self/statm", "re");
    if (in == NULL)
        return -1;
    int found = fscanf(in, "%*d %lld", &pages);
    fclose(in);
    return found == 1 ? pages * sysconf(_SC_PAGESIZE) : -1;
}
