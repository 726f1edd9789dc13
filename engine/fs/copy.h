/*
 * Copying files: the contents of one descriptor to another, what else a file has, and one file
 * from name to name. All of it blocks, so it runs on threads of the pool, a step at a time: between
 * two steps the task that waits may be cancelled.
 *
 * Ways, each tried where those before it cannot:
 *
 *     reflink      the file system shares the blocks (FICLONE)
 *     range        copy_file_range(2): within the file system, or at its server
 *     splice       sendfile(2): from page to page in the kernel
 *     read-write   pread(2) and pwrite(2)
 *
 * Files of unknown size (/proc) are read to their end. Holes stay holes.
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
    off_t size;     /* of `from`, when it was looked at */
    off_t at;       /* copied up to here */
    off_t data_end; /* from here to there is data; the end of file may come first */
};

/* Sets up to copy `from`, which `status` describes, in any of the `ways`. */
void copy_begin(struct copy *copy, int from, int to, const struct stat *status, unsigned ways);

/* Copies about `bytes` more. Blocks; from any thread. 1: there may be more to copy; 0: all of it is;
 * -errno. If none of the ways is possible, what the last of them said, or -EOPNOTSUPP. */
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

/* --- One file, to a new name --- */

/* From names in directories. While it runs the file grows under its final name, as a tree's copy
 * lets it: whorl_copy_file does not. */
struct file_copy {
    int from_dir;
    const char *from;
    int to_dir;
    const char *to;
    unsigned keep; /* COPY_KEEP_* */
    unsigned ways;
    int open_flags; /* for `from`, such as O_NOFOLLOW */
    /* Set by file_copy_step. */
    bool begun;
    struct stat status; /* of `from`, once it was opened */
    struct copy copy;
};

/* Opens a file to be copied, without waiting for the other end of a FIFO, and looks at it. The
 * descriptor; -EISDIR, -EINVAL as below, or what open(2) says. Blocks; from any thread. */
int copy_open_from(int dir, const char *name, int flags, struct stat *status);

/* As a whorl_fn, of a struct file_copy whose first part is set: opens, makes `to`, copies at most
 * COPY_STEP bytes, and when that was all gives `to` its attributes and closes both. 1: call it
 * again; 0: the file is copied, but not brought to the disk; -errno: it has been given up, and `to`
 * is gone if it was made here.
 *   -EEXIST  `to` is there
 *   -EISDIR  `from` is a directory
 *   -EINVAL  `from` is no regular file
 *   else     as open(2), copy_file_range(2), fchmod(2) and so on say */
intptr_t file_copy_step(void *file_copy);

/* Gives a copy up after a step that gave 1, or that was not made: closes both, and removes `to`.
 * Blocks; from any thread. */
void file_copy_give_up(struct file_copy *copy);

/* The whole of it in a task: a job of the pool for each step. As file_copy_step, and
 *   -ECANCELED  the caller is cancelled, and there was more to do: it was given up
 *   -ENOMEM, -EAGAIN, -EMFILE, -ENFILE, -EPERM  as whorl_to_thread */
int file_copy_run(struct file_copy *copy);

#endif
