/*
 * A child process, as the rooms of processes share it.
 *
 *     made --> lives --> over (reaped, with its status; or lost: somebody else has reaped it)
 *
 * The child is named by its pidfd, which is open for as long as the process is, so that no signal
 * goes to a stranger. Who waits only learns of the end (WNOWAIT), and then reaps without waiting:
 * so a cancelled wait takes nothing, and many may wait.
 *
 * freed: the pipes are closed and the child has ended or is being killed. The memory goes when the
 * last call that is inside has left it: each holds a reference while it may wait.
 */
#ifndef OS_PROCESS_H
#define OS_PROCESS_H

#include <core/loop.h>
#include <sys/wait.h>
#include <whorl/process.h>

enum { STREAM_IN, STREAM_OUT, STREAM_ERR, STREAMS };

/* Bytes that were read from a pipe, with room for a zero byte behind them. */
struct collected {
    char *data;
    size_t len;
    size_t room;
};

struct whorl_process {
    struct loop *loop;
    struct task *owner; /* has deferred its end */
    unsigned references;
    pid_t pid;
    int pidfd;            /* before there is a child: keeps room for it. -1: it was gone at once */
    int streams[STREAMS]; /* our ends of the pipes; -1: none */
    int lent[STREAMS];    /* what was made to become the child's, until it has started; -1: none */
    char **environment;   /* the program's, until the child has started */
    bool had_input;
    bool over;
    bool lost;
    bool freed;
    bool communicating;
    siginfo_t end; /* once it is over, and not lost */
    size_t fed;    /* bytes of the input that were written */
    size_t output_max;
    struct collected outputs[STREAMS];
};

/* 0, or why a call of `loop` may not use the process: -EPERM, -EINVAL. */
int process_check(const struct loop *loop, const whorl_process *process);

/* A process without a child, of the running task. NULL: no memory. */
whorl_process *process_make(struct loop *loop);

/* Gives back what process_make made, and closes the pipes that were added. */
void process_unmake(whorl_process *process);

static inline void process_ref(whorl_process *process)
{
    process->references++;
}

void process_unref(whorl_process *process);

/* Closes what was lent, and frees the environment. */
void process_take_back_lent(whorl_process *process);

/* Closes one of the pipes, as whorl_close does. */
int process_close_stream(whorl_process *process, int stream);

/* Learns how the child has ended, if it has; `options` WNOHANG, or 0 to block the thread until
 * then. */
void process_reap(whorl_process *process, int options);

/* Waits until it is over: 0, or why the wait was in vain. */
int process_await(whorl_process *process);

#endif
