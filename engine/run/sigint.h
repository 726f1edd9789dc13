/*
 * SIGINT while a loop runs: the first cancels main, the second ends the program.
 *
 * The handler is there for one signal (SA_RESETHAND): at the second the kernel does what it does by
 * default, even where the loop's thread spins and never turns. The first goes to the loop by its
 * inbox, which a signal handler may use.
 *
 * A signal's disposition is the process's, and so must be what its handler knows: it is one static
 * variable, the inbox of the loop that watches. There is one such loop at most, as only the
 * program's first thread watches. The handler may run on any thread, so the one who ends the watch
 * waits for it.
 */
#ifndef RUN_SIGINT_H
#define RUN_SIGINT_H

#include <core/loop.h>
#include <signal.h>

/* Begins to watch, for a loop that is about to run on this thread, whose signal mask is `mask`
 * outside the run; does nothing where whorl_config says that SIGINT is left alone. */
void sigint_watch_start(struct loop *loop, enum whorl_sigint choice, const sigset_t *mask);

/* Ends the watch; SIGINT has the effect that it had before, unless the program has given it
 * another meanwhile. */
void sigint_watch_end(struct loop *loop);

/* In a child of fork, which no loop watches for. */
void sigint_after_fork(void);

#endif
