/*
 * The tree workload: a tree of small files is copied, and the copy removed: by whorl_copy_tree and
 * whorl_remove_tree, and by cp and rm.
 */
#ifndef BENCH_TREE_H
#define BENCH_TREE_H

#include "workload.h"

/* Makes the tree to be copied, in a temporary directory in the current one, which is noted in
 * `given`. 0, or -1 with a sentence. */
int tree_prepare(options *given);

/* Removes that directory, if there is one. */
void tree_give_back(options *given);

extern const workload tree_workload;

#endif
