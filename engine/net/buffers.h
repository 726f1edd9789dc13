/*
 * Buffers for what is received, shared by all who receive in the same way on a loop: the kernel
 * takes one when it has bytes for it, and not before.
 *
 *     with the kernel --completion--> with who received --buffers_give--> with the kernel
 *
 * The memory is reserved at the opening, and used from the first buffer on: a pool begins with few,
 * and has twice as many each time that the kernel has found none because all were out, up to
 * `most`. The kernel uses them in turn, so that few stay in the cache, and many do not. From one to
 * the next it is an odd number of cache lines, so that the first lines of all buffers do not fall
 * into the same few sets of the cache.
 *
 * A piece is a run of bytes in a buffer of the pool, or in memory of its own (piece_make); pieces
 * form lists through `next`. From: anywhere in the loop.
 */
#ifndef NET_BUFFERS_H
#define NET_BUFFERS_H

#include <core/loop.h>

/* Groups of the ring, by who receives. */
enum buffer_group { BUFFERS_OF_STREAMS = 1, BUFFERS_OF_DATAGRAMS = 2 };

struct buffer_pool {
    struct ring_buffers ring;
    char *memory;
    struct piece *pieces; /* one for each buffer */
    unsigned most;
    unsigned made;  /* in use so far: with the kernel, or out */
    unsigned out;   /* with who received */
    unsigned bytes; /* of a buffer */
};

#define PIECE_OWN UINT32_MAX
#define PIECE_MOST ((size_t)1 << 31) /* bytes of one */

struct piece {
    struct piece *next;
    char *data;
    uint32_t start; /* the run */
    uint32_t end;
    uint32_t room;
    uint32_t index; /* of the pool's buffer, or PIECE_OWN */
};

static inline size_t piece_len(const struct piece *piece)
{
    return piece->end - piece->start;
}

static inline size_t piece_room(const struct piece *piece)
{
    return piece->room - piece->end;
}

/* Opens a pool for a group, with `first` buffers of `bytes`, and at most `most`; both are powers of
 * two. Where the kernel gives no room for so many, with fewer. 0, -ENOMEM, or -EINVAL where it has
 * no groups of buffers. */
int buffers_open(struct loop *loop, struct buffer_pool *pool, enum buffer_group group,
                 unsigned bytes, unsigned first, unsigned most);

/* Closes one from which no op in flight may take. What is out goes with it. */
void buffers_close(struct loop *loop, struct buffer_pool *pool);

/* The kernel has found no buffer. Whether it has some now: there are twice as many if none has come
 * back meanwhile, and not as many as may be. Of all who were left without in one turn, the first
 * has them added. */
bool buffers_feed(struct buffer_pool *pool);

/* The buffer that a completion has taken, as a piece with its first `len` bytes. */
static inline struct piece *buffers_take(struct buffer_pool *pool, unsigned marks, size_t len)
{
    struct piece *piece = &pool->pieces[ring_buffer_of(marks)];
    assert(len <= piece->room);
    piece->next = NULL;
    piece->start = 0;
    piece->end = (uint32_t)len;
    pool->out++;
    return piece;
}

/* Gives a piece back: its buffer to the kernel, or its own memory. */
void buffers_give(struct buffer_pool *pool, struct piece *piece);

/* An empty piece with memory of its own. NULL: none, or it is more than PIECE_MOST. */
struct piece *piece_make(size_t room);

#endif
