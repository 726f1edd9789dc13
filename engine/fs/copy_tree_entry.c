/*
 * Copies what is no directory: files, links, and what has only a name.
 *
 * What an entry is may have changed since its name was read, or change while it is looked at: then
 * it is looked at once more, and given up if it changes again.
 */
#include <errno.h>
#include <fcntl.h>
#include <fs/copy.h>
#include <fs/copy_tree.h>
#include <limits.h>
#include <unistd.h>

#define LOOKS_MOST 4                  /* at what changes */
#define PIECE ((size_t)4 << 20)       /* bytes copied before a look whether to stop */
#define CLONED_LEAST ((off_t)1 << 20) /* bytes */

/* An entry, and how it goes. */
struct item {
    struct tree *tree;
    struct tree_dir *dir;
    const char *name;
    enum tree_side side; /* on which an error happened */
    bool follows;        /* the name is a link, and what it leads to is copied */
    struct stat seen;
};

static int from_fd(const struct item *item)
{
    return item->dir->fds[TREE_FROM];
}

static int to_fd(const struct item *item)
{
    return item->dir->fds[TREE_TO];
}

static int fail_on(struct item *item, enum tree_side side, int error)
{
    item->side = side;
    return error;
}

/* A place that is taken: 0 when it was cleared. */
static int clear_place(const struct item *item)
{
    if (!(item->tree->flags & WHORL_TREE_MERGE))
        return -EEXIST;
    return unlinkat(to_fd(item), item->name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

/* --- Files --- */

static int make_file(const struct item *item)
{
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
    /* Attributes need the permission to write, which the mode may not give in the end. */
    mode_t mode = item->seen.st_mode & 0777;
    if (item->tree->flags & WHORL_TREE_XATTRS)
        mode |= S_IWUSR;
    int fd = tree_open(item->tree, to_fd(item), item->name, flags, mode);
    if (fd != -EEXIST)
        return fd;
    int error = clear_place(item);
    return error ? error : tree_open(item->tree, to_fd(item), item->name, flags, mode);
}

/* Which side an error of copying is about, as the kernel does both. */
static enum tree_side side_of(int error)
{
    bool is_no_room = error == -ENOSPC || error == -EDQUOT || error == -EFBIG;
    return is_no_room ? TREE_TO : TREE_FROM;
}

/* copy_file_range(2) shares blocks too, so that the call for that alone is spared to small
 * files. */
static int copy_content(struct item *item, int from, int to, off_t *bytes)
{
    struct tree *tree = item->tree;
    unsigned ways = __atomic_load_n(&tree->ways, __ATOMIC_RELAXED);
    off_t size = item->seen.st_size;
    struct copy copy;
    if (size < CLONED_LEAST)
        ways &= ~(unsigned)COPY_REFLINK;
    copy_begin(&copy, from, to, &item->seen, ways);
    int more = 1;
    while (more > 0) {
        if (tree_is_stopped(tree))
            return -ECANCELED;
        more = copy_some(&copy, PIECE);
    }
    if (more < 0)
        return fail_on(item, side_of(more), more);
    if (size > 0)
        __atomic_and_fetch(&tree->ways, copy.ways | COPY_REFLINK, __ATOMIC_RELAXED);
    *bytes = copy.at;
    /* It was cloned, ends in a hole, or has shrunk. */
    struct stat made;
    if (copy.at < size && fstat(to, &made) == 0)
        *bytes = made.st_size;
    return 0;
}

/* What goes wrong leaves no file. */
static int copy_opened(struct item *item, int from)
{
    int to = make_file(item);
    if (to < 0)
        return fail_on(item, TREE_TO, to);
    off_t bytes = 0;
    int error = copy_content(item, from, to, &bytes);
    if (!error) {
        error = copy_tree_attributes(item->tree, from, to, &item->seen);
        item->side = TREE_TO;
    }
    if (close(to) < 0 && !error)
        error = fail_on(item, TREE_TO, -errno);
    if (error) {
        unlinkat(to_fd(item), item->name, 0);
        return error;
    }
    tree_count(&item->tree->files, 1);
    tree_count(&item->tree->bytes, (uint64_t)bytes);
    return 0;
}

/* -EAGAIN: it is no file any more. Nothing is waited for: neither the other end of a FIFO that has
 * taken its place, nor a carrier. */
static int copy_file(struct item *item)
{
    int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | (item->follows ? 0 : O_NOFOLLOW);
    int from = tree_open(item->tree, from_fd(item), item->name, flags, 0);
    if (from == -ELOOP || from == -ENXIO)
        return -EAGAIN;
    if (from < 0)
        return from;
    int error = fstat(from, &item->seen) < 0 ? -errno : 0;
    if (!error)
        error = S_ISREG(item->seen.st_mode) ? copy_opened(item, from) : -EAGAIN;
    close(from);
    return error;
}

/* --- What has only a name --- */

static int make_link(struct item *item)
{
    char target[PATH_MAX];
    ssize_t len = readlinkat(from_fd(item), item->name, target, sizeof target - 1);
    if (len < 0)
        return errno == EINVAL ? -EAGAIN : -errno;
    target[len] = '\0';
    return symlinkat(target, to_fd(item), item->name) < 0 ? fail_on(item, TREE_TO, -errno) : 0;
}

static int make_special(struct item *item)
{
    mode_t mode = item->seen.st_mode & (S_IFMT | 0777);
    if (mknodat(to_fd(item), item->name, mode, item->seen.st_rdev) < 0)
        return fail_on(item, TREE_TO, -errno);
    return 0;
}

static int copy_name(struct item *item, int (*make)(struct item *), uint64_t *figure)
{
    int error = make(item);
    if (error == -EEXIST) {
        error = clear_place(item);
        error = error ? fail_on(item, TREE_TO, error) : make(item);
    }
    if (error)
        return error;
    error = copy_tree_attributes_at(item->tree, to_fd(item), item->name, &item->seen);
    if (error) {
        unlinkat(to_fd(item), item->name, 0);
        return fail_on(item, TREE_TO, error);
    }
    tree_count(figure, 1);
    return 0;
}

/* --- Entries --- */

/* Looks at what is not known to be a file. A link that leads nowhere is an error if it is
 * followed. */
static int look(struct item *item)
{
    if (fstatat(from_fd(item), item->name, &item->seen, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    if (!S_ISLNK(item->seen.st_mode) || !(item->tree->flags & WHORL_TREE_FOLLOW))
        return 0;
    item->follows = true;
    if (fstatat(from_fd(item), item->name, &item->seen, 0) < 0)
        return errno == ENOENT ? -ENOLINK : -errno;
    return 0;
}

/* -EAGAIN: it is not what it seemed to be. */
static int copy_seen(struct item *item)
{
    if (S_ISREG(item->seen.st_mode))
        return copy_file(item);
    if (S_ISLNK(item->seen.st_mode))
        return copy_name(item, make_link, &item->tree->links);
    return copy_name(item, make_special, &item->tree->specials);
}

enum tree_found copy_tree_entry(struct tree *tree, struct tree_dir *dir, const char *name,
                                unsigned char type)
{
    struct item item = {.tree = tree, .dir = dir, .name = name};
    int error = type == DT_REG ? copy_file(&item) : -EAGAIN;
    for (int looks = 0; error == -EAGAIN && looks < LOOKS_MOST; looks++) {
        error = look(&item);
        if (!error && S_ISDIR(item.seen.st_mode))
            return item.follows ? TREE_LINKED_DIRECTORY : TREE_DIRECTORY;
        if (!error)
            error = copy_seen(&item);
    }
    bool is_gone = error == -ENOENT && item.side == TREE_FROM;
    if (error == -ENOLINK)
        error = -ENOENT;
    if (error == -EAGAIN)
        error = -ESTALE;
    if (error && !is_gone && error != -ECANCELED)
        tree_fail(tree, dir, name, item.side, error);
    return TREE_DONE;
}
