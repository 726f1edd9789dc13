/* Task-local values: see locals.h. */
#include <core/locals.h>
#include <core/loop.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void locals_drop(struct task *task)
{
    struct locals *locals = task->locals;
    task->locals = NULL;
    if (locals && --locals->references == 0)
        free(locals);
}

static struct local *find(const struct task *task, const whorl_local *key)
{
    struct locals *locals = task->locals;
    for (size_t i = 0; locals && i < locals->count; i++)
        if (locals->values[i].key == key)
            return &locals->values[i];
    return NULL;
}

void *whorl_local_get(const whorl_local *key)
{
    const struct task *self = task_here();
    if (!key)
        return NULL;
    const struct local *local = self ? find(self, key) : NULL;
    return local ? local->value : key->otherwise;
}

static bool is_own(const struct task *task)
{
    return task->locals && task->locals->references == 1;
}

/* Has the task an array of its own, with room for `count` values, of which the first are those that
 * it has. -ENOMEM */
static int make_own(struct task *task, size_t count)
{
    struct locals *former = task->locals;
    size_t kept = former ? former->count : 0;
    struct locals *own = malloc(sizeof *own + count * sizeof own->values[0]);
    if (!own)
        return -ENOMEM;
    own->references = 1;
    own->count = count;
    if (kept > 0)
        memcpy(own->values, former->values, (kept < count ? kept : count) * sizeof own->values[0]);
    locals_drop(task);
    task->locals = own;
    return 0;
}

/* 0, or why there is nothing to set. */
static int place_error(const struct task *self, const whorl_local *key)
{
    if (!self)
        return -EPERM;
    return key ? 0 : -EINVAL;
}

int whorl_local_set(const whorl_local *key, void *value)
{
    struct task *self = task_here();
    int error = place_error(self, key);
    if (error)
        return error;
    const struct local *local = find(self, key);
    size_t count = self->locals ? self->locals->count : 0;
    size_t index = local ? (size_t)(local - self->locals->values) : count;
    if (!local || !is_own(self))
        error = make_own(self, local ? count : count + 1);
    if (!error)
        self->locals->values[index] = (struct local){key, value};
    return error;
}

int whorl_local_unset(const whorl_local *key)
{
    struct task *self = task_here();
    int error = place_error(self, key);
    const struct local *local = error ? NULL : find(self, key);
    if (!local)
        return error;
    size_t last = self->locals->count - 1;
    size_t index = (size_t)(local - self->locals->values);
    if (last == 0) {
        locals_drop(self);
        return 0;
    }
    if (!is_own(self))
        error = make_own(self, last + 1);
    if (error)
        return error;
    self->locals->values[index] = self->locals->values[last];
    self->locals->count = last;
    return 0;
}
