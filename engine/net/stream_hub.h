/*
 * What the streams of a loop share: the pool of buffers to receive into, chunks to write into, and
 * the list of those that have something to send. It is made before the first stream, and
 * goes at the run's end after all of them.
 *
 * Dirty streams wait for the loop's next turn: one timer, due at once, starts a send for each. So
 * what the tasks of a turn write in small pieces goes out together, and all with one submission.
 */
#ifndef NET_STREAM_HUB_H
#define NET_STREAM_HUB_H

#include <core/leftover.h>
#include <net/buffers.h>
#include <whorl/stream.h>

/* A small one is for what is little; what comes on top of that goes into a large one with it. */
enum chunk_size { CHUNK_SMALL, CHUNK_LARGE, CHUNK_SIZES };

struct chunk {
    struct chunk *next;
    uint32_t start; /* of what is not sent */
    uint32_t end;
    uint32_t room;
    enum chunk_size size;
    char data[];
};

#define CHUNK_SMALL_ROOM (1024 - sizeof(struct chunk))
#define CHUNK_LARGE_ROOM ((16 << 10) - sizeof(struct chunk))

struct stream_hub {
    struct loop *loop;
    struct buffer_pool pool;
    bool pool_is_open;
    bool pool_is_refused; /* no memory, or no such thing in this kernel */
    whorl_stream *dirty;
    whorl_stream **dirty_end;
    struct timer timer;
    struct chunk *spare[CHUNK_SIZES];
    unsigned spares[CHUNK_SIZES];
    struct leftover leftover;
};

/* The loop's hub. NULL: no memory. */
struct stream_hub *hub_of(struct loop *loop);

/* The pool, opened if it can be; NULL: streams are to do without. */
struct buffer_pool *hub_pool(struct stream_hub *hub);

/* An empty chunk. NULL: no memory. */
struct chunk *hub_take_chunk(struct stream_hub *hub, enum chunk_size size);
void hub_give_chunk(struct stream_hub *hub, struct chunk *chunk);

/* Puts a stream into the list of those that have something to send, and takes it out. */
void hub_mark(struct stream_hub *hub, whorl_stream *stream);
void hub_unmark(struct stream_hub *hub, whorl_stream *stream);

#endif
