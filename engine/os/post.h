/* Handles of loops, and tasks that begin on behalf of other threads. */
#ifndef OS_POST_H
#define OS_POST_H

#include <core/loop.h>
#include <whorl/thread.h>

/* A handle is the loop's inbox. */
static inline struct inbox *inbox_of_handle(whorl_loop *handle)
{
    return (struct inbox *)handle;
}

/* Makes a task that runs fn(arg), also if it is cancelled before, and that nobody has a handle of.
 * The caller is the loop's host. NULL if there is no memory for its stack. */
struct task *post_spawn(struct loop *loop, whorl_fn *fn, void *arg);

#endif
