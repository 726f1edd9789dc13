/*
 * Select: waiting for whichever of several things happens first.
 *
 *     whorl_case cases[] = {
 *         whorl_case_recv(&orders, &order),
 *         whorl_case_send(&reports, &report),
 *         whorl_case_future(&stop),
 *     };
 *     switch (whorl_select(cases, 3, WHORL_SECONDS(1))) {
 *     case 0: serve(&order); break;
 *     ...
 *     }
 *
 * Exactly one case happens, and the others have no effect. The array is the caller's, and may be
 * used again, one call at a time: each whorl_select looks at it anew. It has room for what the
 * engine must remember, so that a select takes no memory.
 */
#ifndef WHORL_SELECT_H
#define WHORL_SELECT_H

#include <whorl/base.h>
#include <whorl/channel.h>
#include <whorl/future.h>
#include <whorl/task.h>

#ifdef __cplusplus
extern "C" {
#endif

enum whorl_case_kind {
    WHORL_CASE_OFF, /* never happens */
    WHORL_CASE_RECV,
    WHORL_CASE_SEND,
    WHORL_CASE_FUTURE,
    WHORL_CASE_TASK,
};

typedef struct whorl_case {
    enum whorl_case_kind kind;
    void *object;    /* the channel, future or task; NULL: the case is off */
    void *element;   /* of a channel: what to send, or where to receive it */
    intptr_t result; /* of the case that has happened */
    void *engine[8]; /* the engine's */
} whorl_case;

/* An element is received from the channel: result 0; or it is closed and has none: -EPIPE. */
static inline whorl_case whorl_case_recv(whorl_channel *channel, void *element)
{
    whorl_case self = {WHORL_CASE_RECV, channel, element, 0, {0}};
    return self;
}

/* *element is sent to the channel: result 0; or it is closed: -EPIPE. */
static inline whorl_case whorl_case_send(whorl_channel *channel, const void *element)
{
    whorl_case self = {WHORL_CASE_SEND, channel, (void *)element, 0, {0}};
    return self;
}

/* The future is set: its result. */
static inline whorl_case whorl_case_future(whorl_future *future)
{
    whorl_case self = {WHORL_CASE_FUTURE, future, 0, 0, {0}};
    return self;
}

/* The task has ended: its result. Its handle is not taken: whorl_join still does that. */
static inline whorl_case whorl_case_task(whorl_task *task)
{
    whorl_case self = {WHORL_CASE_TASK, task, 0, 0, {0}};
    return self;
}

/* Waits until one of n cases has happened, at most `ns` nanoseconds (<= 0: looks once, and lets
 * others run if none can; WHORL_FOREVER: no limit). Of several that can happen at once, each is as
 * likely as the others. The same channel, future or task may stand in any number of cases; a select
 * does not meet itself. Cancels nothing. Returns the place of the case that has happened, with what
 * it came to in its `result`; of the other cases nothing has changed, and none has had an effect.
 *   -ETIMEDOUT  the time is up, and none has happened; nor has one for each error below
 *   -ECANCELED  the caller is cancelled
 *   -EDEADLK    a task is the caller
 *   -EINVAL     cases is NULL while n is not 0, a kind is unknown, a channel's element is NULL, a
 *   channel was destroyed, or a task's handle was given back
 *   -EPERM      not inside a task of the same loop */
WHORL_API ssize_t whorl_select(whorl_case *cases, size_t n, int64_t ns);

#ifdef __cplusplus
}
#endif

#endif
