/*
 * Signals, waited for like anything else.
 *
 *     sigset_t stop;
 *     sigemptyset(&stop);
 *     sigaddset(&stop, SIGTERM);
 *     sigaddset(&stop, SIGHUP);
 *     int number = whorl_signal_wait(&stop, NULL);
 *
 * No handler is installed and none is changed. Instead, the signals of the set are blocked on the
 * loop's thread from the first wait for them until the run's end: one that comes between two waits
 * stays pending for the next, and neither kills nor runs a handler. When the run has ended, the
 * thread's signal mask is as it was before, and what is still pending is delivered as the program
 * has it.
 *
 * The kernel gives a signal that is sent to the process to any of its threads that does not block
 * it. A program with other threads blocks the signals there: before it starts them, as a rule. And
 * one that the process ignores, SIGCHLD being ignored unless there is a handler, is dropped at once
 * if its main thread does not block it. A child of fork starts with the mask of before the run;
 * threads and programs that a task starts by other means inherit the blocked signals
 * (whorl_process_spawn gives the mask of before).
 */
#ifndef WHORL_SIGNAL_H
#define WHORL_SIGNAL_H

#include <sys/select.h>
#include <whorl/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Waits for one of the signals in `set`, takes it, and returns its number. `info`, a siginfo_t * or
 * NULL, is filled as sigwaitinfo(2) does: real-time signals are queued, and each is given with its
 * own value.
 *
 * Each signal goes to one task: of those that wait for it, to the one that has waited longest. Of
 * several that are pending for a task the lowest number comes first, and equal ones in the order in
 * which they were sent, those to the thread before those to the process; the same signal sent again
 * while it is pending counts once, unless it is a real-time signal.
 * A cancelled wait has taken none.
 *
 * SIGKILL, SIGSTOP and the signals that a fault raises (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP,
 * SIGSYS) cannot be waited for, and a set may hold them all the same. SIGPIPE and SIGXFSZ are not
 * raised by the calls of whorl as far as a handler can see, but a wait for them would see them.
 *   -ECANCELED  no signal was taken
 *   -EINVAL     set is NULL, or holds no signal that can be waited for
 *   -EMFILE, -ENFILE, -ENOMEM  there is no descriptor to be had: the first task that waits needs
 *               one
 *   -EPERM      not inside a task */
WHORL_API int whorl_signal_wait(const sigset_t *set, void *info);

#ifdef __cplusplus
}
#endif

#endif
