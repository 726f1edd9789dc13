/*
 * A channel, for those who wait for it: whorl_channel_send and _recv, and the cases of a select.
 *
 *     open --> closed
 *
 * Elements that were sent and not received stand in a ring, the oldest at `first`. Whoever sends
 * serves a receiver that waits, by copying into its element, and the other way round: a task that
 * is woken finds its work done. Hence, whenever no call is at work:
 *
 *     a receiver waits   =>  no element is kept
 *     a sender waits     =>  as many are kept as the channel can
 *     both wait          =>  one select does both, and nobody else waits
 *     closed             =>  nobody waits
 */
#ifndef SYNC_CHANNEL_H
#define SYNC_CHANNEL_H

#include <sync/waiters.h>
#include <whorl/channel.h>

struct channel {
    char *buffer;        /* these three as in the public struct */
    size_t element_size; /* 0: destroyed */
    size_t capacity;
    size_t first; /* index of the oldest element */
    size_t count;
    struct waiters senders;
    struct waiters receivers;
    bool closed;
    bool owns_buffer;
} __attribute__((may_alias));

_Static_assert(sizeof(struct channel) <= sizeof(whorl_channel), "a channel fits its public struct");
_Static_assert(offsetof(struct channel, first) == offsetof(whorl_channel, engine),
               "what a static initialiser sets is where the engine looks for it");

/* Who waits to send or to receive. */
struct channel_waiter {
    struct waiter waiter; /* first: the waiter is this; served with 0 or -EPIPE */
    void *element;
};

/* 0, or why `loop` cannot deal with the channel. */
static inline int channel_error(const struct loop *loop, const struct channel *channel)
{
    if (!channel || channel->element_size == 0)
        return -EINVAL;
    bool foreign = !loop || waiters_are_foreign(loop, &channel->senders) ||
                   waiters_are_foreign(loop, &channel->receivers);
    return foreign ? -EPERM : 0;
}

/* Whether a send, or a receipt, would come to something now, be it -EPIPE. */
static inline bool channel_takes(const struct channel *channel)
{
    return channel->closed || channel->receivers.first || channel->count < channel->capacity;
}

static inline bool channel_gives(const struct channel *channel)
{
    return channel->closed || channel->senders.first || channel->count > 0;
}

/* Sends, or receives: 0, -EPIPE, or -EAGAIN if that would have to wait. */
int channel_send(struct channel *channel, const void *element);
int channel_recv(struct channel *channel, void *element);

#endif
