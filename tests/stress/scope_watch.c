/*
 * Waiting for the ends of others, in the model: join, wait_for, wait, gather and race. What is
 * watched, what each end means, and what the wait comes to.
 */
#include "scope_steps.h"

#include <errno.h>

/* --- Ends --- */

static int watch_ended(const struct model *model, const struct watch *watch)
{
    int ended = 0;

    for (int i = 0; i < watch->count; i++)
        ended += model->actors[watch->tasks[i]].state == ENDED;
    return ended;
}

static bool watch_is_over(const struct model *model, const struct watch *watch)
{
    int ended = watch_ended(model, watch);

    if (ended == watch->count)
        return true;
    if (watch->wait == NULL || watch->wait->when == WHORL_ALL_COMPLETED)
        return false;
    if (watch->wait->when == WHORL_FIRST_COMPLETED)
        return ended > 0;
    for (int i = 0; i < watch->count; i++) {
        const struct actor *task = &model->actors[watch->tasks[i]];

        if (task->state == ENDED && task->result < 0 && task->result != -ECANCELED)
            return true;
    }
    return false;
}

void cancel_watched(struct model *model, struct watch *watch)
{
    watch->rest_cancelled = true;
    for (int i = 0; i < watch->count; i++)
        cancel(model, &model->actors[watch->tasks[i]]);
}

/* Counts the end of the watched task at `place`. */
static void watch_note(struct model *model, struct watch *watch, int place)
{
    intptr_t result = model->actors[watch->tasks[place]].result;
    bool lost = watch->cut && result == -ECANCELED;

    watch->cut_short |= lost;
    if (watch->winner < 0 && !lost) {
        watch->winner = place;
        if (watch->finish == FINISH_RACE && !watch->rest_cancelled)
            cancel_watched(model, watch);
    }
    if (result < 0 && watch->error == 0) {
        watch->error = result;
        if (watch->finish == FINISH_GATHER && !watch->rest_cancelled)
            cancel_watched(model, watch);
    }
}

void watch_tell(struct model *model, struct actor *actor, int task)
{
    struct watch *watch = &actor->watch;
    bool concerned = false;

    for (int place = 0; place < watch->count; place++) {
        if (watch->tasks[place] != task)
            continue;
        concerned = true;
        if (watch->wait == NULL)
            watch_note(model, watch, place);
    }
    /* Its state may have changed: whom it has cancelled may have ended at once. */
    if (concerned && actor->state == WAITING && watch_is_over(model, watch)) {
        order_clear_alarm(&model->order, actor->index, OWN_ALARM);
        wake(model, actor, STANDS_ANYWHERE);
    }
}

/* --- Steps --- */

static void set_watch(struct actor *actor, const struct step *step, const struct step *wait)
{
    struct watch *watch = &actor->watch;

    *watch = (struct watch){.finish = step->finish, .wait = wait, .winner = -1};
    for (int i = 0; i < step->count; i++)
        watch->tasks[watch->count++] = step->node + i;
    if (step->twice && wait == NULL)
        watch->tasks[watch->count++] = step->node;
}

/* Counts those that have ended before, in the order of time. */
static void note_ended(struct model *model, struct watch *watch)
{
    const struct actor *last = NULL;

    for (;;) {
        int next = -1;

        for (int i = 0; i < watch->count; i++) {
            const struct actor *task = &model->actors[watch->tasks[i]];

            if (task->state != ENDED || (last != NULL && task->end_number <= last->end_number))
                continue;
            if (next < 0 || task->end_number < model->actors[watch->tasks[next]].end_number)
                next = i;
        }
        if (next < 0)
            return;
        last = &model->actors[watch->tasks[next]];
        watch_note(model, watch, next);
    }
}

/* Begins to wait for the watched ends, with a limit of ns. */
static bool begin_watch(struct model *model, struct actor *actor, int64_t ns)
{
    struct watch *watch = &actor->watch;

    if (watch->wait == NULL)
        note_ended(model, watch);
    if (watch_is_over(model, watch)) {
        if (order_choice(&model->order))
            return let_others_run(model, actor, WAIT_WATCH, STANDS_ANYWHERE);
        return settle_watch(model, actor);
    }
    park(actor, WAIT_WATCH);
    order_set_alarm(&model->order, actor->index, OWN_ALARM, time_after(model, ns), STANDS_ANYWHERE);
    /* One who is cancelled already passes that on himself. */
    if (is_interrupted(actor) && watch->wait == NULL && watch->finish != FINISH_JOIN &&
        !order_choice(&model->order))
        pass_on(model, actor);
    else
        judge(model, actor);
    return false;
}

bool begin_wait(struct model *model, struct actor *actor, const struct step *step)
{
    const struct step *block = &actor->node->steps[actor->at.open[actor->at.depth - 1]];

    set_watch(actor, block, step);
    if (!watch_is_over(model, &actor->watch) && step->ns <= 0 && !is_interrupted(actor))
        return let_others_run(model, actor, WAIT_WATCH, STANDS_LAST);
    return begin_watch(model, actor, step->ns);
}

static bool begin_wait_for(struct model *model, struct actor *actor, const struct step *step)
{
    if (watch_is_over(model, &actor->watch) || step->ns > 0)
        return begin_watch(model, actor, step->ns);
    park(actor, WAIT_WATCH);
    pass_on(model, actor);
    return false;
}

bool end_tasks(struct model *model, struct actor *actor)
{
    const struct step *block = &actor->node->steps[step_of(actor)->other];

    actor->depth--;
    set_watch(actor, block, NULL);
    if (block->finish == FINISH_WAIT_FOR)
        return begin_wait_for(model, actor, block);
    return begin_watch(model, actor, WHORL_FOREVER);
}

bool begin_calls(struct model *model, struct actor *actor, const struct step *step)
{
    bool refused = is_interrupted(actor);

    if (refused && order_choice(&model->order))
        return refuse(model, actor);
    for (int i = 0; i < step->count; i++)
        spawn(model, step->node + i, NULL, false);
    set_watch(actor, step, NULL);
    park(actor, WAIT_WATCH);
    if (refused)
        pass_on(model, actor);
    return false;
}

/* What the wait for ends comes to. */
static intptr_t watch_result(struct model *model, struct actor *actor)
{
    const struct watch *watch = &actor->watch;
    const struct actor *first = &model->actors[watch->tasks[0]];

    switch (watch->finish) {
    case FINISH_GATHER:
        return watch->error;
    case FINISH_COLLECT:
        return watch->cut_short ? -ECANCELED : 0;
    case FINISH_RACE:
        return watch->winner < 0 ? -ECANCELED : model->actors[watch->tasks[watch->winner]].result;
    case FINISH_WAIT_FOR:
        if (!watch->rest_cancelled || first->result != -ECANCELED)
            return first->result;
        return is_interrupted(actor) ? -ECANCELED : -ETIMEDOUT;
    default:
        return first->result;
    }
}

/* A task that ended after the joiner's cancel, but before his turn, is joined all the same. */
static bool settle_join(struct model *model, struct actor *actor)
{
    struct actor *task = &model->actors[actor->watch.tasks[0]];
    bool taken = task->state == ENDED;

    task->handle_gone = true;
    record(model, actor, 1, taken);
    return done(actor, taken ? task->result : -ECANCELED);
}

/* Of a task that is interrupted in the same instant in which its time is up it is not said which
 * counts. */
static bool settle_wait(struct model *model, struct actor *actor)
{
    const struct watch *watch = &actor->watch;
    bool interrupted = is_interrupted(actor) && order_choice(&model->order) == watch->time_is_up;

    if (!watch_is_over(model, watch) && (watch->cut || interrupted))
        return done(actor, -ECANCELED);
    return done(actor, watch_ended(model, watch));
}

bool settle_watch(struct model *model, struct actor *actor)
{
    const struct watch *watch = &actor->watch;
    bool calls = step_of(actor)->kind == STEP_CALLS;

    if (watch->wait != NULL)
        return settle_wait(model, actor);
    if (watch->finish == FINISH_JOIN)
        return settle_join(model, actor);
    for (int i = 0; i < watch->count; i++) {
        struct actor *task = &model->actors[watch->tasks[i]];

        task->handle_gone = true;
        if (watch->finish != FINISH_WAIT_FOR && (!calls || task->trace->begun))
            record(model, actor, 1 + i, task->result);
    }
    if (watch->finish == FINISH_RACE)
        record(model, actor, 1 + watch->count, watch->winner < 0 ? watch->count : watch->winner);
    return done(actor, watch_result(model, actor));
}
