/*
 * A listing: all entries of a directory, read in steps, and in memory of malloc's.
 *
 *     empty --step--> partial --step--> whole
 *
 * The steps block: they are for threads. A listing is empty at first, but for how it is to be.
 */
#ifndef FS_LISTING_H
#define FS_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One entry. They lie one after the other, aligned. */
struct found {
    uint64_t inode;
    unsigned char type; /* DT_* */
    char name[];
};

struct listing {
    bool sorted;  /* by the bytes of the names; else as they come */
    bool follows; /* the type of a link is that of what it leads to, if it does */
    char *data;
    size_t used;
    size_t room;
    size_t count;
    struct found **found; /* once it is whole: `count` of them */
};

/* Reads on, for as long as a cancel may wait. Returns 1 if there is more, and 0 when the listing is
 * whole and in order; -ENOMEM: this may be called again; or another error of getdents64(2), which
 * leaves what was read before, for listing_close. */
int listing_step(struct listing *listing, int fd);

/* Takes what has been read for the whole. 0, or -ENOMEM: this may be called again. */
int listing_close(struct listing *listing);

/* Gives the memory back; the listing is empty again. */
void listing_free(struct listing *listing);

#endif
