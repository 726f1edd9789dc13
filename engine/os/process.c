/* A child process from its making to its end: see process.h. Who owns it, and how it is freed. */
#include <core/defer.h>
#include <errno.h>
#include <os/process.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <unistd.h>
#include <whorl/fs.h>
#include <whorl/scope.h>

int process_check(const struct loop *loop, const whorl_process *process)
{
    if (!loop)
        return -EPERM;
    if (!process)
        return -EINVAL;
    return process->loop == loop ? 0 : -EPERM;
}

/* --- Making and freeing --- */

static void process_finish(whorl_process *process);

/* After a run that was left by a jump, this is another loop; whoever was inside never leaves. */
static intptr_t end_with_owner(void *arg)
{
    whorl_process *process = arg;
    if (process->loop != loop_here)
        process->references = 1;
    process->loop = loop_here;
    process_finish(process);
    return 0;
}

whorl_process *process_make(struct loop *loop)
{
    whorl_process *process = malloc(sizeof *process);
    if (!process)
        return NULL;
    *process = (whorl_process){
        .loop = loop,
        .owner = loop->current,
        .references = 1,
        .pidfd = -1,
        .streams = {-1, -1, -1},
        .lent = {-1, -1, -1},
        .over = true,
        .lost = true,
    };
    if (whorl_defer(end_with_owner, process)) {
        free(process);
        return NULL;
    }
    return process;
}

void process_take_back_lent(whorl_process *process)
{
    for (int i = 0; i < STREAMS; i++) {
        if (process->lent[i] >= 0)
            close(process->lent[i]);
        process->lent[i] = -1;
    }
    free(process->environment);
    process->environment = NULL;
}

void process_unref(whorl_process *process)
{
    assert(process->references > 0);
    if (--process->references > 0)
        return;
    process_take_back_lent(process);
    if (process->pidfd >= 0)
        close(process->pidfd);
    for (int i = 0; i < STREAMS; i++)
        free(process->outputs[i].data);
    free(process);
}

int process_close_stream(whorl_process *process, int stream)
{
    int fd = process->streams[stream];
    if (fd < 0)
        return -EBADF;
    process->streams[stream] = -1;
    return whorl_close(fd);
}

void process_unmake(whorl_process *process)
{
    deferred_take_back(process->owner, end_with_owner, process);
    for (int i = 0; i < STREAMS; i++)
        if (process->streams[i] >= 0)
            close(process->streams[i]);
    process_unref(process);
}

static int send_signal(const whorl_process *process, int signal)
{
    if (process->over)
        return -ESRCH;
    return pidfd_send_signal(process->pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

/* Waits for the end of a child that was killed. Nothing cuts that short, as SIGKILL is heard. */
static void await_killed(whorl_process *process)
{
    struct loop *loop = loop_here;
    struct scope shield;
    scope_open(loop, &shield, SCOPE_SHIELD, WHORL_FOREVER, 0);
    if (process_await(process) < 0)
        process_reap(process, 0);
    scope_close(loop, &shield);
}

/* The child is killed before its pipes are closed, so that it does not act on their ends. By its
 * owner, or in place of that by a task of another loop, when its own was left by a jump. */
static void process_finish(whorl_process *process)
{
    process->freed = true;
    send_signal(process, SIGKILL);
    for (int i = 0; i < STREAMS; i++)
        process_close_stream(process, i);
    if (!process->over)
        await_killed(process);
    process_unref(process);
}

int whorl_process_free(whorl_process *process)
{
    int error = process_check(loop_here, process);
    if (error)
        return error;
    if (process->freed)
        return -EINVAL;
    deferred_take_back(process->owner, end_with_owner, process);
    process_finish(process);
    return 0;
}

/* --- What it is --- */

pid_t whorl_process_pid(const whorl_process *process)
{
    return process ? process->pid : -1;
}

int whorl_process_stdin(const whorl_process *process)
{
    return process ? process->streams[STREAM_IN] : -1;
}

int whorl_process_stdout(const whorl_process *process)
{
    return process ? process->streams[STREAM_OUT] : -1;
}

int whorl_process_stderr(const whorl_process *process)
{
    return process ? process->streams[STREAM_ERR] : -1;
}

int whorl_process_close_stdin(whorl_process *process)
{
    int error = process_check(loop_here, process);
    return error ? error : process_close_stream(process, STREAM_IN);
}

int whorl_process_kill(whorl_process *process, int signal)
{
    int error = process_check(loop_here, process);
    return error ? error : send_signal(process, signal);
}
