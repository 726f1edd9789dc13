/* Writing as much as the kernel takes at once. */
#ifndef NET_WRITE_NOW_H
#define NET_WRITE_NOW_H

#include <sys/types.h>

/* Writes to what is no socket, whether its descriptor has O_NONBLOCK or not, and does not wait. The
 * number of bytes that were taken, which may be fewer; or -errno, where it is -EAGAIN that there is
 * no room, and -EOPNOTSUPP that nobody can tell. From: any thread. */
ssize_t write_now(int fd, const void *data, size_t len);

#endif
