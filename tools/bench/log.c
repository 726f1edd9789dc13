/*
 * The log workload: what its subjects share, and the table of them. A run that left fewer records
 * than it counted, or other bytes, is a failure and not a figure.
 */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "fail.h"

int log_open(log_job *out, const options *given)
{
    *out = (log_job){.given = given, .path = "./whorl-bench.XXXXXX"};
    out->record = malloc(given->size);
    if (out->record == NULL)
        return fail("no memory for a record of %llu bytes", (unsigned long long)given->size);
    memset(out->record, 'r', given->size);
    out->fd = mkostemp(out->path, O_CLOEXEC);
    if (out->fd < 0)
        return fail("cannot make a temporary file in the current directory: %s; go where you may "
                    "write",
                    strerror(errno));
    return 0;
}

void log_unlink(log_job *in)
{
    unlink(in->path);
}

void log_start(log_job *in)
{
    in->cpu = clock_cpu();
    in->start = clock_now();
    in->end = in->start + (int64_t)in->given->seconds;
}

bool log_is_over(const log_job *in)
{
    return clock_now() >= in->end;
}

void log_stop(log_job *in, sample *out)
{
    sample_rate(out, in->count, clock_now() - in->start, clock_cpu() - in->cpu);
}

/* A sample of them, the first and the last among it. */
int log_close(log_job *in)
{
    char *read = malloc(in->given->size);
    uint64_t step = in->count / 100 + 1;
    int failed = read == NULL ? fail("no memory to look at the file") : 0;
    for (uint64_t i = 0; i < in->count && failed == 0; i += step) {
        off_t at = (off_t)(i * in->given->size);
        ssize_t got = pread(in->fd, read, in->given->size, at);
        if (got != (ssize_t)in->given->size || memcmp(read, in->record, in->given->size) != 0)
            failed =
                fail("record %llu is not in the file as it was written", (unsigned long long)i);
    }
    close(in->fd);
    free(read);
    free(in->record);
    return failed;
}

const workload log_workload = {
    .command = COMMAND_LOG,
    .main = FIGURE_PER_SECOND,
    .ratios_of = {{"records/s", FIGURE_PER_SECOND}, {"CPU a record", FIGURE_CPU_NS_PER_OP}},
    .columns = {{"records/s", FIGURE_PER_SECOND, UNIT_COUNT},
                {"CPU/record", FIGURE_CPU_NS_PER_OP, UNIT_NS}},
    .subjects = {{"whorl", log_run_whorl, NULL, NULL},
                 {"each", log_run_each, NULL, NULL},
                 {"hand", log_run_hand, NULL, NULL},
                 {"hand-ahead", log_run_hand_ahead, NULL, NULL},
                 {"hand-group", log_run_hand_group, NULL, NULL}},
    .ratios = {{"whorl", "each"},
               {"whorl", "hand"},
               {"whorl", "hand-ahead"},
               {"whorl", "hand-group"}},
    .notes = {"A record counts once it is on the disk: what the disk's flush costs decides."},
};
