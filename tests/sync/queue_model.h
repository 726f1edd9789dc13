/*
 * A queue, said once more and as simply as can be: every item and every waiting call in a list, in
 * the order in which it came. Lists are searched from end to end, and nothing here is shared with
 * the engine.
 *
 * A call of the model knows from the moment at which it is decided what it will give; the engine's
 * task tells it when it has run. Where the order is not the puts', a get that waited is promised an
 * item first, and is decided when its task runs.
 */
#ifndef TESTS_SYNC_QUEUE_MODEL_H
#define TESTS_SYNC_QUEUE_MODEL_H

#include "queue_calls.h"

enum { MODEL_ITEMS = 1024, MODEL_CALLS = 64 };

/* A call as the model sees it. */
struct model_call {
    struct call call; /* the engine's */
    bool is_put;
    intptr_t item; /* put; or got, when it is decided */
    int64_t deadline;
    bool is_promised;
    bool is_decided;
    int result;
};

struct model_list {
    struct model_call *calls[MODEL_CALLS];
    size_t count;
};

struct model {
    enum whorl_queue_kind kind;
    size_t capacity; /* 0: any */
    intptr_t items[MODEL_ITEMS];
    size_t count;
    size_t unfinished;
    bool shut;
    struct model_list getters, putters, joiners;
    struct model_list promised; /* getters, in the order in which they will run */
};

/* What an item's number says of its priority. */
int model_compare(const void *a, const void *b);

/* Each as the call of the same name; those that may wait decide their call, now or later. */
int model_try_put(struct model *model, intptr_t item);
int model_try_get(struct model *model, intptr_t *item);
int model_task_done(struct model *model);
void model_put(struct model *model, struct model_call *call);
void model_get(struct model *model, struct model_call *call);
void model_join(struct model *model, struct model_call *call);
void model_shutdown(struct model *model, enum whorl_queue_ending ending);

/* The task of a get that was promised an item runs: decides it. */
void model_run_promised(struct model *model, struct model_call *call);

/* Decides a call that waits with `error`, and takes it out of its list. */
void model_interrupt(struct model *model, struct model_call *call, int error);

/* Decides with -ETIMEDOUT all whose deadline has come. */
void model_pass_time(struct model *model, int64_t now);

#endif
