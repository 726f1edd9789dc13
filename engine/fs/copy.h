/*
 * Copying files: the contents of one descriptor to another, and what else a file has. All of it
 * blocks, so it runs on threads of the pool, a step at a time: between two steps the task that
 * waits may be cancelled.
 *
 * Ways, each tried where those before it cannot:
 *
 *     reflink      the file system shares the blocks (FICLONE)
 *     range        copy_file_range(2): within the file system, or at its server
 *     splice       sendfile(2): from page to page in the kernel
 *     read-write   pread(2) and pwrite(2)
 *
 * A file is copied up to the size that it had when it was looked at, so that one that grows as fast
 * as it is copied comes to an end. Files of unknown size (/proc) are read to their end. Holes stay
 * holes.
 */
#ifndef FS_COPY_H
#define FS_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

enum copy_way {
    COPY_REFLINK = 1 << 0,
    COPY_RANGE = 1 << 1,
    COPY_SPLICE = 1 << 2,
    COPY_READ_WRITE = 1 << 3,
    COPY_ANY_WAY = (1 << 4) - 1,
};

/* Bytes a step, as a rule. */
#define COPY_STEP ((size_t)16 << 20)

/* --- Contents --- */

struct copy {
    int from;       /* a regular file, open for reading; its position is the engine's */
    int to;         /* an empty regular file, open for writing; its position, too */
    unsigned ways;  /* those that may still work */
    bool sparse;    /* has holes, to be looked for */
    off_t size;     /* of `from`, when it was looked at: the copy ends there; 0: it has none */
    off_t at;       /* copied up to here */
    off_t data_end; /* from here to there is data; the end of file may come first */
};

/* Sets up to copy `from`, which `status` describes, in any of the `ways`. */
void copy_begin(struct copy *copy, int from, int to, const struct stat *status, unsigned ways);

/* Copies about `bytes` more. Blocks; from any thread. 1: there may be more to copy; 0: all of it
 * is; -errno. If none of the ways is possible, what the last of them said, or -EOPNOTSUPP. */
int copy_some(struct copy *copy, size_t bytes);

/* --- What else a file has --- */

enum copy_keep {
    COPY_KEEP_TIMES = 1 << 0,  /* of last access and modification */
    COPY_KEEP_XATTRS = 1 << 1, /* those that the caller may set */
    COPY_KEEP_OWNER = 1 << 2,  /* and with it set-user-ID and set-group-ID */
};

/* Gives `to` the permission bits of `status`, and what `keep` says of `from`. Blocks; from any
 * thread. 0, or -errno. */
int copy_attributes(int from, int to, const struct stat *status, unsigned keep);

/* Gives `to` the extended attributes of `from` that the caller may set. Blocks; from any thread. 0,
 * or -errno. */
int copy_xattrs(int from, int to);

#endif
