/*
 * What the page cache holds of a file, sent from there, without a copy: by sendfile(2), which is a
 * splice through a pipe that the kernel keeps for each thread. It is called on the loop's thread,
 * as it has nothing to wait for: the socket does not block (O_NONBLOCK), and cachestat(2) (Linux
 * 6.5) and a read that does not wait have told that the disk will not be asked.
 */
#ifndef NET_BULK_PAGES_H
#define NET_BULK_PAGES_H

#include <net/bulk_source.h>

/* Bytes that go before other tasks have their turn. */
#define BULK_PAGES_MOST ((size_t)1 << 20)

/* Whether a descriptor may be sent to in this way now: a stream socket that does not block. */
bool bulk_pages_fit(int fd);

/* Whether the next piece is in memory. */
bool bulk_pages_are_there(const struct bulk_source *source);

/* Sends of the next piece, which is in memory, what the socket takes, and counts it. How many
 * bytes; 0: the file does not go in this way; -EAGAIN: there is no room; else why nothing can be
 * sent to the socket. */
ssize_t bulk_pages_send(struct bulk_source *source, int fd);

#endif
