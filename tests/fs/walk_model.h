/*
 * What a walk is to visit, found out by plain and recursive calls; and what one has visited,
 * written down in the same way, a visit a line:
 *
 *     dir 0           the root
 *     file 1 a/b 8    depth, path and type
 *     error 1 a ELOOP
 *     end 0
 */
#ifndef TESTS_FS_WALK_MODEL_H
#define TESTS_FS_WALK_MODEL_H

#include "support.h"

/* Text that grows; freed by free(text). */
struct record {
    char *text;
    size_t len;
    size_t room;
};

/* What a walk of `root` with WHORL_WALK_SORTED or WHORL_WALK_FOLLOW visits. */
void expect_walk(struct record *record, const char *root, unsigned flags);

/* Writes one visit down. */
void record_visit(struct record *record, const whorl_walk_entry *entry);

/* Walks, and writes down what it visits; in a task. Returns the last result of whorl_walk_next.
 * Each entry's descriptor and name lead to the inode that the entry names. */
int record_walk(struct record *record, const char *root, unsigned flags);

/* Checks that both are the same, and frees their text; tells where they part. */
void compare_records(struct record *actual, struct record *expected);

#endif
