/* Where a file is to be made or replaced: the directory, and the name in it, behind all links. */
#ifndef FS_TARGET_H
#define FS_TARGET_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

/* Opens the directory of what `path` leads to, and fills in its name there. A last component that
 * is a symbolic link is followed if asked for, also to where nothing is yet. A descriptor; or
 *   -EISDIR  it can only be a directory: it ends with a slash, or as "." or ".."
 *   -ELOOP   too many links
 *   else     as open(2) of the directory. Blocks; from any thread. */
int target_find(const char *path, bool follows, char name[NAME_MAX + 1]);

/* Whether there is a file: 1, described in *status, which may be replaced; 0: nothing is there.
 *   -EEXIST  something is there, and only nothing is wanted
 *   -EISDIR  a directory
 *   -EINVAL  something else
 *   -EACCES, -EROFS  the caller may not write it */
int target_look(int dir, const char *name, bool exclusive, struct stat *status);

#endif
