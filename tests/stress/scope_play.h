/*
 * Playing a random scope tree on whorl: a task for each node, which does the steps and records what
 * they give. Inside a loop's task only.
 */
#ifndef TESTS_STRESS_SCOPE_PLAY_H
#define TESTS_STRESS_SCOPE_PLAY_H

#include "scope_tree.h"

/* Plays a tree for `ns`, which is to be more than it takes. The tree must stay until the next is
 * played. Returns whether every task has ended by then, and each handle could be given back. */
bool play_tree(const struct tree *tree, int64_t ns);

/* What a node of the tree that was played last has recorded. */
const struct trace *played(int node);

#endif
