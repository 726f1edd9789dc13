/*
 * Gathering tasks: one wait for the ends of many.
 *
 * Each task has a member in the gathering task's memory, which watches it and holds a reference to
 * it, so that its result is there when the last has ended. The wait is never cut short: an error, a
 * winner, or a cancel of the caller cancels the tasks, and then their ends are awaited as before.
 */
#include <core/deadlock.h>
#include <core/interrupt.h>
#include <scope/members.h>
#include <whorl/gather.h>

/* Whose end cancels the others. */
enum policy { FIRST_ERROR, NOBODY, FIRST_END };

struct gathering {
    struct task *self;
    struct member *members;
    size_t count;
    size_t pending; /* members that have not ended */
    size_t winner;  /* the first in time to end; count: none yet */
    int error;      /* the first in time */
    enum policy policy;
    bool cancelled; /* the rest has been cancelled */
    bool cut;       /* because the caller was */
    bool lost;      /* and a task ended with -ECANCELED for it */
};

static void cancel_rest(struct gathering *gathering)
{
    gathering->cancelled = true;
    for (size_t i = 0; i < gathering->count; i++)
        if (!gathering->members[i].task->ended)
            task_cancel(gathering->members[i].task);
}

static void note_end(struct gathering *gathering, const struct member *member)
{
    intptr_t result = member->task->result;
    bool lost = gathering->cut && result == -ECANCELED;
    gathering->lost |= lost;
    if (gathering->winner == gathering->count && !lost) {
        gathering->winner = (size_t)(member - gathering->members);
        if (gathering->policy == FIRST_END && !gathering->cancelled)
            cancel_rest(gathering);
    }
    if (result < 0 && !gathering->error) {
        gathering->error = (int)result;
        if (gathering->policy == FIRST_ERROR && !gathering->cancelled)
            cancel_rest(gathering);
    }
}

/* The same for those that had ended before the call: the first that did, and the first that failed,
 * count. */
static void note_ended(struct gathering *gathering)
{
    const struct member *first = NULL;
    const struct member *first_failed = NULL;
    for (size_t i = 0; i < gathering->count; i++) {
        const struct member *member = &gathering->members[i];
        const struct task *task = member->task;
        if (!task->ended)
            continue;
        if (!first || task->end < first->task->end)
            first = member;
        if (task->result < 0 && (!first_failed || task->end < first_failed->task->end))
            first_failed = member;
    }
    if (first)
        note_end(gathering, first);
    if (first_failed)
        note_end(gathering, first_failed);
}

static void member_ended(struct watcher *watcher, struct task *target)
{
    struct gathering *gathering = watcher->object;
    (void)target;
    gathering->pending--;
    note_end(gathering, (struct member *)watcher);
    if (gathering->pending == 0 && gathering->self->wait)
        task_wake(gathering->self, 0);
}

static void gather_cancel(struct task *self)
{
    struct gathering *gathering = self->wait_object;
    gathering->cut |= !gathering->cancelled;
    cancel_rest(gathering);
}

static struct task *gather_awaited(const struct task *self, size_t index)
{
    const struct gathering *gathering = self->wait_object;
    return members_awaited(gathering->members, gathering->count, index);
}

static const struct wait_kind gather_wait = {
    .name = "the ends of", .cancel = gather_cancel, .awaited = gather_awaited, .needs_all = true};

static void member_add(struct gathering *gathering, struct task *task)
{
    struct member *member = &gathering->members[gathering->count++];
    *member = (struct member){.task = task};
    task->references++;
    if (!task->ended) {
        gathering->pending++;
        member_watch(member, member_ended, gathering->self, gathering);
    }
}

/* Waits for every member. */
static void await_members(struct loop *loop, struct gathering *gathering)
{
    gathering->winner = gathering->count;
    note_ended(gathering);
    if (gathering->pending == 0)
        return;
    gathering->self->wait_object = gathering;
    if (gathering->self->interrupted)
        gather_cancel(gathering->self);
    task_park(loop, gathering->self, &gather_wait, gathering);
}

/* Takes the handles back, and the results. */
static void let_go(struct gathering *gathering, intptr_t *results)
{
    for (size_t i = 0; i < gathering->count; i++) {
        struct task *task = gathering->members[i].task;
        if (results)
            results[i] = task->result;
        task_take_handle(task);
        task_unref(task);
    }
}

/* What a gathering comes to, once all have ended. */
static int gather_result(const struct gathering *gathering)
{
    if (gathering->policy == FIRST_ERROR)
        return gathering->error;
    return gathering->lost ? -ECANCELED : 0;
}

static int gather_check(struct loop *loop, whorl_task *const *tasks, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int error;
        struct task *task = task_of_handle(loop, tasks[i], &error);
        if (!task)
            return error;
        if (wait_would_be_circular(loop, task))
            return -EDEADLK;
    }
    return 0;
}

/* Gathers tasks into `gathering`, whose members are `own` or, of many, taken. 0 once all have
 * ended. */
static int gather_tasks(struct loop *loop, struct gathering *gathering, whorl_task *const *tasks,
                        size_t n, struct member *own)
{
    int error = gather_check(loop, tasks, n);
    if (error)
        return error;
    gathering->self = loop->current;
    gathering->members = members_take(own, n);
    if (!gathering->members)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        member_add(gathering, task_of_handle(loop, tasks[i], &error));
    await_members(loop, gathering);
    return 0;
}

static enum policy policy_of(unsigned flags)
{
    return flags & WHORL_COLLECT ? NOBODY : FIRST_ERROR;
}

int whorl_gather(whorl_task *const *tasks, size_t n, intptr_t *results, unsigned flags)
{
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    if ((!tasks && n > 0) || (flags & ~(unsigned)WHORL_COLLECT))
        return -EINVAL;
    struct member own[MEMBERS_ON_STACK];
    struct gathering gathering = {.policy = policy_of(flags)};
    int error = gather_tasks(loop, &gathering, tasks, n, own);
    if (error)
        return error;
    let_go(&gathering, results);
    members_give(own, gathering.members);
    return gather_result(&gathering);
}

intptr_t whorl_race(whorl_task *const *tasks, size_t n, intptr_t *results, size_t *winner)
{
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    if (!tasks || n == 0)
        return -EINVAL;
    struct member own[MEMBERS_ON_STACK];
    struct gathering gathering = {.policy = FIRST_END};
    int error = gather_tasks(loop, &gathering, tasks, n, own);
    if (error)
        return error;
    intptr_t result = -ECANCELED;
    if (gathering.winner < n)
        result = gathering.members[gathering.winner].task->result;
    if (winner)
        *winner = gathering.winner;
    let_go(&gathering, results);
    members_give(own, gathering.members);
    return result;
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
    struct gathering gathering = {
        .self = loop->current, .members = members_take(own, n), .policy = policy_of(flags)};
    if (!gathering.members)
        return -ENOMEM;
    int error = spawn_calls(loop, &gathering, calls, n);
    if (error)
        cancel_rest(&gathering);
    await_members(loop, &gathering);
    let_go(&gathering, error ? NULL : results);
    members_give(own, gathering.members);
    return error ? error : gather_result(&gathering);
}
