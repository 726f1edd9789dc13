/*
 * Advice on files and on memory: each call is its op, awaited.
 *
 * Before Linux 6.11 the ring takes 32 bits of length, and refuses more with -EINVAL. That is also
 * what wrong arguments get: so one of more is asked again on a thread, which knows.
 */
#include <fcntl.h>
#include <fs/on_thread.h>
#include <sys/mman.h>
#include <whorl/fs.h>
#include <whorl/op.h>

struct file_advice {
    int fd;
    off_t offset;
    off_t len;
    int advice;
};

static intptr_t advise_file(void *arg)
{
    const struct file_advice *asked = arg;
    return -posix_fadvise(asked->fd, asked->offset, asked->len, asked->advice);
}

int whorl_fadvise(int fd, off_t offset, off_t len, int advice)
{
    whorl_op op = whorl_op_fadvise(fd, offset, len, advice);
    int result = whorl_op_await(&op);
    if (result != -EINVAL || len <= UINT32_MAX)
        return result;
    struct file_advice asked = {fd, offset, len, advice};
    return (int)whorl_to_thread(advise_file, &asked);
}

int whorl_madvise(void *addr, size_t len, int advice)
{
    whorl_op op = whorl_op_madvise(addr, len, advice);
    int result = whorl_op_await(&op);
    if (result != -EINVAL || len <= UINT32_MAX)
        return result;
    return (int)system_call_on_thread(SYS_madvise, (long)addr, (long)len, advice);
}
