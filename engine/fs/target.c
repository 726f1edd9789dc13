/* See target.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <fs/target.h>
#include <string.h>
#include <unistd.h>

#define LINKS_MOST 40 /* as the kernel's */

/* Splits a path: its last component goes to `name`, the rest stays. Returns the rest, "." if there
 * is none; NULL with an error. */
static const char *split(char *path, char name[NAME_MAX + 1], int *error)
{
    char *slash = strrchr(path, '/');
    const char *last = slash ? slash + 1 : path;
    *error = path[0] == '\0'                                                        ? -ENOENT
             : last[0] == '\0' || strcmp(last, ".") == 0 || strcmp(last, "..") == 0 ? -EISDIR
             : strlen(last) > NAME_MAX                                              ? -ENAMETOOLONG
                                                                                    : 0;
    if (*error)
        return NULL;
    strcpy(name, last);
    if (!slash)
        return ".";
    if (slash == path)
        return "/";
    *slash = '\0';
    return path;
}

/* From the directory `base` (AT_FDCWD, or it is closed). */
static int open_directory(int base, const char *path)
{
    int dir = openat(base, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = dir < 0 ? -errno : 0;
    if (base >= 0)
        close(base);
    return error ? error : dir;
}

/* Whether the kernel would follow the link: for the mount's sake, or the directory's that it is in,
 * it may refuse to (nosymfollow, protected_symlinks). 0, or -errno. */
static int may_follow(int dir, const char *name)
{
    struct stat status;
    return fstatat(dir, name, &status, 0) != 0 && errno != ENOENT ? -errno : 0;
}

/* The path that a link holds, if it may be followed. 1; 0: it is none; -errno. */
static int read_link(int dir, const char *name, char path[PATH_MAX])
{
    ssize_t len = readlinkat(dir, name, path, PATH_MAX);
    if (len < 0)
        return errno == EINVAL || errno == ENOENT ? 0 : -errno;
    assert(len < PATH_MAX); /* no link holds more */
    path[len] = '\0';
    int error = may_follow(dir, name);
    return error ? error : 1;
}

int target_find(const char *path, bool follows, char name[NAME_MAX + 1])
{
    char now[PATH_MAX];
    int dir = AT_FDCWD;
    if (strlen(path) >= sizeof now)
        return -ENAMETOOLONG;
    strcpy(now, path);
    for (int links = 0; links <= LINKS_MOST; links++) {
        int error;
        const char *directory = split(now, name, &error);
        if (directory)
            dir = error = open_directory(dir, directory);
        if (error >= 0 && !follows)
            return dir;
        if (error >= 0)
            error = read_link(dir, name, now);
        if (error == 0)
            return dir;
        if (error < 0) {
            if (dir >= 0)
                close(dir);
            return error;
        }
    }
    close(dir);
    return -ELOOP;
}

int target_look(int dir, const char *name, bool exclusive, struct stat *status)
{
    if (fstatat(dir, name, status, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? 0 : -errno;
    if (exclusive)
        return -EEXIST;
    if (S_ISDIR(status->st_mode))
        return -EISDIR;
    if (!S_ISREG(status->st_mode))
        return -EINVAL;
    return faccessat(dir, name, W_OK, AT_EACCESS) != 0 ? -errno : 1;
}
