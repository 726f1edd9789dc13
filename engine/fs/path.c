/* Names in the file system, by the names of POSIX: each call is its op, awaited. */
#include <fcntl.h>
#include <whorl/op.h>
#include <whorl/path.h>

int whorl_statx(int dirfd, const char *path, int flags, unsigned mask, struct statx *buf)
{
    whorl_op op = whorl_op_statx(dirfd, path, flags, mask, buf);
    return whorl_op_await(&op);
}

int whorl_renameat(int olddirfd, const char *oldpath, int newdirfd, const char *newpath,
                   unsigned flags)
{
    whorl_op op = whorl_op_renameat(olddirfd, oldpath, newdirfd, newpath, flags);
    return whorl_op_await(&op);
}

int whorl_rename(const char *oldpath, const char *newpath)
{
    return whorl_renameat(AT_FDCWD, oldpath, AT_FDCWD, newpath, 0);
}

int whorl_unlinkat(int dirfd, const char *path, int flags)
{
    whorl_op op = whorl_op_unlinkat(dirfd, path, flags);
    return whorl_op_await(&op);
}

int whorl_unlink(const char *path)
{
    return whorl_unlinkat(AT_FDCWD, path, 0);
}

int whorl_mkdirat(int dirfd, const char *path, mode_t mode)
{
    whorl_op op = whorl_op_mkdirat(dirfd, path, mode);
    return whorl_op_await(&op);
}

int whorl_mkdir(const char *path, mode_t mode)
{
    return whorl_mkdirat(AT_FDCWD, path, mode);
}
