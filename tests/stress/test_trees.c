/*
 * Random trees of tasks, checked against a model: each node spawns children, waits in some way, and
 * then joins, cancels or releases each of them. No task may be lost or left, none may end twice,
 * and each result must be one that the model allows.
 *
 * All choices are drawn from one seeded source. WHORL_TEST_ROUNDS multiplies the rounds.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

enum {
    NODES = UNDER_THREAD_SANITIZER ? 300 : 4000, /* of one tree */
    CHILDREN = 6,
    ROUNDS = UNDER_SANITIZER ? 15 : 60,
};

enum fate { UNBORN, WAITING_TO_RUN, ALIVE, ENDED };

struct node {
    struct node *parent;
    whorl_task *task; /* NULL once its handle was given back */
    enum fate fate;
    bool cancel_asked; /* by anyone who had its handle */
    bool released;
    intptr_t result; /* what its function returned */
    struct node *children[CHILDREN];
    int child_count;
};

static struct node nodes[NODES];
static int node_count;
static int bodies_begun;
static int bodies_ended;
static random_source source;
static pair bytes;
static bool main_over; /* from here on the run's end cancels whom it finds */

static intptr_t live(void *arg);

static int roll(int sides)
{
    return (int)random_below(&source, (uint64_t)sides);
}

static struct node *bear(struct node *parent)
{
    struct node *node;
    whorl_spawn_options options = {.eager = roll(8) == 0};

    if (node_count == NODES)
        return NULL;
    node = &nodes[node_count++];
    *node = (struct node){.parent = parent, .fate = WAITING_TO_RUN};
    options.stack_size = roll(10) == 0 ? (size_t)131072 : 0;
    node->task = whorl_spawn_with(&options, live, node);
    check(node->task != NULL);
    return node;
}

/* A wait of some kind; its result is 0 or -ECANCELED. */
static intptr_t wait_somehow(void)
{
    whorl_op op;
    int64_t deadline;
    int result;

    switch (roll(6)) {
    case 0:
        return whorl_sleep(roll(200000));
    case 1:
        deadline = whorl_now() + roll(100000) - 50000;
        return whorl_sleep_until(deadline);
    case 2:
        op = whorl_op_nop();
        return whorl_op_await(&op);
    case 3:
        op = whorl_op_poll(bytes.ends[0], POLLIN); /* which never comes */
        op.timeout = 1 + roll(100000);
        result = whorl_op_await(&op);
        return result == -ETIMEDOUT ? 0 : result;
    default:
        return whorl_yield();
    }
}

/* What a wait may give: -ECANCELED only to a task whose cancel was asked for. */
static void check_wait(const struct node *node, intptr_t result)
{
    if (result == -ECANCELED)
        check(node->cancel_asked || main_over);
    else
        check_equal(result, 0);
}

static void check_result(const struct node *child, intptr_t result)
{
    if (child->fate == ENDED) {
        check_equal(result, child->result);
        return;
    }
    /* Its body never ran: only a cancel before its first step does that. */
    check_equal(child->fate, WAITING_TO_RUN);
    check(child->cancel_asked || main_over);
    check_equal(result, -ECANCELED);
}

/* Joins a child to its end, through cancels of the joiner. */
static void join_child(struct node *self, struct node *child)
{
    for (;;) {
        intptr_t result = whorl_join(child->task);
        bool ended = whorl_is_done(child->task) == -EINVAL;

        if (ended) {
            check_result(child, result);
            child->task = NULL;
            return;
        }
        check_equal(result, -ECANCELED);
        check(self->cancel_asked || main_over);
        check_equal(whorl_uncancel(), 1);
        self->cancel_asked = false;
    }
}

static void cancel_someone(struct node *node)
{
    int done = whorl_is_done(node->task);
    int result;

    if (done == 0 && node->fate != ENDED)
        node->cancel_asked = true;
    result = whorl_cancel(node->task);
    check_equal(result, done == 0 ? 0 : -EALREADY);
}

/* Cancels any node whose handle is still held, kin or not. */
static void cancel_a_stranger(void)
{
    struct node *node = &nodes[roll(node_count)];

    if (node->task != NULL && node->fate != UNBORN)
        cancel_someone(node);
}

static void part_from(struct node *self, struct node *child)
{
    int choice = roll(10);

    if (choice < 3)
        cancel_someone(child);
    if (choice < 9) {
        join_child(self, child);
        return;
    }
    check_equal(whorl_release(child->task), 0);
    child->released = true;
    child->task = NULL;
}

static intptr_t live(void *arg)
{
    struct node *self = arg;
    int steps = roll(4);

    check_equal(self->fate, WAITING_TO_RUN);
    self->fate = ALIVE;
    bodies_begun++;
    for (int i = 0; i < steps; i++)
        check_wait(self, wait_somehow());
    for (int i = roll(CHILDREN + 1); i > 0; i--) {
        struct node *child = bear(self);

        if (child == NULL || child->task == NULL)
            break;
        self->children[self->child_count++] = child;
        if (roll(3) == 0)
            check_wait(self, wait_somehow());
        if (roll(20) == 0)
            cancel_a_stranger();
    }
    while (self->child_count > 0) {
        int index = roll(self->child_count);

        part_from(self, self->children[index]);
        self->children[index] = self->children[--self->child_count];
    }
    self->result = roll(2) == 0 ? (intptr_t)(self - nodes) : -ECANCELED;
    self->fate = ENDED;
    bodies_ended++;
    return self->result;
}

static intptr_t grow_a_tree(void *arg)
{
    struct node root = {.fate = ALIVE};
    int result;

    (void)arg;
    /* Several first children, so that a small first one does not end the tree at once. */
    while (node_count < NODES / 2) {
        struct node *child = bear(&root);

        if (child == NULL || child->task == NULL)
            break;
        if (roll(2) == 0)
            check_equal(whorl_yield(), 0);
        if (roll(4) != 0)
            join_child(&root, child);
    }
    result = roll(2) == 0 ? whorl_sleep(roll(500000)) : 0;
    main_over = true;
    return result;
}

/* After the run: each body that began has ended, and a task whose body never began was cancelled,
 * by someone or by the run's end. */
static void check_nothing_is_left(void)
{
    int begun = 0;

    assert_int_equal(bodies_begun, bodies_ended);
    for (int i = 0; i < node_count; i++) {
        assert_true(nodes[i].fate == ENDED || nodes[i].fate == WAITING_TO_RUN);
        begun += nodes[i].fate == ENDED;
    }
    assert_int_equal(begun, bodies_begun);
}

static void grow_trees(const whorl_config *config, long rounds, uint64_t stream)
{
    long total = 0;

    for (long i = 0; i < rounds; i++) {
        source = random_from_seed(stream + (uint64_t)i);
        node_count = 0;
        bodies_begun = 0;
        bodies_ended = 0;
        main_over = false;
        bytes = pipe_pair();
        run_checks_with(config, grow_a_tree, NULL);
        close_pair(&bytes);
        check_nothing_is_left();
        total += node_count;
    }
    printf("%ld tasks in %ld trees\n", total, rounds);
}

static void no_task_of_a_random_tree_is_lost_or_left(void **state)
{
    whorl_config config = {.drain_warning = -1};

    (void)state;
    grow_trees(&config, test_rounds(ROUNDS), 1000);
}

static void random_trees_grow_on_a_tiny_ring_and_a_tiny_pool(void **state)
{
    whorl_config config = {.entries = 2, .completions = 2, .pooled_stacks = 1, .drain_warning = -1};

    (void)state;
    grow_trees(&config, test_rounds(ROUNDS / 3), 2000000);
}

static void random_trees_grow_without_the_kernels_newer_features(void **state)
{
    whorl_config config = {.without = UINT64_MAX, .drain_warning = -1};

    (void)state;
    grow_trees(&config, test_rounds(ROUNDS / 3), 4000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(no_task_of_a_random_tree_is_lost_or_left),
        behaviour(random_trees_grow_on_a_tiny_ring_and_a_tiny_pool),
        behaviour(random_trees_grow_without_the_kernels_newer_features),
    };

    return run_behaviours("trees", tests);
}
