/*
 * Buffers that bulk transfers go through; one for each while it runs. The first transfers of a loop
 * have large ones, those that come while many run have smaller ones, so that a crowd of slow
 * receivers does not fill the memory. A few large and small ones are kept for the next; they go
 * with the loop.
 *
 * A buffer says nothing of what was in it before: who takes it writes first, and sends only that.
 */
#ifndef NET_BULK_BUFFERS_H
#define NET_BULK_BUFFERS_H

#include <core/loop.h>

#define BULK_LARGE ((size_t)256 << 10)
#define BULK_MIDDLE ((size_t)64 << 10)
#define BULK_SMALL ((size_t)16 << 10)
#define BULK_LARGE_MOST 16   /* of that size at a time */
#define BULK_MIDDLE_MOST 256 /* transfers from which on new ones have small buffers */
#define BULK_KEPT 4          /* large ones kept */
#define BULK_KEPT_SMALL 32   /* small ones kept */
#define BULK_ALIGNMENT 4096  /* which O_DIRECT takes */

/* One that is taken; with who takes it, on its stack as a rule. */
struct bulk_buffer {
    char *start;
    size_t size;
    struct bulk_buffer *next; /* of those taken */
    struct bulk_buffer **link;
};

/* Takes a buffer, of at least `wanted` bytes if there are few transfers; false: there was no
 * memory. And gives it back. What was taken by a task that never goes on goes with the loop. */
bool bulk_buffer_take(struct loop *loop, struct bulk_buffer *buffer, size_t wanted);
void bulk_buffer_give_back(struct loop *loop, struct bulk_buffer *buffer);

/* Large buffers that are kept now. */
unsigned bulk_buffers_kept(const struct loop *loop);

#endif
