/*
 * Records by hand, in one thread: pwrite(2) and fdatasync(2), again and again. `hand`: for each
 * record, and the file grows with it; `hand-ahead`: the file is written ahead with zeros, as
 * whorl_log's is, so that fdatasync has only data to flush; `hand-group`: such a file, and the
 * records of all writers at once. As each of them has one record in flight, no log can have more of
 * them on this disk than that, but for noise.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fail.h"
#include "log.h"

enum { AHEAD = 1 << 20 };

typedef struct hand {
    log_job job;
    uint64_t at_once; /* records that one write and one fdatasync bring to the disk */
    char *records;
    char *zeros; /* NULL: nothing is written ahead */
    uint64_t ahead;
} hand;

static int write_records(hand *in)
{
    size_t size = in->job.given->size * in->at_once;
    ssize_t put = pwrite(in->job.fd, in->records, size, (off_t)in->job.next);
    if (put != (ssize_t)size)
        return fail_call("a write", put < 0 ? errno : EIO);
    if (fdatasync(in->job.fd) != 0)
        return fail_call("an fdatasync", errno);
    in->job.next += size;
    in->job.count += in->at_once;
    return 0;
}

/* Has zeros where the next records go. */
static int write_ahead(hand *in)
{
    uint64_t end = in->job.next + in->job.given->size * in->at_once;
    if (in->zeros == NULL || end <= in->ahead)
        return 0;
    while (in->ahead < end + AHEAD) {
        if (pwrite(in->job.fd, in->zeros, AHEAD, (off_t)in->ahead) != AHEAD)
            return fail_call("a write of zeros", errno);
        in->ahead += AHEAD;
    }
    return 0;
}

static int measure(hand *in, sample *out)
{
    int failed = 0;
    log_start(&in->job);
    while (failed == 0 && !log_is_over(&in->job)) {
        failed = write_ahead(in);
        if (failed == 0)
            failed = write_records(in);
    }
    log_stop(&in->job, out);
    return failed;
}

static int run(const options *given, sample *out, uint64_t at_once, bool is_ahead)
{
    hand in = {.at_once = at_once};
    int failed = log_open(&in.job, given);
    if (failed != 0)
        return failed;
    log_unlink(&in.job);
    in.records = malloc(given->size * at_once);
    in.zeros = is_ahead ? calloc(1, AHEAD) : NULL;
    if (in.records == NULL || (is_ahead && in.zeros == NULL)) {
        failed = fail("no memory for %llu records", (unsigned long long)at_once);
    } else {
        for (uint64_t i = 0; i < at_once; i++)
            memcpy(in.records + i * given->size, in.job.record, given->size);
        failed = measure(&in, out);
    }
    free(in.records);
    free(in.zeros);
    return log_close(&in.job) != 0 ? -1 : failed;
}

int log_run_hand(const options *given, sample *out)
{
    return run(given, out, 1, false);
}

int log_run_hand_ahead(const options *given, sample *out)
{
    return run(given, out, 1, true);
}

int log_run_hand_group(const options *given, sample *out)
{
    return run(given, out, given->depth, true);
}
