/* Waiting for a child's end, and learning its status: see process.h. */
#include <errno.h>
#include <op/op.h>
#include <os/process.h>
#include <poll.h>
#include <whorl/scope.h>

void process_reap(whorl_process *process, int options)
{
    if (process->over)
        return;
    siginfo_t end = {0};
    int result;
    do
        result = waitid(P_PIDFD, (id_t)process->pidfd, &end, WEXITED | options);
    while (result < 0 && errno == EINTR);
    if (result == 0 && end.si_pid == 0)
        return;
    process->over = true;
    process->lost = result < 0;
    process->end = end;
}

/* How it ended; -ECHILD if that is lost, -EAGAIN if it lives. */
static int code_of(const whorl_process *process)
{
    if (!process->over)
        return -EAGAIN;
    if (process->lost)
        return -ECHILD;
    bool exited = process->end.si_code == CLD_EXITED;
    return exited ? process->end.si_status : WHORL_SIGNALLED + process->end.si_status;
}

/* Tells of the end and leaves the status where it is. */
static whorl_op op_of_end(const whorl_process *process)
{
    if (ring_supports(&process->loop->ring, RING_OP_WAITID))
        return whorl_op_waitid(P_PIDFD, process->pidfd, NULL, WEXITED | WNOWAIT);
    return whorl_op_poll(process->pidfd, POLLIN);
}

int process_await(whorl_process *process)
{
    int result = 0;
    process_ref(process);
    while (!process->over && result >= 0) {
        whorl_op op = op_of_end(process);
        result = whorl_op_await(&op);
        if (result == -ECHILD)
            result = 0;
        if (result >= 0)
            process_reap(process, WNOHANG);
    }
    if (process->over)
        result = 0;
    process_unref(process);
    return result;
}

int whorl_process_wait(whorl_process *process)
{
    struct loop *loop = loop_here;
    int error = process_check(loop, process);
    if (error)
        return error;
    if (loop->current->interrupted)
        return task_refuse(loop, loop->current);
    process_ref(process);
    error = process_await(process);
    int code = error ? error : code_of(process);
    process_unref(process);
    return code;
}

int whorl_process_status(whorl_process *process, void *info)
{
    int error = process_check(loop_here, process);
    if (error)
        return error;
    process_reap(process, WNOHANG);
    if (info && process->over && !process->lost)
        *(siginfo_t *)info = process->end;
    return code_of(process);
}

/* Sends the signal, and waits at most `ns` for the end. A child of which only the kernel knows that
 * it is gone gets none. */
static int end_by(whorl_process *process, int signal, int64_t ns)
{
    int error = whorl_process_kill(process, signal);
    if (error && error != -ESRCH)
        return error;
    whorl_timeout scope;
    whorl_timeout_begin(&scope, ns);
    return (int)whorl_timeout_end(&scope, process_await(process));
}

int whorl_process_terminate(whorl_process *process, int64_t grace)
{
    struct loop *loop = loop_here;
    int error = process_check(loop, process);
    if (error)
        return error;
    if (loop->current->interrupted)
        return task_refuse(loop, loop->current);
    process_ref(process);
    error = end_by(process, SIGTERM, grace);
    if (error == -ETIMEDOUT)
        error = end_by(process, SIGKILL, WHORL_FOREVER);
    int code = error ? error : code_of(process);
    process_unref(process);
    return code;
}
