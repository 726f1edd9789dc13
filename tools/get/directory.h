/*
 * The directory that files are saved in, kept open from start to end: names are relative to it,
 * whatever becomes of its path.
 */
#ifndef GET_DIRECTORY_H
#define GET_DIRECTORY_H

#include <stdint.h>
#include <whorl.h>

struct directory {
    int fd;
    whorl_mutex syncing;
    uint64_t renames; /* made in it so far */
    uint64_t synced;  /* and how many of these are on disk */
};

/* Outside a run. 0, or -errno. */
int directory_open(struct directory *self, const char *path);
void directory_close(struct directory *self);

/* Waits until the renames made so far, the caller's among them, are on disk: those of many callers
 * with one fsync. 0, or -errno. */
int directory_sync(struct directory *self);

/* Gives `from` the name `to`, and its content is safe before. Where `replaces` is 0 nothing else
 * may have that name: -EEXIST. 0, or -errno. */
int directory_rename(struct directory *self, const char *from, const char *to, int replaces);

#endif
