/*
 * Processes: started, talked to, waited for; none is left behind.
 *
 *     const char *argv[] = {"sort", "-u", NULL};
 *     whorl_process_options options = {.argv = argv, .in = WHORL_PIPE, .out = WHORL_PIPE};
 *     whorl_process_output output;
 *     int code = whorl_process_run(&options, text, strlen(text), &output, WHORL_SECONDS(5));
 *
 * A process belongs to the task that spawned it. At that task's end, whatever brought it about, a
 * process that was not freed is freed: a child that lives is killed and awaited, so that neither a
 * zombie nor a descriptor is left. This happens as if deferred by whorl_defer at the spawn: before
 * what the task had deferred earlier, which must not free it again. Other tasks of the loop may use
 * the process until then.
 *
 * The child gets descriptors 0, 1 and 2, and every other one that is not marked O_CLOEXEC: to mark
 * them is the program's duty; whorl's own are. It gets the signal mask of before the run, SIGPIPE
 * at its default, other ignored signals ignored.
 *
 * A thread of whorl_to_thread's starts it. So what Linux keeps for each thread, such as the nice
 * value, the processors to run on, capabilities and seccomp filters, is that of when this thread
 * was made: set it before the run. And a child that asks for a signal at its parent's death
 * (prctl(2), PR_SET_PDEATHSIG) gets it when this thread ends, which may be once it has been idle
 * for config.thread_idle.
 *
 * How a child ended is told by one number: its exit code, 0 to 255, or WHORL_SIGNALLED plus the
 * signal that killed it. If the program ignores SIGCHLD, or reaps its children itself by wait(2),
 * nobody can know: -ECHILD then says that the child has ended. A program's handler of SIGCHLD works
 * as ever.
 */
#ifndef WHORL_PROCESS_H
#define WHORL_PROCESS_H

#include <whorl/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct whorl_process whorl_process;

/* A child that was killed by signal N ended with WHORL_SIGNALLED + N. */
#define WHORL_SIGNALLED 256

/* What a child's descriptor is, where it is none of the program's. */
enum {
    WHORL_INHERIT = 0, /* the program's own of the same number; the default */
    WHORL_PIPE = -1,   /* a pipe, whose other end is the process's: see whorl_process_stdin */
    WHORL_NULL = -2,   /* /dev/null */
    WHORL_STDOUT = -3, /* for err: wherever out goes */
};

enum {
    WHORL_PROCESS_GROUP = 1 << 0,   /* the child leads a process group of its own */
    WHORL_PROCESS_SESSION = 1 << 1, /* it leads a session of its own, and so a group */
};

/* What to start. All zero but argv is the default of each. */
typedef struct whorl_process_options {
    const char *const *argv; /* the program's name and arguments, ended by NULL. A name without a
                                slash is looked for in the program's own PATH */
    const char *const *env;  /* the child's environment, ended by NULL; default the program's, as it
                                is when the call is made */
    const char *cwd;         /* its working directory; default the program's. A name with a slash
                                that does not begin with one counts from there */
    int in, out, err;        /* its descriptors 0, 1 and 2: WHORL_* as above, or a descriptor of the
                                program's, which stays the program's to close; 0 as `out` or `err`
                                is WHORL_INHERIT */
    unsigned flags;          /* WHORL_PROCESS_* */
    size_t output_max;       /* bytes that communicate collects from each of out and err; default
                                64 MiB */
} whorl_process_options;

/* What a child has written; each is malloc'd memory, the caller's to free, with a zero byte after
 * its end. NULL where there was no pipe. */
typedef struct whorl_process_output {
    char *out;
    size_t out_len;
    char *err;
    size_t err_len;
} whorl_process_output;

/* Starts a child; *process is to be given to whorl_process_free. Neither the options nor what they
 * lead to is kept. Waits for posix_spawn(3), which takes half a millisecond or so on one of
 * whorl_to_thread's threads. Returns 0; on an error there is no child, nothing is left behind, and
 * *process is NULL.
 *   -ECANCELED
 *   -ENOENT, -EACCES, -ENOEXEC, -E2BIG, ...  as execve(2) says of the program
 *   -ENOENT, -ENOTDIR, -EACCES               also: of the working directory
 *   -EBADF      one of in, out, err is no descriptor
 *   -EAGAIN, -EMFILE, -ENFILE, -ENOMEM       there is none to be had
 *   -EINVAL     options, argv, argv[0] or process is NULL, or a flag or WHORL_* is unknown
 *   -EPERM      not inside a task */
WHORL_API int whorl_process_spawn(const whorl_process_options *options, whorl_process **process);

/* The child's process id; it is not given to another before the child was waited for. From:
 * anywhere, while the process is not freed. */
WHORL_API pid_t whorl_process_pid(const whorl_process *process);

/* The program's end of the pipe to the child's standard input (to write to), and of those from its
 * output and error (to read from), for whorl_write and whorl_read; -1 if there is none, or it was
 * closed. They stay the process's, which closes them. From: anywhere, while the process is not
 * freed. */
WHORL_API int whorl_process_stdin(const whorl_process *process);
WHORL_API int whorl_process_stdout(const whorl_process *process);
WHORL_API int whorl_process_stderr(const whorl_process *process);

/* Closes the pipe to the child's standard input, so that it reads an end of file; as whorl_close,
 * in a cancelled task too.
 *   -EBADF           there is none, or it was closed
 *   -EINVAL, -EPERM  as for whorl_process_wait */
WHORL_API int whorl_process_close_stdin(whorl_process *process);

/* Waits until the child has ended, and returns how. Any number of tasks may wait; a process that
 * has ended says so again. A cancel ends the wait and not the child, which may be waited for anew.
 *   -ECANCELED  the caller is cancelled; whorl_process_status tells whether it has ended
 *   -ECHILD     it has, and somebody else has taken its status: see above
 *   -EINVAL     process is NULL
 *   -EPERM      not inside a task of the same loop */
WHORL_API int whorl_process_wait(whorl_process *process);

/* The same without waiting, in a cancelled task too. `info`, a siginfo_t * or NULL, is filled as
 * waitid(2) does once the child has ended: si_code tells CLD_EXITED, CLD_KILLED and CLD_DUMPED
 * apart.
 *   -EAGAIN  it has not ended
 *   -ECHILD, -EINVAL, -EPERM  as for whorl_process_wait */
WHORL_API int whorl_process_status(whorl_process *process, void *info);

/* Sends a signal to the child, and to nobody else: one that has ended is not taken for another.
 * Does not wait, works in a cancelled task too. Returns 0.
 *   -EINVAL  process is NULL, or there is no such signal
 *   -EPERM   not inside a task of the same loop; or the child runs as somebody else
 *   -ESRCH   it has ended, as far as a wait or a status has told */
WHORL_API int whorl_process_kill(whorl_process *process, int signal);

/* Asks the child to end, by SIGTERM, and kills it by SIGKILL if it still lives after `grace` ns (<=
 * 0: at once). Waits until it has ended, and returns how. A cancelled call may have sent either.
 *   -ECANCELED, -ECHILD, -EINVAL, -EPERM  as for whorl_process_wait and whorl_process_kill */
WHORL_API int whorl_process_terminate(whorl_process *process, int64_t grace);

/* Writes `len` bytes at `input` to the child's standard input and closes that, while it collects
 * what the child writes to those of its output and error that are pipes; when both have come to
 * their ends, waits for the child's, fills *output (NULL: drops it) and returns how it ended. A
 * child that closes its input early is no error. Children of the child that hold its pipes open are
 * waited for, too: a limit of `ns` nanoseconds ends that (WHORL_FOREVER: none).
 *
 * On an error *output is all zero. What was read until then is kept, and how much was written: the
 * same call, with the same input, may be made again and goes on where it stopped.
 *   -ECANCELED, -ETIMEDOUT  the child goes on, unless another task has freed it; kill it, free it,
 *   or call again
 *   -ECHILD     as for whorl_process_wait; *output is filled all the same
 *   -EMSGSIZE   out or err is larger than options.output_max
 *   -EBUSY      another task is doing the same
 *   -EINVAL     also: input is NULL and len is not 0, or there never was a pipe to put it into
 *   -ENOMEM
 *   -EINVAL, -EPERM  as for whorl_process_wait */
WHORL_API int whorl_process_communicate(whorl_process *process, const void *input, size_t len,
                                        whorl_process_output *output, int64_t ns);

/* Kills the child by SIGKILL if it has not ended, closes the pipes, waits for the child's end, and
 * gives everything back. Works, and does not return before it has, in a cancelled task too. What
 * other tasks do with the process ends: communicate and calls on its pipes give -ECANCELED, unless
 * they have come to their ends first; waits tell how the child ended. Returns 0.
 *   -EINVAL, -EPERM  as for whorl_process_wait; -EINVAL also: another task is freeing it */
WHORL_API int whorl_process_free(whorl_process *process);

/* Spawn, communicate and free in one: the child does not outlive the call, however it ends. Returns
 * how the child ended.
 *   -ETIMEDOUT  it had not ended after `ns` nanoseconds, and was killed
 *   -ECANCELED  likewise
 *   else        as for whorl_process_spawn and whorl_process_communicate */
WHORL_API int whorl_process_run(const whorl_process_options *options, const void *input, size_t len,
                                whorl_process_output *output, int64_t ns);

#ifdef __cplusplus
}
#endif

#endif
