/*
 * How the model's tasks run: from step to step, through what they have deferred, to their ends; and
 * what else happens, in the order that scope_order.h keeps.
 */
#include "scope_model.h"

#include "scope_steps.h"

#include <errno.h>

static void run_handlers(struct model *model, struct actor *actor)
{
    static const struct step shield = {.kind = STEP_SHIELD, .ns = DEFER_LIMIT};

    if (actor->handler_count == 0) {
        end_task(model, actor, actor->at.value);
        return;
    }
    actor->handler = actor->handlers[--actor->handler_count];
    actor->depth = 0;
    open_block(model, actor, &shield);
    begin_sleep(model, actor, actor->node->steps[actor->handler].ns);
}

/* Others may run before the next handler begins, or the task ends. */
static void end_handler(struct model *model, struct actor *actor)
{
    trace_record(actor->trace, actor->handler, 1, actor->outcome, model->order.now);
    order_clear_alarm(&model->order, actor->index, 0);
    actor->handler = -1;
    if (order_choice(&model->order))
        run_handlers(model, actor);
    else
        let_others_run(model, actor, WAIT_LEFT, STANDS_ANYWHERE);
}

/* The node's function returns, maybe with a group left open. */
static void return_from(struct model *model, struct actor *actor)
{
    struct frame *left = &actor->frames[0];

    actor->trace->ended = true;
    actor->trace->result = actor->at.value;
    actor->trace->ended_at = model->order.now;
    if (actor->depth == 0) {
        run_handlers(model, actor);
        return;
    }
    left->closing = true;
    park(actor, WAIT_LEFT);
    if (order_choice(&model->order))
        order_add(&model->order, EVENT_ERRAND, actor->index, STANDS_ANYWHERE);
    else
        pass_on(model, actor);
}

/* Records the step that is over and goes to the next; false if the function has returned. */
static bool next_step(struct model *model, struct actor *actor)
{
    if (!step_opens(step_of(actor)))
        record(model, actor, 0, actor->outcome);
    if (cursor_advance(&actor->at, actor->node, actor->outcome))
        return true;
    return_from(model, actor);
    return false;
}

/* Goes from step to step until one waits. */
static void go_on(struct model *model, struct actor *actor)
{
    while (begin_step(model, actor))
        if (!next_step(model, actor))
            return;
}

static void begin_body(struct model *model, struct actor *actor)
{
    if (actor->cancelled) {
        end_task(model, actor, -ECANCELED);
        return;
    }
    actor->trace->begun = true;
    if (cursor_begin(&actor->at, actor->node))
        go_on(model, actor);
    else
        return_from(model, actor);
}

void give_turn(struct model *model, struct actor *actor)
{
    actor->state = RUNNING;
    if (!actor->trace->begun)
        begin_body(model, actor);
    else if (actor->wait == WAIT_LEFT)
        run_handlers(model, actor);
    else if (!resume_step(model, actor))
        return;
    else if (actor->handler >= 0)
        end_handler(model, actor);
    else if (next_step(model, actor))
        go_on(model, actor);
}

/* The limit of a whorl_wait_for is reached. Whether it counts still when the caller has been
 * cancelled before is not said; nor is whose turn it is to cancel the task. */
static void limit_reached(struct model *model, struct actor *actor)
{
    if (actor->watch.cut && !order_choice(&model->order))
        return;
    if (order_choice(&model->order))
        pass_on(model, actor);
    else
        order_add(&model->order, EVENT_ERRAND, actor->index, STANDS_ANYWHERE);
}

static void alarm_rings(struct model *model, struct actor *actor, int alarm)
{
    if (alarm != OWN_ALARM) {
        actor->frames[alarm].over = true;
        judge(model, actor);
    } else if (actor->wait == WAIT_SLEEP) {
        actor->outcome = 0;
        wake(model, actor, STANDS_ASLEEP);
    } else if (actor->watch.wait != NULL) {
        actor->watch.time_is_up = true;
        wake(model, actor, STANDS_ANYWHERE);
    } else {
        limit_reached(model, actor);
    }
}

static void happen(struct model *model, const struct event *event)
{
    struct actor *actor = &model->actors[event->who];

    if (event->kind == EVENT_TURN)
        give_turn(model, actor);
    else if (event->kind == EVENT_ERRAND)
        pass_on(model, actor);
    else
        alarm_rings(model, actor, event->alarm);
}

int64_t model_predict(const struct tree *tree, enum order_kind kind, uint64_t seed,
                      struct trace traces[TREE_NODES])
{
    static struct model model;
    struct event event;

    model.tree = tree;
    model.ends = 0;
    model.rooms = 0;
    model.delivery_count = 0;
    model.delivering = false;
    order_begin(&model.order, kind, seed);
    for (int i = 0; i < tree->node_count; i++) {
        trace_clear(&traces[i]);
        model.actors[i] =
            (struct actor){.index = i, .node = &tree->nodes[i], .trace = &traces[i], .handler = -1};
    }
    spawn(&model, 0, NULL, false);
    model.actors[0].has_handle = true;
    while (order_next(&model.order, &event))
        happen(&model, &event);
    for (int i = 0; i < tree->node_count; i++)
        if (model.actors[i].state != UNBORN && model.actors[i].state != ENDED)
            return -EDEADLK;
    return model.order.now;
}
