/*
 * Removing a tree: see tree.h for how it is gone through.
 *
 * Names are removed from the descriptors of the directories that hold them, and a directory is
 * opened by its name there, never through a link: so whatever others rename or link meanwhile, only
 * what lies in a directory of the tree is removed. The root's own name, too: the directory that
 * holds it is opened at first.
 */
#include <errno.h>
#include <fcntl.h>
#include <fs/tree.h>
#include <string.h>
#include <unistd.h>

#define LOOKS_MOST 8  /* at what changes */
#define PASSES_MOST 8 /* over a directory to which others add */

static void count(struct tree *tree, unsigned char type)
{
    if (type == DT_REG)
        tree_count(&tree->files, 1);
    else if (type == DT_LNK)
        tree_count(&tree->links, 1);
    else
        tree_count(&tree->specials, 1);
}

/* Removes an entry that is no directory, or gives -EISDIR. What is gone is fine. */
static int remove_other(struct tree *tree, int fd, const char *name, unsigned char type)
{
    if (type == DT_UNKNOWN) {
        struct stat seen;
        if (fstatat(fd, name, &seen, AT_SYMLINK_NOFOLLOW) == 0)
            type = IFTODT(seen.st_mode);
    }
    if (type == DT_DIR)
        return -EISDIR;
    if (unlinkat(fd, name, 0) == 0)
        count(tree, type);
    else if (errno != ENOENT)
        return -errno;
    return 0;
}

static enum tree_found remove_entry(struct tree *tree, struct tree_dir *dir, const char *name,
                                    unsigned char type)
{
    int error = remove_other(tree, dir->fds[TREE_FROM], name, type);
    if (error == -EISDIR)
        return TREE_DIRECTORY;
    if (error)
        tree_fail(tree, dir, name, TREE_FROM, error);
    return TREE_DONE;
}

static int remove_directory(struct tree *tree, int fd, const char *name)
{
    if (unlinkat(fd, name, AT_REMOVEDIR) == 0)
        tree_count(&tree->directories, 1);
    else if (errno != ENOENT)
        return -errno;
    return 0;
}

/* --- The root --- */

static bool is_whole_system(const struct stat *seen)
{
    struct stat system;
    return stat("/", &system) == 0 && same_file(seen, &system);
}

static bool must_be_directory(const struct tree *tree)
{
    const char *path = tree->paths[TREE_FROM];
    return path[strlen(path) - 1] == '/';
}

/* --- The kind --- */

static bool fail_to_enter(struct tree *tree, struct tree_dir *dir, int error)
{
    bool is_fine = error == -ENOENT && (dir->parent || tree->flags & WHORL_TREE_MAY_MISS);
    if (!is_fine)
        tree_fail(tree, dir, NULL, TREE_FROM, error);
    return false;
}

/* Opens a directory, or removes what is none (any more): then gives -EALREADY. What changes each
 * time it is looked at is given up. */
static int open_or_remove(struct tree *tree, int at, const struct tree_dir *dir)
{
    for (int looks = 0; looks < LOOKS_MOST; looks++) {
        int fd = tree_open(tree, at, dir->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
        bool is_other = fd == -ENOTDIR || fd == -ELOOP;
        if (!is_other || (!dir->parent && must_be_directory(tree)))
            return fd == -ELOOP ? -ENOTDIR : fd;
        int error = remove_other(tree, at, dir->name, DT_UNKNOWN);
        if (error != -EISDIR)
            return error ? error : -EALREADY;
    }
    return -ESTALE;
}

static bool enter(struct tree *tree, struct tree_dir *dir)
{
    int at =
        dir->parent ? dir->parent->fds[TREE_FROM] : tree_open_base(tree, tree->paths[TREE_FROM]);
    if (at < 0)
        return fail_to_enter(tree, dir, at);
    if (!dir->parent)
        tree->base = at;
    int fd = open_or_remove(tree, at, dir);
    /* One that may not be read can still be removed if it is empty. */
    if (fd == -EACCES && remove_directory(tree, at, dir->name) == 0)
        fd = -EALREADY;
    if (fd < 0)
        return fd != -EALREADY && fail_to_enter(tree, dir, fd);
    struct stat *seen = &dir->seen[TREE_FROM];
    int error = fstat(fd, seen) < 0 ? -errno : 0;
    if (!error && !dir->parent) {
        tree->seen[TREE_FROM] = *seen;
        error = is_whole_system(seen) ? -EINVAL : 0;
    }
    if (!error && tree->flags & WHORL_TREE_ONE_FS && seen->st_dev != tree->seen[TREE_FROM].st_dev)
        error = -EXDEV;
    if (error) {
        close(fd);
        return fail_to_enter(tree, dir, error);
    }
    dir->fds[TREE_FROM] = fd;
    return true;
}

/* Something may have been added behind the one who read, or have been passed over as what was
 * before it went: then once more. */
static bool leave(struct tree *tree, struct tree_dir *dir)
{
    if (dir->failed)
        return true;
    struct tree_dir *parent = dir->parent;
    int error = parent ? tree_dir_hold(tree, parent) : 0;
    if (!error) {
        error = remove_directory(tree, parent ? parent->fds[TREE_FROM] : tree->base, dir->name);
        if (parent)
            tree_dir_drop(tree, parent);
    }
    if ((error == -ENOTEMPTY || error == -EEXIST) && ++dir->passes < PASSES_MOST)
        return false;
    if (error == -ENOTDIR)
        error = -ESTALE;
    if (error && error != -ENOENT)
        tree_fail(tree, dir, NULL, TREE_FROM, error);
    return true;
}

static const struct tree_kind removal = {
    .wait = {.name = "the removal of a tree", .cancel = tree_cancel},
    .sides = 1,
    .enter = enter,
    .entry = remove_entry,
    .leave = leave,
};

#define FLAGS_OF_REMOVAL (WHORL_TREE_ONE_FS | WHORL_TREE_MAY_MISS)

int whorl_remove_tree(const char *path, unsigned flags, whorl_tree_report *report)
{
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    if (!path || flags & ~(unsigned)FLAGS_OF_REMOVAL)
        return -EINVAL;
    size_t start, len = tree_last_name(path, &start);
    if (len == 0)
        return -EINVAL;
    if (len > NAME_MAX)
        return -ENAMETOOLONG;
    char name[NAME_MAX + 1];
    memcpy(name, path + start, len);
    name[len] = '\0';
    struct tree tree = {.kind = &removal, .paths = {path, path}, .flags = flags | WHORL_TREE_GO_ON};
    return tree_run(loop, &tree, name, report);
}
