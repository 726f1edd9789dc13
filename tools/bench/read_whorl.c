/*
 * Reads with whorl: a task for each read in flight, plain or with registered file and buffers; and
 * one task that gathers a batch of ops.
 */
#include <errno.h>
#include <stdlib.h>
#include <whorl.h>

#include "fail.h"
#include "read.h"

typedef struct reader {
    read_job job;
    whorl_fn *body;
} reader;

typedef struct slot {
    reader *reader;
    uint64_t index;
} slot;

static intptr_t read_plain(void *arg)
{
    const slot *mine = arg;
    read_job *job = &mine->reader->job;
    char *buffer = read_buffer(job, mine->index);
    while (!job->is_over)
        if (read_count(job, whorl_pread(job->fd, buffer, job->size, (off_t)read_offset(job))) != 0)
            return -EIO;
    return 0;
}

static intptr_t read_registered(void *arg)
{
    const slot *mine = arg;
    read_job *job = &mine->reader->job;
    char *buffer = read_buffer(job, mine->index);
    while (!job->is_over) {
        whorl_op op = whorl_op_read_fixed(0, buffer, job->size, (off_t)read_offset(job),
                                          (unsigned)mine->index);
        op.flags |= WHORL_OP_FIXED_FILE;
        if (read_count(job, whorl_op_await(&op)) != 0)
            return -EIO;
    }
    return 0;
}

static intptr_t join_all(whorl_task **tasks, uint64_t count)
{
    intptr_t failed = 0;
    for (uint64_t i = 0; i < count; i++) {
        intptr_t result = whorl_join(tasks[i]);
        failed = result < 0 ? result : failed;
    }
    return failed;
}

/* Spawns a task for each slot and waits for all of them. */
static intptr_t read_with_tasks(reader *in)
{
    whorl_task **tasks = calloc(in->job.depth, sizeof *tasks);
    slot *slots = calloc(in->job.depth, sizeof *slots);
    if (tasks == NULL || slots == NULL)
        return -ENOMEM;
    read_start(&in->job);
    uint64_t count = 0;
    for (; count < in->job.depth; count++) {
        slots[count] = (slot){in, count};
        tasks[count] = whorl_spawn(in->body, &slots[count]);
        if (tasks[count] == NULL)
            break;
    }
    in->job.is_over |= count < in->job.depth;
    intptr_t failed = join_all(tasks, count);
    read_stop(&in->job);
    free(tasks);
    free(slots);
    return count < in->job.depth ? -ENOMEM : failed;
}

static intptr_t main_plain(void *arg)
{
    return read_with_tasks(arg);
}

static intptr_t main_registered(void *arg)
{
    reader *in = arg;
    struct iovec *buffers = calloc(in->job.depth, sizeof *buffers);
    if (buffers == NULL)
        return -ENOMEM;
    for (uint64_t i = 0; i < in->job.depth; i++)
        buffers[i] = (struct iovec){read_buffer(&in->job, i), in->job.size};
    int error = whorl_register_buffers(buffers, (unsigned)in->job.depth);
    if (error != 0)
        fail_call("registering buffers (ulimit -l bounds them)", error);
    else
        error = whorl_register_files(&in->job.fd, 1);
    free(buffers);
    return error == 0 ? read_with_tasks(in) : error;
}

static intptr_t main_gather(void *arg)
{
    reader *in = arg;
    read_job *job = &in->job;
    whorl_op *ops = calloc(job->depth, sizeof *ops);
    if (ops == NULL)
        return -ENOMEM;
    intptr_t failed = 0;
    read_start(job);
    while (!job->is_over && failed == 0) {
        for (uint64_t i = 0; i < job->depth; i++)
            ops[i] =
                whorl_op_pread(job->fd, read_buffer(job, i), job->size, (off_t)read_offset(job));
        failed = whorl_gather_ops(ops, job->depth);
        for (uint64_t i = 0; i < job->depth && failed == 0; i++)
            failed = read_count(job, ops[i].result) == 0 ? 0 : -EIO;
    }
    read_stop(job);
    free(ops);
    return failed;
}

static int run(const options *given, whorl_fn *main_task, whorl_fn *body, sample *out)
{
    reader in = {.body = body};
    if (read_open(&in.job, given) != 0)
        return -1;
    intptr_t result = whorl_run(main_task, &in);
    if (result < 0)
        return fail_call("the run of whorl", (long)result);
    return read_close(&in.job, out);
}

int read_run_whorl(const options *given, sample *out)
{
    return run(given, main_plain, read_plain, out);
}

int read_run_whorl_registered(const options *given, sample *out)
{
    return run(given, main_registered, read_registered, out);
}

int read_run_whorl_gather(const options *given, sample *out)
{
    return run(given, main_gather, NULL, out);
}
