/*
 * Trees for tests, by plain system calls on one thread: grown at random, and compared entry by
 * entry. What is deeper than PATH_MAX is not for these.
 */
#ifndef TESTS_FS_TREES_H
#define TESTS_FS_TREES_H

#include "support.h"

#include <sys/stat.h>

/* What grow_tree has made, in and below the root, which is counted too. */
typedef struct tree_figures {
    uint64_t directories, files, links, specials, bytes;
} tree_figures;

enum {
    GROW_SPECIALS = 1 << 0, /* FIFOs, sockets and, for root, devices */
    GROW_MODES = 1 << 1,    /* all kinds of; directories may be read-only, or closed */
    GROW_HOLES = 1 << 2,
};

/* Makes the directory `path` with about `entries` entries at several levels. */
tree_figures grow_tree(const char *path, random_source *source, unsigned entries, unsigned with);

enum {
    SAME_TIMES = 1 << 0,
    SAME_BUT_MODES = 1 << 1, /* modes may differ */
    AT_MOST = 1 << 2,        /* `two` may lack entries, and directories be open to their owner */
};

/* Whether the tree `two` is a copy of `one`: types, contents, targets, modes, devices, and no more
 * blocks. Says what is not; entries that `two` has alone count as well. */
bool trees_are_same(const char *one, const char *two, unsigned how);

/* Makes a directory; a chain of them, `name` in `name`, `depth` levels deep,
 * with a file "end" in the last. */
void make_directory(const char *path);
void make_chain(const char *path, const char *name, unsigned depth);

/* How deep the first directories go in each other; and whether the last has the file "end". */
unsigned chain_depth(const char *path, bool *has_end);

bool exists(const char *path);

/* Whether there is nothing but the names given in a directory. */
bool is_empty(const char *path);

#endif
