/*
 * Several tasks at once: all their results, or the first error.
 */
#ifndef WHORL_GATHER_H
#define WHORL_GATHER_H

#include <whorl/base.h>
#include <whorl/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Flags of whorl_gather and whorl_gather_calls. */
enum {
    WHORL_COLLECT = 1 << 0, /* an error is a result like another: nobody is cancelled for it */
};

/* Waits until all of n tasks have ended, takes their handles back and puts their results into
 * `results`, in the order of the arguments (NULL: they are dropped). The first to fail cancels the
 * others, which are awaited all the same; with WHORL_COLLECT none does. A task may stand in the
 * array more than once. When the caller is cancelled, so are the tasks, and they are awaited.
 * Memory is taken for more than 32 tasks. Returns 0, or the first error in time; with WHORL_COLLECT
 * 0, unless the caller was cancelled before all had ended.
 *   -ECANCELED  the caller is cancelled, and some task ended with -ECANCELED for it
 *   -EDEADLK    a task is the caller, or waits, through joins, for the caller; nothing has changed
 *   -EINVAL     a handle was given back before, tasks is NULL while n is not 0, or a flag is
 *   unknown; nothing has changed
 *   -ENOMEM     nothing has changed
 *   -EPERM      not inside a task of the same loop */
WHORL_API int whorl_gather(whorl_task *const *tasks, size_t n, intptr_t *results, unsigned flags);

/* A function and its argument. */
typedef struct whorl_call {
    whorl_fn *fn;
    void *arg;
} whorl_call;

/* Runs n calls, each in a task of its own, and gathers them, as whorl_gather does.
 *   -EINVAL     a function is NULL, calls is NULL while n is not 0, or a flag is unknown; none has
 *   begun
 *   -ENOMEM     none has begun
 *   -ECANCELED, -EPERM  as for whorl_gather; in a cancelled caller none begins */
WHORL_API int whorl_gather_calls(const whorl_call *calls, size_t n, intptr_t *results,
                                 unsigned flags);

#ifdef __cplusplus
}
#endif

#endif
