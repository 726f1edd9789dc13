/*
 * Calls that begin later: a task that has its stack, and stands parked until its time.
 *
 *     asked for --> due --> begun --> ended
 *         '---------'--> taken back: ends without having begun
 *
 * asked for: parked in begin_wait, with its own timer armed; never with WHORL_FOREVER. due: ready.
 * So it costs nothing that a spawn does not, and whatever ends tasks (a cancel, main's end) finds
 * it among them.
 *
 * A call whose time has come when it is asked for goes through the timers all the same: one that
 * was asked for before, for an earlier time, may still stand there.
 */
#include <core/interrupt.h>
#include <core/loop.h>
#include <errno.h>
#include <whorl/later.h>

static void begin_cancel(struct task *task)
{
    if (timer_is_armed(&task->timer))
        timer_disarm(&task->loop->timers, &task->timer);
    task_wake(task, -ECANCELED);
}

static const struct wait_kind begin_wait = {.name = "its time to begin", .cancel = begin_cancel};

static void begin(struct timer *timer)
{
    task_wake((struct task *)((char *)timer - offsetof(struct task, timer)), 0);
}

static void await_time(struct loop *loop, struct task *task, int64_t deadline)
{
    task->wait = &begin_wait;
    task->timer.fire = begin;
    task->timer.deadline = deadline;
    if (deadline != WHORL_FOREVER)
        timer_arm(&loop->timers, &task->timer, deadline > 0 ? deadline : TIMER_AT_ONCE);
}

whorl_task *whorl_call_at(int64_t deadline, whorl_fn *fn, void *arg)
{
    struct loop *loop = loop_here;
    struct task *task;
    if (task_spawn(loop, NULL, fn, arg, &task))
        return NULL;
    if (task->cancelled)
        ready_add(loop, task);
    else
        await_time(loop, task, deadline);
    return task_handle(task);
}

whorl_task *whorl_call_later(int64_t ns, whorl_fn *fn, void *arg)
{
    int64_t now = whorl_now();
    return whorl_call_at(ns > 0 ? deadline_after(now, ns) : now, fn, arg);
}

int whorl_call_cancel(whorl_task *handle)
{
    int error;
    struct task *task = task_of_handle(loop_here, handle, &error);
    if (!task)
        return error;
    bool too_late = task->begun || task->ended;
    if (!too_late)
        task_cancel(task);
    error = whorl_release(handle);
    return error || !too_late ? error : -EALREADY;
}

int64_t whorl_call_when(whorl_task *handle)
{
    int error;
    const struct task *task = task_of_handle(loop_here, handle, &error);
    if (!task)
        return error;
    return task->wait == &begin_wait ? task->timer.deadline : -EALREADY;
}
