/* Names in the file system, by the names of POSIX: each call is its op, awaited. */
#include <fcntl.h>
#include <whorl/op.h>
#include <whorl/path.h>

int whorl_statx(int dirfd, const char *path, int flags, unsigned mask, struct statx *buf)
{
    whorl_op op = whorl_op_statx(dirfd, path, flags, mask, buf);
    return whorl_op_await(&op);
}

int whorl_renameat2(int olddirfd, const char *oldpath, int newdirfd, const char *newpath,
                    unsigned flags)
{
    whorl_op op = whorl_op_renameat2(olddirfd, oldpath, newdirfd, newpath, flags);
    return whorl_op_await(&op);
}

int whorl_rename(const char *oldpath, const char *newpath)
{
    return whorl_renameat2(AT_FDCWD, oldpath, AT_FDCWD, newpath, 0);
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

int whorl_rmdir(const char *path)
{
    return whorl_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
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

int whorl_linkat(int olddirfd, const char *oldpath, int newdirfd, const char *newpath, int flags)
{
    whorl_op op = whorl_op_linkat(olddirfd, oldpath, newdirfd, newpath, flags);
    return whorl_op_await(&op);
}

int whorl_link(const char *oldpath, const char *newpath)
{
    return whorl_linkat(AT_FDCWD, oldpath, AT_FDCWD, newpath, 0);
}

int whorl_symlinkat(const char *target, int newdirfd, const char *linkpath)
{
    whorl_op op = whorl_op_symlinkat(target, newdirfd, linkpath);
    return whorl_op_await(&op);
}

int whorl_symlink(const char *target, const char *linkpath)
{
    return whorl_symlinkat(target, AT_FDCWD, linkpath);
}
