/* Running a program's main task, and what the running kernel offers. */
#ifndef WHORL_RUN_H
#define WHORL_RUN_H

#include <whorl/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What time is to a loop. */
enum whorl_clock {
    WHORL_CLOCK_REAL,
    /* For tests: time stands still while tasks run, and jumps to the next deadline when all of them
     * wait and nothing is in flight or with a thread. While something is, it passes as it does
     * outside. */
    WHORL_CLOCK_VIRTUAL,
};

/* What SIGINT (ctrl-C) does to a run. */
enum whorl_sigint {
    /* The first cancels main, and the run gives what main makes of that; the second ends the
     * program, whatever its tasks do. So it is while the program's first thread runs a loop, if at
     * the run's start SIGINT has its default effect, that thread does not block it, and a
     * descriptor is left; else SIGINT is left alone. At the run's end, and in a child of fork, it
     * has its default effect again, unless the program has given it another meanwhile. */
    WHORL_SIGINT_CANCELS,
    WHORL_SIGINT_LEAVE, /* it is left alone */
};

/* How a loop is set up. All zero (`whorl_config config = {0};`) is the default of each. */
typedef struct whorl_config {
    const char *name;       /* the main task's name; default "main" */
    size_t stack_size;      /* bytes of stack a task, WHORL_STACK_MIN to _MAX; default 64 KiB */
    unsigned pooled_stacks; /* stacks of ended tasks kept warm for the next; default 1024. More are
                               given back when the loop has time, or at 16 times as many */
    unsigned entries;       /* operations a submission; at most 32768; default 256 */
    unsigned completions;   /* completions the ring holds at once; at most 65536; default 8192.
                               More are never lost, only slower */
    uint64_t without;       /* WHORL_FEATURE_* to do without though the kernel has them */
    int64_t drain_warning;  /* ns after which a task that outlives main and ignores its cancel
                               is named on stderr; default 1 s; < 0 never */
    int64_t defer_limit;    /* ns for which a handler of whorl_defer is shielded; default 10 s */
    unsigned threads;       /* threads of whorl_to_thread at most, up to WHORL_THREADS_MAX; default
                               the processors and 4, but no more than 32 */
    int64_t thread_idle;    /* ns after which a thread that nobody needs ends; default 5 s */
    unsigned file_ops;      /* operations on files that are with the kernel at once, up to
                               WHORL_FILE_OPS_MAX; default 256. Those beyond wait for their turn,
                               so that they neither crowd out the sockets nor fill the kernel's
                               memory; see op.h */
    unsigned workers;       /* kernel threads, of a NUMA node, for operations on files that would
                               block, up to WHORL_THREADS_MAX; default 4 a processor, but no more
                               than 64 */
    unsigned peer_workers;  /* the same for the few operations that may wait for a peer and block
                               meanwhile (a splice, a read from an odd device); default as many as
                               the process may have, since those that wait could keep from running
                               what they wait for */
    size_t zero_copy; /* bytes from which on whorl_send and whorl_sendmsg let the kernel send from
                         the caller's memory, without copying; see net.h. Default 0: never */
    enum whorl_sigint sigint; /* what SIGINT does; default WHORL_SIGINT_CANCELS */
    enum whorl_clock clock;   /* what time is to the loop; default WHORL_CLOCK_REAL */
    int64_t limit;            /* ns of real time, whatever the clock, that the run may take; default
                                 0: no limit */
} whorl_config;

/* Bounds of a stack size, in bytes. Sizes are rounded up to a power of two; a guard page lies
 * below. The task's control block takes up to 3 KiB of it. */
#define WHORL_STACK_MIN ((size_t)16384)
#define WHORL_STACK_MAX ((size_t)1 << 30)

/* The most threads that whorl_to_thread may use, and workers of each kind. */
#define WHORL_THREADS_MAX 4096

/* The most operations on files that may be with the kernel at once. */
#define WHORL_FILE_OPS_MAX 65536

/* Runs main(arg) as the main task of a new loop on this thread, and returns its result when it and
 * every task that it left behind have ended.
 *
 * Once main has returned, tasks that still live are cancelled and awaited (see whorl_cancel); the
 * ring is closed when nothing is in flight. One thread runs one loop; each thread may run its own.
 * While the loop runs, SIGPIPE and SIGXFSZ are blocked on this thread, and one that is pending at
 * the end is discarded, unless it was before: a write gives -EPIPE, or -EFBIG, and no signal.
 * Threads and programs that a task starts inherit the block, as any other (a child of fork does
 * not); posix_spawnattr_setsigmask(3) takes it away. In a child made by fork(2) inside a task there
 * is no loop: calls give -EPERM there, but whorl_run may begin a new one. A task's function that
 * returns in the child ends it with status 70.
 *
 * When every task waits, nothing is in flight or with a thread, no time is awaited, and nobody
 * holds the loop (see whorl_loop_hold), nothing can happen any more: a report on stderr then says
 * which task waits for what (of 64 tasks, and of 8 that one of them waits for), all are cancelled
 * and awaited, and the run ends with -EDEADLK. If it comes to that a second time, those that still
 * wait are given up, and what they hold is lost.
 *
 * A run that has taken as long as its configuration allows, in real time, has every task cancelled,
 * as at main's end, and ends with -ETIMEDOUT. (Under a virtual clock that is noticed only when all
 * tasks wait: not while they yield to each other, or other threads post without a pause.)
 *
 * From: any thread, outside a task.
 *   -EDEADLK    every task waited for another; or main's own result
 *   -ETIMEDOUT  the limit was reached; or main's own result
 * Errors, when main was never started:
 *   -EINVAL   main is NULL
 *   -EBUSY    this thread already runs a loop
 *   -EPERM    io_uring is forbidden, by kernel.io_uring_disabled or by a seccomp filter
 *   -ENOSYS   the kernel has no io_uring, or one older than Linux 5.19
 *   -ENOMEM   no memory; or RLIMIT_MEMLOCK is too small even for the smallest ring
 *   -EMFILE, -ENFILE   no descriptor is left for the ring
 * For each but -EINVAL and -EBUSY a sentence on stderr tells the cause and how to mend it. */
WHORL_API intptr_t whorl_run(whorl_fn *main, void *arg);

/* The same, set up as `config` says (NULL: all defaults). The struct is read before main starts and
 * not kept, nor is its name.
 *   -EINVAL   also: a stack size, entries or completions out of bounds, a negative defer_limit,
 *   limit or thread_idle, too many threads, workers or file_ops, or an unknown clock or sigint */
WHORL_API intptr_t whorl_run_with(const whorl_config *config, whorl_fn *main, void *arg);

/* For test frameworks: ends a run that was left by longjmp(3) or siglongjmp(3), out of one of its
 * tasks into a function that stands below whorl_run on the thread's stack. No task goes on, and no
 * frame of theirs is unwound. What is in flight is cancelled and awaited; then whatever each task
 * has deferred runs, as after its function, but in a task of a new run; where it asks for a task of
 * the former it gets -EPERM. Then everything of the run is given back: its ring, its stacks, its
 * place on this thread, the signal mask. What the tasks themselves hold, such as descriptors, is
 * theirs to defer, or lost.
 *
 * Stacks and what they point to stay as they are until all of that has ended. siglongjmp gives the
 * mask back early, so that a SIGPIPE or SIGXFSZ that was pending comes then.
 *
 * From: the thread of the run, outside a task. Returns what the run would have ended with:
 *   -EDEADLK, -ETIMEDOUT  as for whorl_run
 *   -ECANCELED  in all other cases
 * Errors, and nothing was done:
 *   -EBUSY      the caller is a task: the run was not left
 *   -EPERM      this thread runs no loop */
WHORL_API intptr_t whorl_run_abandon(void);

/* What a kernel may offer beyond what whorl needs; beside each, what is done without it. */
enum {
    WHORL_FEATURE_SINGLE_ISSUER = 1 << 0, /* 6.0: one submitting thread, told to the kernel */
    WHORL_FEATURE_DEFER_TASKRUN = 1
                                  << 1, /* 6.1: completions run when asked for; else COOP_TASKRUN */
    WHORL_FEATURE_NO_SQARRAY = 1 << 2,  /* 6.6: else the index array is filled once */
    WHORL_FEATURE_RING_FD = 1 << 3,     /* 5.18: registered ring descriptor; else the plain one */
    WHORL_FEATURE_ABS_TIMER = 1 << 4,   /* 6.12: waits until a point in time; else for a duration */
    WHORL_FEATURE_NO_IOWAIT = 1 << 5,   /* 6.15: waiting is not shown as iowait; else it is */
    WHORL_FEATURE_GUARD_INSTALL = 1
                                  << 6,  /* 6.13: light stack guards; else mprotect, about 32,000 */
    WHORL_FEATURE_OP_BIND = 1 << 7,      /* 6.11: else bind(2) on the loop's thread */
    WHORL_FEATURE_OP_LISTEN = 1 << 8,    /* 6.11: else listen(2) on the loop's thread */
    WHORL_FEATURE_OP_FTRUNCATE = 1 << 9, /* 6.9: else ftruncate(2) on the loop's thread */
    WHORL_FEATURE_OP_WAITID = 1 << 10,   /* 6.7: else a process is waited for by its pidfd */
    WHORL_FEATURE_OP_READV_FIXED =
        1 << 11, /* 6.15: vectors within a registered buffer; else -EOPNOTSUPP */
    WHORL_FEATURE_RECV_MULTISHOT =
        1 << 12, /* 6.0: one request receives again and again; else one for each piece */
    WHORL_FEATURE_SEND_ZC =
        1 << 13, /* 6.3: sends without copying, and tells whether it did; else it copies */
};

/* The features in use, as a set of WHORL_FEATURE_* bits. Inside a task: those of its loop, without
 * what its configuration does without. Outside: those that a loop of default configuration would
 * find now, by setting up a small ring and closing it.
 * From: anywhere. Errors outside a task: those of whorl_run's setup, without its sentences. */
WHORL_API int64_t whorl_features(void);

/* One feature; strings are static. */
typedef struct whorl_feature_info {
    const char *name;     /* such as "defer_taskrun" */
    const char *kernel;   /* the Linux that brought it: "6.1" */
    const char *fallback; /* what is done without it */
} whorl_feature_info;

/* What is known of one WHORL_FEATURE_* bit; NULL if `feature` is not exactly one known bit.
 * From: any thread. */
WHORL_API const whorl_feature_info *whorl_feature(uint64_t feature);

/* The name of one WHORL_FEATURE_* bit, such as "defer_taskrun": a static string; NULL if `feature`
 * is not exactly one known bit. From: any thread. */
WHORL_API const char *whorl_feature_name(uint64_t feature);

#ifdef __cplusplus
}
#endif

#endif
