/*
 * Gathering tasks: one wait for the ends of many.
 *
 * Each task has a member in the gathering task's memory, which watches it and holds a reference to
 * it, so that its result is there when the last has ended. The wait is never cut short: an error,
 * or a cancel of the caller, cancels the tasks, and then their ends are awaited as before.
 */
#include <core/interrupt.h>
#include <core/loop.h>
#include <errno.h>
#include <stdlib.h>
#include <whorl/gather.h>

#define MEMBERS_ON_STACK 32

struct gathering;

struct member {
    struct watcher watcher;
    struct gathering *gathering;
    struct task *task;
};

struct gathering {
    struct task *self;
    struct member *members;
    size_t count;
    size_t pending; /* members that have not ended */
    int error;      /* the first in time */
    bool fail_fast;
    bool cancelled; /* the rest has been cancelled */
};

static void cancel_rest(struct gathering *gathering)
{
    if (gathering->cancelled)
        return;
    gathering->cancelled = true;
    for (size_t i = 0; i < gathering->count; i++)
        if (!gathering->members[i].task->ended)
            task_cancel(gathering->members[i].task);
}

static void note_result(struct gathering *gathering, intptr_t result)
{
    if (result >= 0 || gathering->error)
        return;
    gathering->error = (int)result;
    if (gathering->fail_fast)
        cancel_rest(gathering);
}

static void member_ended(struct watcher *watcher, struct task *target)
{
    struct gathering *gathering = ((struct member *)watcher)->gathering;
    gathering->pending--;
    note_result(gathering, target->result);
    if (gathering->pending == 0 && gathering->self->wait)
        task_wake(gathering->self, 0);
}

static void gather_cancel(struct task *self)
{
    cancel_rest(self->wait_object);
}

static const struct wait_kind gather_wait = {.name = "gather", .cancel = gather_cancel};

static void member_add(struct gathering *gathering, struct task *task)
{
    struct member *member = &gathering->members[gathering->count++];
    *member = (struct member){.watcher.ended = member_ended, .gathering = gathering, .task = task};
    task->references++;
    if (!task->ended) {
        gathering->pending++;
        task_watch(task, &member->watcher);
    }
}

/* Waits for every member, and lets go of them. */
static int gather_all(struct loop *loop, struct gathering *gathering, intptr_t *results)
{
    for (size_t i = 0; i < gathering->count; i++)
        if (gathering->members[i].task->ended)
            note_result(gathering, gathering->members[i].task->result);
    bool was_cancelled = gathering->self->interrupted && gathering->pending > 0;
    if (was_cancelled)
        cancel_rest(gathering);
    if (gathering->pending > 0)
        task_park(loop, gathering->self, &gather_wait, gathering);
    bool cut = !gathering->fail_fast && gathering->cancelled;
    for (size_t i = 0; i < gathering->count; i++) {
        struct task *task = gathering->members[i].task;
        if (results)
            results[i] = task->result;
        task_take_handle(task);
        task_unref(task);
    }
    return gathering->fail_fast || cut ? gathering->error : 0;
}

static struct member *members_take(struct member *own, size_t n)
{
    return n <= MEMBERS_ON_STACK ? own : calloc(n, sizeof *own);
}

static void members_give(struct member *own, struct member *members)
{
    if (members != own)
        free(members);
}

static int gather_check(const struct loop *loop, whorl_task *const *tasks, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int error;
        struct task *task = task_of_handle(loop, tasks[i], &error);
        if (!task)
            return error;
        if (task_join_is_deadlock(loop, task))
            return -EDEADLK;
    }
    return 0;
}

int whorl_gather(whorl_task *const *tasks, size_t n, intptr_t *results, unsigned flags)
{
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    if ((!tasks && n > 0) || (flags & ~(unsigned)WHORL_COLLECT))
        return -EINVAL;
    int error = gather_check(loop, tasks, n);
    if (error)
        return error;
    struct member own[MEMBERS_ON_STACK];
    struct gathering gathering = {.self = loop->current,
                                  .members = members_take(own, n),
                                  .fail_fast = !(flags & WHORL_COLLECT)};
    if (!gathering.members)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        member_add(&gathering, task_of_handle(loop, tasks[i], &error));
    error = gather_all(loop, &gathering, results);
    members_give(own, gathering.members);
    return error;
}

/* Spawns a task for each call. If there is no memory for one, those before it are cancelled, and
 * never begin. */
static int spawn_calls(struct loop *loop, struct gathering *gathering, const whorl_call *calls,
                       size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct task *task = task_make(loop, loop->stack_class, NULL, calls[i].fn, calls[i].arg);
        if (!task)
            return -ENOMEM;
        ready_add(loop, task);
        member_add(gathering, task);
    }
    return 0;
}

int whorl_gather_calls(const whorl_call *calls, size_t n, intptr_t *results, unsigned flags)
{
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    if ((!calls && n > 0) || (flags & ~(unsigned)WHORL_COLLECT))
        return -EINVAL;
    for (size_t i = 0; i < n; i++)
        if (!calls[i].fn)
            return -EINVAL;
    struct member own[MEMBERS_ON_STACK];
    struct gathering gathering = {.self = loop->current,
                                  .members = members_take(own, n),
                                  .fail_fast = !(flags & WHORL_COLLECT)};
    if (!gathering.members)
        return -ENOMEM;
    int spawned = spawn_calls(loop, &gathering, calls, n);
    if (spawned)
        cancel_rest(&gathering);
    int error = gather_all(loop, &gathering, spawned ? NULL : results);
    members_give(own, gathering.members);
    return spawned ? spawned : error;
}
