/* Files by the names of POSIX: each call is its op, awaited. */
#include <fcntl.h>
#include <op/make.h>
#include <stdarg.h>
#include <stdbool.h>
#include <whorl/fs.h>
#include <whorl/op.h>

/* The mode that follows open's flags, where they call for one. */
static mode_t mode_of(int flags, va_list arguments)
{
    bool wanted = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
    return wanted ? va_arg(arguments, mode_t) : 0;
}

int whorl_open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    whorl_op op = whorl_op_openat(AT_FDCWD, path, flags, mode_of(flags, arguments));
    va_end(arguments);
    return whorl_op_await(&op);
}

int whorl_openat(int dirfd, const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    whorl_op op = whorl_op_openat(dirfd, path, flags, mode_of(flags, arguments));
    va_end(arguments);
    return whorl_op_await(&op);
}

int whorl_openat2(int dirfd, const char *path, const struct open_how *how, size_t size)
{
    whorl_op op = whorl_op_openat2(dirfd, path, how, size);
    return whorl_op_await(&op);
}

ssize_t whorl_read(int fd, void *buf, size_t len)
{
    whorl_op op = make_read(fd, buf, len);
    return whorl_op_await(&op);
}

ssize_t whorl_write(int fd, const void *buf, size_t len)
{
    whorl_op op = make_write(fd, buf, len);
    return whorl_op_await(&op);
}

ssize_t whorl_pread(int fd, void *buf, size_t len, off_t offset)
{
    whorl_op op = make_pread(fd, buf, len, offset);
    return whorl_op_await(&op);
}

ssize_t whorl_pwrite(int fd, const void *buf, size_t len, off_t offset)
{
    whorl_op op = make_pwrite(fd, buf, len, offset);
    return whorl_op_await(&op);
}

ssize_t whorl_readv(int fd, const struct iovec *iov, int count)
{
    whorl_op op = whorl_op_readv(fd, iov, count);
    return whorl_op_await(&op);
}

ssize_t whorl_writev(int fd, const struct iovec *iov, int count)
{
    whorl_op op = whorl_op_writev(fd, iov, count);
    return whorl_op_await(&op);
}

ssize_t whorl_preadv(int fd, const struct iovec *iov, int count, off_t offset)
{
    whorl_op op = whorl_op_preadv(fd, iov, count, offset);
    return whorl_op_await(&op);
}

ssize_t whorl_pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
    whorl_op op = whorl_op_pwritev(fd, iov, count, offset);
    return whorl_op_await(&op);
}

ssize_t whorl_preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
    whorl_op op = whorl_op_preadv2(fd, iov, count, offset, flags);
    return whorl_op_await(&op);
}

ssize_t whorl_pwritev2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
    whorl_op op = whorl_op_pwritev2(fd, iov, count, offset, flags);
    return whorl_op_await(&op);
}

int whorl_fsync(int fd)
{
    whorl_op op = whorl_op_fsync(fd);
    return whorl_op_await(&op);
}

int whorl_fdatasync(int fd)
{
    whorl_op op = whorl_op_fdatasync(fd);
    return whorl_op_await(&op);
}

int whorl_sync_file_range(int fd, off_t offset, off_t nbytes, unsigned flags)
{
    whorl_op op = whorl_op_sync_file_range(fd, offset, nbytes, flags);
    return whorl_op_await(&op);
}

int whorl_ftruncate(int fd, off_t length)
{
    whorl_op op = whorl_op_ftruncate(fd, length);
    return whorl_op_await(&op);
}

int whorl_fallocate(int fd, int mode, off_t offset, off_t len)
{
    whorl_op op = whorl_op_fallocate(fd, mode, offset, len);
    return whorl_op_await(&op);
}
