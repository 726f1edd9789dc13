/*
 * Directories of a tree, and their descriptors.
 *
 * A directory that was entered is open or closed. Those that are open stand in a list by their last
 * use; when there are more than TREE_OPEN_MOST, those at its end that nobody holds are closed. One
 * that is held when it is closed is opened again from the nearest that is open above it, name by
 * name and never through a link: that is the depth, but once for as many as are kept open. What is
 * found there must be the directory that was entered. The root is held always.
 */
#include <errno.h>
#include <fcntl.h>
#include <fs/tree.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct tree_dir *tree_dir_make(struct tree_dir *parent, const char *name)
{
    size_t size = strlen(name) + 1;
    struct tree_dir *dir = calloc(1, sizeof *dir + size);
    if (!dir)
        return NULL;
    memcpy(dir->name, name, size);
    dir->parent = parent;
    dir->fds[TREE_FROM] = dir->fds[TREE_TO] = -1;
    dir->pending = 1;
    return dir;
}

/* --- The list of those that are open; under the lock --- */

static bool is_open(const struct tree_dir *dir)
{
    return dir->fds[TREE_FROM] >= 0;
}

static void list_add(struct tree *tree, struct tree_dir *dir)
{
    dir->newer = NULL;
    dir->older = tree->newest;
    if (dir->older)
        dir->older->newer = dir;
    else
        tree->oldest = dir;
    tree->newest = dir;
}

static void list_remove(struct tree *tree, struct tree_dir *dir)
{
    if (dir->newer)
        dir->newer->older = dir->older;
    else
        tree->newest = dir->older;
    if (dir->older)
        dir->older->newer = dir->newer;
    else
        tree->oldest = dir->newer;
}

static void shut(struct tree *tree, struct tree_dir *dir)
{
    list_remove(tree, dir);
    tree->open--;
    for (int side = 0; side < TREE_SIDES; side++) {
        if (dir->fds[side] >= 0)
            close(dir->fds[side]);
        dir->fds[side] = -1;
    }
}

static bool shut_one(struct tree *tree)
{
    struct tree_dir *dir = tree->oldest;
    while (dir && dir->users > 0)
        dir = dir->newer;
    if (dir)
        shut(tree, dir);
    return dir != NULL;
}

/* In use, and so the newest. */
static void use(struct tree *tree, struct tree_dir *dir)
{
    dir->users++;
    if (tree->newest == dir)
        return;
    list_remove(tree, dir);
    list_add(tree, dir);
}

static void opened(struct tree *tree, struct tree_dir *dir)
{
    list_add(tree, dir);
    dir->users = 1;
    tree->open++;
    while (tree->open > TREE_OPEN_MOST && shut_one(tree))
        continue;
}

/* --- Opening --- */

static int try_open(int dirfd, const char *name, int flags, mode_t mode)
{
    int fd = openat(dirfd, name, flags | O_CLOEXEC, mode);
    return fd < 0 ? -errno : fd;
}

static bool is_short(int fd)
{
    return fd == -EMFILE || fd == -ENFILE;
}

int tree_open(struct tree *tree, int dirfd, const char *name, int flags, mode_t mode)
{
    int fd;
    bool again;
    do {
        fd = try_open(dirfd, name, flags, mode);
        again = false;
        if (is_short(fd)) {
            pthread_mutex_lock(&tree->lock);
            again = shut_one(tree);
            pthread_mutex_unlock(&tree->lock);
        }
    } while (again || fd == -EINTR);
    return fd;
}

size_t tree_last_name(const char *path, size_t *start)
{
    size_t whole = strlen(path), end = whole;
    while (end > 0 && path[end - 1] == '/')
        end--;
    *start = end;
    while (*start > 0 && path[*start - 1] != '/')
        --*start;
    const char *name = path + *start;
    size_t len = end - *start;
    bool is_dots = name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'));
    if (len > 0 && !is_dots)
        return len;
    *start = whole;
    return 0;
}

int tree_open_base(struct tree *tree, const char *path)
{
    size_t start;
    tree_last_name(path, &start);
    if (start >= PATH_MAX - 1)
        return -ENAMETOOLONG;
    char base[PATH_MAX];
    memcpy(base, path, start);
    base[start] = '\0';
    if (start == 0 || base[start - 1] == '/')
        memcpy(base + start, ".", 2);
    return tree_open(tree, AT_FDCWD, base, O_PATH | O_DIRECTORY, 0);
}

static int open_side_again(struct tree *tree, struct tree_dir *dir, enum tree_side side)
{
    bool follow = dir->by_link && side == TREE_FROM;
    int flags = O_RDONLY | O_DIRECTORY | (follow ? 0 : O_NOFOLLOW), fd;
    do
        fd = try_open(dir->parent->fds[side], dir->name, flags, 0);
    while (fd == -EINTR || (is_short(fd) && shut_one(tree)));
    if (fd == -ENOTDIR || fd == -ELOOP || (fd == -ENOENT && side == TREE_TO))
        return -ESTALE;
    if (fd < 0)
        return fd;
    struct stat seen;
    if (fstat(fd, &seen) == 0 && same_file(&seen, &dir->seen[side])) {
        dir->fds[side] = fd;
        return 0;
    }
    close(fd);
    return -ESTALE;
}

/* One whose parent is open. It is held then. */
static int open_again(struct tree *tree, struct tree_dir *dir)
{
    int error = 0;
    dir->parent->users++;
    for (unsigned side = 0; side < tree->kind->sides && !error; side++)
        error = open_side_again(tree, dir, side);
    if (!error && dir->position > 0 && lseek(dir->fds[TREE_FROM], dir->position, SEEK_SET) < 0)
        error = -errno;
    dir->parent->users--;
    if (!error) {
        opened(tree, dir);
        return 0;
    }
    if (is_open(dir))
        close(dir->fds[TREE_FROM]);
    if (dir->fds[TREE_TO] >= 0)
        close(dir->fds[TREE_TO]);
    dir->fds[TREE_FROM] = dir->fds[TREE_TO] = -1;
    return error;
}

/* Down from the nearest that is open. It is held then. */
static int open_path_again(struct tree *tree, struct tree_dir *dir)
{
    dir->below = NULL;
    while (!is_open(dir->parent)) {
        dir->parent->below = dir;
        dir = dir->parent;
    }
    int error = open_again(tree, dir);
    while (!error && dir->below) {
        struct tree_dir *above = dir;
        dir = dir->below;
        error = open_again(tree, dir);
        above->users--;
    }
    return error;
}

/* --- For hands --- */

void tree_dir_keep(struct tree *tree, struct tree_dir *dir)
{
    pthread_mutex_lock(&tree->lock);
    opened(tree, dir);
    dir->is_entered = true;
    if (!dir->parent)
        dir->users++;
    pthread_mutex_unlock(&tree->lock);
}

int tree_dir_hold(struct tree *tree, struct tree_dir *dir)
{
    int error = 0;
    pthread_mutex_lock(&tree->lock);
    if (is_open(dir))
        use(tree, dir);
    else
        error = open_path_again(tree, dir);
    pthread_mutex_unlock(&tree->lock);
    return error;
}

void tree_dir_drop(struct tree *tree, struct tree_dir *dir)
{
    pthread_mutex_lock(&tree->lock);
    dir->users--;
    while (tree->open > TREE_OPEN_MOST && shut_one(tree))
        continue;
    pthread_mutex_unlock(&tree->lock);
}

void tree_dir_rewind(struct tree *tree, struct tree_dir *dir)
{
    pthread_mutex_lock(&tree->lock);
    dir->position = 0;
    if (is_open(dir))
        lseek(dir->fds[TREE_FROM], 0, SEEK_SET);
    pthread_mutex_unlock(&tree->lock);
}

void tree_dir_free(struct tree *tree, struct tree_dir *dir)
{
    pthread_mutex_lock(&tree->lock);
    if (is_open(dir))
        shut(tree, dir);
    pthread_mutex_unlock(&tree->lock);
    free(dir);
}
