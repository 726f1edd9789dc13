/*
 * Random trees of groups, timeouts, shields, cancels, errors, gathers and races, under the virtual
 * clock, each compared with what the model predicts: whether each node began, what each of its
 * steps gave, and when, to the nanosecond. No task may be lost, none left.
 *
 * A tree whose fate depends on an order that the headers leave open is played only to see all of
 * its tasks end, and another is drawn in its place. A tree that differs is printed as a program,
 * with both traces, and is run alone by WHORL_TEST_SEED and WHORL_TEST_TREE (its number).
 * WHORL_TEST_ROUNDS multiplies the trees.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "scope_model.h"
#include "scope_play.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

enum {
    STANDARD_TREES = 100000,
    TREES = UNDER_THREAD_SANITIZER    ? 5000
            : UNDER_ADDRESS_SANITIZER ? 20000
                                      : STANDARD_TREES,
    TREES_A_RUN = 2000,
    ORDERS = 24,           /* in which the model plays a tree */
    LONG_AFTER = 10000000, /* ns: later than the end of any tree that ends */
};

/* What a run is to play, and what came of it. */
struct stage {
    long next;
    long last;
    long nodes;
    long begun;
    long open;    /* trees that were played without a prediction */
    long endless; /* trees that were not played, as a node may wait for ever in them */
    bool failed;
};

enum fate { PREDICTED, OPEN, ENDLESS };

static struct tree tree;
static struct trace predicted[TREE_NODES];

/* A node that waits for room in the group whose child it is may wait for itself. */
static bool may_wait_for_itself(void)
{
    for (int i = 0; i < tree.node_count; i++)
        for (int j = 0; j < tree.nodes[i].step_count; j++)
            if (tree.nodes[i].steps[j].kind == STEP_LIMITED &&
                tree.nodes[i].steps[j].block == FAMILY)
                return true;
    return false;
}

/* Whether the tree comes to the same in other orders. */
static bool is_same_in(enum order_kind kind, uint64_t seed, int64_t end)
{
    static struct trace other[TREE_NODES];

    if (model_predict(&tree, kind, seed, other) != end)
        return false;
    for (int i = 0; i < tree.node_count; i++)
        if (!trace_equal(&predicted[i], &other[i]))
            return false;
    return true;
}

static enum fate predict(random_source *source, int64_t *end)
{
    *end = model_predict(&tree, ORDER_NATURAL, 0, predicted);
    if (*end < 0)
        return ENDLESS;
    for (int i = 1; i < ORDERS; i++)
        if (!is_same_in(i < ORDER_RANDOM ? (enum order_kind)i : ORDER_RANDOM, random_next(source),
                        *end))
            return may_wait_for_itself() ? ENDLESS : OPEN;
    return PREDICTED;
}

static void report(struct stage *stage, const char *reason)
{
    fprintf(stderr,
            "tree %ld: %s; WHORL_TEST_SEED=%" PRIu64 " WHORL_TEST_TREE=%ld runs it alone:\n",
            stage->next, reason, test_seed(), stage->next);
    tree_print(&tree, stderr);
    stage->failed = true;
    check_failed("tree %ld: %s", stage->next, reason);
}

static void play_open(struct stage *stage)
{
    stage->open++;
    if (!play_tree(&tree, LONG_AFTER))
        report(stage, "a task was left, or a handle");
}

static void play_predicted(struct stage *stage, int64_t end)
{
    bool cleared = play_tree(&tree, end + 1);
    bool same = true;

    for (int i = 0; i < tree.node_count; i++) {
        same &= trace_equal(&predicted[i], played(i));
        stage->begun += played(i)->begun;
    }
    stage->nodes += tree.node_count;
    if (cleared && same)
        return;
    report(stage, same ? "a task was left, or a handle" : "the model does not explain it");
    for (int i = 0; i < tree.node_count; i++) {
        if (trace_equal(&predicted[i], played(i)))
            continue;
        fprintf(stderr, "node %d differs\n", i);
        trace_print(&predicted[i], "predicted", stderr);
        trace_print(played(i), "real", stderr);
    }
}

/* Draws trees until one can be predicted, and plays that. */
static void play_next(struct stage *stage)
{
    random_source streams = random_from_seed(UINT64_C(8000000) + (uint64_t)stage->next);
    random_source source = {random_next(&streams)};
    enum fate fate = OPEN;
    int64_t end;

    while (fate != PREDICTED && !stage->failed) {
        tree_draw(&tree, &source);
        fate = predict(&source, &end);
        if (fate == PREDICTED)
            play_predicted(stage, end);
        else if (fate == OPEN)
            play_open(stage);
        else
            stage->endless++;
    }
}

static intptr_t play_trees(void *arg)
{
    struct stage *stage = arg;

    for (; stage->next < stage->last && !stage->failed; stage->next++)
        play_next(stage);
    return 0;
}

static void random_trees_of_scopes_do_what_the_model_says(void **state)
{
    static const whorl_config config = {.clock = WHORL_CLOCK_VIRTUAL, .defer_limit = DEFER_LIMIT};
    const char *alone = getenv("WHORL_TEST_TREE");
    long first = alone != NULL ? atol(alone) : 0;
    long last = alone != NULL ? first + 1 : test_rounds(TREES);
    struct stage stage = {.next = first};

    (void)state;
    while (stage.next < last && !stage.failed) {
        stage.last = stage.next + TREES_A_RUN < last ? stage.next + TREES_A_RUN : last;
        run_checks_with(&config, play_trees, &stage);
    }
    printf("%ld trees%s: %ld nodes, of which %ld began; %ld more trees played without a "
           "prediction, %ld not played\n",
           stage.next - first, TREES < STANDARD_TREES ? " (fewer, in a sanitizer build)" : "",
           stage.nodes, stage.begun, stage.open, stage.endless);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(random_trees_of_scopes_do_what_the_model_says),
    };

    return run_behaviours("scope_trees", tests);
}
