/*
 * A walk, as its two halves share it: walk.c decides what is visited next, on the task; levels.c
 * opens and reads directories, on a thread.
 *
 *     a level: entered --> read (whole, in part, or not at all) --> left
 *
 * The levels are the directories from the root to where the walk is: each was visited as
 * WHORL_VISIT_DIR, and not yet as WHORL_VISIT_DIR_END. Their paths are beginnings of one text,
 * that of the deepest. Of their descriptors the root's stays open, and a few of the deepest.
 */
#ifndef FS_WALK_H
#define FS_WALK_H

#include <fs/listing.h>
#include <sys/types.h>
#include <whorl/walk.h>

/* Levels that are open besides the root, at most; and one more while it is being left. */
#define LEVELS_OPEN 16

struct level {
    int fd; /* -1: closed */
    bool read;
    int error; /* to be told by a visit */
    unsigned char type;
    uint64_t listed_inode; /* as the directory above names it */
    dev_t device;          /* these two once it was opened */
    ino_t inode;
    struct listing listing;
    size_t next;    /* of the listing */
    size_t name_at; /* in the walk's path */
    size_t path_len;
};

struct walk {
    unsigned flags;
    int dirfd; /* where the root's path counts from */
    char *root;
    bool busy;
    bool begun; /* the root was visited */
    unsigned char root_type;
    uint64_t root_inode;
    whorl_walk_entry last; /* the last visit */
    char *path;            /* has room for path_room bytes */
    size_t path_room;
    struct level *levels; /* has room for levels_room of them */
    unsigned levels_room;
    unsigned depth; /* how many there are */
};

/* Opens the deepest level and reads on. Returns 0 when it has been read, whatever came of that; 1
 * if there is more to be read; or -ENOMEM: this may be called again. Blocks. */
int level_read(struct walk *walk);

/* Opens a level again that was read and closed meanwhile. Returns 0, or -errno. Blocks. */
int level_reopen(struct walk *walk, unsigned index);

#endif
