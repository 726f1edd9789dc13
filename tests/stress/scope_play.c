/* The steps of a node as calls of whorl; see scope_play.h. */
#include "scope_play.h"

#include <core/loop.h>
#include <errno.h>

union block {
    whorl_timeout timeout;
    whorl_shield shield;
    whorl_group group;
};

struct player;

struct handler {
    struct player *self;
    int step;
};

/* A node, as it is played. Its blocks outlive its function, as a group that it leaves open must. */
struct player {
    const struct node *node;
    struct cursor at;
    whorl_task *handle; /* kept when it was given back, to see it refused */
    whorl_group *family;
    union block blocks[NODE_BLOCKS];
    struct handler handlers[NODE_STEPS];
    struct trace trace;
};

static struct player players[TREE_NODES];
static int64_t tree_begin;

static intptr_t play(void *arg);

static void record(struct player *self, int step, int part, intptr_t result)
{
    trace_record(&self->trace, step, part, result, whorl_now() - tree_begin);
}

static int64_t point(int64_t ns)
{
    return ns == WHORL_FOREVER ? WHORL_FOREVER : whorl_now() + ns;
}

static whorl_group *group_of(struct player *self, const struct step *step)
{
    return step->block == FAMILY ? self->family : &self->blocks[step->block].group;
}

static intptr_t spawn_into_group(struct player *self, const struct step *step)
{
    whorl_spawn_options options = {.eager = step->eager};
    struct player *child = &players[step->node];
    whorl_group *group = group_of(self, step);
    whorl_task *task = NULL;
    int result;

    child->family = group;
    if (step->kind == STEP_LIMITED)
        return whorl_group_spawn_limited(group, (size_t)step->count, play, child);
    if (!step->keeps && !step->eager)
        return whorl_group_spawn(group, play, child);
    result = whorl_group_spawn_with(group, &options, play, child, step->keeps ? &task : NULL);
    if (result == 0)
        child->handle = task;
    return result;
}

static intptr_t open_tasks(const struct step *step)
{
    whorl_spawn_options options = {.eager = 1};

    for (int i = step->node; i < step->node + step->count; i++) {
        whorl_task *task = step->eager ? whorl_spawn_with(&options, play, &players[i])
                                       : whorl_spawn(play, &players[i]);

        if (check(task != NULL))
            players[i].handle = task;
    }
    return 0;
}

static size_t handles_of(const struct step *step, whorl_task **handles)
{
    size_t count = 0;

    for (int i = 0; i < step->count; i++)
        handles[count++] = players[step->node + i].handle;
    if (step->twice)
        handles[count++] = handles[0];
    return count;
}

static void record_results(struct player *self, const intptr_t *results, size_t count)
{
    for (size_t i = 0; i < count; i++)
        record(self, self->at.step, 1 + (int)i, results[i]);
}

/* Joins a task, or lets go of it if it was cut short. */
static intptr_t join(struct player *self, whorl_task *task)
{
    intptr_t result = whorl_join(task);
    bool taken = whorl_is_done(task) == -EINVAL;

    if (!taken)
        check_equal(whorl_release(task), 0);
    record(self, self->at.step, 1, taken);
    return result;
}

static intptr_t end_tasks(struct player *self, const struct step *block)
{
    whorl_task *handles[BLOCK_TASKS + 1];
    intptr_t results[BLOCK_TASKS + 1];
    size_t count = handles_of(block, handles);
    size_t winner;
    intptr_t result;

    switch (block->finish) {
    case FINISH_WAIT_FOR:
        return whorl_wait_for(handles[0], block->ns);
    case FINISH_JOIN:
        return join(self, handles[0]);
    case FINISH_RACE:
        result = whorl_race(handles, count, results, &winner);
        record_results(self, results, count);
        record(self, self->at.step, 1 + (int)count, (intptr_t)winner);
        return result;
    default:
        result = whorl_gather(handles, count, results,
                              block->finish == FINISH_COLLECT ? WHORL_COLLECT : 0);
        record_results(self, results, count);
        return result;
    }
}

/* Slots of calls that never began tell nothing: none may have been spawned. */
static intptr_t gather_calls(struct player *self, const struct step *step)
{
    whorl_call calls[BLOCK_TASKS];
    intptr_t results[BLOCK_TASKS];
    intptr_t result;

    for (int i = 0; i < step->count; i++)
        calls[i] = (whorl_call){play, &players[step->node + i]};
    result = whorl_gather_calls(calls, (size_t)step->count, results,
                                step->finish == FINISH_COLLECT ? WHORL_COLLECT : 0);
    for (int i = 0; i < step->count; i++)
        if (players[step->node + i].trace.begun)
            record(self, self->at.step, 1 + i, results[i]);
    return result;
}

static intptr_t wait_for_tasks(struct player *self, const struct step *step)
{
    whorl_task *handles[BLOCK_TASKS + 1];
    const struct step *block = &self->node->steps[self->at.open[self->at.depth - 1]];

    handles_of(block, handles);
    return whorl_wait(handles, (size_t)block->count, step->when, step->ns);
}

static intptr_t end_block(struct player *self, const struct step *step)
{
    const struct step *first = &self->node->steps[step->other];
    union block *block = &self->blocks[self->at.depth - 1];

    switch (first->kind) {
    case STEP_TIMEOUT:
        return whorl_timeout_end(&block->timeout, self->at.value);
    case STEP_SHIELD:
        return whorl_shield_end(&block->shield, self->at.value);
    case STEP_GROUP:
        return whorl_group_wait(&block->group, self->at.value);
    default:
        return end_tasks(self, first);
    }
}

static intptr_t use_handle(struct player *self, const struct step *step)
{
    struct player *target = &players[step->node];
    whorl_task *task = target == self ? whorl_self() : target->handle;

    if (task == NULL)
        return NO_HANDLE;
    if (step->kind == STEP_CANCEL)
        return whorl_cancel(task);
    return step->kind == STEP_IS_DONE ? whorl_is_done(task) : whorl_cancelling(task);
}

static intptr_t run_handler(void *arg)
{
    struct handler *handler = arg;
    struct player *self = handler->self;

    record(self, handler->step, 1, whorl_sleep(self->node->steps[handler->step].ns));
    return 0;
}

static intptr_t defer(struct player *self)
{
    struct handler *handler = &self->handlers[self->at.step];

    *handler = (struct handler){self, self->at.step};
    return whorl_defer(run_handler, handler);
}

static intptr_t open_block(struct player *self, const struct step *step)
{
    union block *block = &self->blocks[self->at.depth];

    switch (step->kind) {
    case STEP_TIMEOUT:
        return whorl_timeout_begin(&block->timeout, step->ns);
    case STEP_SHIELD:
        return whorl_shield_begin(&block->shield, step->ns);
    case STEP_GROUP:
        return whorl_group_init(&block->group);
    default:
        return open_tasks(step);
    }
}

static intptr_t perform(struct player *self, const struct step *step)
{
    switch (step->kind) {
    case STEP_SLEEP:
        return whorl_sleep(step->ns);
    case STEP_YIELD:
        return whorl_yield();
    case STEP_FAIL:
        return step->value;
    case STEP_LEAVE:
        return 0;
    case STEP_DEFER:
        return defer(self);
    case STEP_CANCEL:
    case STEP_CANCELLING:
    case STEP_IS_DONE:
        return use_handle(self, step);
    case STEP_UNCANCEL:
        return whorl_uncancel();
    case STEP_MOVE:
        return whorl_timeout_reschedule(&self->blocks[step->block].timeout, point(step->ns));
    case STEP_SPAWN:
    case STEP_LIMITED:
        return spawn_into_group(self, step);
    case STEP_GROUP_CANCEL:
        return whorl_group_cancel(group_of(self, step));
    case STEP_LIVE:
        return whorl_group_live(group_of(self, step));
    case STEP_CALLS:
        return gather_calls(self, step);
    case STEP_WAIT:
        return wait_for_tasks(self, step);
    case STEP_END:
        return end_block(self, step);
    default:
        return open_block(self, step);
    }
}

/* What a node's task does. */
static intptr_t play(void *arg)
{
    struct player *self = arg;
    bool goes_on;

    check(!self->trace.begun);
    self->trace.begun = true;
    goes_on = cursor_begin(&self->at, self->node);
    while (goes_on) {
        const struct step *step = &self->node->steps[self->at.step];
        intptr_t result = perform(self, step);

        if (!step_opens(step))
            record(self, self->at.step, 0, result);
        goes_on = cursor_advance(&self->at, self->node, result);
    }
    self->trace.ended = true;
    self->trace.result = self->at.value;
    self->trace.ended_at = whorl_now() - tree_begin;
    return self->at.value;
}

/* Gives back what handles are held at a tree's end; all tasks but this one must have ended. */
static bool clear_away(const struct tree *tree)
{
    bool clear = check(loop_here->live == loop_here->current);

    for (int i = 0; i < tree->node_count; i++) {
        int is_done = players[i].handle != NULL ? whorl_is_done(players[i].handle) : -EINVAL;

        clear &= check_equal(players[i].trace.begun, players[i].trace.ended);
        if (is_done != -EINVAL)
            clear &= check_equal(is_done, 1) && check_equal(whorl_release(players[i].handle), 0);
    }
    return clear & check(loop_here->current->live_next == NULL);
}

bool play_tree(const struct tree *tree, int64_t ns)
{
    for (int i = 0; i < tree->node_count; i++) {
        players[i].node = &tree->nodes[i];
        players[i].handle = NULL;
        trace_clear(&players[i].trace);
    }
    tree_begin = whorl_now();
    players[0].handle = whorl_spawn(play, &players[0]);
    check_equal(whorl_sleep(ns), 0);
    return clear_away(tree);
}

const struct trace *played(int node)
{
    return &players[node].trace;
}
