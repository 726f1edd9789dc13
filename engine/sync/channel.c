/* Channels: see channel.h. */
#include <stdlib.h>
#include <string.h>
#include <sync/channel.h>

static const struct wait_kind send_wait = {.name = "room in a channel", .cancel = waiter_cancel};
static const struct wait_kind recv_wait = {.name = "an element of a channel",
                                           .cancel = waiter_cancel};

/* --- Beginning and ending --- */

int whorl_channel_init(whorl_channel *public, size_t element_size, size_t capacity)
{
    struct channel *channel = (struct channel *)public;
    if (!channel || element_size == 0)
        return -EINVAL;
    char *buffer = capacity > 0 ? calloc(capacity, element_size) : NULL;
    if (capacity > 0 && !buffer)
        return -ENOMEM;
    *channel = (struct channel){.buffer = buffer,
                                .element_size = element_size,
                                .capacity = capacity,
                                .owns_buffer = capacity > 0};
    return 0;
}

int whorl_channel_destroy(whorl_channel *public)
{
    struct channel *channel = (struct channel *)public;
    if (!channel || channel->element_size == 0)
        return -EINVAL;
    if (channel->senders.first || channel->receivers.first)
        return -EBUSY;
    if (channel->owns_buffer)
        free(channel->buffer);
    *channel = (struct channel){0};
    return 0;
}

/* --- Elements --- */

static inline void copy_element(const struct channel *channel, void *to, const void *from)
{
    /* Most are of a word's size: that needs no call. */
    if (channel->element_size == sizeof(uint64_t))
        memcpy(to, from, sizeof(uint64_t));
    else
        memcpy(to, from, channel->element_size);
}

static inline char *slot(const struct channel *channel, size_t index)
{
    if (index >= channel->capacity)
        index -= channel->capacity;
    return channel->buffer + index * channel->element_size;
}

static inline void keep(struct channel *channel, const void *element)
{
    assert(channel->count < channel->capacity);
    copy_element(channel, slot(channel, channel->first + channel->count), element);
    channel->count++;
}

static inline void give(struct channel *channel, void *element)
{
    assert(channel->count > 0);
    copy_element(channel, element, slot(channel, channel->first));
    if (++channel->first == channel->capacity)
        channel->first = 0;
    channel->count--;
}

static inline struct channel_waiter *first_of(const struct waiters *queue)
{
    return (struct channel_waiter *)queue->first;
}

inline int channel_send(struct channel *channel, const void *element)
{
    if (channel->closed)
        return -EPIPE;
    struct channel_waiter *receiver = first_of(&channel->receivers);
    if (receiver) {
        copy_element(channel, receiver->element, element);
        waiter_serve(&receiver->waiter, 0);
        return 0;
    }
    if (channel->count == channel->capacity)
        return -EAGAIN;
    keep(channel, element);
    return 0;
}

inline int channel_recv(struct channel *channel, void *element)
{
    struct channel_waiter *sender = first_of(&channel->senders);
    if (channel->count > 0) {
        give(channel, element);
        if (sender)
            keep(channel, sender->element);
    } else if (sender) {
        copy_element(channel, element, sender->element);
    } else {
        return channel->closed ? -EPIPE : -EAGAIN;
    }
    if (sender)
        waiter_serve(&sender->waiter, 0);
    return 0;
}

/* --- Calls --- */

static inline int call_error(const struct loop *loop, const struct channel *channel,
                             const void *element)
{
    return element ? channel_error(loop, channel) : -EINVAL;
}

int whorl_channel_send(whorl_channel *public, const void *element)
{
    struct loop *loop = loop_here;
    struct channel *channel = (struct channel *)public;
    int error = call_error(loop, channel, element);
    if (error)
        return error;
    if (loop->current->interrupted)
        return task_refuse(loop, loop->current);
    int sent = channel_send(channel, element);
    if (sent != -EAGAIN)
        return sent;
    struct channel_waiter self = {.element = (void *)element};
    return waiters_wait(loop, &channel->senders, &self.waiter, &send_wait);
}

int whorl_channel_recv(whorl_channel *public, void *element)
{
    struct loop *loop = loop_here;
    struct channel *channel = (struct channel *)public;
    int error = call_error(loop, channel, element);
    if (error)
        return error;
    if (loop->current->interrupted)
        return task_refuse(loop, loop->current);
    int received = channel_recv(channel, element);
    if (received != -EAGAIN)
        return received;
    struct channel_waiter self = {.element = element};
    return waiters_wait(loop, &channel->receivers, &self.waiter, &recv_wait);
}

int whorl_channel_try_send(whorl_channel *public, const void *element)
{
    struct channel *channel = (struct channel *)public;
    int error = call_error(loop_here, channel, element);
    return error ? error : channel_send(channel, element);
}

int whorl_channel_try_recv(whorl_channel *public, void *element)
{
    struct channel *channel = (struct channel *)public;
    int error = call_error(loop_here, channel, element);
    return error ? error : channel_recv(channel, element);
}

int whorl_channel_close(whorl_channel *public)
{
    struct channel *channel = (struct channel *)public;
    int error = channel_error(loop_here, channel);
    if (error)
        return error;
    if (channel->closed)
        return -EALREADY;
    channel->closed = true;
    while (channel->senders.first)
        waiter_serve(channel->senders.first, -EPIPE);
    while (channel->receivers.first)
        waiter_serve(channel->receivers.first, -EPIPE);
    return 0;
}

/* --- Looking --- */

static bool is_channel(const struct channel *channel)
{
    return channel && channel->element_size > 0;
}

ssize_t whorl_channel_size(const whorl_channel *public)
{
    const struct channel *channel = (const struct channel *)public;
    return is_channel(channel) ? (ssize_t)channel->count : -EINVAL;
}

ssize_t whorl_channel_capacity(const whorl_channel *public)
{
    const struct channel *channel = (const struct channel *)public;
    return is_channel(channel) ? (ssize_t)channel->capacity : -EINVAL;
}

int whorl_channel_is_closed(const whorl_channel *public)
{
    const struct channel *channel = (const struct channel *)public;
    return is_channel(channel) ? channel->closed : -EINVAL;
}
