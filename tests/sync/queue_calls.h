/*
 * What the tests of queues share: calls made by tasks of their own, and numbers as items.
 *
 * Each task begins at once, so that its call has been made, and waits or is over, when begin_*
 * returns. What it came to is there when the task has had its turn; end_call waits for that.
 */
#ifndef TESTS_SYNC_QUEUE_CALLS_H
#define TESTS_SYNC_QUEUE_CALLS_H

#include <errno.h>

#include "support.h"

static const whorl_config virtual_clock = {.clock = WHORL_CLOCK_VIRTUAL};

struct call {
    whorl_queue *queue;
    intptr_t item;                  /* put, or got */
    int64_t limit;                  /* of a timeout scope around the call; 0: none */
    void (*got)(struct call *call); /* called when a get has returned; NULL: nothing */
    whorl_task *task;
    int result;
    bool ended;
};

static inline void *item_of(intptr_t number)
{
    return (void *)number;
}

/* Whether one number comes before another. */
static inline int compare_numbers(const void *a, const void *b)
{
    return ((intptr_t)a > (intptr_t)b) - ((intptr_t)a < (intptr_t)b);
}

/* The next item of the queue, without a wait; -EAGAIN or another error if there is none. */
static inline intptr_t next_of(whorl_queue *queue)
{
    void *item = NULL;
    int error = whorl_queue_try_get(queue, &item);
    return error ? error : (intptr_t)item;
}

static inline void put_numbers(whorl_queue *queue, const intptr_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_equal(whorl_queue_try_put(queue, item_of(numbers[i])), 0);
}

static inline void check_numbers(whorl_queue *queue, const intptr_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_equal(next_of(queue), numbers[i]);
    check_equal(whorl_queue_is_empty(queue), 1);
}

static inline int limited(const struct call *call, whorl_timeout *scope)
{
    return call->limit ? whorl_timeout_begin(scope, call->limit) : 0;
}

static inline intptr_t ended(struct call *call, whorl_timeout *scope, int result)
{
    call->result = call->limit ? (int)whorl_timeout_end(scope, result) : result;
    call->ended = true;
    return 0;
}

static inline intptr_t call_put(void *arg)
{
    struct call *call = arg;
    whorl_timeout scope;
    check_equal(limited(call, &scope), 0);
    return ended(call, &scope, whorl_queue_put(call->queue, item_of(call->item)));
}

static inline intptr_t call_get(void *arg)
{
    struct call *call = arg;
    void *item = item_of(call->item);
    whorl_timeout scope;
    check_equal(limited(call, &scope), 0);
    int result = whorl_queue_get(call->queue, &item);
    call->item = (intptr_t)item;
    if (call->got)
        call->got(call);
    return ended(call, &scope, result);
}

static inline intptr_t call_join(void *arg)
{
    struct call *call = arg;
    whorl_timeout scope;
    check_equal(limited(call, &scope), 0);
    return ended(call, &scope, whorl_queue_join(call->queue));
}

static inline void begin_call(struct call *call, whorl_fn *fn)
{
    whorl_spawn_options options = {.eager = 1};
    call->ended = false;
    call->task = whorl_spawn_with(&options, fn, call);
    check(call->task != NULL);
}

static inline void begin_put(struct call *call, whorl_queue *queue, intptr_t item)
{
    *call = (struct call){.queue = queue, .item = item};
    begin_call(call, call_put);
}

/* Until it has got an item, its item is -1. */
static inline void begin_get(struct call *call, whorl_queue *queue)
{
    *call = (struct call){.queue = queue, .item = -1};
    begin_call(call, call_get);
}

static inline void begin_join(struct call *call, whorl_queue *queue)
{
    *call = (struct call){.queue = queue};
    begin_call(call, call_join);
}

static inline int end_call(struct call *call)
{
    check_equal(whorl_join(call->task), 0);
    return call->result;
}

/* Waits for a get, and gives what it got, or its error. */
static inline intptr_t end_get(struct call *call)
{
    int error = end_call(call);
    return error ? error : call->item;
}

#endif
