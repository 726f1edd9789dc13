/* What interrupts a task: see interrupt.h. */
#include <core/interrupt.h>
#include <core/loop.h>
#include <errno.h>
#include <stdio.h>
#if WHORL_DEBUG
#include <execinfo.h>
#include <unistd.h>
#endif

static bool is_shield(const struct scope *scope)
{
    return scope->kind == SCOPE_SHIELD || scope->kind == SCOPE_CLEANUP;
}

static bool is_interrupted(const struct task *task)
{
    for (const struct scope *scope = task->scopes; scope; scope = scope->outer) {
        if (is_shield(scope) && !scope->over)
            return false;
        if (!is_shield(scope) && scope->over)
            return true;
    }
    return task->cancelled;
}

/* Ends a wait, which may be for other tasks that are cancelled in turn: those come to a list, so
 * that a deep tree of tasks needs no deep stack. Who is on it may be woken meanwhile. */
static void deliver(struct loop *loop, struct task *task)
{
    if (task->is_in_delivery)
        return;
    task->is_in_delivery = true;
    task->delivery_next = NULL;
    *loop->deliveries_end = task;
    loop->deliveries_end = &task->delivery_next;
    if (loop->delivering)
        return;
    loop->delivering = true;
    while (loop->deliveries) {
        task = loop->deliveries;
        loop->deliveries = task->delivery_next;
        if (!loop->deliveries)
            loop->deliveries_end = &loop->deliveries;
        task->is_in_delivery = false;
        if (task->wait && task->wait->cancel)
            task->wait->cancel(task);
    }
    loop->delivering = false;
}

void task_judge(struct task *task)
{
    task->interrupted = is_interrupted(task);
}

/* The same after something came that may interrupt the task. */
static void interrupt(struct task *task)
{
    task_judge(task);
    if (task->interrupted && task->wait && task->wait->cancel)
        deliver(task->loop, task);
}

void task_cancel(struct task *task)
{
    if (task->cancelled)
        return;
    task->cancelled = true;
    interrupt(task);
}

void scope_set_over(struct scope *scope)
{
    scope->over = true;
    interrupt(scope->task);
}

static void scope_expire(struct timer *timer)
{
    scope_set_over((struct scope *)((char *)timer - offsetof(struct scope, timer)));
}

static void scope_arm(struct loop *loop, struct scope *scope, int64_t deadline, int64_t now)
{
    if (deadline <= now)
        scope_set_over(scope);
    else if (deadline != WHORL_FOREVER)
        timer_arm(&loop->timers, &scope->timer, deadline);
}

static void scope_disarm(struct loop *loop, struct scope *scope)
{
    if (timer_is_armed(&scope->timer))
        timer_disarm(&loop->timers, &scope->timer);
}

int scope_open(struct loop *loop, struct scope *scope, enum scope_kind kind, int64_t deadline,
               int64_t now)
{
    struct task *self = loop->current;
    if (self->scopes == scope)
        return -EBUSY;
    scope->task = self;
    scope->outer = self->scopes;
    scope->timer.link = NULL;
    scope->timer.fire = scope_expire;
    scope->kind = kind;
    scope->over = false;
    self->scopes = scope;
    if (is_shield(scope))
        self->interrupted = false;
    scope_arm(loop, scope, deadline, now);
    return 0;
}

int scope_open_for(struct loop *loop, struct scope *scope, enum scope_kind kind, int64_t ns)
{
    int64_t deadline = ns > 0 ? loop_deadline_after(loop, ns) : 0;
    return scope_open(loop, scope, kind, deadline, 0);
}

bool scope_move(struct loop *loop, struct scope *scope, int64_t deadline, int64_t now)
{
    bool reached = timer_is_armed(&scope->timer) && scope->timer.deadline <= now;
    scope_disarm(loop, scope);
    scope_arm(loop, scope, reached ? now : deadline, now);
    return !reached;
}

void scope_close(struct loop *loop, struct scope *scope)
{
    struct task *self = loop->current;
    assert(self->scopes == scope);
    scope_disarm(loop, scope);
    self->scopes = scope->outer;
    if (scope->over || is_shield(scope))
        task_judge(self);
}

#if WHORL_DEBUG
static void tell_misuse(const struct scope *scope)
{
    if (scope->kind != SCOPE_TIMEOUT && scope->kind != SCOPE_SHIELD)
        return;
    fprintf(stderr,
            "whorl: misuse: task %s has returned with a %s scope open. End each scope in the "
            "function that began it; this one was begun at:\n",
            task_name(scope->task), scope->kind == SCOPE_TIMEOUT ? "timeout" : "shield");
    backtrace_symbols_fd(&scope->place, 1, STDERR_FILENO);
}
#else
static void tell_misuse(const struct scope *scope)
{
    (void)scope;
}
#endif

void scopes_abandon(struct loop *loop, struct task *task)
{
    while (task->scopes) {
        struct scope *scope = task->scopes;
        task->scopes = scope->outer;
        scope_disarm(loop, scope);
        if (scope->kind == SCOPE_GROUP)
            loop->hooks->abandon_group(scope);
        tell_misuse(scope);
    }
    task_judge(task);
}
