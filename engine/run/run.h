/*
 * A run: a loop's time on its thread.
 *
 *     entered --> running --> exited --> closed
 *                    |           ^
 *                    '-> left ---'
 *
 * left: a jump has taken the thread's stack back from the running task, and the frames of whorl_run
 * are gone. What the run keeps lies in its loop, for that.
 */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include <core/loop.h>
#include <signal.h>

/* Blocks the signals that a write may raise on the thread that submits it; *before, if not NULL, is
 * the former mask. */
void run_block_writes(sigset_t *before);

/* Where a jump has left the thread's run: the thread's own stack is the one that runs, to the tools
 * as well, which until then take much of it for that of frames that have gone. So whoever lands
 * there calls this before all else. 0; -EBUSY, -EPERM as whorl_run_abandon says. */
int run_land(void);

/* Gives the thread back what run_enter took. The loop is closed after. */
void run_exit(struct loop *loop);

#endif
