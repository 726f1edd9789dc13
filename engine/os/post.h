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

/* Makes a task for fn(arg) that nobody has a handle of, not yet ready; the caller is the loop's
 * host, which takes a node. NULL if there is no memory for its stack, or others wait for that. */
struct task *post_make_task(struct loop *loop, whorl_fn *fn, void *arg);

#endif
