/*
 * Copying a tree: see tree.h for how it is gone through. Here are its directories.
 *
 * A copy is made open to its owner, so that it can be filled, and gets its mode and times when all
 * in it is done. Two guards against copying without end: neither root may lie in the other, seen by
 * climbing from one; and no directory that is entered may be the copy's root, or, through a link,
 * one of those above it.
 */
#include <errno.h>
#include <fcntl.h>
#include <fs/copy.h>
#include <fs/copy_tree.h>
#include <unistd.h>

/* --- The roots --- */

/* -EINVAL: the directory `fd` is `outer`, or lies in it. As far up as it may be climbed; what is
 * missed then is found when the copy's root is entered. */
static int judge_place(struct tree *tree, int fd, const struct stat *outer)
{
    struct stat seen, below = {0};
    bool is_found = false, is_top = false;
    int at = tree_open(tree, fd, ".", O_PATH | O_DIRECTORY, 0);
    while (at >= 0 && !is_found && !is_top && fstat(at, &seen) == 0) {
        is_found = same_file(&seen, outer);
        is_top = same_file(&seen, &below);
        below = seen;
        int above = tree_open(tree, at, "..", O_PATH | O_DIRECTORY, 0);
        close(at);
        at = above;
    }
    if (at >= 0)
        close(at);
    return is_found ? -EINVAL : 0;
}

/* Before anything is made. */
static int judge_target(struct tree *tree, const struct stat *from)
{
    int base = tree_open_base(tree, tree->paths[TREE_TO]);
    if (base < 0)
        return base;
    int error = judge_place(tree, base, from);
    close(base);
    return error;
}

/* Makes the copy of a directory, or takes what is there. Its descriptor. */
static int open_copy(struct tree *tree, int dirfd, const char *name, mode_t mode, int flags)
{
    bool is_made = mkdirat(dirfd, name, (mode & 0777) | S_IRWXU) == 0;
    if (!is_made && (errno != EEXIST || !(tree->flags & WHORL_TREE_MERGE)))
        return -errno;
    int fd = tree_open(tree, dirfd, name, O_RDONLY | O_DIRECTORY | flags, 0);
    if (fd >= 0 && is_made)
        tree_count(&tree->directories, 1);
    return fd == -ENOTDIR || fd == -ELOOP ? -EEXIST : fd;
}

static void give_up(struct tree_dir *dir)
{
    for (int side = 0; side < TREE_SIDES; side++) {
        if (dir->fds[side] >= 0)
            close(dir->fds[side]);
        dir->fds[side] = -1;
    }
}

static bool fail_to_enter(struct tree *tree, struct tree_dir *dir, enum tree_side side, int error)
{
    give_up(dir);
    tree_fail(tree, dir, NULL, side, error);
    return false;
}

/* Opens one side, and sees what it is. */
static int keep_side(struct tree_dir *dir, enum tree_side side, int fd)
{
    if (fd < 0)
        return fd;
    dir->fds[side] = fd;
    return fstat(fd, &dir->seen[side]) < 0 ? -errno : 0;
}

static bool enter_root(struct tree *tree, struct tree_dir *dir)
{
    struct stat *seen = dir->seen;
    int fd = tree_open(tree, AT_FDCWD, tree->paths[TREE_FROM], O_RDONLY | O_DIRECTORY, 0);
    int error = keep_side(dir, TREE_FROM, fd);
    if (error)
        return fail_to_enter(tree, dir, TREE_FROM, error);
    error = judge_target(tree, &seen[TREE_FROM]);
    if (!error) {
        fd = open_copy(tree, AT_FDCWD, tree->paths[TREE_TO], seen[TREE_FROM].st_mode, 0);
        error = keep_side(dir, TREE_TO, fd);
    }
    if (!error)
        error = judge_place(tree, dir->fds[TREE_TO], &seen[TREE_FROM]);
    if (!error)
        error = judge_place(tree, dir->fds[TREE_FROM], &seen[TREE_TO]);
    if (error)
        return fail_to_enter(tree, dir, TREE_TO, error);
    tree->seen[TREE_FROM] = seen[TREE_FROM];
    tree->seen[TREE_TO] = seen[TREE_TO];
    return true;
}

/* --- The others --- */

/* 0, or why a directory must not be entered. */
static int judge_source(const struct tree *tree, const struct tree_dir *dir)
{
    const struct stat *seen = &dir->seen[TREE_FROM];
    if (same_file(seen, &tree->seen[TREE_TO]))
        return -EINVAL;
    for (const struct tree_dir *above = dir->parent; dir->by_link && above; above = above->parent)
        if (same_file(seen, &above->seen[TREE_FROM]))
            return -ELOOP;
    return 0;
}

/* Something else took the place of the directory; if it is one again, that is too much. */
static bool enter_other(struct tree *tree, struct tree_dir *dir)
{
    if (copy_tree_entry(tree, dir->parent, dir->name, DT_UNKNOWN) != TREE_DONE)
        tree_fail(tree, dir, NULL, TREE_FROM, -ESTALE);
    return false;
}

static bool enter(struct tree *tree, struct tree_dir *dir)
{
    struct tree_dir *parent = dir->parent;
    if (!parent)
        return enter_root(tree, dir);
    int flags = O_RDONLY | O_DIRECTORY | (dir->by_link ? 0 : O_NOFOLLOW);
    int fd = tree_open(tree, parent->fds[TREE_FROM], dir->name, flags, 0);
    if (fd == -ENOENT)
        return false;
    if (fd == -ENOTDIR || fd == -ELOOP)
        return enter_other(tree, dir);
    int error = keep_side(dir, TREE_FROM, fd);
    if (!error)
        error = judge_source(tree, dir);
    if (error)
        return fail_to_enter(tree, dir, TREE_FROM, error);
    const struct stat *seen = &dir->seen[TREE_FROM];
    dir->is_shut = tree->flags & WHORL_TREE_ONE_FS && seen->st_dev != tree->seen[TREE_FROM].st_dev;
    fd = open_copy(tree, parent->fds[TREE_TO], dir->name, seen->st_mode, O_NOFOLLOW);
    error = keep_side(dir, TREE_TO, fd);
    if (error)
        return fail_to_enter(tree, dir, TREE_TO, error);
    return true;
}

static bool leave(struct tree *tree, struct tree_dir *dir)
{
    int error = tree_dir_hold(tree, dir);
    if (error) {
        /* Gone, or told of already: it was to be held before. */
        if (error != -ENOENT && !dir->failed)
            tree_fail(tree, dir, NULL, TREE_FROM, error);
        return true;
    }
    error =
        copy_tree_attributes(tree, dir->fds[TREE_FROM], dir->fds[TREE_TO], &dir->seen[TREE_FROM]);
    tree_dir_drop(tree, dir);
    if (error)
        tree_fail(tree, dir, NULL, TREE_TO, error);
    return true;
}

static const struct tree_kind copying = {
    .wait = {.name = "the copying of a tree", .cancel = tree_cancel},
    .sides = 2,
    .enter = enter,
    .entry = copy_tree_entry,
    .leave = leave,
};

#define FLAGS_OF_COPY                                                                              \
    (WHORL_TREE_GO_ON | WHORL_TREE_MERGE | WHORL_TREE_FOLLOW | WHORL_TREE_TIMES |                  \
     WHORL_TREE_XATTRS | WHORL_TREE_ONE_FS)

int whorl_copy_tree(const char *from, const char *to, unsigned flags, whorl_tree_report *report)
{
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    if (!from || !to || flags & ~(unsigned)FLAGS_OF_COPY)
        return -EINVAL;
    struct tree tree = {
        .kind = &copying, .paths = {from, to}, .flags = flags, .ways = COPY_ANY_WAY};
    return tree_run(loop, &tree, "", report);
}
