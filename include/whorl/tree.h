/*
 * Whole trees: copied, and removed.
 *
 *     whorl_tree_report report;
 *     int result = whorl_copy_tree("photos", "/backup/photos", WHORL_TREE_TIMES, &report);
 *     if (result < 0)
 *         fprintf(stderr, "%s: %s\n", report.path, strerror(-result));
 *
 * The work is done on the loop's threads, whole files at a time and several directories at once,
 * while only the calling task waits. A tree may be deeper than PATH_MAX and a directory as wide as
 * it likes: at most 100 descriptors are open at a time, and the memory taken grows with the depth,
 * not with the number of entries.
 *
 * Both calls also give -EPERM outside a task, and -ENOMEM, -EAGAIN, -EMFILE, -ENFILE as
 * whorl_to_thread does. The strings are the engine's until the call returns.
 */
#ifndef WHORL_TREE_H
#define WHORL_TREE_H

#include <whorl/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Flags of a copy. */
enum {
    WHORL_TREE_GO_ON = 1 << 0,  /* past errors, which are counted */
    WHORL_TREE_MERGE = 1 << 1,  /* into directories that exist, over files that do */
    WHORL_TREE_FOLLOW = 1 << 2, /* what symbolic links lead to, instead of the links */
    WHORL_TREE_TIMES = 1 << 3,  /* with the times of access and modification */
    WHORL_TREE_XATTRS = 1 << 4, /* with extended attributes, access control lists among them, as far
                                   as the caller may set them */
    WHORL_TREE_ONE_FS = 1 << 5, /* without what is in other file systems mounted in the tree */
};

/* Flags of a removal, WHORL_TREE_ONE_FS among them. */
enum {
    WHORL_TREE_MAY_MISS = 1 << 6, /* it is fine if there is nothing */
};

#define WHORL_TREE_PATH_MAX 4096

/* What was done. */
typedef struct whorl_tree_report {
    uint64_t directories; /* made, or removed, the tree's own among them */
    uint64_t files;       /* regular ones */
    uint64_t links;       /* symbolic ones */
    uint64_t specials;    /* FIFOs, sockets and devices */
    uint64_t bytes;       /* of the files' contents as copied, holes included; 0 for a removal */
    uint64_t errors;      /* that were met */
    int error;            /* the first of them in time; 0: none */
    /* What it was about, on the side on which it happened: "" if about no entry, such as a lack of
     * threads; beginning with "..." where only the end of it has room. A string. */
    char path[WHORL_TREE_PATH_MAX];
} whorl_tree_report;

/* Copies the directory `from` with all that is in it as `to`, which must not exist, while its
 * parent must. Regular files are copied with their holes, and by reference where the file system
 * can; FIFOs, sockets and devices are made anew; symbolic links are copied as they are, but `from`
 * itself may be one. Modes are kept whatever the umask says, but for the set-user-ID and
 * set-group-ID bits of what is of another user or group than its copy, which is the caller's. A
 * file with several names becomes as many files.
 *
 * The tree may change meanwhile: what is gone when its turn comes is left out, and what comes may
 * be left out. A file is copied whole, or not at all: what an error or a cancel cuts off is taken
 * away again. Everything that was copied before that stays; directories that were not finished are
 * then still open to their owner. whorl_remove_tree takes it all away.
 *
 * With WHORL_TREE_MERGE a file that exists is removed and made anew, so that its other names keep
 * the old content; a directory is kept, and gets the mode of the other. A directory never takes the
 * place of something else, nor something else that of a directory; a symbolic link in `to` is
 * followed by neither, but `to` itself may be one.
 *
 * Ends at the first error, unless WHORL_TREE_GO_ON is given: then an entry that cannot be copied is
 * left out, and the first error in time is the result when all else was. A cancel ends it at the
 * next file, or after a few megabytes of a large one. `report`, which may be NULL, is filled in any
 * case in which the call gives anything but -EPERM or -EINVAL for its arguments. Returns 0.
 *   -ECANCELED  the caller is cancelled; if that came later, a part was copied
 *   -EEXIST     `to` exists; with WHORL_TREE_MERGE: what is no directory there is one here
 *   -EINVAL     from, to is NULL or unknown flags are given; or one directory lies within the
 *               other, or is it: nothing was copied. Or a link or a mount led into `to`
 *   -EISDIR     with WHORL_TREE_MERGE: a directory is where something else is to go
 *   -ELOOP      with WHORL_TREE_FOLLOW: a link leads back to a directory that it is in
 *   -ENOENT     `from`, or the directory of `to`, does not exist; with WHORL_TREE_FOLLOW: a link
 *   leads nowhere
 *   -ENOSPC, -EDQUOT  no room; the file that did not fit is not there
 *   -ENOTDIR    `from` is no directory
 *   -ESTALE     a directory was exchanged for another while it was being copied
 *   else        what open(2), read(2), write(2), mkdir(2), mknod(2), symlink(2), fsetxattr(2) give
 */
WHORL_API int whorl_copy_tree(const char *from, const char *to, unsigned flags,
                              whorl_tree_report *report);

/* Removes the directory `path` and all that is in it; or whatever else it is. A symbolic link is
 * removed, never followed, neither as `path` nor in it, also where something puts one in the place
 * of a directory meanwhile: nothing outside of the tree is touched. What others remove meanwhile is
 * fine; what they add is removed with the rest, unless it keeps coming.
 *
 * Goes on past errors and removes all that it can; its result is the first error in time then. A
 * cancel ends it at the next file. `report` is as above. Returns 0.
 *   -EACCES, -EPERM  an entry may not be removed: its directory is read-only, for instance
 *   -EBUSY      something is mounted there
 *   -ECANCELED  the caller is cancelled; if that came later, a part was removed
 *   -EINVAL     path is NULL, empty, "/" in whatever spelling, or ends in "." or ".."; or unknown
 *               flags are given
 *   -ENOENT     there is nothing; without WHORL_TREE_MAY_MISS
 *   -ENOTDIR    path ends in a slash, and is no directory
 *   -ENOTEMPTY  others keep adding to a directory
 *   -ESTALE     a directory was exchanged for another meanwhile; neither is removed
 *   -EXDEV      with WHORL_TREE_ONE_FS: another file system is mounted there
 *   else        what open(2) and unlink(2) give */
WHORL_API int whorl_remove_tree(const char *path, unsigned flags, whorl_tree_report *report);

#ifdef __cplusplus
}
#endif

#endif
