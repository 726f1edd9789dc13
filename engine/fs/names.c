/* Names that lead elsewhere, and names that are made, on a thread; and what there is at a name. */
#include <fcntl.h>
#include <fs/on_thread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <whorl/path.h>

/* --- Where a name leads --- */

ssize_t whorl_readlinkat(int dirfd, const char *path, char *buf, size_t len)
{
    return system_call_on_thread(SYS_readlinkat, dirfd, (long)path, (long)buf, (long)len);
}

ssize_t whorl_readlink(const char *path, char *buf, size_t len)
{
    return whorl_readlinkat(AT_FDCWD, path, buf, len);
}

struct realpath_call {
    const char *path;
    char *resolved;
};

static intptr_t realpath_run(void *arg)
{
    struct realpath_call *call = arg;
    call->resolved = realpath(call->path, NULL);
    return call->resolved ? 0 : -errno;
}

int whorl_realpath(const char *path, char **resolved)
{
    if (!resolved)
        return -EINVAL;
    *resolved = NULL;
    if (!path)
        return -EINVAL;
    struct realpath_call call = {.path = path};
    int error = (int)whorl_to_thread(realpath_run, &call);
    *resolved = call.resolved;
    return error;
}

/* --- Nodes --- */

struct mknod_call {
    int dirfd;
    const char *path;
    mode_t mode;
    dev_t device;
};

static intptr_t mknod_run(void *arg)
{
    const struct mknod_call *call = arg;
    return result_of(mknodat(call->dirfd, call->path, call->mode, call->device));
}

int whorl_mknodat(int dirfd, const char *path, mode_t mode, dev_t device)
{
    struct mknod_call call = {.dirfd = dirfd, .path = path, .mode = mode, .device = device};
    return path ? (int)whorl_to_thread(mknod_run, &call) : -EFAULT;
}

int whorl_mknod(const char *path, mode_t mode, dev_t device)
{
    return whorl_mknodat(AT_FDCWD, path, mode, device);
}

int whorl_mkfifoat(int dirfd, const char *path, mode_t mode)
{
    return whorl_mknodat(dirfd, path, (mode & ~(mode_t)S_IFMT) | S_IFIFO, 0);
}

int whorl_mkfifo(const char *path, mode_t mode)
{
    return whorl_mkfifoat(AT_FDCWD, path, mode);
}

/* --- What there is --- */

/* The type of what a path leads to, or with AT_SYMLINK_NOFOLLOW of what it is, S_IF*; 0:
 * nothing. Or -errno. */
static int type_at(const char *path, int flags)
{
    struct statx status;
    int error = whorl_statx(AT_FDCWD, path, flags, STATX_TYPE, &status);
    if (error)
        return error == -ENOENT || error == -ENOTDIR ? 0 : error;
    return status.stx_mode & S_IFMT;
}

int whorl_exists(const char *path)
{
    int type = type_at(path, 0);
    return type < 0 ? type : type != 0;
}

int whorl_is_file(const char *path)
{
    int type = type_at(path, 0);
    return type < 0 ? type : type == S_IFREG;
}

int whorl_is_dir(const char *path)
{
    int type = type_at(path, 0);
    return type < 0 ? type : type == S_IFDIR;
}

int whorl_is_link(const char *path)
{
    int type = type_at(path, AT_SYMLINK_NOFOLLOW);
    return type < 0 ? type : type == S_IFLNK;
}
