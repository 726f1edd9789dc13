/*
 * The write workload: what its subjects share, and the table of them. A run that wrote less, or
 * other bytes, than it should is a failure and not a figure.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "write.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "clock.h"
#include "fail.h"
#include "threads_max.h"

enum { CHECKED_MAX = 256 };

int write_open(write_job *out, const options *given)
{
    *out = (write_job){.size = given->size, .total = given->total, .depth = given->depth};
    out->pieces = (given->total + given->size - 1) / given->size;
    out->fd = file_open(given, O_RDWR | O_TRUNC);
    if (out->fd < 0)
        return -1;
    out->buffers = file_buffers(out->depth, out->size);
    if (out->buffers == NULL)
        return -1;
    memset(out->buffers, 'w', out->depth * out->size);
    /* What the run before left behind is not this one's to carry. */
    return fsync(out->fd) == 0 ? 0 : fail_call("fsync of the emptied file", errno);
}

void write_start(write_job *in)
{
    in->cpu = clock_cpu();
    in->start = clock_now();
}

void write_stop(write_job *in)
{
    in->elapsed = clock_now() - in->start;
    in->cpu_used = clock_cpu() - in->cpu;
}

int write_room_none(const write_job *in)
{
    (void)in;
    return 0;
}

int write_room_whole(const write_job *in)
{
    bool is_made = fallocate(in->fd, 0, 0, (off_t)in->total) == 0 || errno == EOPNOTSUPP;
    return is_made ? 0 : fail_call("fallocate", errno);
}

/* Writes through the page cache do not wait for each other's ends, whether they extend the file or
 * not. */
static int needs_direct(const options *given, char reason[REASON_MAX])
{
    if (given->direct != 0)
        return 0;
    snprintf(reason, REASON_MAX, "it differs with --direct only");
    return -1;
}

static int needs_direct_to_poll(const options *given, char reason[REASON_MAX])
{
    if (given->direct != 0)
        return 0;
    snprintf(reason, REASON_MAX, "a polled ring needs --direct");
    return -1;
}

int write_failed(const write_job *in, uint64_t piece, long result)
{
    if (result < 0)
        return fail_call("a write", result);
    return fail("a write gave %ld bytes in place of %llu: is the disk full?", result,
                (unsigned long long)write_length(in, piece));
}

static int check_piece(const write_job *in, char *buffer, uint64_t piece)
{
    uint64_t length = write_length(in, piece);
    ssize_t got = pread(in->fd, buffer, length, (off_t)(piece * in->size));
    if (got < 0)
        return fail_call("reading back what was written", errno);
    size_t stamp = length < sizeof piece ? length : sizeof piece;
    if ((uint64_t)got == length && memcmp(buffer, &piece, stamp) == 0)
        return 0;
    return fail("piece %llu of the file is not what was written", (unsigned long long)piece);
}

/* The file's length, and of at most CHECKED_MAX pieces spread over it the first bytes. */
static int check_file(const write_job *in)
{
    if (file_size(in->fd) != in->total)
        return fail("the file has %llu bytes and not the %llu written",
                    (unsigned long long)file_size(in->fd), (unsigned long long)in->total);
    uint64_t step = in->pieces / CHECKED_MAX + 1;
    for (uint64_t piece = 0; piece < in->pieces; piece += step)
        if (check_piece(in, in->buffers, piece) != 0)
            return -1;
    return 0;
}

int write_close(write_job *in, sample *out)
{
    sample_rate(out, in->pieces, in->elapsed, in->cpu_used);
    int failed = check_file(in);
    close(in->fd);
    return failed;
}

const workload write_workload = {
    .command = COMMAND_WRITE,
    .main = FIGURE_PER_SECOND,
    .ratios_of = {{"MB/s", FIGURE_PER_SECOND}, {"CPU a write", FIGURE_CPU_NS_PER_OP}},
    .columns = {{"MB/s", FIGURE_PER_SECOND, UNIT_MB_PER_SECOND},
                {"writes/s", FIGURE_PER_SECOND, UNIT_COUNT},
                {"CPU/write", FIGURE_CPU_NS_PER_OP, UNIT_NS}},
    .subjects = {{"whorl", write_run_whorl, NULL, NULL},
                 {"whorl-file", write_run_file, NULL, NULL},
                 {"liburing", write_run_liburing, NULL, NULL},
                 {"whorl-prealloc", write_run_whorl_prealloc, needs_direct, NULL},
                 {"liburing-prealloc", write_run_liburing_prealloc, needs_direct, NULL},
                 {"liburing-polled", write_run_liburing_polled, needs_direct_to_poll, NULL},
                 {"threads", write_run_threads, NULL, threads_cap_depth}},
    .ratios = {{"whorl", "liburing"},
               {"whorl-prealloc", "liburing-prealloc"},
               {"whorl-prealloc", "liburing"},
               {"whorl-prealloc", "liburing-polled"},
               {"whorl-prealloc", "threads"},
               {"whorl", "threads"},
               {"whorl-file", "liburing"},
               {"whorl-file", "liburing-prealloc"},
               {"whorl-file", "liburing-polled"},
               {"whorl-file", "threads"}},
    .notes = {"The fsync at the end is in the time, and its CPU in the CPU a write; so is the "
              "fallocate of prealloc.",
              "Each run extends an empty file. Without prealloc an O_DIRECT write then waits for "
              "the one before.",
              "whorl-file: its own buffers and depth; with --direct, space is reserved ahead and "
              "the buffers are registered.",
              "threads: one for each write in flight, 64 at most."},
};
