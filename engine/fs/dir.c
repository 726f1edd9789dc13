/*
 * Directories, read a batch at a time on a thread.
 *
 *     idle <--> busy (a task waits for the thread that reads)
 *
 * Of a batch, what lies between `at` and `end` is still to be given. All is kept in memory of its
 * own, as the thread writes there, and a batch is large for a task's stack.
 */
#include <core/loop.h>
#include <fcntl.h>
#include <fs/entries.h>
#include <fs/on_thread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <whorl/dir.h>
#include <whorl/fs.h>

struct dir {
    int fd;
    int error; /* of the read that came with the opening, to be told */
    bool busy;
    bool rewound; /* the next read begins at the first entry */
    size_t at;
    size_t end;
    _Alignas(struct dirent64) char batch[ENTRIES_BYTES];
};

static struct dir *dir_make(int fd)
{
    struct dir *dir = malloc(sizeof *dir);
    if (!dir)
        return NULL;
    dir->fd = fd;
    dir->error = 0;
    dir->busy = false;
    dir->rewound = false;
    dir->at = dir->end = 0;
    return dir;
}

/* The directory of the caller's struct, for a call that uses it; NULL, and why. */
static struct dir *dir_of(const whorl_dir *public, int *error)
{
    struct dir *dir = public ? public->engine[0] : NULL;
    *error = !dir ? -EINVAL : dir->busy ? -EBUSY : 0;
    return *error ? NULL : dir;
}

/* --- On a thread --- */

static intptr_t dir_read(void *arg)
{
    struct dir *dir = arg;
    if (dir->rewound && lseek(dir->fd, 0, SEEK_SET) < 0)
        return -errno;
    dir->rewound = false;
    ssize_t got = entries_read(dir->fd, dir->batch, sizeof dir->batch);
    if (got < 0)
        return got;
    dir->at = 0;
    dir->end = (size_t)got;
    return 0;
}

struct opening {
    int dirfd;
    const char *path;
    int flags;
    struct dir *dir;
};

/* Opens, and reads the first batch, for one visit of the thread is enough for most directories. */
static intptr_t dir_open(void *arg)
{
    struct opening *opening = arg;
    struct dir *dir = opening->dir;
    int flags = opening->flags | O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    dir->fd = openat(opening->dirfd, opening->path, flags);
    if (dir->fd < 0)
        return -errno;
    dir->error = (int)dir_read(dir);
    return 0;
}

/* --- Opening --- */

int whorl_dir_openat(whorl_dir *public, int dirfd, const char *path, int flags)
{
    if (!public)
        return -EINVAL;
    public->engine[0] = NULL;
    if (!loop_here)
        return -EPERM;
    if (flags & ~(O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_DIRECTORY))
        return -EINVAL;
    if (!path)
        return -EFAULT;
    struct dir *dir = dir_make(-1);
    if (!dir)
        return -ENOMEM;
    struct opening opening = {.dirfd = dirfd, .path = path, .flags = flags, .dir = dir};
    int error = (int)whorl_to_thread(dir_open, &opening);
    if (error) {
        free(dir);
        return error;
    }
    public->engine[0] = dir;
    return 0;
}

int whorl_dir_open(whorl_dir *public, const char *path, int flags)
{
    return whorl_dir_openat(public, AT_FDCWD, path, flags);
}

/* 0 if directory entries can be read from it. */
static int check_descriptor(int fd)
{
    struct stat status;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fstat(fd, &status) < 0)
        return -errno;
    return S_ISDIR(status.st_mode) && !(flags & O_PATH) ? 0 : -ENOTDIR;
}

int whorl_dir_from_fd(whorl_dir *public, int fd)
{
    if (!public)
        return -EINVAL;
    public->engine[0] = NULL;
    if (!loop_here)
        return -EPERM;
    int error = check_descriptor(fd);
    if (error)
        return error;
    public->engine[0] = dir_make(fd);
    return public->engine[0] ? 0 : -ENOMEM;
}

/* --- Reading --- */

static int dir_refill(struct dir *dir)
{
    int error = dir->error;
    dir->error = 0;
    if (error)
        return error;
    dir->busy = true;
    error = (int)whorl_to_thread(dir_read, dir);
    dir->busy = false;
    return error;
}

int whorl_dir_next(whorl_dir *public, whorl_dir_entry *entry)
{
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    int error;
    struct dir *dir = dir_of(public, &error);
    if (!dir || !entry)
        return dir ? -EINVAL : error;
    if (loop->current->interrupted)
        return task_refuse(loop, loop->current);
    if (dir->at == dir->end)
        error = dir_refill(dir);
    if (error || dir->at == dir->end)
        return error;
    const struct dirent64 *next = (const struct dirent64 *)(dir->batch + dir->at);
    dir->at += next->d_reclen;
    *entry = (whorl_dir_entry){.name = next->d_name, .inode = next->d_ino, .type = next->d_type};
    return 1;
}

int whorl_dir_rewind(whorl_dir *public)
{
    int error;
    struct dir *dir = dir_of(public, &error);
    if (!dir)
        return error;
    dir->rewound = true;
    dir->at = dir->end = 0;
    dir->error = 0;
    return 0;
}

int whorl_dir_fd(const whorl_dir *public)
{
    const struct dir *dir = public ? public->engine[0] : NULL;
    return dir ? dir->fd : -EINVAL;
}

int whorl_dir_close(whorl_dir *public)
{
    if (!loop_here)
        return -EPERM;
    int error;
    struct dir *dir = dir_of(public, &error);
    if (!dir)
        return error;
    int fd = dir->fd;
    public->engine[0] = NULL;
    free(dir);
    return whorl_close(fd);
}
