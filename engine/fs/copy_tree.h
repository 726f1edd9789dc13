/* What copying a tree consists of: directories in copy_tree.c, everything else in
 * copy_tree_entry.c, modes and such in copy_tree_attributes.c. All of it runs on hands. */
#ifndef FS_COPY_TREE_H
#define FS_COPY_TREE_H

#include <fs/tree.h>

/* Copies an entry: see tree_kind. */
enum tree_found copy_tree_entry(struct tree *tree, struct tree_dir *dir, const char *name,
                                unsigned char type);

/* Gives an open copy what is kept of `from`, as it was seen, when its content is done. 0 or -errno,
 * which is the copy's. */
int copy_tree_attributes(const struct tree *tree, int from, int to, const struct stat *seen);

/* The same for one that cannot be opened: links, FIFOs and the like. */
int copy_tree_attributes_at(const struct tree *tree, int dirfd, const char *name,
                            const struct stat *seen);

#endif
