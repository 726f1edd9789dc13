/*
 * Modes, times and extended attributes of copies. Attributes come before the mode, as a file
 * without permission to write takes none from its owner, and all before the times.
 */
#include <errno.h>
#include <fcntl.h>
#include <fs/copy.h>
#include <fs/copy_tree.h>

/* The mode that a copy gets. */
static mode_t mode_of_copy(const struct stat *from, const struct stat *made)
{
    mode_t mode = from->st_mode & 07777;
    if (from->st_uid != made->st_uid)
        mode &= ~(mode_t)S_ISUID;
    if (from->st_gid != made->st_gid)
        mode &= ~(mode_t)S_ISGID;
    return mode;
}

int copy_tree_attributes(const struct tree *tree, int from, int to, const struct stat *seen)
{
    int error = tree->flags & WHORL_TREE_XATTRS ? copy_xattrs(from, to) : 0;
    if (error)
        return error;
    struct stat made;
    if (fstat(to, &made) < 0)
        return -errno;
    mode_t mode = mode_of_copy(seen, &made);
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
    mode_t mode = mode_of_copy(seen, &made);
    if (!S_ISLNK(made.st_mode) && (made.st_mode & 07777) != mode &&
        fchmodat(dirfd, name, mode, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    const struct timespec times[] = {seen->st_atim, seen->st_mtim};
    bool has_times = tree->flags & WHORL_TREE_TIMES;
    return has_times && utimensat(dirfd, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}
