/*
 * Copies what is no directory: files, links, and what has only a name.
 *
 * What an entry is may have changed since its name was read, or change while it is looked at: then
 * it is looked at once more, and given up if it changes again.
 */
#include <errno.h>
#include <fcntl.h>
#include <fs/copy_tree.h>
#include <limits.h>
#include <unistd.h>

#define LOOKS_MOST 4 /* at what changes */

/* An entry, and how it goes. */
struct copy {
    struct tree *tree;
    struct tree_dir *dir;
    const char *name;
    enum tree_side side; /* on which an error happened */
    bool follows;        /* the name is a link, and what it leads to is copied */
    struct stat seen;
};

static int from_fd(const struct copy *copy)
{
    return copy->dir->fds[TREE_FROM];
}

static int to_fd(const struct copy *copy)
{
    return copy->dir->fds[TREE_TO];
}

static int fail_on(struct copy *copy, enum tree_side side, int error)
{
    copy->side = side;
    return error;
}

/* A place that is taken: 0 when it was cleared. */
static int clear_place(const struct copy *copy)
{
    if (!(copy->tree->flags & WHORL_TREE_MERGE))
        return -EEXIST;
    return unlinkat(to_fd(copy), copy->name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

/* --- Files --- */

static int make_file(const struct copy *copy)
{
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
    /* Attributes need the permission to write, which the mode may not give in the end. */
    mode_t mode = copy->seen.st_mode & 0777;
    if (copy->tree->flags & WHORL_TREE_XATTRS)
        mode |= S_IWUSR;
    int fd = tree_open(copy->tree, to_fd(copy), copy->name, flags, mode);
    if (fd != -EEXIST)
        return fd;
    int error = clear_place(copy);
    return error ? error : tree_open(copy->tree, to_fd(copy), copy->name, flags, mode);
}

/* What goes wrong leaves no file. */
static int copy_opened(struct copy *copy, int from)
{
    int to = make_file(copy);
    if (to < 0)
        return fail_on(copy, TREE_TO, to);
    off_t bytes = 0;
    int error = copy_tree_data(copy->tree, from, to, &copy->seen, &copy->side, &bytes);
    if (!error) {
        error = copy_tree_attributes(copy->tree, from, to, &copy->seen);
        copy->side = TREE_TO;
    }
    if (close(to) < 0 && !error)
        error = fail_on(copy, TREE_TO, -errno);
    if (error) {
        unlinkat(to_fd(copy), copy->name, 0);
        return error;
    }
    tree_count(&copy->tree->files, 1);
    tree_count(&copy->tree->bytes, (uint64_t)bytes);
    return 0;
}

/* -EAGAIN: it is no file any more. Nothing is waited for: neither the other end of a FIFO that has
 * taken its place, nor a carrier. */
static int copy_file(struct copy *copy)
{
    int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | (copy->follows ? 0 : O_NOFOLLOW);
    int from = tree_open(copy->tree, from_fd(copy), copy->name, flags, 0);
    if (from == -ELOOP || from == -ENXIO)
        return -EAGAIN;
    if (from < 0)
        return from;
    int error = fstat(from, &copy->seen) < 0 ? -errno : 0;
    if (!error)
        error = S_ISREG(copy->seen.st_mode) ? copy_opened(copy, from) : -EAGAIN;
    close(from);
    return error;
}

/* --- What has only a name --- */

static int make_link(struct copy *copy)
{
    char target[PATH_MAX];
    ssize_t len = readlinkat(from_fd(copy), copy->name, target, sizeof target - 1);
    if (len < 0)
        return errno == EINVAL ? -EAGAIN : -errno;
    target[len] = '\0';
    return symlinkat(target, to_fd(copy), copy->name) < 0 ? fail_on(copy, TREE_TO, -errno) : 0;
}

static int make_special(struct copy *copy)
{
    mode_t mode = copy->seen.st_mode & (S_IFMT | 0777);
    if (mknodat(to_fd(copy), copy->name, mode, copy->seen.st_rdev) < 0)
        return fail_on(copy, TREE_TO, -errno);
    return 0;
}

static int copy_name(struct copy *copy, int (*make)(struct copy *), uint64_t *figure)
{
    int error = make(copy);
    if (error == -EEXIST) {
        error = clear_place(copy);
        error = error ? fail_on(copy, TREE_TO, error) : make(copy);
    }
    if (error)
        return error;
    error = copy_tree_attributes_at(copy->tree, to_fd(copy), copy->name, &copy->seen);
    if (error) {
        unlinkat(to_fd(copy), copy->name, 0);
        return fail_on(copy, TREE_TO, error);
    }
    tree_count(figure, 1);
    return 0;
}

/* --- Entries --- */

/* Looks at what is not known to be a file. A link that leads nowhere is an error if it is
 * followed. */
static int look(struct copy *copy)
{
    if (fstatat(from_fd(copy), copy->name, &copy->seen, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    if (!S_ISLNK(copy->seen.st_mode) || !(copy->tree->flags & WHORL_TREE_FOLLOW))
        return 0;
    copy->follows = true;
    if (fstatat(from_fd(copy), copy->name, &copy->seen, 0) < 0)
        return errno == ENOENT ? -ENOLINK : -errno;
    return 0;
}

/* -EAGAIN: it is not what it seemed to be. */
static int copy_seen(struct copy *copy)
{
    if (S_ISREG(copy->seen.st_mode))
        return copy_file(copy);
    if (S_ISLNK(copy->seen.st_mode))
        return copy_name(copy, make_link, &copy->tree->links);
    return copy_name(copy, make_special, &copy->tree->specials);
}

enum tree_found copy_tree_entry(struct tree *tree, struct tree_dir *dir, const char *name,
                                unsigned char type)
{
    struct copy copy = {.tree = tree, .dir = dir, .name = name};
    int error = type == DT_REG ? copy_file(&copy) : -EAGAIN;
    for (int looks = 0; error == -EAGAIN && looks < LOOKS_MOST; looks++) {
        error = look(&copy);
        if (!error && S_ISDIR(copy.seen.st_mode))
            return copy.follows ? TREE_LINKED_DIRECTORY : TREE_DIRECTORY;
        if (!error)
            error = copy_seen(&copy);
    }
    bool is_gone = error == -ENOENT && copy.side == TREE_FROM;
    if (error == -ENOLINK)
        error = -ENOENT;
    if (error == -EAGAIN)
        error = -ESTALE;
    if (error && !is_gone && error != -ECANCELED)
        tree_fail(tree, dir, name, copy.side, error);
    return TREE_DONE;
}
