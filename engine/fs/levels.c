/* The directories of a walk, opened and read on a thread: see walk.h. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <fs/walk.h>
#include <sys/stat.h>
#include <unistd.h>

/* Opens `name` below a directory as a level. Where links are not followed, what has become one
 * since it was listed is -ENOTDIR. */
static int open_directory(const struct walk *walk, int dirfd, const char *name, bool is_root)
{
    bool follows = is_root || (walk->flags & WHORL_WALK_FOLLOW);
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (follows ? 0 : O_NOFOLLOW);
    int fd = openat(dirfd, name, flags);
    return fd < 0 ? -errno : fd;
}

/* Opens a level by its name in the one above, which is open. */
static int open_by_name(struct walk *walk, unsigned index)
{
    if (index == 0)
        return open_directory(walk, walk->dirfd, walk->root, true);
    const struct level *level = &walk->levels[index];
    char *end = walk->path + level->path_len, behind = *end;
    *end = '\0';
    int fd = open_directory(walk, walk->levels[index - 1].fd, walk->path + level->name_at, false);
    *end = behind;
    return fd;
}

/* Closes the level that is too far above `index` to stay open; never the root. */
static void close_far_above(struct walk *walk, unsigned index)
{
    if (index <= LEVELS_OPEN)
        return;
    struct level *far = &walk->levels[index - LEVELS_OPEN];
    if (far->fd >= 0)
        close(far->fd);
    far->fd = -1;
}

/* --- Reading --- */

static bool is_inside_itself(const struct walk *walk, const struct level *level)
{
    for (const struct level *above = walk->levels; above < level; above++)
        if (above->device == level->device && above->inode == level->inode)
            return true;
    return false;
}

/* Opens the deepest level. Returns 0, or why nothing in it will be visited: -errno, or 1 if that is
 * as it should be. */
static int level_open(struct walk *walk)
{
    struct level *level = &walk->levels[walk->depth - 1];
    struct stat status;
    close_far_above(walk, walk->depth - 1);
    level->fd = open_by_name(walk, walk->depth - 1);
    if (level->fd < 0)
        return level->fd;
    if (fstat(level->fd, &status) < 0)
        return -errno;
    level->device = status.st_dev;
    level->inode = status.st_ino;
    if ((walk->flags & WHORL_WALK_FOLLOW) && is_inside_itself(walk, level))
        return -ELOOP;
    return (walk->flags & WHORL_WALK_ONE_DEVICE) && level->device != walk->levels[0].device;
}

int level_read(struct walk *walk)
{
    struct level *level = &walk->levels[walk->depth - 1];
    int result = level->fd < 0 ? level_open(walk) : 0;
    if (result == 0) {
        result = listing_step(&level->listing, level->fd);
        if (result == 1 || result == -ENOMEM)
            return result;
        if (result < 0 && listing_close(&level->listing) < 0)
            return -ENOMEM;
    }
    level->error = result < 0 ? result : 0;
    level->read = true;
    return 0;
}

/* --- Opening again --- */

/* Whether fd, which may be -errno, is the level's directory; then it is the level's. */
static int level_take(struct level *level, int fd)
{
    struct stat status;
    if (fd < 0)
        return fd;
    if (fstat(fd, &status) == 0 && status.st_dev == level->device &&
        status.st_ino == level->inode) {
        level->fd = fd;
        return 0;
    }
    close(fd);
    return -ESTALE;
}

/* From the next above that is open, down by the names; the last few stay open. */
static int reopen_from_above(struct walk *walk, unsigned index)
{
    unsigned from = index;
    while (from > 0 && walk->levels[from].fd < 0)
        from--;
    assert(walk->levels[from].fd >= 0);
    int error = 0;
    for (unsigned i = from + 1; i <= index && !error; i++) {
        close_far_above(walk, i);
        error = level_take(&walk->levels[i], open_by_name(walk, i));
    }
    return error;
}

int level_reopen(struct walk *walk, unsigned index)
{
    struct level *level = &walk->levels[index];
    const struct level *below = index + 1 < walk->depth ? level + 1 : NULL;
    if (below && below->fd >= 0 &&
        level_take(level, open_directory(walk, below->fd, "..", false)) == 0)
        return 0;
    return reopen_from_above(walk, index);
}
