/* What the streams of a loop share: see stream_hub.h. */
#include <net/stream.h>
#include <stdlib.h>

/* A buffer that is full makes the kernel look for more at once, mostly in vain where a message has
 * just that length; and lengths are powers of two as a rule. So it is a little longer. */
#define BUFFER_BYTES ((16u << 10) + TASK_LINE)
#define BUFFERS_FIRST 16
#define BUFFERS_MOST 4096

static const unsigned chunk_room[] = {CHUNK_SMALL_ROOM, CHUNK_LARGE_ROOM};
static const unsigned spares_most[] = {4096, 128};

static void chunks_free(struct chunk *list)
{
    while (list) {
        struct chunk *first = list;
        list = first->next;
        free(first);
    }
}

static void hub_stop(struct leftover *self)
{
    (void)self;
}

static void hub_end(struct leftover *self)
{
    struct stream_hub *hub =
        (struct stream_hub *)((char *)self - offsetof(struct stream_hub, leftover));
    if (timer_is_armed(&hub->timer))
        timer_disarm(&hub->loop->timers, &hub->timer);
    if (hub->pool_is_open)
        buffers_close(hub->loop, &hub->pool);
    chunks_free(hub->spare[CHUNK_SMALL]);
    chunks_free(hub->spare[CHUNK_LARGE]);
    hub->loop->stream_hub = NULL;
    free(hub);
}

struct stream_hub *hub_of(struct loop *loop)
{
    if (loop->stream_hub)
        return loop->stream_hub;
    struct stream_hub *hub = calloc(1, sizeof *hub);
    if (!hub)
        return NULL;
    hub->loop = loop;
    hub->dirty_end = &hub->dirty;
    hub->pool_is_refused = !(loop->ring.features & WHORL_FEATURE_RECV_MULTISHOT);
    hub->leftover = (struct leftover){.stop = hub_stop, .end = hub_end};
    leftover_add(loop, &hub->leftover);
    loop->stream_hub = hub;
    return hub;
}

struct buffer_pool *hub_pool(struct stream_hub *hub)
{
    if (!hub->pool_is_open && !hub->pool_is_refused) {
        hub->pool_is_refused = buffers_open(hub->loop, &hub->pool, BUFFERS_OF_STREAMS, BUFFER_BYTES,
                                            BUFFERS_FIRST, BUFFERS_MOST) != 0;
        hub->pool_is_open = !hub->pool_is_refused;
    }
    return hub->pool_is_open ? &hub->pool : NULL;
}

struct chunk *hub_take_chunk(struct stream_hub *hub, enum chunk_size size)
{
    struct chunk *chunk = hub->spare[size];
    if (chunk) {
        hub->spare[size] = chunk->next;
        hub->spares[size]--;
    } else {
        chunk = malloc(sizeof *chunk + chunk_room[size]);
        if (!chunk)
            return NULL;
        chunk->size = size;
        chunk->room = chunk_room[size];
    }
    chunk->next = NULL;
    chunk->start = chunk->end = 0;
    return chunk;
}

void hub_give_chunk(struct stream_hub *hub, struct chunk *chunk)
{
    if (hub->spares[chunk->size] == spares_most[chunk->size]) {
        free(chunk);
        return;
    }
    chunk->next = hub->spare[chunk->size];
    hub->spare[chunk->size] = chunk;
    hub->spares[chunk->size]++;
}

/* --- Dirty streams --- */

static void flush(struct timer *timer)
{
    struct stream_hub *hub =
        (struct stream_hub *)((char *)timer - offsetof(struct stream_hub, timer));
    while (hub->dirty) {
        whorl_stream *stream = hub->dirty;
        hub_unmark(hub, stream);
        out_flush(stream);
    }
}

void hub_mark(struct stream_hub *hub, whorl_stream *stream)
{
    if (stream->is_dirty)
        return;
    stream->is_dirty = true;
    stream->dirty_next = NULL;
    stream->dirty_link = hub->dirty_end;
    *hub->dirty_end = stream;
    hub->dirty_end = &stream->dirty_next;
    if (!timer_is_armed(&hub->timer)) {
        hub->timer.fire = flush;
        timer_arm(&hub->loop->timers, &hub->timer, TIMER_AT_ONCE);
    }
}

void hub_unmark(struct stream_hub *hub, whorl_stream *stream)
{
    if (!stream->is_dirty)
        return;
    stream->is_dirty = false;
    *stream->dirty_link = stream->dirty_next;
    if (stream->dirty_next)
        stream->dirty_next->dirty_link = stream->dirty_link;
    else
        hub->dirty_end = stream->dirty_link;
}
