/*
 * Waiting for some of several tasks, without cancelling any: whorl_wait.
 *
 * Each task that lives has a member in the waiting task's memory until the wait is over. Nothing is
 * taken: a member does not look at its task after the task's end.
 */
#include <core/interrupt.h>
#include <scope/members.h>
#include <whorl/wait.h>

struct waiting {
    struct member *members;
    size_t count;
    size_t ended;
    enum whorl_when when;
    bool failed; /* one has ended with an error other than -ECANCELED */
};

static bool has_come(const struct waiting *waiting)
{
    return waiting->ended == waiting->count ||
           (waiting->when == WHORL_FIRST_COMPLETED && waiting->ended > 0) ||
           (waiting->when == WHORL_FIRST_EXCEPTION && waiting->failed);
}

static void note_end(struct waiting *waiting, const struct task *task)
{
    waiting->ended++;
    waiting->failed |= task->result < 0 && task->result != -ECANCELED;
}

static void member_ended(struct watcher *watcher, struct task *target)
{
    struct waiting *waiting = watcher->object;
    note_end(waiting, target);
    if (has_come(waiting) && watcher->waiter->wait)
        task_wake(watcher->waiter, 0);
}

static void wait_cancel(struct task *self)
{
    task_wake(self, -ECANCELED);
}

/* An end may have come in the same turn. */
static void time_is_up(struct timer *timer)
{
    struct task *self = (struct task *)((char *)timer - offsetof(struct task, timer));
    if (self->wait)
        task_wake(self, 0);
}

static struct task *wait_awaited(const struct task *self, size_t index)
{
    const struct waiting *waiting = self->wait_object;
    return members_awaited(waiting->members, waiting->count, index);
}

static const struct wait_kind first_wait = {
    .name = "the first end of", .cancel = wait_cancel, .awaited = wait_awaited};
static const struct wait_kind exception_wait = {
    .name = "the first error or all ends of", .cancel = wait_cancel, .awaited = wait_awaited};
static const struct wait_kind all_wait = {
    .name = "the ends of", .cancel = wait_cancel, .awaited = wait_awaited};

static const struct wait_kind *const kinds[] = {
    [WHORL_FIRST_COMPLETED] = &first_wait,
    [WHORL_FIRST_EXCEPTION] = &exception_wait,
    [WHORL_ALL_COMPLETED] = &all_wait,
};

static int wait_check(struct loop *loop, whorl_task *const *tasks, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int error;
        const struct task *task = task_of_handle(loop, tasks[i], &error);
        if (!task)
            return error;
        if (task == loop->current)
            return -EDEADLK;
    }
    return 0;
}

static int park_at_most(struct loop *loop, struct waiting *waiting, int64_t ns)
{
    struct task *self = loop->current;
    int64_t deadline = deadline_after(whorl_now(), ns);
    if (deadline != WHORL_FOREVER) {
        self->timer.fire = time_is_up;
        timer_arm(&loop->timers, &self->timer, deadline);
    }
    int error = task_park(loop, self, kinds[waiting->when], waiting);
    if (timer_is_armed(&self->timer))
        timer_disarm(&loop->timers, &self->timer);
    return error;
}

/* Waits until what was asked for has come, or the time is up: 0; or -ECANCELED. */
static int wait_for_members(struct loop *loop, struct waiting *waiting, int64_t ns)
{
    if (has_come(waiting))
        return 0;
    int error;
    if (loop->current->interrupted)
        error = task_refuse(loop, loop->current);
    else if (ns <= 0)
        error = whorl_yield();
    else
        error = park_at_most(loop, waiting, ns);
    return has_come(waiting) ? 0 : error;
}

ssize_t whorl_wait(whorl_task *const *tasks, size_t n, enum whorl_when when, int64_t ns)
{
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    if ((!tasks && n > 0) || when > WHORL_ALL_COMPLETED)
        return -EINVAL;
    int error = wait_check(loop, tasks, n);
    if (error)
        return error;
    struct member own[MEMBERS_ON_STACK];
    struct waiting waiting = {.members = members_take(own, n), .count = n, .when = when};
    if (!waiting.members)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        waiting.members[i] = (struct member){.task = task_of_handle(loop, tasks[i], &error)};
        if (waiting.members[i].task->ended)
            note_end(&waiting, waiting.members[i].task);
        else
            member_watch(&waiting.members[i], member_ended, loop->current, &waiting);
    }
    error = wait_for_members(loop, &waiting, ns);
    for (size_t i = 0; i < n; i++)
        if (waiting.members[i].watcher.link)
            task_unwatch(waiting.members[i].task, &waiting.members[i].watcher);
    members_give(own, waiting.members);
    return error ? error : (ssize_t)waiting.ended;
}
