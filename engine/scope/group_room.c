/*
 * Room in a group: the bound that whorl_group_spawn_limited sets on its live children, and the
 * spawners that wait for it.
 *
 *     queued --> promised --> spawns, or queues again as the first
 *
 * They stand in a queue, first come first served. A child's end turns its room into a promise to
 * the first, which no other of them can take; whorl_group_spawn, which heeds no bound, may. A
 * promise keeps the group until its spawner has run.
 */
#include <core/loop.h>
#include <errno.h>
#include <scope/group.h>
#include <whorl/group.h>

/* A task that waits for room; on its own stack. */
struct spawner {
    struct task *task;
    size_t limit;
    struct spawner *next;
    struct spawner **link;
};

static void spawner_remove(struct group *group, struct spawner *spawner)
{
    *spawner->link = spawner->next;
    if (spawner->next)
        spawner->next->link = spawner->link;
    else
        group->spawners_end = spawner->link;
}

/* Not inline: gcc 12 would take the links into a waiting task's stack for dangling. */
__attribute__((noinline)) static void spawner_insert(struct group *group, struct spawner *spawner,
                                                     struct spawner **link)
{
    spawner->next = *link;
    spawner->link = link;
    *link = spawner;
    if (spawner->next)
        spawner->next->link = &spawner->next;
    else
        group->spawners_end = &spawner->next;
}

void group_promise_room(struct group *group)
{
    while (group->spawners && group->live + group->promised < group->spawners->limit) {
        struct spawner *first = group->spawners;
        spawner_remove(group, first);
        group->promised++;
        task_wake(first->task, 0);
    }
}

void group_turn_spawners_away(struct group *group)
{
    while (group->spawners) {
        struct spawner *first = group->spawners;
        spawner_remove(group, first);
        task_wake(first->task, -ESHUTDOWN);
    }
}

struct spawner_wait {
    struct group *group;
    struct spawner spawner;
};

static void spawner_cancel(struct task *self)
{
    struct spawner_wait *wait = self->wait_object;
    spawner_remove(wait->group, &wait->spawner);
    task_wake(self, -ECANCELED);
    group_promise_room(wait->group);
}

static const struct wait_kind room_wait = {.name = "room in its group", .cancel = spawner_cancel};

/* The room that was promised to the running task is not used. */
static void promise_return(struct group *group)
{
    group_promise_room(group);
    group_tell_owner(group);
}

/* Waits for room: 0, and it is promised no longer, but nobody has run since who could take it, or
 * the group has shut meanwhile, which a spawn will tell; -ECANCELED or -ESHUTDOWN, and the group
 * may be gone. */
static int await_room(struct loop *loop, struct group *group, size_t limit)
{
    struct spawner_wait wait = {.group = group, .spawner = {.task = loop->current, .limit = limit}};
    struct spawner **place = group->spawners_end;
    do {
        spawner_insert(group, &wait.spawner, place);
        int error = task_park(loop, loop->current, &room_wait, &wait);
        if (error)
            return error;
        group->promised--;
        place = &group->spawners;
        if (group->shut || group->live < limit)
            return 0;
        if (loop->current->interrupted) {
            promise_return(group);
            return -ECANCELED;
        }
    } while (true);
}

int whorl_group_spawn_limited(whorl_group *public, size_t limit, whorl_fn *fn, void *arg)
{
    struct loop *loop = loop_here;
    struct group *group = (struct group *)public;
    int error = group_place_error(loop, group);
    if (error)
        return error;
    if (!fn || limit == 0)
        return -EINVAL;
    if (group->shut)
        return -ESHUTDOWN;
    if (loop->current->interrupted)
        return task_refuse(loop, loop->current);
    if (group->spawners || group->live + group->promised >= limit) {
        error = await_room(loop, group, limit);
        if (error)
            return error;
    }
    error = whorl_group_spawn(public, fn, arg);
    if (error)
        promise_return(group);
    return error;
}
