/* Modes, owners, times, and what else is told or changed of a name, on a thread. */
#include <fcntl.h>
#include <fs/on_thread.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <whorl/path.h>

/* --- Modes: by the C library, which knows what to do where the kernel takes no flags (6.6) --- */

struct mode_call {
    int dirfd;
    const char *path;
    mode_t mode;
    int flags;
};

static intptr_t fchmodat_run(void *arg)
{
    const struct mode_call *call = arg;
    return result_of(fchmodat(call->dirfd, call->path, call->mode, call->flags));
}

int whorl_fchmodat(int dirfd, const char *path, mode_t mode, int flags)
{
    struct mode_call call = {.dirfd = dirfd, .path = path, .mode = mode, .flags = flags};
    return path ? (int)whorl_to_thread(fchmodat_run, &call) : -EFAULT;
}

int whorl_chmod(const char *path, mode_t mode)
{
    return whorl_fchmodat(AT_FDCWD, path, mode, 0);
}

int whorl_fchmod(int fd, mode_t mode)
{
    return (int)system_call_on_thread(SYS_fchmod, fd, mode);
}

static intptr_t faccessat_run(void *arg)
{
    const struct mode_call *call = arg;
    return result_of(faccessat(call->dirfd, call->path, (int)call->mode, call->flags));
}

int whorl_faccessat(int dirfd, const char *path, int mode, int flags)
{
    struct mode_call call = {.dirfd = dirfd, .path = path, .mode = (mode_t)mode, .flags = flags};
    return path ? (int)whorl_to_thread(faccessat_run, &call) : -EFAULT;
}

int whorl_access(const char *path, int mode)
{
    return whorl_faccessat(AT_FDCWD, path, mode, 0);
}

/* --- Owners --- */

int whorl_fchownat(int dirfd, const char *path, uid_t owner, gid_t group, int flags)
{
    return (int)system_call_on_thread(SYS_fchownat, dirfd, (long)path, owner, group, flags);
}

int whorl_chown(const char *path, uid_t owner, gid_t group)
{
    return whorl_fchownat(AT_FDCWD, path, owner, group, 0);
}

int whorl_lchown(const char *path, uid_t owner, gid_t group)
{
    return whorl_fchownat(AT_FDCWD, path, owner, group, AT_SYMLINK_NOFOLLOW);
}

int whorl_fchown(int fd, uid_t owner, gid_t group)
{
    return (int)system_call_on_thread(SYS_fchown, fd, owner, group);
}

/* --- Times --- */

/* Without a path the system call is futimens(3). */
int whorl_utimensat(int dirfd, const char *path, const struct timespec times[2], int flags)
{
    if (!path)
        return -EINVAL;
    return (int)system_call_on_thread(SYS_utimensat, dirfd, (long)path, (long)times, flags);
}

int whorl_futimens(int fd, const struct timespec times[2])
{
    if (fd < 0)
        return -EBADF;
    return (int)system_call_on_thread(SYS_utimensat, fd, 0, (long)times, 0);
}

/* --- File systems --- */

struct statvfs_call {
    int fd;
    const char *path;
    struct statvfs *buf;
};

static intptr_t statvfs_run(void *arg)
{
    const struct statvfs_call *call = arg;
    return result_of(statvfs(call->path, call->buf));
}

static intptr_t fstatvfs_run(void *arg)
{
    const struct statvfs_call *call = arg;
    return result_of(fstatvfs(call->fd, call->buf));
}

int whorl_statvfs(const char *path, struct statvfs *buf)
{
    struct statvfs_call call = {.path = path, .buf = buf};
    return path && buf ? (int)whorl_to_thread(statvfs_run, &call) : -EFAULT;
}

int whorl_fstatvfs(int fd, struct statvfs *buf)
{
    struct statvfs_call call = {.fd = fd, .buf = buf};
    return buf ? (int)whorl_to_thread(fstatvfs_run, &call) : -EFAULT;
}

/* --- Sizes --- */

int whorl_truncate(const char *path, off_t length)
{
    return (int)system_call_on_thread(SYS_truncate, (long)path, length);
}
