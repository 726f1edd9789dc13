/*
 * Writes with whorl: a task for each piece in flight pulls the next piece; then one fsync. The
 * first failure ends the pulling, and the other tasks end with what they have in flight.
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

static intptr_t write_main(void *arg)
{
    write_job *job = arg;
    whorl_task **tasks = calloc(job->depth, sizeof *tasks);
    slot *slots = calloc(job->depth, sizeof *slots);
    intptr_t failed = -ENOMEM;
    if (tasks != NULL && slots != NULL) {
        write_start(job);
        failed = write_with_tasks(job, tasks, slots);
        write_stop(job);
    }
    free(tasks);
    free(slots);
    return failed;
}

int write_run_whorl(const options *given, sample *out)
{
    write_job job;
    if (write_open(&job, given) != 0)
        return -1;
    intptr_t result = whorl_run(write_main, &job);
    if (result < 0)
        return fail_call("the run of whorl", (long)result);
    return write_close(&job, out);
}
