/*
 * The language of the random scope trees. A tree is a set of nodes; a node is what one task does: a
 * few steps, some of which open a block (a timeout, a shield, a group, a bunch of tasks) that a
 * later STEP_END closes. Blocks nest. Node 0 is the root, and every other node is spawned by at
 * most one step.
 *
 * A step has a result. One below 0 ends the block that it stands in, unless the step says that the
 * node goes on: the block's end is given that error, and its own result counts in turn. Outside of
 * blocks it ends the node's function. The end of a bunch of tasks that was given an error passes
 * that on. How a node moves from step to step is the same for those who run a tree and those who
 * predict it; what the steps do is not shared.
 */
#ifndef TESTS_STRESS_SCOPE_TREE_H
#define TESTS_STRESS_SCOPE_TREE_H

#include "support.h"

#include <errno.h>
#include <stdio.h>

enum {
    TREE_NODES = 25,
    NODE_STEPS = 20,
    NODE_BLOCKS = 4,   /* open at a time */
    BLOCK_TASKS = 4,   /* of one bunch */
    NODE_RECORDS = 80, /* more than its steps can make */
    DEFER_LIMIT = 900, /* ns: config.defer_limit, which some handlers overrun */
    NO_HANDLE = -ESRCH /* what a step gives that needs the handle of a task and has none */
};

/* In place of a block's number: the group as whose child the node was spawned. */
#define FAMILY (-1)

enum step_kind {
    STEP_SLEEP,        /* ns */
    STEP_YIELD,        /* */
    STEP_FAIL,         /* gives `value` */
    STEP_LEAVE,        /* returns `value` from the function, with its one group left open */
    STEP_DEFER,        /* a handler that sleeps ns */
    STEP_CANCEL,       /* `node` */
    STEP_UNCANCEL,     /* */
    STEP_CANCELLING,   /* `node` */
    STEP_IS_DONE,      /* `node` */
    STEP_MOVE,         /* timeout `block` to ns from now */
    STEP_SPAWN,        /* `node`, in group `block` */
    STEP_LIMITED,      /* the same, when fewer than `count` live */
    STEP_GROUP_CANCEL, /* group `block` */
    STEP_LIVE,         /* group `block` */
    STEP_CALLS,        /* gather_calls of `count` nodes from `node` on */
    STEP_WAIT,         /* for the innermost block's tasks, as `when` says, ns */
    STEP_END,          /* of the innermost block; `value` is what its body came to */
    STEP_TIMEOUT,      /* opens a block: ns */
    STEP_SHIELD,       /* opens a block: ns */
    STEP_GROUP,        /* opens a block */
    STEP_TASKS,        /* opens a block: `count` nodes from `node` on are spawned */
};

/* What the end of a bunch of tasks does with them. */
enum finish { FINISH_GATHER, FINISH_COLLECT, FINISH_RACE, FINISH_WAIT_FOR, FINISH_JOIN };

struct step {
    enum step_kind kind;
    enum finish finish; /* of STEP_TASKS, and STEP_CALLS: gather or collect */
    enum whorl_when when;
    bool goes_on; /* whatever the result */
    bool eager;   /* spawns so */
    bool keeps;   /* STEP_SPAWN: the tree keeps the child's handle */
    bool twice;   /* gather, collect: the first task stands at the array's end once more */
    int block;    /* number of an open block, outermost 0; or FAMILY */
    int node;
    int count;
    int other; /* of a block's first step, its STEP_END; and the other way round */
    int64_t ns;
    intptr_t value;
};

struct node {
    struct step steps[NODE_STEPS];
    int step_count;
    intptr_t value; /* what its function returns when all has gone well */
};

struct tree {
    struct node nodes[TREE_NODES];
    int node_count;
};

/* Draws a tree of 3 to TREE_NODES nodes. */
void tree_draw(struct tree *tree, random_source *source);

/* Prints the tree as a program. */
void tree_print(const struct tree *tree, FILE *out);

/* Whether the step opens a block. */
static inline bool step_opens(const struct step *step)
{
    return step->kind >= STEP_TIMEOUT;
}

/* Whether the step means another task, or its own, by a handle. */
static inline bool step_uses_handle(const struct step *step)
{
    return step->kind == STEP_CANCEL || step->kind == STEP_CANCELLING || step->kind == STEP_IS_DONE;
}

/* Where a node is. */
struct cursor {
    int step;
    int depth; /* open blocks */
    int open[NODE_BLOCKS];
    intptr_t value; /* at a STEP_END, what the body came to; at last the function's result */
};

/* Goes to the first step; false if there is none. */
bool cursor_begin(struct cursor *cursor, const struct node *node);

/* Goes on from a step that gave `result`; false if the function returns. */
bool cursor_advance(struct cursor *cursor, const struct node *node, intptr_t result);

/* What became of a node. */
struct record {
    int step;
    int part; /* 0: the step's result; from 1 on: what else it gave */
    intptr_t result;
    int64_t time; /* ns since the tree began */
};

struct trace {
    struct record records[NODE_RECORDS];
    int count;
    bool begun;
    bool ended; /* its body has */
    intptr_t result;
    int64_t ended_at;
};

void trace_clear(struct trace *trace);
void trace_record(struct trace *trace, int step, int part, intptr_t result, int64_t time);
bool trace_equal(const struct trace *one, const struct trace *other);
void trace_print(const struct trace *trace, const char *title, FILE *out);

#endif
