/*
 * When to send without copying: where the program has set a size for it (config.zero_copy), the
 * send has as many bytes, and the kernel is not known to copy all the same.
 *
 * What is sent without copying costs the kernel the pinning of pages and a second completion, for
 * nothing if it copies after all, as it does over loopback and to devices that cannot gather. It
 * tells, and then that socket is sent to plainly until it is closed by the engine. Sockets are
 * known by their descriptors modulo ZERO_COPY_SOCKETS: one that shares its place with another is
 * sent to plainly, too. Each report of a copy in a row also lets twice as many sends as the last go
 * by untried, so that many short connections over loopback do not each try once; a report of none
 * ends that.
 */
#ifndef NET_ZERO_COPY_H
#define NET_ZERO_COPY_H

#include <core/loop.h>

/* Flags of a send that changes nothing about how it is sent: with others it is sent plainly, as
 * with MSG_DONTWAIT, since the end of a send without copying is waited for. */
#define ZERO_COPY_FLAGS (MSG_MORE | MSG_NOSIGNAL | MSG_WAITALL | MSG_EOR)

static inline uint64_t zero_copy_bit(int fd)
{
    return UINT64_C(1) << ((unsigned)fd % 64);
}

static inline uint64_t *zero_copy_place(struct loop *loop, int fd)
{
    return &loop->copied_to[(unsigned)fd % ZERO_COPY_SOCKETS / 64];
}

/* Whether to send `len` bytes without copying, as far as the loop's settings and what is known of
 * the socket go. Counts as a send that goes by untried, if it is one. */
bool zero_copy_is_due(struct loop *loop, int fd);

static inline bool zero_copy_wanted(struct loop *loop, int fd, size_t len, int flags)
{
    return __builtin_expect(loop->zero_copy != 0, 0) && len >= loop->zero_copy &&
           !(flags & ~ZERO_COPY_FLAGS) && zero_copy_is_due(loop, fd);
}

/* Takes what an op that has ended, a send without copying, tells of its socket. Returns whether it
 * was refused, and did nothing: it is to be sent plainly then. */
bool zero_copy_was_refused(struct loop *loop, const whorl_op *op);

#endif
