/*
 * Timeout and shield scopes, as a program begins and ends them. What they do to waits is in
 * core/interrupt.h. All in user space: a scope that does not run out is an insertion into the
 * timers and a removal.
 */
#include <core/interrupt.h>
#include <core/loop.h>
#include <errno.h>
#include <whorl/scope.h>

_Static_assert(sizeof(struct scope) <= sizeof(whorl_timeout), "a scope fits its public struct");
_Static_assert(sizeof(struct scope) <= sizeof(whorl_shield), "a scope fits its public struct");

static bool is_open(const struct task *self, const struct scope *scope)
{
    const struct scope *open = self->scopes;
    while (open && open != scope)
        open = open->outer;
    return open && open->kind == SCOPE_TIMEOUT;
}

/* 0, or why `scope` cannot be ended by the caller. */
static int end_error(const struct scope *scope, enum scope_kind kind)
{
    if (!scope)
        return -EINVAL;
    struct task *self = task_here();
    return self && self->scopes == scope && scope->kind == kind ? 0 : -EPERM;
}

int whorl_timeout_begin_at(whorl_timeout *timeout, int64_t deadline)
{
    if (!timeout)
        return -EINVAL;
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    struct scope *scope = (struct scope *)timeout;
    int error = scope_open(loop, scope, SCOPE_TIMEOUT, deadline, whorl_now());
    if (!error)
        SCOPE_NOTE_PLACE(scope);
    return error;
}

int whorl_timeout_begin(whorl_timeout *timeout, int64_t ns)
{
    if (!timeout)
        return -EINVAL;
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    struct scope *scope = (struct scope *)timeout;
    int error = scope_open_for(loop, scope, SCOPE_TIMEOUT, ns);
    if (!error)
        SCOPE_NOTE_PLACE(scope);
    return error;
}

int whorl_timeout_reschedule(whorl_timeout *timeout, int64_t deadline)
{
    if (!timeout)
        return -EINVAL;
    struct loop *loop = loop_here;
    struct scope *scope = (struct scope *)timeout;
    if (!loop || !is_open(loop->current, scope))
        return -EPERM;
    int64_t now = whorl_now();
    if (scope->over || !scope_move(loop, scope, deadline, now))
        return -ETIMEDOUT;
    return 0;
}

intptr_t whorl_timeout_end(whorl_timeout *timeout, intptr_t result)
{
    struct scope *scope = (struct scope *)timeout;
    int error = end_error(scope, SCOPE_TIMEOUT);
    if (error)
        return error;
    scope_close(loop_here, scope);
    /* Whoever interrupts the task still is the one to tell. */
    bool own = scope->over && !scope->task->interrupted;
    return own && result == -ECANCELED ? -ETIMEDOUT : result;
}

int whorl_shield_begin(whorl_shield *shield, int64_t ns)
{
    if (!shield || ns == WHORL_FOREVER)
        return -EINVAL;
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    struct scope *scope = (struct scope *)shield;
    int error = scope_open_for(loop, scope, SCOPE_SHIELD, ns);
    if (!error)
        SCOPE_NOTE_PLACE(scope);
    return error;
}

intptr_t whorl_shield_end(whorl_shield *shield, intptr_t result)
{
    struct scope *scope = (struct scope *)shield;
    int error = end_error(scope, SCOPE_SHIELD);
    if (error)
        return error;
    scope_close(loop_here, scope);
    return result;
}
