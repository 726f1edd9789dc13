/*
 * The read workload: what its subjects share, and the table of them. Every subject reads the same
 * offsets, from the same file, into page-aligned buffers that are there before it starts.
 */
#include "read.h"

#include <fcntl.h>
#include <unistd.h>

#include "fail.h"
#include "threads_max.h"

static const uint64_t seed = UINT64_C(0x9E3779B97F4A7C15);

int read_open(read_job *out, const options *given)
{
    *out = (read_job){.size = given->size, .depth = given->depth, .state = seed};
    out->wanted = (int64_t)given->seconds;
    out->fd = file_open(given, O_RDONLY);
    if (out->fd < 0)
        return -1;
    out->blocks = file_size(out->fd) / out->size;
    out->buffers = file_buffers(out->depth, out->size);
    return out->buffers != NULL ? 0 : -1;
}

void read_start(read_job *in)
{
    in->cpu = clock_cpu();
    in->start = clock_now();
    in->deadline = in->start + in->wanted;
}

void read_stop(read_job *in)
{
    in->elapsed = clock_now() - in->start;
    in->cpu_used = clock_cpu() - in->cpu;
}

int read_close(read_job *in, sample *out)
{
    close(in->fd);
    if (in->done == 0)
        return fail("no read ended within the measured time: give more --seconds");
    sample_rate(out, in->done, in->elapsed, in->cpu_used);
    return 0;
}

int read_failed(read_job *in, long result)
{
    in->is_over = true;
    if (result < 0)
        return fail_call("a read", result);
    return fail("a read gave %ld bytes in place of %llu: has the file been cut meanwhile?", result,
                (unsigned long long)in->size);
}

const workload read_workload = {
    .command = COMMAND_READ,
    .main = FIGURE_PER_SECOND,
    .ratios_of = {{"reads/s", FIGURE_PER_SECOND}, {"CPU a read", FIGURE_CPU_NS_PER_OP}},
    .columns = {{"reads/s", FIGURE_PER_SECOND, UNIT_COUNT},
                {"MB/s", FIGURE_PER_SECOND, UNIT_MB_PER_SECOND},
                {"CPU/read", FIGURE_CPU_NS_PER_OP, UNIT_NS}},
    .subjects = {{"whorl", read_run_whorl, NULL, NULL},
                 {"liburing", read_run_liburing, NULL, NULL},
                 {"whorl-registered", read_run_whorl_registered, NULL, NULL},
                 {"liburing-registered", read_run_liburing_registered, NULL, NULL},
                 {"whorl-gather", read_run_whorl_gather, NULL, NULL},
                 {"threads", read_run_threads, NULL, threads_cap_depth}},
    .ratios = {{"whorl", "liburing"},
               {"whorl-registered", "liburing-registered"},
               {"whorl-registered", "whorl"},
               {"whorl-gather", "liburing"},
               {"whorl", "threads"}},
    .notes = {"threads: one for each read in flight, 64 at most."},
};
