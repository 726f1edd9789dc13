/*
 * Several tasks at once: all their results, the first error, or the first result.
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
 * 0 or -ECANCELED.
 *   -ECANCELED  the caller is cancelled, and some task ended with -ECANCELED for it
 *   -EDEADLK    a task is the caller, or waits, through others, for its end; nothing has changed
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
 *   -ENOMEM     none has begun, and `results` is as it was
 *   -ECANCELED, -EPERM  as for whorl_gather; in a cancelled caller none begins */
WHORL_API int whorl_gather_calls(const whorl_call *calls, size_t n, intptr_t *results,
                                 unsigned flags);

/* Waits for the first of n tasks to end, whatever its result, cancels the others and awaits them,
 * and takes all handles back. The results of all go into `results`, in the order of the arguments
 * (NULL: they are dropped), as a loser may have done its work all the same; the winner's place goes
 * into *winner (may be NULL). When the caller is cancelled before one has ended, so are the tasks,
 * and they are awaited; the first of them to do its work wins even then. Memory is taken for more
 * than 32 tasks. Returns the winner's result.
 *   -ECANCELED  the caller is cancelled, and each task ended with -ECANCELED; *winner is n
 *   -EDEADLK, -ENOMEM, -EPERM  as for whorl_gather
 *   -EINVAL     a handle was given back before, tasks is NULL, or n is 0; nothing has changed */
WHORL_API intptr_t whorl_race(whorl_task *const *tasks, size_t n, intptr_t *results,
                              size_t *winner);

#ifdef __cplusplus
}
#endif

#endif
