/*
 * Groups: a scope of its owner, and the tasks that live in it.
 *
 *     open --> shut --> ended
 *
 * open: children may be spawned. shut: by an error, by whorl_group_cancel, or because the owner was
 * cancelled while it waited; the children have been cancelled, spawners turned away, and the body's
 * waits are refused. ended: no child lives, and no spawner holds a promise. The owner waits for
 * that, so the group's memory, which is his, stays as long as anybody looks at it.
 *
 * Children stand in a list by their kinship, in their own blocks. Those that end with an error keep
 * their blocks, in another list, for the owner to see, unless he has returned without a wait; the
 * others leave nothing. Spawners that wait for room are in group_room.c.
 */
#include <core/loop.h>
#include <errno.h>
#include <scope/group.h>
#include <string.h>
#include <whorl/group.h>

_Static_assert(sizeof(struct group) <= sizeof(whorl_group), "a group fits its public struct");

static struct task *child_of(struct kinship *kinship)
{
    return (struct task *)((char *)kinship - offsetof(struct task, kinship));
}

static bool is_busy(const struct group *group)
{
    return group->live + group->promised > 0;
}

/* --- Shutting --- */

static void cancel_children(struct group *group)
{
    for (struct kinship *child = group->children; child; child = child->next)
        task_cancel(child_of(child));
}

static void shut(struct group *group)
{
    if (group->shut)
        return;
    group->shut = true;
    group_turn_spawners_away(group);
    cancel_children(group);
    if (!group->waiting)
        scope_set_over(&group->scope);
}

static void fail(struct group *group, int error)
{
    if (!group->error)
        group->error = error;
    shut(group);
}

/* --- Ends --- */

static void drop_failed(struct group *group)
{
    while (group->failed) {
        struct kinship *first = group->failed;
        group->failed = first->next;
        task_unref(child_of(first));
    }
}

void group_tell_owner(struct group *group)
{
    struct task *owner = group->scope.task;
    if (is_busy(group))
        return;
    if (group->returned) {
        if (--owner->in_flight == 0 && owner->wait == &abandoned_wait)
            task_wake(owner, 0);
    } else if (group->waiting && owner->wait) {
        task_wake(owner, 0);
    }
}

/* To be cancelled is none, nor to be turned away by the group itself. */
static bool is_error(const struct group *group, intptr_t result)
{
    return result < 0 && result != -ECANCELED && !(result == -ESHUTDOWN && group->shut);
}

static void keep_failed(struct group *group, struct task *child)
{
    child->references++;
    child->kinship.next = NULL;
    *group->failed_end = &child->kinship;
    group->failed_end = &child->kinship.next;
    group->failures++;
}

static void child_ended(struct watcher *watcher, struct task *child)
{
    struct group *group = watcher->object;
    struct kinship *kinship = &child->kinship;
    *kinship->link = kinship->next;
    if (kinship->next)
        kinship->next->link = kinship->link;
    group->live--;
    group->lost |= group->cut && child->result == -ECANCELED;
    if (is_error(group, child->result)) {
        if (!group->returned)
            keep_failed(group, child);
        fail(group, (int)child->result);
    }
    group_promise_room(group);
    group_tell_owner(group);
}

void group_abandon(struct scope *scope)
{
    struct group *group = (struct group *)scope;
    group->waiting = true;
    group->returned = true;
    shut(group);
    drop_failed(group);
    if (is_busy(group))
        scope->task->in_flight++;
}

/* --- Spawning --- */

int whorl_group_init(whorl_group *public)
{
    if (!public)
        return -EINVAL;
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    struct group *group = (struct group *)public;
    if (loop->current->scopes == &group->scope)
        return -EBUSY;
    memset(group, 0, sizeof *group);
    group->spawners_end = &group->spawners;
    group->failed_end = &group->failed;
    return scope_open(loop, &group->scope, SCOPE_GROUP, WHORL_FOREVER, 0);
}

int group_place_error(const struct loop *loop, const struct group *group)
{
    if (!group)
        return -EINVAL;
    return loop && group->scope.task->loop == loop ? 0 : -EPERM;
}

static void adopt(struct group *group, struct task *child)
{
    struct kinship *kinship = &child->kinship;
    kinship->watcher = (struct watcher){
        .ended = child_ended, .waiter = group->scope.task, .object = group, .binds = true};
    task_watch(child, &kinship->watcher);
    kinship->next = group->children;
    kinship->link = &group->children;
    group->children = kinship;
    if (kinship->next)
        kinship->next->link = &kinship->next;
    group->live++;
}

int whorl_group_spawn_with(whorl_group *public, const whorl_spawn_options *options, whorl_fn *fn,
                           void *arg, whorl_task **task)
{
    struct loop *loop = loop_here;
    struct group *group = (struct group *)public;
    int error = group_place_error(loop, group);
    if (!error && group->shut)
        error = -ESHUTDOWN;
    struct task *child = NULL;
    if (!error)
        error = task_spawn(loop, options, fn, arg, &child);
    if (task)
        *task = child ? task_handle(child) : NULL;
    if (error)
        return error;
    adopt(group, child);
    if (!task)
        task_take_handle(child);
    task_begin(loop, options, child);
    return 0;
}

int whorl_group_spawn(whorl_group *group, whorl_fn *fn, void *arg)
{
    return whorl_group_spawn_with(group, NULL, fn, arg, NULL);
}

ssize_t whorl_group_live(const whorl_group *public)
{
    const struct group *group = (const struct group *)public;
    int error = group_place_error(loop_here, group);
    return error ? error : (ssize_t)group->live;
}

int whorl_group_cancel(whorl_group *public)
{
    struct group *group = (struct group *)public;
    int error = group_place_error(loop_here, group);
    if (!error)
        shut(group);
    return error;
}

/* --- Waiting --- */

/* The owner is cancelled. Children that were cancelled before may have taken that back. */
static void group_cut(struct group *group)
{
    if (group->shut) {
        cancel_children(group);
    } else {
        group->cut = true;
        shut(group);
    }
}

static void group_wait_cancel(struct task *self)
{
    group_cut(self->wait_object);
}

static struct task *group_awaited(const struct task *self, size_t index)
{
    struct kinship *child = ((const struct group *)self->wait_object)->children;
    while (child && index-- > 0)
        child = child->next;
    return child ? child_of(child) : NULL;
}

static const struct wait_kind group_wait = {.name = "its group's children",
                                            .cancel = group_wait_cancel,
                                            .awaited = group_awaited,
                                            .needs_all = true};

/* Takes the body's result in; returns whether the body was cancelled, not by the group itself. */
static bool end_body(struct group *group, intptr_t result, bool still_interrupted)
{
    bool by_group = group->shut && !still_interrupted;
    if (result == -ECANCELED) {
        shut(group);
        return !by_group;
    }
    if (is_error(group, result)) {
        group->body_error = (int)result;
        group->failures_before_body = group->failures;
        fail(group, (int)result);
    }
    return false;
}

static void await_children(struct loop *loop, struct group *group)
{
    struct task *owner = group->scope.task;
    while (is_busy(group)) {
        if (owner->interrupted)
            group_cut(group);
        task_park(loop, owner, &group_wait, group);
    }
    group->shut = true;
}

static void list_error(whorl_group_error *errors, size_t room, size_t *count, int error,
                       struct task *task)
{
    if (*count < room) {
        errors[*count].error = error;
        memcpy(errors[*count].name, task_name(task), sizeof errors->name);
    }
    ++*count;
}

static size_t list_errors(const struct group *group, whorl_group_error *errors, size_t room)
{
    size_t count = 0;
    struct kinship *failed = group->failed;
    for (size_t i = 0; failed || (i == group->failures_before_body && group->body_error); i++) {
        if (i == group->failures_before_body && group->body_error)
            list_error(errors, room, &count, group->body_error, group->scope.task);
        if (failed) {
            struct task *child = child_of(failed);
            list_error(errors, room, &count, (int)child->result, child);
            failed = failed->next;
        }
    }
    return count;
}

int whorl_group_wait_errors(whorl_group *public, intptr_t result, whorl_group_error *errors,
                            size_t *count)
{
    if (!public || !count || (!errors && *count > 0))
        return -EINVAL;
    struct loop *loop = loop_here;
    struct group *group = (struct group *)public;
    if (!loop || loop->current->scopes != &group->scope || group->scope.kind != SCOPE_GROUP)
        return -EPERM;
    scope_close(loop, &group->scope);
    group->waiting = true;
    bool body_cancelled = end_body(group, result, loop->current->interrupted);
    await_children(loop, group);
    *count = list_errors(group, errors, *count);
    drop_failed(group);
    if (group->error)
        return group->error;
    return body_cancelled || group->lost ? -ECANCELED : 0;
}

int whorl_group_wait(whorl_group *group, intptr_t result)
{
    size_t none = 0;
    return whorl_group_wait_errors(group, result, NULL, &none);
}
