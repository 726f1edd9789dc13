/*
 * Cancel, by whorl: the main task spawns the others, lets each come to wait in whorl_recv on a
 * socket of its own, cancels all from the first to the last, and joins all in the same order.
 */
#include <errno.h>
#include <stdlib.h>
#include <whorl.h>

#include "clock.h"
#include "fail.h"
#include "scopes_cancel.h"

enum { YIELDS_MAX = 1000 };

typedef struct job {
    silent_sockets sockets;
    uint64_t waiting; /* tasks that have come to their recv */
    whorl_task **tasks;
    int64_t wanted; /* ns to measure */
    cancel_times took;
} job;

static intptr_t receive(void *arg)
{
    job *in = arg;
    char byte;
    int fd = in->sockets.fds[in->waiting++];
    return whorl_recv(fd, &byte, sizeof byte, 0);
}

/* Spawns all, and lets each come to its recv. The last yield has the ring take what is filled. */
static int begin_waits(job *in)
{
    in->waiting = 0;
    for (uint64_t i = 0; i < in->sockets.count; i++) {
        in->tasks[i] = whorl_spawn(receive, in);
        if (in->tasks[i] == NULL)
            return -ENOMEM;
    }
    int error = 0;
    for (int i = 0; in->waiting < in->sockets.count && i < YIELDS_MAX && error == 0; i++)
        error = whorl_yield();
    if (error == 0)
        error = whorl_yield();
    return error == 0 && in->waiting != in->sockets.count ? -EIO : error;
}

static int end_waits(const job *in)
{
    int failed = 0;
    for (uint64_t i = 0; i < in->sockets.count; i++) {
        int error = whorl_cancel(in->tasks[i]);
        failed = error != 0 ? error : failed;
    }
    for (uint64_t i = 0; i < in->sockets.count; i++) {
        intptr_t result = whorl_join(in->tasks[i]);
        failed = result != -ECANCELED ? -EIO : failed;
    }
    return failed;
}

static int repeat_once(job *in)
{
    int error = begin_waits(in);
    if (error != 0)
        return error;
    int64_t cpu = clock_cpu(), start = clock_now();
    error = end_waits(in);
    in->took.elapsed += clock_now() - start;
    in->took.cpu += clock_cpu() - cpu;
    in->took.repetitions++;
    return error;
}

static intptr_t main_task(void *arg)
{
    job *in = arg;
    int error = repeat_once(in);
    in->took = (cancel_times){0};
    while (error == 0 && in->took.elapsed < in->wanted)
        error = repeat_once(in);
    return error;
}

int cancel_run_whorl(const options *given, sample *out)
{
    job in = {.wanted = (int64_t)given->seconds};
    if (silent_open(&in.sockets, given->tasks) != 0)
        return -1;
    in.tasks = calloc(given->tasks, sizeof *in.tasks);
    if (in.tasks == NULL)
        return fail("no memory for %llu tasks", (unsigned long long)given->tasks);
    cpu_pin(0);
    intptr_t result = whorl_run(main_task, &in);
    if (result < 0)
        return fail_call("the run of whorl", (long)result);
    cancel_fill(out, given->tasks, &in.took);
    return 0;
}
