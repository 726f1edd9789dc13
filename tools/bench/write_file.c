/* Writes with a whorl_file: one task hands it piece after piece, and calls sync. */
#include <errno.h>
#include <unistd.h>
#include <whorl.h>

#include "fail.h"
#include "write.h"

static int write_pieces(write_job *job, whorl_file *file)
{
    for (; job->next < job->pieces; job->next++) {
        ssize_t did =
            whorl_file_write(file, write_fill(job, 0, job->next), write_length(job, job->next));
        if (write_check(job, job->next, did) != 0)
            return -EIO;
    }
    return whorl_file_sync(file);
}

static intptr_t write_main(void *arg)
{
    write_job *job = arg;
    whorl_file *file;
    int failed = whorl_file_from_fd(job->fd, NULL, &file);
    if (failed != 0)
        return failed;
    write_start(job);
    failed = write_pieces(job, file);
    write_stop(job);
    job->fd = dup(whorl_file_fd(file));
    int closed = whorl_file_close(file);
    return failed != 0 ? failed : closed;
}

int write_run_file(const options *given, sample *out)
{
    write_job job;
    if (write_open(&job, given) != 0)
        return -1;
    intptr_t result = whorl_run(write_main, &job);
    if (result < 0)
        return fail_call("the run of whorl", (long)result);
    return write_close(&job, out);
}
