/* What the steps of a node do, in the model; see scope_steps.h. */
#include "scope_steps.h"

#include <errno.h>

const struct step *step_of(const struct actor *actor)
{
    return &actor->node->steps[actor->at.step];
}

void record(struct model *model, struct actor *actor, int part, intptr_t result)
{
    trace_record(actor->trace, actor->at.step, part, result, model->order.now);
}

/* --- Waiting --- */

bool done(struct actor *actor, intptr_t outcome)
{
    actor->outcome = outcome;
    return true;
}

bool let_others_run(struct model *model, struct actor *actor, enum wait wait,
                    enum standing standing)
{
    actor->wait = wait;
    wake(model, actor, standing);
    return false;
}

bool park(struct actor *actor, enum wait wait)
{
    actor->wait = wait;
    actor->state = WAITING;
    return false;
}

bool refuse(struct model *model, struct actor *actor)
{
    actor->outcome = -ECANCELED;
    return let_others_run(model, actor, WAIT_NONE, STANDS_ANYWHERE);
}

static bool begin_yield(struct model *model, struct actor *actor)
{
    if (is_interrupted(actor))
        return refuse(model, actor);
    return let_others_run(model, actor, WAIT_YIELD, STANDS_LAST);
}

bool begin_sleep(struct model *model, struct actor *actor, int64_t ns)
{
    if (is_interrupted(actor) || ns <= 0)
        return begin_yield(model, actor);
    order_set_alarm(&model->order, actor->index, OWN_ALARM, model->order.now + ns, STANDS_ASLEEP);
    return park(actor, WAIT_SLEEP);
}

/* --- Scopes --- */

int64_t time_after(const struct model *model, int64_t ns)
{
    return ns == WHORL_FOREVER ? WHORL_FOREVER : model->order.now + ns;
}

/* Has a scope run out at a time, which may have come. */
static void set_limit(struct model *model, struct actor *actor, int block, int64_t ns)
{
    order_clear_alarm(&model->order, actor->index, block);
    if (ns <= 0)
        actor->frames[block].over = true;
    else
        order_set_alarm(&model->order, actor->index, block, time_after(model, ns), STANDS_ANYWHERE);
}

void open_block(struct model *model, struct actor *actor, const struct step *step)
{
    int block = actor->depth++;

    actor->frames[block] = (struct frame){.kind = step->kind, .owner = actor->index};
    if (step->kind == STEP_TIMEOUT || step->kind == STEP_SHIELD)
        set_limit(model, actor, block, step->ns);
}

static bool move_timeout(struct model *model, struct actor *actor, const struct step *step)
{
    if (actor->frames[step->block].over)
        return done(actor, -ETIMEDOUT);
    set_limit(model, actor, step->block, step->ns);
    return done(actor, 0);
}

static bool end_scope(struct model *model, struct actor *actor)
{
    const struct frame *frame = &actor->frames[--actor->depth];
    intptr_t result = actor->at.value;

    order_clear_alarm(&model->order, actor->index, actor->depth);
    if (frame->kind == STEP_TIMEOUT && frame->over && result == -ECANCELED &&
        !is_interrupted(actor))
        result = -ETIMEDOUT;
    return done(actor, result);
}

/* --- Spawning --- */

void spawn(struct model *model, int index, struct frame *group, bool eager)
{
    struct actor *child = &model->actors[index];

    child->family = group;
    if (group != NULL)
        group->live++;
    if (eager)
        give_turn(model, child);
    else
        wake(model, child, STANDS_LAST);
}

static struct frame *group_of(struct actor *actor, const struct step *step)
{
    return step->block == FAMILY ? actor->family : &actor->frames[step->block];
}

static bool spawn_into_group(struct model *model, struct actor *actor, const struct step *step)
{
    struct frame *group = group_of(actor, step);

    if (group->over)
        return done(actor, -ESHUTDOWN);
    spawn(model, step->node, group, step->eager);
    model->actors[step->node].has_handle = step->keeps;
    return done(actor, 0);
}

/* Spawns, if there is room and nobody was there before. */
static bool try_limited(struct model *model, struct actor *actor)
{
    struct frame *group = actor->room;
    const struct actor *first = first_in_line(model, group);

    if (group->over)
        return done(actor, -ESHUTDOWN);
    if ((first == NULL || first->room_number > actor->room_number) &&
        group->live < limit_of(actor)) {
        actor->wait = WAIT_NONE;
        spawn(model, step_of(actor)->node, group, false);
        admit(model, group);
        return done(actor, 0);
    }
    if (!is_interrupted(actor))
        return park(actor, WAIT_ROOM);
    actor->wait = WAIT_NONE;
    admit(model, group);
    return done(actor, -ECANCELED);
}

static bool begin_limited(struct model *model, struct actor *actor, const struct step *step)
{
    bool cancel_counts = order_choice(&model->order);

    actor->room = group_of(actor, step);
    actor->room_number = model->rooms++;
    if (is_interrupted(actor) && (cancel_counts || !actor->room->over))
        return refuse(model, actor);
    return try_limited(model, actor);
}

/* --- Groups --- */

static bool settle_group(struct actor *actor)
{
    const struct frame *group = &actor->frames[--actor->depth];

    if (group->error != 0)
        return done(actor, group->error);
    return done(actor, group->body_cancelled || group->cut_short ? -ECANCELED : 0);
}

static bool end_group(struct model *model, struct actor *actor)
{
    struct frame *group = &actor->frames[actor->depth - 1];
    intptr_t value = actor->at.value;

    group->closing = true;
    park(actor, WAIT_GROUP);
    if (value == -ECANCELED) {
        group->body_cancelled = !group->over || is_interrupted(actor);
        group->cut |= is_interrupted(actor) && !group->over;
        group_close(model, group);
    }
    group_take(model, group, value);
    judge(model, actor);
    if (actor->state != WAITING || group->live > 0)
        return false;
    if (order_choice(&model->order))
        return let_others_run(model, actor, WAIT_GROUP, STANDS_ANYWHERE);
    actor->state = RUNNING;
    return settle_group(actor);
}

static bool cancel_group(struct model *model, struct actor *actor, const struct step *step)
{
    group_close(model, group_of(actor, step));
    return done(actor, 0);
}

/* --- Other tasks --- */

/* 0 if the step may use the handle of its node, else what it gives. */
static intptr_t handle_error(struct model *model, const struct actor *actor,
                             const struct actor *target)
{
    if (target == actor)
        return 0;
    if (!target->has_handle)
        return NO_HANDLE;
    /* Who waited for its end may have taken the handle back, or be about to. */
    if (target->state == ENDED && target->ended_at == model->order.now &&
        order_choice(&model->order))
        return -EINVAL;
    return target->handle_gone ? -EINVAL : 0;
}

static bool use_handle(struct model *model, struct actor *actor, const struct step *step)
{
    struct actor *target = &model->actors[step->node];
    intptr_t error = handle_error(model, actor, target);

    if (error)
        return done(actor, error);
    if (step->kind == STEP_IS_DONE)
        return done(actor, target->state == ENDED);
    if (step->kind == STEP_CANCELLING)
        return done(actor, target->cancelled && target->state != ENDED);
    if (target->state == ENDED)
        return done(actor, -EALREADY);
    cancel(model, target);
    return done(actor, 0);
}

static bool uncancel(struct actor *actor)
{
    bool was = actor->cancelled;

    actor->cancelled = false;
    return done(actor, was);
}

static bool open_tasks(struct model *model, struct actor *actor, const struct step *step)
{
    open_block(model, actor, step);
    for (int i = step->node; i < step->node + step->count; i++) {
        spawn(model, i, NULL, step->eager);
        model->actors[i].has_handle = true;
    }
    return done(actor, 0);
}

static bool open_scope(struct model *model, struct actor *actor, const struct step *step)
{
    open_block(model, actor, step);
    return done(actor, 0);
}

/* --- Running --- */

static bool end_block(struct model *model, struct actor *actor)
{
    switch (actor->node->steps[step_of(actor)->other].kind) {
    case STEP_GROUP:
        return end_group(model, actor);
    case STEP_TASKS:
        return end_tasks(model, actor);
    default:
        return end_scope(model, actor);
    }
}

bool begin_step(struct model *model, struct actor *actor)
{
    const struct step *step = step_of(actor);

    switch (step->kind) {
    case STEP_SLEEP:
        return begin_sleep(model, actor, step->ns);
    case STEP_YIELD:
        return begin_yield(model, actor);
    case STEP_FAIL:
        return done(actor, step->value);
    case STEP_DEFER:
        actor->handlers[actor->handler_count++] = actor->at.step;
        return done(actor, 0);
    case STEP_CANCEL:
    case STEP_CANCELLING:
    case STEP_IS_DONE:
        return use_handle(model, actor, step);
    case STEP_UNCANCEL:
        return uncancel(actor);
    case STEP_MOVE:
        return move_timeout(model, actor, step);
    case STEP_SPAWN:
        return spawn_into_group(model, actor, step);
    case STEP_LIMITED:
        return begin_limited(model, actor, step);
    case STEP_GROUP_CANCEL:
        return cancel_group(model, actor, step);
    case STEP_LIVE:
        return done(actor, group_of(actor, step)->live);
    case STEP_CALLS:
        return begin_calls(model, actor, step);
    case STEP_WAIT:
        return begin_wait(model, actor, step);
    case STEP_END:
        return end_block(model, actor);
    case STEP_TASKS:
        return open_tasks(model, actor, step);
    case STEP_TIMEOUT:
    case STEP_SHIELD:
    case STEP_GROUP:
        return open_scope(model, actor, step);
    default:
        return done(actor, 0);
    }
}

bool resume_step(struct model *model, struct actor *actor)
{
    switch (actor->wait) {
    case WAIT_YIELD:
        return done(actor, is_interrupted(actor) && !order_choice(&model->order) ? -ECANCELED : 0);
    case WAIT_WATCH:
        return settle_watch(model, actor);
    case WAIT_ROOM:
        return try_limited(model, actor);
    case WAIT_GROUP:
        return settle_group(actor);
    default:
        return true;
    }
}
