/*
 * A file that is to take the place of another, or to appear, whole.
 *
 *     open --> filled --> committed --> closed
 *       '--------'-----> given up ----> closed
 *
 * open: the directory is known, links have been followed, and an empty file waits to be filled: one
 * without a name (O_TMPFILE), or under a name of its own where the file system has no such thing.
 * committed: the name leads to it. A file without a name is gone when it is closed, or its process
 * dies.
 *
 * Opening and committing make many small system calls, some of which io_uring lacks; each is one
 * job for the pool. Between the steps of a commit nothing waits, so no cancel comes between.
 */
#ifndef FS_REPLACEMENT_H
#define FS_REPLACEMENT_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* Flags beside WHORL_FILE_EXCLUSIVE and WHORL_FILE_UNSYNCED. */
#define REPLACEMENT_NAMED (1U << 31) /* under a name of its own from the first */

struct replacement {
    /* What is asked; stays as it is until closed. */
    const char *path;
    unsigned flags;
    mode_t mode;                     /* of a new file, cut by the umask */
    const struct stat *differs_from; /* -EINVAL if this is the file that is there; NULL: any */
    /* What is open. */
    int dir; /* -1: none */
    int fd;  /* -1: none */
    bool replaces;
    struct stat old;              /* if it replaces */
    char name[NAME_MAX + 1];      /* in the directory */
    char temporary[NAME_MAX + 1]; /* "" : the file has no name of its own */
};

/* Sets up. */
void replacement_init(struct replacement *self, const char *path, unsigned flags, mode_t mode);

/* As a whorl_fn: opens; the new file has the permission bits of what it replaces, and its owner as
 * far as may be. 0, or -errno; close it in both cases. Blocks; from any thread. */
intptr_t replacement_open(void *replacement);

/* As a whorl_fn: moves the file, which is on the disk as far as that is wanted, to its name, and
 * waits until the directory is on the disk. 0, or -errno. Blocks; from any thread. */
intptr_t replacement_commit(void *replacement);

/* Gives up what was not committed, and closes what is open. In a task, cancelled or not. */
void replacement_close(struct replacement *self);

#endif
