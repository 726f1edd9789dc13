/*
 * Records with whorl: `whorl`, where each of the writers appends to one whorl_log; and `each`, the
 * same tasks without it, where each writes its record and calls fdatasync for itself.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <whorl.h>

#include "fail.h"
#include "log.h"

typedef struct bench {
    log_job job;
    sample *out;
    whorl_log log;
} bench;

static intptr_t append_records(void *arg)
{
    bench *in = arg;
    while (!log_is_over(&in->job)) {
        int64_t lsn = whorl_log_append(&in->log, in->job.record, in->job.given->size);
        if (lsn < 0)
            return (intptr_t)lsn;
        in->job.count++;
    }
    return 0;
}

static intptr_t write_records(void *arg)
{
    bench *in = arg;
    size_t size = in->job.given->size;
    while (!log_is_over(&in->job)) {
        off_t at = (off_t)in->job.next;
        in->job.next += size;
        whorl_op ops[] = {whorl_op_pwrite(in->job.fd, in->job.record, size, at),
                          whorl_op_fdatasync(in->job.fd)};
        int error = whorl_link_ops(ops, 2);
        if (error < 0)
            return error;
        in->job.count++;
    }
    return 0;
}

/* Measures what the writers do until the time is up. */
static intptr_t run_writers(bench *in, whorl_fn *writer)
{
    whorl_group group;
    intptr_t failed = whorl_group_init(&group);
    log_start(&in->job);
    for (uint64_t i = 0; i < in->job.given->depth && failed == 0; i++)
        failed = whorl_group_spawn(&group, writer, in);
    failed = whorl_group_wait(&group, failed);
    log_stop(&in->job, in->out);
    return failed;
}

/* All that was counted is there, by the log's own recovery. */
static intptr_t check_log(bench *in)
{
    whorl_log_stats stats;
    int error = whorl_log_close(&in->log);
    if (error == 0)
        error = whorl_log_open(&in->log, in->job.path, NULL);
    if (error == 0)
        error = whorl_log_get_stats(&in->log, &stats);
    if (error == 0 && stats.recovered != in->job.count)
        error = fail("the log holds %llu records and not the %llu appended",
                     (unsigned long long)stats.recovered, (unsigned long long)in->job.count);
    return error == 0 ? whorl_log_close(&in->log) : error;
}

static intptr_t log_main(void *arg)
{
    bench *in = arg;
    intptr_t failed = whorl_log_open(&in->log, in->job.path, NULL);
    if (failed == 0)
        failed = run_writers(in, append_records);
    return failed == 0 ? check_log(in) : failed;
}

static intptr_t each_main(void *arg)
{
    return run_writers(arg, write_records);
}

int log_run_whorl(const options *given, sample *out)
{
    bench in = {.out = out};
    if (log_open(&in.job, given) != 0)
        return -1;
    intptr_t result = whorl_run(log_main, &in);
    log_unlink(&in.job);
    close(in.job.fd);
    free(in.job.record);
    return result < 0 ? fail_call("the run of whorl", (long)result) : 0;
}

int log_run_each(const options *given, sample *out)
{
    bench in = {.out = out};
    if (log_open(&in.job, given) != 0)
        return -1;
    log_unlink(&in.job);
    intptr_t result = whorl_run(each_main, &in);
    int failed = log_close(&in.job);
    return result < 0 ? fail_call("the run of whorl", (long)result) : failed;
}
