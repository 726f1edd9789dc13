/* What else a file has: see copy.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fs/copy.h>
#include <linux/limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Names outside of "user." are the system's: what it refuses to have copied, it makes itself. */
static bool may_be_left_out(const char *name, int error)
{
    return strncmp(name, "user.", 5) != 0 && (error == EPERM || error == EOPNOTSUPP);
}

static int copy_xattr(int from, int to, const char *name, void *value)
{
    ssize_t len = fgetxattr(from, name, value, XATTR_SIZE_MAX);
    if (len < 0)
        return errno == ENODATA ? 0 : -errno;
    if (fsetxattr(to, name, value, (size_t)len, 0) == 0 || may_be_left_out(name, errno))
        return 0;
    return -errno;
}

/* The list and one value lie side by side in memory of their own. */
int copy_xattrs(int from, int to)
{
    ssize_t probe = flistxattr(from, NULL, 0);
    if (probe <= 0)
        return probe == 0 || errno == EOPNOTSUPP ? 0 : -errno;
    char *names = malloc(XATTR_LIST_MAX + XATTR_SIZE_MAX);
    if (!names)
        return -ENOMEM;
    ssize_t len = flistxattr(from, names, XATTR_LIST_MAX);
    int error = len < 0 ? -errno : 0;
    for (const char *name = names; !error && name < names + len; name += strlen(name) + 1)
        error = copy_xattr(from, to, name, names + XATTR_LIST_MAX);
    free(names);
    return error;
}

int copy_attributes(int from, int to, const struct stat *status, unsigned keep)
{
    mode_t mode = status->st_mode & 0777;
    if (keep & COPY_KEEP_OWNER) {
        if (fchown(to, status->st_uid, status->st_gid) != 0)
            return -errno;
        mode = status->st_mode & 07777;
    }
    int error = keep & COPY_KEEP_XATTRS ? copy_xattrs(from, to) : 0;
    if (!error && fchmod(to, mode) != 0)
        error = -errno;
    if (!error && (keep & COPY_KEEP_TIMES)) {
        struct timespec times[2] = {status->st_atim, status->st_mtim};
        error = futimens(to, times) != 0 ? -errno : 0;
    }
    return error;
}
