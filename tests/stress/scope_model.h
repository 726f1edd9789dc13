/*
 * A model of tasks, cancels, scopes and groups, written from what the public headers say: it
 * predicts what becomes of each node of a tree, step by step, with the times.
 */
#ifndef TESTS_STRESS_SCOPE_MODEL_H
#define TESTS_STRESS_SCOPE_MODEL_H

#include "scope_order.h"
#include "scope_tree.h"

/* Predicts the traces of a tree's nodes. `seed` is that of the random order. Returns when the last
 * task ends, in ns since the tree began; -EDEADLK if some wait for ever. */
int64_t model_predict(const struct tree *tree, enum order_kind kind, uint64_t seed,
                      struct trace traces[TREE_NODES]);

#endif
