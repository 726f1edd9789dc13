/* The run's end: see ending.h. */
#include <core/deadlock.h>
#include <core/defer.h>
#include <core/ending.h>
#include <core/interrupt.h>
#include <core/locals.h>
#include <errno.h>
#include <stdio.h>

#define DRAIN_NAMES 8 /* tasks that one warning names */

/* --- Main has ended --- */

static void drain_warn(struct timer *timer)
{
    struct loop *loop = (struct loop *)((char *)timer - offsetof(struct loop, drain_timer));
    fprintf(stderr,
            "whorl: main has ended, and still waits for tasks that have not heeded their cancel:");
    int named = 0;
    struct task *task = loop->live;
    for (; task && named < DRAIN_NAMES; task = task->live_next)
        fprintf(stderr, "%s %s", named++ ? "," : "", task_name(task));
    fprintf(stderr, "%s\n", task ? ", and others" : "");
}

static void drain_begin(struct timer *timer)
{
    struct loop *loop = (struct loop *)((char *)timer - offsetof(struct loop, drain_timer));
    for (struct task *task = loop->live; task; task = task->live_next)
        task_cancel(task);
    if (loop->drain_warning >= 0) {
        timer->fire = drain_warn;
        timer_arm(&loop->timers, timer, deadline_after(whorl_now(), loop->drain_warning));
    }
}

void ending_main_ended(struct loop *loop, intptr_t result)
{
    if (loop->onlooker)
        loop->onlooker->ended(loop->onlooker, loop);
    if (!loop->overruled)
        loop->result = result;
    loop->draining = true;
    loop->drain_timer.fire = drain_begin;
    timer_arm(&loop->timers, &loop->drain_timer, TIMER_AT_ONCE);
}

/* --- Its limit is reached, or nothing can happen any more --- */

/* The run's result is not main's. */
static void overrule(struct loop *loop, intptr_t result)
{
    if (!loop->overruled)
        loop->result = result;
    loop->overruled = true;
    loop->draining = true;
    for (struct task *task = loop->live; task; task = task->live_next)
        task_cancel(task);
}

void ending_limit_reached(struct loop *loop)
{
    loop->limit = WHORL_FOREVER;
    overrule(loop, -ETIMEDOUT);
}

static void limit_fire(struct timer *timer)
{
    ending_limit_reached((struct loop *)((char *)timer - offsetof(struct loop, limit_timer)));
}

void ending_arm_limit(struct loop *loop)
{
    if (loop->limit == WHORL_FOREVER || loop->time_is_virtual)
        return;
    loop->limit_timer.fire = limit_fire;
    timer_arm(&loop->timers, &loop->limit_timer, loop->limit);
}

void ending_tell_others(struct task *task, intptr_t result)
{
    task->result = result;
    for (struct watcher *watcher = task->watchers, *next; watcher; watcher = next) {
        next = watcher->next;
        if (!watcher->waiter)
            watcher->ended(watcher, task);
    }
}

/* What it has deferred, and its values, are dropped. */
static void give_up(struct task *task)
{
    deferred_drop(task);
    locals_drop(task);
    ending_tell_others(task, -EDEADLK);
}

void ending_end_waits(struct loop *loop)
{
    for (struct task *task = loop->live; task; task = task->live_next)
        if (task->wait && task->wait->cancel)
            task->wait->cancel(task);
}

bool ending_unstick(struct loop *loop)
{
    deadlock_report(loop);
    if (!loop->deadlocked) {
        loop->deadlocked = true;
        overrule(loop, -EDEADLK);
        return true;
    }
    fprintf(stderr, "whorl: they have been cancelled, and still wait: they are given up, and what "
                    "they hold is lost.\n");
    for (struct task *task = loop->live; task; task = task->live_next)
        give_up(task);
    ending_end_waits(loop);
    return false;
}

void ending_disarm(struct loop *loop)
{
    if (timer_is_armed(&loop->drain_timer))
        timer_disarm(&loop->timers, &loop->drain_timer);
    if (timer_is_armed(&loop->limit_timer))
        timer_disarm(&loop->timers, &loop->limit_timer);
}
