/* Buffers for what is received: see buffers.h. */
#include <errno.h>
#include <net/buffers.h>
#include <stdlib.h>
#include <sys/mman.h>

#define FEWEST 8 /* buffers for which a group is worth while */

static size_t step_of(const struct buffer_pool *pool)
{
    size_t lines = (pool->bytes + TASK_LINE - 1) / TASK_LINE;
    return (lines | 1) * TASK_LINE;
}

static void *reserve(size_t bytes)
{
    int kind = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, kind, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static void release(struct buffer_pool *pool)
{
    if (pool->memory)
        munmap(pool->memory, pool->most * step_of(pool));
    if (pool->pieces)
        munmap(pool->pieces, pool->most * sizeof *pool->pieces);
    *pool = (struct buffer_pool){0};
}

static void add(struct buffer_pool *pool, unsigned count)
{
    for (unsigned end = pool->made + count; pool->made < end; pool->made++) {
        struct piece *piece = &pool->pieces[pool->made];
        piece->data = pool->memory + pool->made * step_of(pool);
        piece->room = pool->bytes;
        piece->index = pool->made;
        ring_buffers_give(&pool->ring, piece->index, piece->data, piece->room);
    }
    ring_buffers_publish(&pool->ring);
}

int buffers_open(struct loop *loop, struct buffer_pool *pool, enum buffer_group group,
                 unsigned bytes, unsigned first, unsigned most)
{
    *pool = (struct buffer_pool){.most = most, .bytes = bytes};
    int error = ring_buffers_open(&loop->ring, &pool->ring, group, pool->most);
    while (error == -ENOMEM && pool->most > FEWEST) {
        pool->most /= 2;
        error = ring_buffers_open(&loop->ring, &pool->ring, group, pool->most);
    }
    if (error)
        return error;
    pool->memory = reserve(pool->most * step_of(pool));
    pool->pieces = reserve(pool->most * sizeof *pool->pieces);
    if (!pool->memory || !pool->pieces) {
        buffers_close(loop, pool);
        return -ENOMEM;
    }
    add(pool, first < pool->most ? first : pool->most);
    return 0;
}

void buffers_close(struct loop *loop, struct buffer_pool *pool)
{
    if (pool->ring.slots)
        ring_buffers_close(&loop->ring, &pool->ring);
    release(pool);
}

bool buffers_feed(struct buffer_pool *pool)
{
    if (pool->out < pool->made)
        return true;
    unsigned more = pool->most - pool->made;
    if (more == 0)
        return false;
    add(pool, more < pool->made ? more : pool->made);
    return true;
}

void buffers_give(struct buffer_pool *pool, struct piece *piece)
{
    if (piece->index == PIECE_OWN) {
        free(piece);
        return;
    }
    assert(pool->out > 0);
    pool->out--;
    ring_buffers_give(&pool->ring, piece->index, piece->data, piece->room);
    ring_buffers_publish(&pool->ring);
}

struct piece *piece_make(size_t room)
{
    struct piece *piece = room <= PIECE_MOST ? malloc(sizeof *piece + room) : NULL;
    if (!piece)
        return NULL;
    *piece =
        (struct piece){.data = (char *)(piece + 1), .room = (uint32_t)room, .index = PIECE_OWN};
    return piece;
}
