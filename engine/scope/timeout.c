/*
 * Timeout and shield scopes, as a program opens and ends them. What they do to waits is in
 * core/interrupt.h; here they come and go. All in user space: a scope that does not run out is an
 * insertion into the timers and a removal.
 */
#include <core/interrupt.h>
#include <core/loop.h>
#include <errno.h>
#include <whorl/scope.h>

_Static_assert(sizeof(struct scope) <= sizeof(whorl_timeout), "a scope fits its public struct");
_Static_assert(sizeof(struct scope) <= sizeof(whorl_shield), "a scope fits its public struct");

static void scope_expire(struct timer *timer)
{
    struct scope *scope = (struct scope *)((char *)timer - offsetof(struct scope, timer));
    scope->expired = true;
    task_judge(scope->task);
}

static void scope_arm(struct loop *loop, struct scope *scope, int64_t deadline, int64_t now)
{
    if (deadline <= now)
        scope_expire(&scope->timer);
    else if (deadline != WHORL_FOREVER)
        timer_arm(&loop->timers, &scope->timer, deadline);
}

static int scope_begin(struct scope *scope, enum scope_kind kind, int64_t deadline, int64_t now)
{
    struct loop *loop = loop_here;
    struct task *self = loop->current;
    scope->task = self;
    scope->outer = self->scopes;
    scope->timer.link = NULL;
    scope->timer.fire = scope_expire;
    scope->kind = kind;
    scope->expired = false;
    self->scopes = scope;
    scope_arm(loop, scope, deadline, now);
    task_judge(self);
    return 0;
}

static bool is_open(const struct task *self, const struct scope *scope)
{
    const struct scope *open = self->scopes;
    while (open && open != scope)
        open = open->outer;
    return open != NULL;
}

/* Takes the innermost scope away. */
static void scope_end(struct loop *loop, struct scope *scope)
{
    if (timer_is_armed(&scope->timer))
        timer_disarm(&loop->timers, &scope->timer);
    loop->current->scopes = scope->outer;
    task_judge(loop->current);
}

/* 0, or why `scope` cannot be ended by the caller. */
static int end_error(const struct scope *scope)
{
    if (!scope)
        return -EINVAL;
    struct task *self = task_here();
    return self && self->scopes == scope ? 0 : -EPERM;
}

int whorl_timeout_begin_at(whorl_timeout *timeout, int64_t deadline)
{
    if (!timeout)
        return -EINVAL;
    if (!loop_here)
        return -EPERM;
    return scope_begin((struct scope *)timeout, SCOPE_TIMEOUT, deadline, whorl_now());
}

int whorl_timeout_begin(whorl_timeout *timeout, int64_t ns)
{
    if (!timeout)
        return -EINVAL;
    if (!loop_here)
        return -EPERM;
    int64_t now = whorl_now();
    return scope_begin((struct scope *)timeout, SCOPE_TIMEOUT, deadline_after(now, ns), now);
}

int whorl_timeout_reschedule(whorl_timeout *timeout, int64_t deadline)
{
    if (!timeout)
        return -EINVAL;
    struct loop *loop = loop_here;
    struct scope *scope = (struct scope *)timeout;
    if (!loop || !is_open(loop->current, scope))
        return -EPERM;
    if (scope->expired)
        return -ETIMEDOUT;
    if (timer_is_armed(&scope->timer))
        timer_disarm(&loop->timers, &scope->timer);
    scope_arm(loop, scope, deadline, whorl_now());
    return 0;
}

intptr_t whorl_timeout_end(whorl_timeout *timeout, intptr_t result)
{
    struct scope *scope = (struct scope *)timeout;
    int error = end_error(scope);
    if (error)
        return error;
    scope_end(loop_here, scope);
    /* Whoever interrupts the task still is the one to tell. */
    bool own = scope->expired && !scope->task->interrupted;
    return own && result == -ECANCELED ? -ETIMEDOUT : result;
}

int whorl_shield_begin(whorl_shield *shield, int64_t ns)
{
    if (!shield || ns == WHORL_FOREVER)
        return -EINVAL;
    if (!loop_here)
        return -EPERM;
    int64_t now = whorl_now();
    return scope_begin((struct scope *)shield, SCOPE_SHIELD, deadline_after(now, ns), now);
}

intptr_t whorl_shield_end(whorl_shield *shield, intptr_t result)
{
    struct scope *scope = (struct scope *)shield;
    int error = end_error(scope);
    if (error)
        return error;
    scope_end(loop_here, scope);
    return result;
}
