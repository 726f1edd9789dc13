/* Registered files and buffers. */
#include <core/loop.h>
#include <errno.h>
#include <op/admission.h>
#include <op/own_buffers.h>
#include <whorl/op.h>

int whorl_register_files(const int *fds, unsigned n)
{
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    if (!fds)
        return -EINVAL;
    int error = ring_register_files(&loop->ring, fds, n);
    if (error)
        return error;
    error = admission_see_slots(loop, fds, n);
    if (error)
        ring_unregister_files(&loop->ring);
    return error;
}

int whorl_unregister_files(void)
{
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    admission_forget_slots(loop);
    return ring_unregister_files(&loop->ring);
}

int whorl_register_buffers(const struct iovec *iov, unsigned n)
{
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    return iov ? own_buffers_share(loop, iov, n) : -EINVAL;
}

int whorl_unregister_buffers(void)
{
    struct loop *loop = loop_here;
    return loop ? own_buffers_unshare(loop) : -EPERM;
}
