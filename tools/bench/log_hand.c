/*
 * Records by hand, one after the other: pwrite(2) and fdatasync(2) for each. `hand`: the file grows
 * with each; `hand-ahead`: it is written ahead with zeros, as whorl_log's is, so that fdatasync has
 * only data to flush.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "fail.h"
#include "log.h"

enum { AHEAD = 1 << 20 };

static int write_record(log_job *job)
{
    size_t size = job->given->size;
    ssize_t put = pwrite(job->fd, job->record, size, (off_t)job->next);
    if (put != (ssize_t)size)
        return fail_call("a write", put < 0 ? errno : EIO);
    if (fdatasync(job->fd) != 0)
        return fail_call("an fdatasync", errno);
    job->next += size;
    job->count++;
    return 0;
}

/* Has zeros where the next record goes. */
static int write_ahead(log_job *job, const char *zeros, uint64_t *ahead)
{
    if (job->next + job->given->size <= *ahead)
        return 0;
    while (*ahead < job->next + job->given->size + AHEAD) {
        if (pwrite(job->fd, zeros, AHEAD, (off_t)*ahead) != AHEAD)
            return fail_call("a write of zeros", errno);
        *ahead += AHEAD;
    }
    return 0;
}

static int run(const options *given, sample *out, const char *zeros)
{
    log_job job;
    uint64_t ahead = 0;
    int failed = log_open(&job, given);
    if (failed != 0)
        return failed;
    log_unlink(&job);
    log_start(&job);
    while (failed == 0 && !log_is_over(&job)) {
        if (zeros != NULL)
            failed = write_ahead(&job, zeros, &ahead);
        if (failed == 0)
            failed = write_record(&job);
    }
    log_stop(&job, out);
    return log_close(&job) != 0 ? -1 : failed;
}

int log_run_hand(const options *given, sample *out)
{
    return run(given, out, NULL);
}

int log_run_hand_ahead(const options *given, sample *out)
{
    char *zeros = calloc(1, AHEAD);
    if (zeros == NULL)
        return fail("no memory for a MiB of zeros");
    int failed = run(given, out, zeros);
    free(zeros);
    return failed;
}
