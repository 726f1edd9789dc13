/*
 * Channels: elements handed from task to task.
 *
 *     static int numbers[16];
 *     static whorl_channel channel = WHORL_CHANNEL_INIT(numbers);
 *     ...
 *     int number;
 *     while (whorl_channel_recv(&channel, &number) == 0)
 *         use(number);
 *
 * Elements are copied, and all of a channel are of one size. A channel with a capacity keeps that
 * many that nobody has received yet; one without is a rendezvous: a send goes through when a
 * receiver takes the element. Elements come in the order in which they were sent, and tasks are
 * served in the order in which they came. Who closes a channel says that no more will come.
 *
 * A call that was cancelled has sent or received nothing; one that gives 0 has, exactly once.
 *
 * The struct is the caller's. The tasks that share a channel belong to one loop. select.h waits for
 * several channels at once.
 */
#ifndef WHORL_CHANNEL_H
#define WHORL_CHANNEL_H

#include <whorl/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct whorl_channel {
    void *buffer; /* room for `capacity` elements; NULL of a rendezvous */
    size_t element_size;
    size_t capacity;
    void *engine[7]; /* the engine's */
} whorl_channel;

/* A channel that keeps its elements in `array`, as many as that has. The array must stay as long as
 * the channel. */
#define WHORL_CHANNEL_INIT(array)                                                                  \
    {                                                                                              \
        (array), sizeof((array)[0]), sizeof(array) / sizeof((array)[0]),                           \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

/* A channel without a capacity, for elements of `type`. */
#define WHORL_CHANNEL_INIT_RENDEZVOUS(type)                                                        \
    {                                                                                              \
        0, sizeof(type), 0,                                                                        \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

/* Makes a channel for elements of `element_size` bytes, of which it can keep `capacity`; 0: a
 * rendezvous. Takes memory for them, until whorl_channel_destroy. Returns 0. From: anywhere.
 *   -EINVAL  channel is NULL, or element_size is 0
 *   -ENOMEM */
WHORL_API int whorl_channel_init(whorl_channel *channel, size_t element_size, size_t capacity);

/* Ends the channel's use: elements that it still keeps are lost, and memory that it took is given
 * back. Calls on it give -EINVAL then, until it is made anew. Returns 0. From: anywhere on its
 * loop's thread.
 *   -EBUSY   a task waits to send or to receive; nothing has changed
 *   -EINVAL  channel is NULL or was destroyed */
WHORL_API int whorl_channel_destroy(whorl_channel *channel);

/* Sends a copy of *element: to the receiver that has waited longest, else into the buffer. Waits
 * while there is neither a receiver nor room. Returns 0.
 *   -EPIPE      the channel is closed, or was while this waited
 *   -ECANCELED  the caller is cancelled
 *   -EINVAL     channel or element is NULL, or the channel was destroyed
 *   -EPERM      not inside a task of the same loop */
WHORL_API int whorl_channel_send(whorl_channel *channel, const void *element);

/* Receives the oldest element into *element. Waits while there is none. Returns 0.
 *   -EPIPE      the channel is closed, and has no element left
 *   -ECANCELED, -EINVAL, -EPERM  as for whorl_channel_send */
WHORL_API int whorl_channel_recv(whorl_channel *channel, void *element);

/* The same two without waiting; they work in a cancelled task too.
 *   -EAGAIN  the one that waits would wait
 *   -EPIPE, -EINVAL, -EPERM  as for that one */
WHORL_API int whorl_channel_try_send(whorl_channel *channel, const void *element);
WHORL_API int whorl_channel_try_recv(whorl_channel *channel, void *element);

/* Closes the channel: tasks that wait to send, and all sends from now on, get -EPIPE; so do tasks
 * that wait to receive, and later ones once they have received what was sent before. Does not wait;
 * works in a cancelled task too. Returns 0.
 *   -EALREADY  it is closed
 *   -EINVAL    channel is NULL or was destroyed
 *   -EPERM     not inside a task of the same loop */
WHORL_API int whorl_channel_close(whorl_channel *channel);

/* How many elements the channel keeps now, and how many it can; those of senders that wait are in
 * neither. -EINVAL as for whorl_channel_close. From: anywhere on its loop's thread. */
WHORL_API ssize_t whorl_channel_size(const whorl_channel *channel);
WHORL_API ssize_t whorl_channel_capacity(const whorl_channel *channel);

/* 1 if the channel is closed, else 0. -EINVAL as for whorl_channel_close. From: anywhere on its
 * loop's thread. */
WHORL_API int whorl_channel_is_closed(const whorl_channel *channel);

#ifdef __cplusplus
}
#endif

#endif
