/*
 * The first lines of a report: processor, memory, kernel, version, features. What cannot be found
 * out is left out or told; it never stops a run.
 */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <whorl.h>

#include "clock.h"
#include "report.h"

/* The value of the first line of /proc/cpuinfo that starts with `key`. */
static int find_cpuinfo(const char *key, char *out, size_t room)
{
    FILE *in = fopen("/proc/cpuinfo", "re");
    if (in == NULL)
        return -1;
    char line[512];
    int found = -1;
    while (found != 0 && fgets(line, sizeof line, in) != NULL) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, key, strlen(key)) != 0 || colon == NULL)
            continue;
        snprintf(out, room, "%s", colon + 1 + strspn(colon + 1, " \t"));
        out[strcspn(out, "\n")] = '\0';
        found = 0;
    }
    fclose(in);
    return found;
}

void report_machine(FILE *tables)
{
    struct utsname system;
    char processor[256];
    if (uname(&system) != 0)
        memset(&system, 0, sizeof system);
    if (find_cpuinfo("model name", processor, sizeof processor) != 0)
        snprintf(processor, sizeof processor, "%s processor", system.machine);
    double memory = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    int processors = cpu_count();
    fprintf(tables, "%s, %d processor%s, %.1f GiB; %s %s; whorl %s\n", processor, processors,
            processors == 1 ? "" : "s", memory / (1 << 30), system.sysname, system.release,
            whorl_version());
    int64_t features = whorl_features();
    if (features < 0) {
        fprintf(tables, "io_uring: not available (%s)\n", strerror((int)-features));
        return;
    }
    fprintf(tables, "features:");
    for (unsigned bit = 0; bit < 63; bit++) {
        const char *name = whorl_feature_name(UINT64_C(1) << bit);
        if (name != NULL)
            fprintf(tables, " %s%s", (features >> bit & 1) != 0 ? "" : "no_", name);
    }
    fputc('\n', tables);
    fflush(tables);
}
