/*
 * The tasks that one call waits for: a watcher on each, in the memory of the waiting one.
 *
 * Who gathers them says what each end means. A call with few members has room for them on its
 * stack.
 */
#ifndef SCOPE_MEMBERS_H
#define SCOPE_MEMBERS_H

#include <core/loop.h>
#include <errno.h>
#include <stdlib.h>

#define MEMBERS_ON_STACK 32

struct member {
    struct watcher watcher;
    struct task *task;
};

/* `own`, or memory for more; NULL if there is none. */
static inline struct member *members_take(struct member *own, size_t n)
{
    return n <= MEMBERS_ON_STACK ? own : calloc(n, sizeof *own);
}

static inline void members_give(struct member *own, struct member *members)
{
    if (members != own)
        free(members);
}

/* Watches a task that lives. */
static inline void member_watch(struct member *member,
                                void (*ended)(struct watcher *self, struct task *target),
                                struct task *waiter, void *object)
{
    member->watcher = (struct watcher){.ended = ended, .waiter = waiter, .object = object};
    task_watch(member->task, &member->watcher);
}

/* A wait_kind's awaited: of `n` members those that have not ended. */
static inline struct task *members_awaited(const struct member *members, size_t n, size_t index)
{
    for (size_t i = 0; i < n; i++)
        if (members[i].watcher.link && index-- == 0)
            return members[i].task;
    return NULL;
}

#endif
