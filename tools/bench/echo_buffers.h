/*
 * A ring of provided buffers for the baseline `liburing`. The kernel takes buffers from it as it
 * receives; the server gives them back. Each buffer can stand in one connection's queue.
 */
#ifndef BENCH_ECHO_BUFFERS_H
#define BENCH_ECHO_BUFFERS_H

#include <stddef.h>

#include "uring.h"

enum { ECHO_BUFFER_GROUP = 0 };

typedef struct echo_buffers {
    struct io_uring_buf_ring *ring;
    unsigned count; /* a power of two */
    size_t size;
    char *bytes;
    unsigned *lengths; /* of what was received, by buffer */
    int *next;         /* in the queue of a connection, by buffer */
    int given_back;    /* added to the ring since it was last told */
} echo_buffers;

/* Makes and registers `count` buffers of `size` bytes. 0, or -1 with a sentence. */
int echo_buffers_open(echo_buffers *out, struct io_uring *ring, unsigned count, size_t size);

static inline char *echo_buffers_at(const echo_buffers *in, int buffer)
{
    return in->bytes + (size_t)buffer * in->size;
}

/* Gives a buffer back; the kernel sees it after echo_buffers_publish. */
static inline void echo_buffers_give(echo_buffers *in, int buffer)
{
    io_uring_buf_ring_add(in->ring, echo_buffers_at(in, buffer), (unsigned)in->size,
                          (unsigned short)buffer, (int)in->count - 1, in->given_back++);
}

static inline void echo_buffers_publish(echo_buffers *in)
{
    if (in->given_back > 0)
        io_uring_buf_ring_advance(in->ring, in->given_back);
    in->given_back = 0;
}

#endif
