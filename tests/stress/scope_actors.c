/* What the model's tasks do to each other; see scope_actors.h. */
#include "scope_actors.h"

#include <errno.h>
#include <string.h>

bool is_interrupted(const struct actor *actor)
{
    for (int i = actor->depth - 1; i >= 0; i--) {
        const struct frame *frame = &actor->frames[i];

        if (frame->kind == STEP_SHIELD && !frame->over)
            return false;
        if (frame->kind == STEP_TIMEOUT && frame->over)
            return true;
        if (frame->kind == STEP_GROUP && frame->over && !frame->closing)
            return true;
    }
    return actor->cancelled;
}

void wake(struct model *model, struct actor *actor, enum standing standing)
{
    actor->state = READY;
    order_add(&model->order, EVENT_TURN, actor->index, standing);
}

/* --- Room in groups --- */

/* The first in line; of all, or of those who were not given a turn yet. */
static struct actor *find_in_line(struct model *model, const struct frame *group, bool of_all)
{
    struct actor *first = NULL;

    for (int i = 0; i < model->tree->node_count; i++) {
        struct actor *actor = &model->actors[i];
        bool waits = actor->state == WAITING || (of_all && actor->state == READY);

        if (waits && actor->wait == WAIT_ROOM && actor->room == group &&
            (first == NULL || actor->room_number < first->room_number))
            first = actor;
    }
    return first;
}

struct actor *first_in_line(struct model *model, const struct frame *group)
{
    return find_in_line(model, group, true);
}

int limit_of(const struct actor *actor)
{
    return actor->node->steps[actor->at.step].count;
}

void admit(struct model *model, const struct frame *group)
{
    struct actor *first = first_in_line(model, group);

    if (first != NULL && first->state == WAITING && group->live < limit_of(first))
        wake(model, first, STANDS_ANYWHERE);
}

/* Sends those away who wait for room in a group that takes no more children. Who was given a turn
 * finds out himself. */
static void clear_line(struct model *model, const struct frame *group)
{
    struct actor *first;

    while ((first = find_in_line(model, group, false)) != NULL) {
        first->wait = WAIT_NONE;
        first->outcome = -ESHUTDOWN;
        wake(model, first, STANDS_ANYWHERE);
    }
}

/* --- Groups --- */

/* In any order; who was spawned last comes first as a rule. */
static void cancel_children(struct model *model, const struct frame *group)
{
    bool first_to_last = order_choice(&model->order);
    int count = model->tree->node_count;

    for (int i = 0; i < count; i++) {
        struct actor *actor = &model->actors[first_to_last ? i : count - 1 - i];

        if (actor->state != UNBORN && actor->family == group)
            cancel(model, actor);
    }
}

void group_close(struct model *model, struct frame *group)
{
    if (group->over)
        return;
    group->over = true;
    if (!order_choice(&model->order))
        clear_line(model, group);
    cancel_children(model, group);
    judge(model, &model->actors[group->owner]);
    clear_line(model, group);
}

void group_take(struct model *model, struct frame *group, intptr_t result)
{
    if (result >= 0 || result == -ECANCELED || (result == -ESHUTDOWN && group->over))
        return;
    if (group->error == 0)
        group->error = result;
    group_close(model, group);
}

static void child_ended(struct model *model, struct frame *group, intptr_t result)
{
    struct actor *owner = &model->actors[group->owner];

    group->live--;
    if (result == -ECANCELED && group->cut)
        group->cut_short = true;
    group_take(model, group, result);
    admit(model, group);
    if (group->live == 0 && owner->state == WAITING &&
        (owner->wait == WAIT_GROUP || owner->wait == WAIT_LEFT) &&
        group == &owner->frames[owner->depth - 1])
        wake(model, owner, STANDS_ANYWHERE);
}

/* --- Ends and cancels --- */

void end_task(struct model *model, struct actor *actor, intptr_t result)
{
    actor->state = ENDED;
    actor->result = result;
    actor->ended_at = model->order.now;
    actor->end_number = model->ends++;
    if (actor->family != NULL)
        child_ended(model, actor->family, result);
    for (int i = 0; i < model->tree->node_count; i++)
        if (model->actors[i].state == WAITING && model->actors[i].wait == WAIT_WATCH)
            watch_tell(model, &model->actors[i], actor->index);
}

static void leave_group(struct model *model, struct actor *owner, struct frame *group)
{
    group_close(model, group);
    if (group->live == 0 && owner->state == WAITING)
        wake(model, owner, STANDS_ANYWHERE);
}

/* Those who took an earlier cancel back are cancelled once more. */
static void cut_group(struct model *model, struct frame *group)
{
    if (group->over) {
        cancel_children(model, group);
    } else {
        group->cut = true;
        group_close(model, group);
    }
}

void pass_on(struct model *model, struct actor *actor)
{
    if (actor->state != WAITING)
        return;
    if (actor->wait == WAIT_LEFT) {
        leave_group(model, actor, &actor->frames[0]);
    } else if (actor->wait == WAIT_GROUP) {
        cut_group(model, &actor->frames[actor->depth - 1]);
    } else if (actor->wait == WAIT_WATCH) {
        actor->watch.cut |= !actor->watch.rest_cancelled;
        cancel_watched(model, &actor->watch);
    }
}

/* Whether the wait goes on when the task is cancelled, and others are cancelled for it. */
static bool wait_passes_on(const struct actor *actor)
{
    return actor->wait == WAIT_GROUP || (actor->wait == WAIT_WATCH && actor->watch.wait == NULL &&
                                         actor->watch.finish != FINISH_JOIN);
}

static void cut_wait(struct model *model, struct actor *actor)
{
    struct frame *group = actor->room;
    bool in_line = actor->wait == WAIT_ROOM;

    order_clear_alarm(&model->order, actor->index, OWN_ALARM);
    actor->watch.cut = true;
    actor->outcome = -ECANCELED;
    if (in_line)
        actor->wait = WAIT_NONE;
    wake(model, actor, STANDS_ANYWHERE);
    if (in_line)
        admit(model, group);
}

/* Ends a wait, or has it end, if it is one and the task is interrupted still. */
static void deliver(struct model *model, struct actor *actor)
{
    /* In whorl_wait_for the first to come, of limit and cancel, wakes the caller, as a rule. */
    bool by_errand = actor->wait == WAIT_WATCH && actor->watch.finish == FINISH_WAIT_FOR &&
                     !actor->watch.rest_cancelled;

    if (actor->state != WAITING || actor->wait == WAIT_LEFT || !is_interrupted(actor))
        return;
    if (!wait_passes_on(actor))
        cut_wait(model, actor);
    else if (order_choice(&model->order) != by_errand)
        order_add(&model->order, EVENT_ERRAND, actor->index, STANDS_ANYWHERE);
    else
        pass_on(model, actor);
}

static bool is_in_delivery(const struct model *model, int who)
{
    for (int i = 0; i < model->delivery_count; i++)
        if (model->deliveries[i] == who)
            return true;
    return false;
}

/* A cancel goes down a tree of waits level by level as a rule, but may go down branch by branch. */
void judge(struct model *model, struct actor *actor)
{
    if (actor->state != WAITING || actor->wait == WAIT_LEFT || !is_interrupted(actor))
        return;
    if (order_choice(&model->order)) {
        deliver(model, actor);
        return;
    }
    if (is_in_delivery(model, actor->index))
        return;
    model->deliveries[model->delivery_count++] = actor->index;
    if (model->delivering)
        return;
    model->delivering = true;
    while (model->delivery_count > 0) {
        struct actor *next = &model->actors[model->deliveries[0]];

        memmove(model->deliveries, model->deliveries + 1,
                (size_t)--model->delivery_count * sizeof model->deliveries[0]);
        deliver(model, next);
    }
    model->delivering = false;
}

void cancel(struct model *model, struct actor *actor)
{
    if (actor->state == ENDED || actor->cancelled)
        return;
    actor->cancelled = true;
    if (actor->state == READY && !actor->trace->begun && order_choice(&model->order)) {
        order_drop(&model->order, actor->index);
        end_task(model, actor, -ECANCELED);
    } else {
        judge(model, actor);
    }
}
