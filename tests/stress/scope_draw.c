/*
 * Drawing random scope trees. Depth first: a step that spawns draws its nodes at once, as long as
 * the tree has not the number of nodes that was drawn for it. A node's array of steps has room for
 * the ends of all blocks that are open, always.
 */
#include "scope_tree.h"

#include <errno.h>

struct drawing {
    struct tree *tree;
    random_source *source;
    int wanted;  /* nodes */
    bool coarse; /* times are few and round, so that many of them meet */
};

/* What is open round the step that is being drawn. */
struct place {
    int node;
    int depth;
    enum step_kind open[NODE_BLOCKS];
    bool in_family; /* the node is a group's child */
};

static void draw_block(struct drawing *drawing, struct place place, int least);

static int roll(struct drawing *drawing, int sides)
{
    return (int)random_below(drawing->source, (uint64_t)sides);
}

static bool chance(struct drawing *drawing, int percent)
{
    return roll(drawing, 100) < percent;
}

static int64_t draw_ns(struct drawing *drawing)
{
    if (chance(drawing, 3))
        return -roll(drawing, 2);
    return drawing->coarse ? 100 * (1 + roll(drawing, 10)) : 1 + roll(drawing, 1000);
}

static struct step *step_add(struct drawing *drawing, int node, enum step_kind kind)
{
    struct node *home = &drawing->tree->nodes[node];
    struct step *step = &home->steps[home->step_count++];

    *step = (struct step){.kind = kind, .goes_on = chance(drawing, 45)};
    return step;
}

static int steps_left(const struct drawing *drawing, const struct place *place)
{
    return NODE_STEPS - drawing->tree->nodes[place->node].step_count - place->depth;
}

static bool nodes_left(const struct drawing *drawing)
{
    return drawing->tree->node_count < drawing->wanted;
}

static intptr_t draw_error(struct drawing *drawing)
{
    static const int errors[] = {-EIO, -ENOENT, -EPIPE, -ECANCELED, -ETIMEDOUT};

    return errors[roll(drawing, (int)count_of(errors))];
}

/* The steps of a new node, or of several, one after the other in the array; gives the first. */
static int draw_nodes(struct drawing *drawing, int count, bool in_family)
{
    struct tree *tree = drawing->tree;
    int first = tree->node_count;

    tree->node_count += count;
    for (int i = first; i < first + count; i++) {
        struct place place = {.node = i, .in_family = in_family};

        tree->nodes[i].step_count = 0;
        tree->nodes[i].value = chance(drawing, 12) ? draw_error(drawing) : 100 + i;
        draw_block(drawing, place, 0);
    }
    return first;
}

static int some_nodes(struct drawing *drawing)
{
    int left = drawing->wanted - drawing->tree->node_count;
    int count = 1 + roll(drawing, BLOCK_TASKS);

    return count < left ? count : left;
}

/* Chooses an open block of the kind; false if there is none. */
static bool choose_block(struct drawing *drawing, const struct place *place, enum step_kind kind,
                         int *block)
{
    int choices[NODE_BLOCKS + 1];
    int count = 0;

    for (int i = 0; i < place->depth; i++)
        if (place->open[i] == kind)
            choices[count++] = i;
    if (kind == STEP_GROUP && place->in_family)
        choices[count++] = FAMILY;
    if (count > 0)
        *block = choices[roll(drawing, count)];
    return count > 0;
}

static void draw_enclosing(struct drawing *drawing, const struct place *place)
{
    static const enum step_kind kinds[] = {STEP_TIMEOUT, STEP_TIMEOUT, STEP_SHIELD,
                                           STEP_GROUP,   STEP_GROUP,   STEP_TASKS};
    enum step_kind kind = kinds[roll(drawing, (int)count_of(kinds))];
    struct place inside = *place;
    struct node *home = &drawing->tree->nodes[place->node];
    struct step *step;
    struct step *end;
    int first = home->step_count;

    if (kind == STEP_TASKS && !nodes_left(drawing))
        kind = STEP_SHIELD;
    step = step_add(drawing, place->node, kind);
    step->ns = draw_ns(drawing) * (1 + roll(drawing, 3));
    inside.open[inside.depth++] = kind;
    if (kind == STEP_TASKS) {
        step->finish = (enum finish)roll(drawing, 5);
        step->count = step->finish >= FINISH_WAIT_FOR ? 1 : some_nodes(drawing);
        step->eager = chance(drawing, 20);
        step->twice = step->finish <= FINISH_COLLECT && chance(drawing, 15);
        step->node = draw_nodes(drawing, step->count, false);
    }
    draw_block(drawing, inside, kind == STEP_GROUP ? 2 : 0);
    step->other = home->step_count;
    end = step_add(drawing, place->node, STEP_END);
    end->other = first;
    if (kind != STEP_TASKS && chance(drawing, 12))
        end->value = chance(drawing, 40) ? 7 : draw_error(drawing);
}

static bool draw_for_group(struct drawing *drawing, const struct place *place)
{
    int choice = roll(drawing, 12);
    struct step *step;
    int block;

    if (!choose_block(drawing, place, STEP_GROUP, &block))
        return false;
    if (choice == 0 && place->depth == 1 && block == 0) {
        step = step_add(drawing, place->node, STEP_LEAVE);
        step->value = chance(drawing, 50) ? 9 : draw_error(drawing);
        return true;
    }
    if (choice > 2 && !nodes_left(drawing))
        return false;
    step = step_add(drawing, place->node,
                    choice < 2    ? STEP_GROUP_CANCEL
                    : choice == 2 ? STEP_LIVE
                    : choice < 7  ? STEP_LIMITED
                                  : STEP_SPAWN);
    step->block = block;
    if (choice > 2) {
        step->eager = step->kind == STEP_SPAWN && chance(drawing, 20);
        step->keeps = step->kind == STEP_SPAWN && chance(drawing, 50);
        step->count = 1 + roll(drawing, 2);
        step->node = draw_nodes(drawing, 1, true);
    }
    return true;
}

static bool draw_for_tasks(struct drawing *drawing, const struct place *place)
{
    struct step *step;

    if (place->depth == 0 || place->open[place->depth - 1] != STEP_TASKS)
        return false;
    step = step_add(drawing, place->node, STEP_WAIT);
    step->when = (enum whorl_when)roll(drawing, 3);
    step->ns = chance(drawing, 30) ? WHORL_FOREVER : draw_ns(drawing);
    return true;
}

static bool draw_move(struct drawing *drawing, const struct place *place)
{
    struct step *step;
    int block;

    if (!choose_block(drawing, place, STEP_TIMEOUT, &block))
        return false;
    step = step_add(drawing, place->node, STEP_MOVE);
    step->block = block;
    step->ns = chance(drawing, 20) ? WHORL_FOREVER : draw_ns(drawing);
    return true;
}

static void draw_plain(struct drawing *drawing, const struct place *place)
{
    static const enum step_kind kinds[] = {
        STEP_YIELD,    STEP_YIELD,      STEP_CANCEL,  STEP_CANCEL, STEP_CANCEL,
        STEP_UNCANCEL, STEP_CANCELLING, STEP_IS_DONE, STEP_FAIL,   STEP_DEFER,
    };
    enum step_kind kind =
        chance(drawing, 55) ? STEP_SLEEP : kinds[roll(drawing, (int)count_of(kinds))];
    struct step *step = step_add(drawing, place->node, kind);

    step->ns = draw_ns(drawing);
    step->node = roll(drawing, drawing->wanted);
    if (kind == STEP_FAIL)
        step->value = draw_error(drawing);
    if (step_uses_handle(step))
        step->goes_on = true;
}

static void draw_calls(struct drawing *drawing, const struct place *place)
{
    struct step *step = step_add(drawing, place->node, STEP_CALLS);

    step->finish = chance(drawing, 50) ? FINISH_GATHER : FINISH_COLLECT;
    step->count = some_nodes(drawing);
    step->node = draw_nodes(drawing, step->count, false);
}

static void draw_step(struct drawing *drawing, const struct place *place)
{
    bool has_room = place->depth < NODE_BLOCKS && steps_left(drawing, place) > 3;
    int choice = roll(drawing, 100);

    if (choice < 25 && draw_for_group(drawing, place))
        return;
    if (choice >= 25 && choice < 35 && draw_for_tasks(drawing, place))
        return;
    if (choice >= 35 && choice < 42 && draw_move(drawing, place))
        return;
    if (choice < 65 && has_room)
        draw_enclosing(drawing, place);
    else if (choice < 68 && nodes_left(drawing))
        draw_calls(drawing, place);
    else
        draw_plain(drawing, place);
}

static void draw_block(struct drawing *drawing, struct place place, int least)
{
    for (int i = least + roll(drawing, 4); i > 0 && steps_left(drawing, &place) > 0; i--)
        draw_step(drawing, &place);
}

/* Has steps that use a handle mean nodes of which there is one. */
static void aim(struct tree *tree)
{
    bool has_handle[TREE_NODES] = {true};

    for (int i = 0; i < tree->node_count; i++)
        for (int j = 0; j < tree->nodes[i].step_count; j++) {
            const struct step *step = &tree->nodes[i].steps[j];

            for (int k = 0; k < step->count && step->kind == STEP_TASKS; k++)
                has_handle[step->node + k] = true;
            if (step->kind == STEP_SPAWN && step->keeps)
                has_handle[step->node] = true;
        }
    for (int i = 0; i < tree->node_count; i++)
        for (int j = 0; j < tree->nodes[i].step_count; j++) {
            struct step *step = &tree->nodes[i].steps[j];

            step->node %= tree->node_count;
            while (step_uses_handle(step) && !has_handle[step->node])
                step->node = (step->node + 1) % tree->node_count;
        }
}

void tree_draw(struct tree *tree, random_source *source)
{
    struct drawing drawing = {.tree = tree, .source = source};

    do {
        tree->node_count = 0;
        drawing.wanted = 3 + roll(&drawing, TREE_NODES - 2);
        drawing.coarse = chance(&drawing, 30);
        draw_nodes(&drawing, 1, false);
    } while (tree->node_count < 3);
    aim(tree);
}
