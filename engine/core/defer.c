/* What a task has deferred to its end: see defer.h. */
#include <core/defer.h>
#include <core/loop.h>
#include <errno.h>
#include <stdlib.h>
#include <whorl/scope.h>

static void drop_newest(struct task *task)
{
    struct deferred *newest = task->deferred;
    task->deferred = newest->next;
    free(newest);
}

TASK_NO_SANITIZE void deferred_run(struct task *self)
{
    while (self->deferred && self->deferred->begun)
        drop_newest(self);
    struct deferred *newest = self->deferred;
    if (!newest)
        return;
    newest->begun = true;
    scope_open_for(self->loop, &newest->shield, SCOPE_CLEANUP, self->loop->defer_limit);
    task_call(self, newest->fn, newest->arg);
}

void deferred_take_back(struct task *task, whorl_fn *fn, void *arg)
{
    struct deferred **link = &task->deferred;
    while (*link && ((*link)->begun || (*link)->fn != fn || (*link)->arg != arg))
        link = &(*link)->next;
    struct deferred *found = *link;
    if (!found)
        return;
    *link = found->next;
    free(found);
}

void deferred_drop(struct task *task)
{
    while (task->deferred)
        drop_newest(task);
}

int whorl_defer(whorl_fn *fn, void *arg)
{
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    if (!fn)
        return -EINVAL;
    struct deferred *deferred = malloc(sizeof *deferred);
    if (!deferred)
        return -ENOMEM;
    *deferred = (struct deferred){.next = loop->current->deferred, .fn = fn, .arg = arg};
    loop->current->deferred = deferred;
    return 0;
}
