/*
 * Writes with whorl: a task for each piece in flight pulls the next piece; then one fsync. The
 * first failure ends the pulling, and the other tasks end with what they have in flight.
 * `whorl-prealloc` makes room for the whole file first.
 */
#include <errno.h>
#include <stdlib.h>
#include <whorl.h>

#include "fail.h"
#include "write.h"

typedef struct slot {
    write_job *job;
    uint64_t index;
} slot;

static intptr_t write_pieces(void *arg)
{
    const slot *mine = arg;
    write_job *job = mine->job;
    while (job->next < job->pieces) {
        uint64_t piece = job->next++;
        ssize_t did = whorl_pwrite(job->fd, write_fill(job, mine->index, piece),
                                   write_length(job, piece), (off_t)(piece * job->size));
        if (write_check(job, piece, did) == 0)
            continue;
        job->next = job->pieces;
        return -EIO;
    }
    return 0;
}

static intptr_t write_with_tasks(write_job *job, whorl_task **tasks, slot *slots)
{
    uint64_t count = 0;
    for (; count < job->depth; count++) {
        slots[count] = (slot){job, count};
        tasks[count] = whorl_spawn(write_pieces, &slots[count]);
        if (tasks[count] == NULL)
            break;
    }
    intptr_t failed = count < job->depth ? -ENOMEM : 0;
    for (uint64_t i = 0; i < count; i++) {
        intptr_t result = whorl_join(tasks[i]);
        failed = result < 0 ? result : failed;
    }
    return failed != 0 ? failed : whorl_fsync(job->fd);
}

static intptr_t write_all(write_job *job)
{
    whorl_task **tasks = calloc(job->depth, sizeof *tasks);
    slot *slots = calloc(job->depth, sizeof *slots);
    intptr_t failed = -ENOMEM;
    if (tasks != NULL && slots != NULL)
        failed = write_with_tasks(job, tasks, slots);
    free(tasks);
    free(slots);
    return failed;
}

static intptr_t main_plain(void *arg)
{
    write_start(arg);
    intptr_t failed = write_all(arg);
    write_stop(arg);
    return failed;
}

static intptr_t main_prealloc(void *arg)
{
    write_job *job = arg;
    write_start(job);
    intptr_t failed = whorl_fallocate(job->fd, 0, 0, (off_t)job->total);
    if (failed == 0 || failed == -EOPNOTSUPP)
        failed = write_all(job);
    write_stop(job);
    return failed;
}

static int run(const options *given, whorl_fn *main_task, sample *out)
{
    write_job job;
    if (write_open(&job, given) != 0)
        return -1;
    intptr_t result = whorl_run(main_task, &job);
    if (result < 0)
        return fail_call("the run of whorl", (long)result);
    return write_close(&job, out);
}

int write_run_whorl(const options *given, sample *out)
{
    return run(given, main_plain, out);
}

int write_run_whorl_prealloc(const options *given, sample *out)
{
    return run(given, main_prealloc, out);
}
