/* Registered files and buffers. */
#include <core/loop.h>
#include <errno.h>
#include <whorl/op.h>

int whorl_register_files(const int *fds, unsigned n)
{
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    return fds ? ring_register_files(&loop->ring, fds, n) : -EINVAL;
}

int whorl_unregister_files(void)
{
    struct loop *loop = loop_here;
    return loop ? ring_unregister_files(&loop->ring) : -EPERM;
}

int whorl_register_buffers(const struct iovec *iov, unsigned n)
{
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    return iov ? ring_register_buffers(&loop->ring, iov, n) : -EINVAL;
}

int whorl_unregister_buffers(void)
{
    struct loop *loop = loop_here;
    return loop ? ring_unregister_buffers(&loop->ring) : -EPERM;
}
