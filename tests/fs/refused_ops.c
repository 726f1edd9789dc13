/*
 * Reads and writes of buffered streams that give -EAGAIN where they would wait, as the kernel's do
 * on a descriptor that does not block and of which it cannot be told when it is ready. This stands
 * before the functions that make those ops (the linker's --wrap), and makes ones with RWF_NOWAIT.
 * What the tests themselves read and write waits as ever.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <sys/uio.h>

enum { OPS_AT_ONCE = 64 }; /* more than are in flight */

static struct iovec vectors[OPS_AT_ONCE];
static unsigned made;

static const struct iovec *vector_of(void *buf, size_t len)
{
    struct iovec *iov = &vectors[made++ % OPS_AT_ONCE];
    *iov = (struct iovec){.iov_base = buf, .iov_len = len};
    return iov;
}

whorl_op __real_whorl_op_read(int fd, void *buf, size_t len);
whorl_op __wrap_whorl_op_read(int fd, void *buf, size_t len);
whorl_op __wrap_whorl_op_read(int fd, void *buf, size_t len)
{
    return whorl_op_preadv2(fd, vector_of(buf, len), 1, -1, RWF_NOWAIT);
}

whorl_op __real_whorl_op_write(int fd, const void *buf, size_t len);
whorl_op __wrap_whorl_op_write(int fd, const void *buf, size_t len);
whorl_op __wrap_whorl_op_write(int fd, const void *buf, size_t len)
{
    return whorl_op_pwritev2(fd, vector_of((void *)(uintptr_t)buf, len), 1, -1, RWF_NOWAIT);
}

ssize_t __wrap_whorl_read(int fd, void *buf, size_t len);
ssize_t __wrap_whorl_read(int fd, void *buf, size_t len)
{
    whorl_op op = __real_whorl_op_read(fd, buf, len);
    return whorl_op_await(&op);
}

ssize_t __wrap_whorl_write(int fd, const void *buf, size_t len);
ssize_t __wrap_whorl_write(int fd, const void *buf, size_t len)
{
    whorl_op op = __real_whorl_op_write(fd, buf, len);
    return whorl_op_await(&op);
}
