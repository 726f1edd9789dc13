/*
 * Who holds a thing: a task, known by the time at which its loop was opened and its number there.
 *
 * No other task ever has both: so none that came later, on the same stack or in a later run, is
 * taken for a holder that has ended. And no memory of the task is looked at, which may be gone.
 */
#ifndef SYNC_HOLDER_H
#define SYNC_HOLDER_H

#include <core/loop.h>

struct holder {
    int64_t run;     /* when its loop was opened */
    uint64_t number; /* 0: nobody */
};

static inline bool holder_is_nobody(const struct holder *holder)
{
    return holder->number == 0;
}

static inline void holder_set(struct holder *holder, const struct task *task)
{
    holder->run = task->loop->opened;
    holder->number = task->number;
}

static inline void holder_clear(struct holder *holder)
{
    holder->number = 0;
}

static inline bool holder_is(const struct holder *holder, const struct task *task)
{
    return holder->number == task->number && holder->run == task->loop->opened;
}

/* Whether it is a task of another loop, or of an earlier one. */
static inline bool holder_is_foreign(const struct holder *holder, const struct loop *loop)
{
    return !holder_is_nobody(holder) && holder->run != loop->opened;
}

/* The task, if it lives in this loop: looked for among all, for messages to a person. */
static inline struct task *holder_find(const struct holder *holder, const struct loop *loop)
{
    struct task *task = loop->live;
    while (task && !holder_is(holder, task))
        task = task->live_next;
    return task;
}

#endif
