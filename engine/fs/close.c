/* close(2), once nothing is in flight on the descriptor any more. */
#include <errno.h>
#include <op/op.h>
#include <whorl/fs.h>

int whorl_close(int fd)
{
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    int error = op_end_on(loop, fd);
    if (error)
        return error;
    loop->copied_to[(unsigned)fd % ZERO_COPY_SOCKETS / 64] &= ~(UINT64_C(1) << ((unsigned)fd % 64));
    whorl_op op = whorl_op_close(fd);
    return whorl_op_await(&op);
}
