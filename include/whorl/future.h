/*
 * Futures: a result that one task will set, and any number of tasks may wait for.
 *
 *     static whorl_future ready = WHORL_FUTURE_INIT;
 *     ...
 *     intptr_t port = whorl_future_wait(&ready);
 *
 * A future is set once, and stays so. Its struct is the caller's; it takes no memory, and all zero
 * is one that has not been set. The tasks that share it belong to one loop.
 */
#ifndef WHORL_FUTURE_H
#define WHORL_FUTURE_H

#include <whorl/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct whorl_future {
    void *engine[4]; /* the engine's */
} whorl_future;

/* A future that has not been set. */
#define WHORL_FUTURE_INIT                                                                          \
    {                                                                                              \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

/* Makes a future that has not been set, in memory that holds none. Returns 0. From: anywhere.
 *   -EINVAL  future is NULL */
WHORL_API int whorl_future_init(whorl_future *future);

/* Sets the result: >= 0 (a pointer fits), or -errno. Every task that waits gets it, in the order in
 * which they came. Does not wait; works in a cancelled task too. Returns 0.
 *   -EALREADY  it was set before, and keeps that result
 *   -EINVAL    future is NULL
 *   -EPERM     not inside a task of the same loop */
WHORL_API int whorl_future_set(whorl_future *future, intptr_t result);

/* Waits until the future is set, and returns its result; at once if it is.
 *   -ECANCELED  the caller is cancelled
 *   -EINVAL     future is NULL
 *   -EPERM      not inside a task of the same loop
 * Each may as well be the result; whorl_future_result tells them apart. */
WHORL_API intptr_t whorl_future_wait(whorl_future *future);

/* 1 if the future is set, else 0. -EINVAL: future is NULL. From: anywhere on its loop's thread. */
WHORL_API int whorl_future_is_done(const whorl_future *future);

/* Puts the result into *result, without waiting. Returns 0. From: as whorl_future_is_done.
 *   -EAGAIN  it has not been set; *result is as it was
 *   -EINVAL  future or result is NULL */
WHORL_API int whorl_future_result(const whorl_future *future, intptr_t *result);

/* Ends the future's use: the memory may go. Not needed for one that nobody waits for. Returns 0.
 * From: as whorl_future_is_done.
 *   -EBUSY   a task waits for it; nothing has changed
 *   -EINVAL  future is NULL */
WHORL_API int whorl_future_destroy(whorl_future *future);

#ifdef __cplusplus
}
#endif

#endif
