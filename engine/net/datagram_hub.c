/*
 * The buffers that the datagram sockets of a loop share. Each takes the largest UDP datagram, with
 * its sender's address; but memory is used only as far as datagrams reach into them, a page or two
 * as a rule.
 */
#include <net/datagram.h>
#include <stdlib.h>

#define BUFFER_BYTES ((unsigned)(RING_MESSAGE_HEAD + DATAGRAM_NAME_ROOM + DATAGRAM_LARGEST))
#define BUFFERS_FIRST 16
#define BUFFERS_MOST 1024

static void hub_stop(struct leftover *self)
{
    (void)self;
}

static void hub_end(struct leftover *self)
{
    struct datagram_hub *hub =
        (struct datagram_hub *)((char *)self - offsetof(struct datagram_hub, leftover));
    buffers_close(hub->loop, &hub->pool);
    hub->loop->datagram_hub = NULL;
    free(hub);
}

struct buffer_pool *datagram_pool(struct loop *loop)
{
    if (loop->datagram_hub)
        return &loop->datagram_hub->pool;
    if (!(loop->ring.features & WHORL_FEATURE_RECV_MULTISHOT))
        return NULL;
    struct datagram_hub *hub = calloc(1, sizeof *hub);
    if (!hub)
        return NULL;
    if (buffers_open(loop, &hub->pool, BUFFERS_OF_DATAGRAMS, BUFFER_BYTES, BUFFERS_FIRST,
                     BUFFERS_MOST) != 0) {
        free(hub);
        return NULL;
    }
    hub->loop = loop;
    hub->leftover = (struct leftover){.stop = hub_stop, .end = hub_end};
    leftover_add(loop, &hub->leftover);
    loop->datagram_hub = hub;
    return &hub->pool;
}
