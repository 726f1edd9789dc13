/*
 * Threads: work that comes into a loop from other threads, and work that a task gives away to one.
 *
 *     whorl_loop *loop = whorl_loop_hold();        // in a task
 *     pthread_create(&thread, NULL, watch, loop);
 *
 *     whorl_post(loop, tell, event);               // there: tell(event) runs as a task of the loop
 *     whorl_loop_drop(loop);
 *
 * The other way round, whorl_to_thread runs a function that blocks on a thread of its own, while
 * only the task that calls it waits.
 */
#ifndef WHORL_THREAD_H
#define WHORL_THREAD_H

#include <whorl/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A loop, as other threads know it. It may outlive the run: what is put in then is refused. */
typedef struct whorl_loop whorl_loop;

/* The calling task's loop, to be given back with whorl_loop_drop, by any thread. Each call's is a
 * hold of its own; threads may share one, as long as it is dropped after the last use. While
 * somebody holds the loop, tasks that all wait are no deadlock, as somebody may wake them; the time
 * of a virtual clock jumps all the same. Does not wait. NULL outside a task, and where no memory or
 * no descriptor is left. */
WHORL_API whorl_loop *whorl_loop_hold(void);

/* Gives a hold back. From: any thread, a task or not, before and after the run's end. Returns 0.
 *   -EINVAL  loop is NULL */
WHORL_API int whorl_loop_drop(whorl_loop *loop);

/* Has fn(arg) run as a task of the loop, whose result is dropped. What one thread posts begins in
 * that order. Does not wait; takes memory. Each call that returns 0 runs exactly once: when main
 * has returned already, or the run has met a deadlock, it runs in a cancelled task, so that it may
 * still free its argument; if there is no memory for its stack now, it runs later. From: any
 * thread, a task or not. Returns 0.
 *   -EINVAL     loop or fn is NULL
 *   -ENOMEM     no memory; fn will not run
 *   -ESHUTDOWN  the run has ended, or this is a child of fork by a task of it; fn will not run */
WHORL_API int whorl_post(whorl_loop *loop, whorl_fn *fn, void *arg);

typedef struct whorl_posted {
    void *engine[6]; /* the engine's */
} whorl_posted;

/* The same with memory of the caller's, which is the engine's until fn begins. It is wait-free: a
 * few instructions, and one write(2) when the loop sleeps. From: a signal handler, too.
 *   -EINVAL     also: posted is NULL
 *   -ESHUTDOWN  as for whorl_post; posted is the caller's */
WHORL_API int whorl_post_with(whorl_loop *loop, whorl_posted *posted, whorl_fn *fn, void *arg);

typedef struct whorl_submission {
    void *engine[24]; /* the engine's */
} whorl_submission;

/* Has fn(arg) run as a task of the loop, for a thread that waits for its result with
 * whorl_submission_wait, which it must; until that has given the result the struct is the engine's.
 * When main has returned, the task is cancelled, and if it has not run yet it never does. Does not
 * wait; takes no memory. From: any thread but the loop's. Returns 0.
 *   -EDEADLK    the calling thread is the loop's
 *   -EINVAL     loop, submission or fn is NULL
 *   -ESHUTDOWN  the run has ended; submission is the caller's */
WHORL_API int whorl_submit_threadsafe(whorl_loop *loop, whorl_submission *submission, whorl_fn *fn,
                                      void *arg);

/* Waits at most `ns` nanoseconds (<= 0: not at all) until the task has ended, and returns its
 * result. It blocks the calling thread: in a task of another loop, that whole loop. From: any
 * thread but the loop's, one at a time.
 *   -ETIMEDOUT  the task goes on; this may be called again. Or the task's own result
 *   -ECANCELED  it was cancelled before it ran; or its own result
 *   -EDEADLK    the calling thread is the loop's, and the task has not ended; or the run met a
 *   deadlock that the task did not survive; or its own result
 *   -EINVAL     submission is NULL */
WHORL_API intptr_t whorl_submission_wait(whorl_submission *submission, int64_t ns);

/* Cancels the task, as whorl_cancel does: more than once comes to the same as once. It is still to
 * be waited for. Does not wait itself. From: any thread, before whorl_submission_wait has given the
 * result. Returns 0.
 *   -EALREADY  the task has ended
 *   -EINVAL    submission is NULL */
WHORL_API int whorl_submission_cancel(whorl_submission *submission);

/* Runs fn(arg) on a thread of the loop's, parks the calling task until it has returned, and gives
 * its result. Takes no memory but for the thread. At most config.threads run at once; what comes
 * above waits, first come, first served. A thread is made when none is idle, and ends when it was
 * idle for config.thread_idle or the run ends. On it all signals are blocked, and there is no loop:
 * calls that wait give -EPERM; whorl_post works. While fn runs, the time of a virtual clock passes
 * as it does outside. When the caller is cancelled before fn begins, fn never runs; after that it
 * is waited for, and its result given.
 *   -ECANCELED  the caller is cancelled, and fn has not begun; or fn's own result
 *   -EINVAL     fn is NULL
 *   -EMFILE, -ENFILE, -ENOMEM  no descriptor or memory is left; fn has not begun
 *   -EAGAIN     not a single thread could be made; fn has not begun
 *   -EPERM      not inside a task */
WHORL_API intptr_t whorl_to_thread(whorl_fn *fn, void *arg);

#ifdef __cplusplus
}
#endif

#endif
