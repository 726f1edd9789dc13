/* Buffers for bulk transfers: see bulk_buffers.h. */
#include <core/leftover.h>
#include <net/bulk_buffers.h>
#include <stdlib.h>

struct bulk {
    struct leftover leftover;
    struct loop *loop;
    unsigned taken;            /* all sizes */
    unsigned large;            /* taken, of the large ones */
    struct bulk_buffer *first; /* of those taken */
    unsigned kept;             /* large ones */
    unsigned kept_small;
    char *free[BULK_KEPT];
    char *free_small[BULK_KEPT_SMALL];
};

static void stop_nothing(struct leftover *self)
{
    (void)self;
}

static void end(struct leftover *self)
{
    struct bulk *bulk = (struct bulk *)self;
    for (struct bulk_buffer *left = bulk->first; left; left = left->next)
        free(left->start);
    while (bulk->kept > 0)
        free(bulk->free[--bulk->kept]);
    while (bulk->kept_small > 0)
        free(bulk->free_small[--bulk->kept_small]);
    bulk->loop->bulk = NULL;
    free(bulk);
}

static struct bulk *bulk_of(struct loop *loop)
{
    if (loop->bulk)
        return loop->bulk;
    struct bulk *bulk = calloc(1, sizeof *bulk);
    if (!bulk)
        return NULL;
    bulk->leftover = (struct leftover){.stop = stop_nothing, .end = end};
    bulk->loop = loop;
    leftover_add(loop, &bulk->leftover);
    loop->bulk = bulk;
    return bulk;
}

static size_t size_for(const struct bulk *bulk, size_t wanted)
{
    if (wanted <= BULK_SMALL || bulk->taken >= BULK_MIDDLE_MOST)
        return BULK_SMALL;
    return wanted <= BULK_MIDDLE || bulk->large >= BULK_LARGE_MOST ? BULK_MIDDLE : BULK_LARGE;
}

bool bulk_buffer_take(struct loop *loop, struct bulk_buffer *buffer, size_t wanted)
{
    struct bulk *bulk = bulk_of(loop);
    if (!bulk)
        return false;
    buffer->size = size_for(bulk, wanted);
    bool is_large = buffer->size == BULK_LARGE;
    if (is_large && bulk->kept > 0)
        buffer->start = bulk->free[--bulk->kept];
    else if (buffer->size == BULK_SMALL && bulk->kept_small > 0)
        buffer->start = bulk->free_small[--bulk->kept_small];
    else
        buffer->start = aligned_alloc(BULK_ALIGNMENT, buffer->size);
    if (!buffer->start)
        return false;
    bulk->taken++;
    bulk->large += is_large;
    buffer->next = bulk->first;
    buffer->link = &bulk->first;
    if (buffer->next)
        buffer->next->link = &buffer->next;
    bulk->first = buffer;
    return true;
}

void bulk_buffer_give_back(struct loop *loop, struct bulk_buffer *buffer)
{
    struct bulk *bulk = loop->bulk;
    assert(bulk && bulk->taken > 0 && buffer->start);
    *buffer->link = buffer->next;
    if (buffer->next)
        buffer->next->link = buffer->link;
    bulk->taken--;
    bulk->large -= buffer->size == BULK_LARGE;
    if (buffer->size == BULK_LARGE && bulk->kept < BULK_KEPT)
        bulk->free[bulk->kept++] = buffer->start;
    else if (buffer->size == BULK_SMALL && bulk->kept_small < BULK_KEPT_SMALL)
        bulk->free_small[bulk->kept_small++] = buffer->start;
    else
        free(buffer->start);
}

unsigned bulk_buffers_kept(const struct loop *loop)
{
    return loop->bulk ? loop->bulk->kept : 0;
}
