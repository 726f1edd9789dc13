/*
 * What channels, futures and selects must do, written again in the plainest way: who waits is
 * searched for, in the order of coming, among all there are.
 *
 * A wish is what one task asks for: a send or a receipt is a select of one case. The model decides
 * it at once, or when another task's call does; the test compares that with what the engine gives.
 */
#ifndef TESTS_SYNC_CHANNEL_MODEL_H
#define TESTS_SYNC_CHANNEL_MODEL_H

#include "support.h"

#include <errno.h>
#include <string.h>

enum { TASKS = 24, CHANNELS = 4, FUTURES = 3, ROOM = 3, CASES = 4 };

struct element {
    uint32_t sender;
    uint32_t number;
    uint32_t more; /* so that it is larger than a word */
};

struct case_model {
    enum whorl_case_kind kind;
    int object;
    struct element element;
};

struct wish {
    struct case_model cases[CASES];
    int count;
    bool waits;
    uint64_t ticket;  /* in the order of coming */
    int64_t deadline; /* it is over when this has come */
    int chosen;       /* or -errno */
    intptr_t result;
    struct element got;
};

struct channel_model {
    struct element kept[ROOM];
    int count;
    int capacity;
    bool closed;
};

struct future_model {
    bool set;
    intptr_t result;
};

static struct wish wishes[TASKS];
static struct channel_model channel_models[CHANNELS];
static struct future_model future_models[FUTURES];
static uint64_t tickets;

static inline void decide(struct wish *wish, int chosen, intptr_t result)
{
    wish->waits = false;
    wish->chosen = chosen;
    wish->result = result;
}

/* Time has come to where it is now. */
static inline void model_expire(void)
{
    int64_t now = whorl_now();
    for (int i = 0; i < TASKS; i++)
        if (wishes[i].waits && wishes[i].deadline <= now)
            decide(&wishes[i], -ETIMEDOUT, 0);
}

/* The place of the first case of that kind, or -1. */
static inline int place_in(const struct wish *wish, enum whorl_case_kind kind, int object)
{
    for (int i = 0; i < wish->count; i++)
        if (wish->cases[i].kind == kind && wish->cases[i].object == object)
            return i;
    return -1;
}

/* Who has waited longest; NULL if nobody does. */
static inline struct wish *first_waiting(enum whorl_case_kind kind, int object)
{
    struct wish *first = NULL;
    for (int i = 0; i < TASKS; i++) {
        struct wish *wish = &wishes[i];
        if (wish->waits && place_in(wish, kind, object) >= 0 &&
            (!first || wish->ticket < first->ticket))
            first = wish;
    }
    return first;
}

static inline int model_send(int object, struct element element)
{
    struct channel_model *channel = &channel_models[object];
    if (channel->closed)
        return -EPIPE;
    struct wish *receiver = first_waiting(WHORL_CASE_RECV, object);
    if (receiver) {
        receiver->got = element;
        decide(receiver, place_in(receiver, WHORL_CASE_RECV, object), 0);
        return 0;
    }
    if (channel->count == channel->capacity)
        return -EAGAIN;
    channel->kept[channel->count++] = element;
    return 0;
}

static inline int model_recv(int object, struct element *element)
{
    struct channel_model *channel = &channel_models[object];
    struct wish *sender = first_waiting(WHORL_CASE_SEND, object);
    int place = sender ? place_in(sender, WHORL_CASE_SEND, object) : -1;
    if (channel->count > 0) {
        *element = channel->kept[0];
        memmove(channel->kept, channel->kept + 1, sizeof *element * (size_t)--channel->count);
        if (sender)
            channel->kept[channel->count++] = sender->cases[place].element;
    } else if (sender) {
        *element = sender->cases[place].element;
    } else {
        return channel->closed ? -EPIPE : -EAGAIN;
    }
    if (sender)
        decide(sender, place, 0);
    return 0;
}

static inline int model_close(int object)
{
    struct channel_model *channel = &channel_models[object];
    struct wish *wish;
    if (channel->closed)
        return -EALREADY;
    channel->closed = true;
    while ((wish = first_waiting(WHORL_CASE_SEND, object)))
        decide(wish, place_in(wish, WHORL_CASE_SEND, object), -EPIPE);
    while ((wish = first_waiting(WHORL_CASE_RECV, object)))
        decide(wish, place_in(wish, WHORL_CASE_RECV, object), -EPIPE);
    return 0;
}

static inline int model_set(int object, intptr_t result)
{
    struct wish *wish;
    if (future_models[object].set)
        return -EALREADY;
    future_models[object].set = true;
    future_models[object].result = result;
    while ((wish = first_waiting(WHORL_CASE_FUTURE, object)))
        decide(wish, place_in(wish, WHORL_CASE_FUTURE, object), result);
    return 0;
}

static inline void model_cancel(int task)
{
    if (wishes[task].waits)
        decide(&wishes[task], -ECANCELED, 0);
}

/* Whether a case would happen now. */
static inline bool can_happen(const struct case_model *a_case)
{
    const struct channel_model *channel = &channel_models[a_case->object];
    switch (a_case->kind) {
    case WHORL_CASE_RECV:
        return channel->closed || channel->count > 0 ||
               first_waiting(WHORL_CASE_SEND, a_case->object);
    case WHORL_CASE_SEND:
        return channel->closed || channel->count < channel->capacity ||
               first_waiting(WHORL_CASE_RECV, a_case->object);
    case WHORL_CASE_FUTURE:
        return future_models[a_case->object].set;
    default:
        return false;
    }
}

/* Has the case happen, which can. */
static inline void model_happen(struct wish *wish, int place)
{
    struct case_model *a_case = &wish->cases[place];
    intptr_t result = 0;
    if (a_case->kind == WHORL_CASE_RECV)
        result = model_recv(a_case->object, &wish->got);
    else if (a_case->kind == WHORL_CASE_SEND)
        result = model_send(a_case->object, a_case->element);
    else
        result = future_models[a_case->object].result;
    decide(wish, place, result);
}

/* Begins to wait. */
static inline void model_wait(struct wish *wish, int64_t deadline)
{
    wish->deadline = deadline;
    wish->ticket = ++tickets;
    wish->waits = true;
}

#endif
