/*
 * Modes, times and extended attributes of copies.
 *
 * Of the attributes those are copied that belong to the content, not to the system: user.*, and the
 * access control lists. They come before the mode, as a file without permission to write takes
 * none from its owner, and before the times, which are to be last.
 */
#include <errno.h>
#include <fcntl.h>
#include <fs/copy_tree.h>
#include <limits.h>
#include <linux/limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

mode_t copy_tree_mode(const struct stat *from, const struct stat *made)
{
    mode_t mode = from->st_mode & 07777;
    if (from->st_uid != made->st_uid)
        mode &= ~(mode_t)S_ISUID;
    if (from->st_gid != made->st_gid)
        mode &= ~(mode_t)S_ISGID;
    return mode;
}

static bool is_kept(const char *name)
{
    return strncmp(name, "user.", 5) == 0 || strcmp(name, "system.posix_acl_access") == 0 ||
           strcmp(name, "system.posix_acl_default") == 0;
}

/* What is gone meanwhile is left out. */
static int copy_xattr(int from, int to, const char *name, char *value)
{
    ssize_t len = fgetxattr(from, name, value, XATTR_SIZE_MAX);
    if (len < 0)
        return errno == ENODATA ? 0 : -errno;
    return fsetxattr(to, name, value, (size_t)len, 0) < 0 ? -errno : 0;
}

static int copy_listed(int from, int to, const char *names, size_t len, char *value)
{
    int error = 0;
    for (size_t at = 0; at < len && !error; at += strlen(names + at) + 1)
        if (is_kept(names + at))
            error = copy_xattr(from, to, names + at, value);
    return error;
}

/* A file system that knows none has none to copy. */
static int copy_xattrs(int from, int to)
{
    ssize_t len = flistxattr(from, NULL, 0);
    if (len == 0 || (len < 0 && errno == EOPNOTSUPP))
        return 0;
    if (len < 0)
        return -errno;
    char *names = malloc(XATTR_LIST_MAX + XATTR_SIZE_MAX);
    if (!names)
        return -ENOMEM;
    len = flistxattr(from, names, XATTR_LIST_MAX);
    int error = -errno;
    if (len >= 0)
        error = copy_listed(from, to, names, (size_t)len, names + XATTR_LIST_MAX);
    free(names);
    return error;
}

int copy_tree_attributes(const struct tree *tree, int from, int to, const struct stat *seen)
{
    int error = tree->flags & WHORL_TREE_XATTRS ? copy_xattrs(from, to) : 0;
    if (error)
        return error;
    struct stat made;
    if (fstat(to, &made) < 0)
        return -errno;
    mode_t mode = copy_tree_mode(seen, &made);
    if ((made.st_mode & 07777) != mode && fchmod(to, mode) < 0)
        return -errno;
    const struct timespec times[] = {seen->st_atim, seen->st_mtim};
    return tree->flags & WHORL_TREE_TIMES && futimens(to, times) < 0 ? -errno : 0;
}

int copy_tree_attributes_at(const struct tree *tree, int dirfd, const char *name,
                            const struct stat *seen)
{
    struct stat made;
    if (fstatat(dirfd, name, &made, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    mode_t mode = copy_tree_mode(seen, &made);
    if (!S_ISLNK(made.st_mode) && (made.st_mode & 07777) != mode &&
        fchmodat(dirfd, name, mode, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    const struct timespec times[] = {seen->st_atim, seen->st_mtim};
    bool has_times = tree->flags & WHORL_TREE_TIMES;
    return has_times && utimensat(dirfd, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}
