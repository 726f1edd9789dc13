/* What interrupts a task: see interrupt.h. */
#include <core/interrupt.h>
#include <core/loop.h>
#include <stdio.h>

static bool is_interrupted(const struct task *task)
{
    for (const struct scope *scope = task->scopes; scope; scope = scope->outer) {
        if (scope->kind == SCOPE_SHIELD && !scope->expired)
            return false;
        if (scope->kind == SCOPE_TIMEOUT && scope->expired)
            return true;
    }
    return task->cancelled;
}

void task_judge(struct task *task)
{
    task->interrupted = is_interrupted(task);
    if (task->interrupted && task->wait && task->wait->cancel)
        task->wait->cancel(task);
}

void task_cancel(struct task *task)
{
    task->cancelled = true;
    task_judge(task);
}

void scopes_abandon(struct loop *loop, struct task *task)
{
#if WHORL_DEBUG
    if (task->scopes)
        fprintf(stderr,
                "whorl: misuse: task %s has returned with a timeout or shield scope open. End each "
                "scope in the "
                "function that began it.\n",
                task_name(task));
#endif
    for (struct scope *scope = task->scopes; scope; scope = scope->outer)
        if (timer_is_armed(&scope->timer))
            timer_disarm(&loop->timers, &scope->timer);
    task->scopes = NULL;
    task_judge(task);
}
