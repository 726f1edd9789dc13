/* Copying the tree "from" to "to", and removing the copy, as tasks: with a report of the last. */
#ifndef TESTS_FS_TREE_CALLS_H
#define TESTS_FS_TREE_CALLS_H

#include "fs/trees.h"

static whorl_tree_report report;

static inline intptr_t copy(void *arg)
{
    (void)arg;
    return whorl_copy_tree(path_of("from").text, path_of("to").text, 0, &report);
}

static inline intptr_t remove_copy(void *arg)
{
    (void)arg;
    return whorl_remove_tree(path_of("to").text, 0, &report);
}

#endif
