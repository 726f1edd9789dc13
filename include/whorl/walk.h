/*
 * Walking a tree: every entry below a directory, one after another.
 *
 *     whorl_walk walk;
 *     whorl_walk_entry entry;
 *     int error = whorl_walk_begin(&walk, "/usr/share", WHORL_WALK_SORTED);
 *     if (error)
 *         return error;
 *     while ((error = whorl_walk_next(&walk, &entry)) == 1)
 *         if (entry.visit == WHORL_VISIT_FILE)
 *             printf("%s\n", entry.path);
 *         else if (entry.visit == WHORL_VISIT_ERROR)
 *             fprintf(stderr, "%s: %s\n", entry.path, strerror(-entry.error));
 *     whorl_walk_end(&walk);
 *
 * A directory is visited twice: before what is in it (WHORL_VISIT_DIR) and after
 * (WHORL_VISIT_DIR_END), each exactly once, whatever happens between. What is wrong with a single
 * directory is told by a visit of its own (WHORL_VISIT_ERROR, as FTS_DNR of fts(3)), and the walk
 * goes on.
 *
 * Each directory is opened from the one above it and read as a whole, on a thread of the loop's,
 * when the walk enters it. So paths may be longer than PATH_MAX; renaming or removing what was
 * visited, or directories above, does not lead the walk astray; and without WHORL_WALK_FOLLOW it
 * never leaves the tree, whatever links are put in its way. At most 18 descriptors are open,
 * however deep the tree: those high up are closed meanwhile, and opened again by ".." or by their
 * names. If what is found there is another directory, its remaining entries are not visited, and
 * -ESTALE says so. The memory that is taken is that of the names in the directories from the root
 * to where it is.
 *
 * Every call that waits also gives -EPERM outside a task, and -ECANCELED in a cancelled one,
 * with no effect.
 */
#ifndef WHORL_WALK_H
#define WHORL_WALK_H

#include <dirent.h>
#include <whorl/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct statx;

/* A walk, in the caller's memory. Any task may use it, one at a time. */
typedef struct whorl_walk {
    void *engine[1]; /* the engine's */
} whorl_walk;

enum {
    WHORL_WALK_SORTED = 1 << 0,     /* each directory's entries by the bytes of their names; else in
                                       the order of the file system */
    WHORL_WALK_FOLLOW = 1 << 1,     /* symbolic links stand for what they lead to; one that leads
                                       nowhere, for itself */
    WHORL_WALK_ONE_DEVICE = 1 << 2, /* what is in directories of other file systems than the root's
                                       is not visited; they are */
};

enum whorl_visit {
    WHORL_VISIT_DIR,     /* a directory, before what is in it */
    WHORL_VISIT_DIR_END, /* the same, after that */
    WHORL_VISIT_FILE,    /* anything else */
    WHORL_VISIT_ERROR, /* what is in a directory cannot be visited, or not all of it. It is between
                            its two other visits. -ELOOP: it is the same as one that it is in */
};

/* A visit. Pointers and the descriptor are the walk's, and hold until the next call for it. */
typedef struct whorl_walk_entry {
    enum whorl_visit visit;
    int error;          /* -errno of WHORL_VISIT_ERROR; else 0 */
    unsigned char type; /* DT_*, as whorl_dir_entry's */
    unsigned depth;     /* 0: the root; 1: what is in it */
    uint64_t inode;     /* without WHORL_WALK_FOLLOW; with it, that of a link is its own */
    const char *path;   /* from the root, without a slash in front; "" for the root */
    const char *name; /* its last part; for the root, the whole path that the walk has begun with */
    int dirfd;        /* the directory that `name` is in, for whorl_openat, whorl_unlinkat, ...; for
                           the root, what the walk has begun with. -1: it could not be opened
                           again */
} whorl_walk_entry;

/* Begins a walk at `root`, which may be any file, and is followed if it is a link. Takes memory,
 * and later descriptors, until whorl_walk_end. The text of the path may go when this returns; dirfd
 * stays the caller's, and open to the end. Returns 0; after an error there is nothing to end.
 *   -EINVAL  walk is NULL, or flags are unknown
 *   -ENOMEM
 *   else     as statx(2) for the root: -ENOENT, -EACCES, ... */
WHORL_API int whorl_walk_begin(whorl_walk *walk, const char *root, unsigned flags);
WHORL_API int whorl_walk_beginat(whorl_walk *walk, int dirfd, const char *root, unsigned flags);

/* The next visit. Returns 1; 0 after the last. After any error this may be called again, and goes
 * on where it was.
 *   -EBUSY   another task waits in a call for this walk
 *   -EINVAL  walk or entry is NULL, or the walk has ended
 *   -ENOMEM, and -EAGAIN, -EMFILE, -ENFILE where not a single thread can be had */
WHORL_API int whorl_walk_next(whorl_walk *walk, whorl_walk_entry *entry);

/* Leaves out what is in the directory just visited with WHORL_VISIT_DIR; it is not even opened.
 * WHORL_VISIT_DIR_END follows. Does not wait. Returns 0.
 *   -EBUSY   as for whorl_walk_next
 *   -EINVAL  walk is NULL or has ended, or the last visit was another */
WHORL_API int whorl_walk_skip(whorl_walk *walk);

/* statx(2) of what was visited last; of what a link leads to where the walk has followed it.
 *   -EBUSY   as for whorl_walk_next
 *   -EINVAL  walk is NULL or has ended, or nothing was visited yet
 *   else     as statx(2) */
WHORL_API int whorl_walk_statx(whorl_walk *walk, unsigned mask, struct statx *buf);

/* Ends it, at any point; in a cancelled task too. Without that, its memory and descriptors are
 * lost. Returns 0.
 *   -EBUSY   as for whorl_walk_next
 *   -EINVAL  walk is NULL or has ended
 *   -EPERM   not inside a task; it has not ended */
WHORL_API int whorl_walk_end(whorl_walk *walk);

#ifdef __cplusplus
}
#endif

#endif
