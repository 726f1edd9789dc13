/* Walking a tree: what is visited next. See walk.h. */
#include <core/loop.h>
#include <errno.h>
#include <fcntl.h>
#include <fs/entries.h>
#include <fs/walk.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <whorl/fs.h>
#include <whorl/path.h>
#include <whorl/thread.h>

#define ALL_FLAGS (WHORL_WALK_SORTED | WHORL_WALK_FOLLOW | WHORL_WALK_ONE_DEVICE)

/* The walk of the caller's struct, for a call that uses it; NULL, and why. */
static struct walk *walk_of(const whorl_walk *public, int *error)
{
    struct walk *walk = public ? public->engine[0] : NULL;
    *error = !walk ? -EINVAL : walk->busy ? -EBUSY : 0;
    return *error ? NULL : walk;
}

/* --- Beginning --- */

static void walk_free(struct walk *walk)
{
    free(walk->root);
    free(walk->path);
    free(walk->levels);
    free(walk);
}

static struct walk *walk_make(int dirfd, const char *root, unsigned flags)
{
    struct walk *walk = calloc(1, sizeof *walk);
    if (!walk)
        return NULL;
    walk->flags = flags;
    walk->dirfd = dirfd;
    walk->root = strdup(root);
    walk->path = calloc(1, 1);
    walk->path_room = 1;
    if (walk->root && walk->path)
        return walk;
    walk_free(walk);
    return NULL;
}

int whorl_walk_beginat(whorl_walk *public, int dirfd, const char *root, unsigned flags)
{
    if (!public)
        return -EINVAL;
    public->engine[0] = NULL;
    if (flags & ~(unsigned)ALL_FLAGS)
        return -EINVAL;
    struct statx status;
    int error = whorl_statx(dirfd, root, 0, STATX_TYPE | STATX_INO, &status);
    if (error)
        return error;
    struct walk *walk = walk_make(dirfd, root, flags);
    if (!walk)
        return -ENOMEM;
    walk->root_type = entry_type_of_mode(status.stx_mode);
    walk->root_inode = status.stx_ino;
    public->engine[0] = walk;
    return 0;
}

int whorl_walk_begin(whorl_walk *public, const char *root, unsigned flags)
{
    return whorl_walk_beginat(public, AT_FDCWD, root, flags);
}

/* --- Visits --- */

/* Room for one level more, whose path is longer by a slash and `name_len`. The last visit's name is
 * in the path's text: that moves last, when the next visit is certain. */
static bool reserve(struct walk *walk, size_t path_len, size_t name_len)
{
    if (walk->depth == walk->levels_room) {
        unsigned room = walk->levels_room * 2 + 8;
        struct level *levels = realloc(walk->levels, room * sizeof *levels);
        if (!levels)
            return false;
        walk->levels = levels;
        walk->levels_room = room;
    }
    size_t path_room = path_len + name_len + 2;
    if (path_room > walk->path_room) {
        char *path = realloc(walk->path, path_room * 2);
        if (!path)
            return false;
        walk->path = path;
        walk->path_room = path_room * 2;
    }
    return true;
}

/* The descriptor that the name at `depth` counts from, as far as it is open. */
static int directory_at(const struct walk *walk, unsigned depth)
{
    return depth == 0 ? walk->dirfd : walk->levels[depth - 1].fd;
}

/* Visits what the walk's path names. */
static int visit(struct walk *walk, enum whorl_visit visit, const struct level *at, unsigned depth)
{
    walk->path[at->path_len] = '\0';
    walk->last = (whorl_walk_entry){.visit = visit,
                                    .type = at->type,
                                    .depth = depth,
                                    .inode = at->listed_inode,
                                    .path = walk->path,
                                    .name = depth == 0 ? walk->root : walk->path + at->name_at,
                                    .dirfd = directory_at(walk, depth)};
    return 1;
}

/* Visits an entry at `depth` for the first time: the walk's path is its own. There is room. */
static int visit_first(struct walk *walk, unsigned depth, unsigned char type, uint64_t inode,
                       size_t name_at, size_t path_len)
{
    struct level level = {.fd = -1,
                          .type = type,
                          .listed_inode = inode,
                          .name_at = name_at,
                          .path_len = path_len,
                          .listing.sorted = walk->flags & WHORL_WALK_SORTED,
                          .listing.follows = walk->flags & WHORL_WALK_FOLLOW};
    if (type != DT_DIR)
        return visit(walk, WHORL_VISIT_FILE, &level, depth);
    walk->levels[walk->depth++] = level;
    return visit(walk, WHORL_VISIT_DIR, &level, depth);
}

static int visit_root(struct walk *walk)
{
    if (!reserve(walk, 0, 0))
        return -ENOMEM;
    walk->begun = true;
    return visit_first(walk, 0, walk->root_type, walk->root_inode, 0, 0);
}

static int visit_error(struct walk *walk, struct level *level)
{
    int error = level->error;
    level->error = 0;
    visit(walk, WHORL_VISIT_ERROR, level, walk->depth - 1);
    walk->last.error = error;
    return 1;
}

/* --- On a thread --- */

struct reopening {
    struct walk *walk;
    unsigned index;
    int error;
};

static intptr_t read_run(void *arg)
{
    return level_read(arg);
}

static intptr_t reopen_run(void *arg)
{
    struct reopening *reopening = arg;
    reopening->error = level_reopen(reopening->walk, reopening->index);
    return 0;
}

/* Has a level open that was read, unless *lost tells why it cannot be. 0, or why that is not known:
 * this may be called again. */
static int have_open(struct walk *walk, unsigned index, int *lost)
{
    *lost = 0;
    if (walk->levels[index].fd >= 0)
        return 0;
    struct reopening reopening = {.walk = walk, .index = index};
    int error = (int)whorl_to_thread(reopen_run, &reopening);
    *lost = reopening.error;
    return error;
}

/* --- Going on --- */

/* Visits the next entry of the deepest level. */
static int visit_entry(struct walk *walk)
{
    struct level *level = &walk->levels[walk->depth - 1];
    int lost, error = have_open(walk, walk->depth - 1, &lost);
    if (error)
        return error;
    if (lost) {
        level->next = level->listing.count;
        level->error = lost;
        return visit_error(walk, level);
    }
    const struct found *found = level->listing.found[level->next];
    size_t name_len = strlen(found->name), name_at = level->path_len;
    if (!reserve(walk, name_at, name_len))
        return -ENOMEM;
    walk->levels[walk->depth - 1].next++;
    if (name_at > 0)
        walk->path[name_at++] = '/';
    memcpy(walk->path + name_at, found->name, name_len);
    return visit_first(walk, walk->depth, found->type, found->inode, name_at, name_at + name_len);
}

/* Visits the deepest level for the last time. */
static int visit_end(struct walk *walk)
{
    int lost, error = walk->depth > 1 ? have_open(walk, walk->depth - 2, &lost) : 0;
    if (error)
        return error;
    struct level left = walk->levels[--walk->depth];
    if (left.fd >= 0)
        whorl_close(left.fd);
    listing_free(&left.listing);
    return visit(walk, WHORL_VISIT_DIR_END, &left, walk->depth);
}

static int go_on(struct walk *walk)
{
    if (!walk->begun)
        return visit_root(walk);
    if (walk->depth == 0)
        return 0;
    struct level *level = &walk->levels[walk->depth - 1];
    while (!level->read) {
        int result = (int)whorl_to_thread(read_run, walk);
        if (result < 0)
            return result;
    }
    if (level->error)
        return visit_error(walk, level);
    return level->next < level->listing.count ? visit_entry(walk) : visit_end(walk);
}

int whorl_walk_next(whorl_walk *public, whorl_walk_entry *entry)
{
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    int error;
    struct walk *walk = walk_of(public, &error);
    if (!walk || !entry)
        return walk ? -EINVAL : error;
    if (loop->current->interrupted)
        return task_refuse(loop, loop->current);
    walk->busy = true;
    int result = go_on(walk);
    walk->busy = false;
    if (result == 1)
        *entry = walk->last;
    return result;
}

int whorl_walk_skip(whorl_walk *public)
{
    int error;
    struct walk *walk = walk_of(public, &error);
    if (!walk)
        return error;
    if (!walk->begun || walk->depth == 0 || walk->last.visit != WHORL_VISIT_DIR)
        return -EINVAL;
    walk->levels[walk->depth - 1].read = true;
    return 0;
}

int whorl_walk_statx(whorl_walk *public, unsigned mask, struct statx *buf)
{
    int error;
    struct walk *walk = walk_of(public, &error);
    if (!walk || !walk->begun)
        return walk ? -EINVAL : error;
    const whorl_walk_entry *last = &walk->last;
    bool follows = last->depth == 0 || ((walk->flags & WHORL_WALK_FOLLOW) && last->type != DT_LNK);
    walk->busy = true;
    int result = whorl_statx(last->dirfd, last->name, follows ? 0 : AT_SYMLINK_NOFOLLOW, mask, buf);
    walk->busy = false;
    return result;
}

int whorl_walk_end(whorl_walk *public)
{
    if (!loop_here)
        return -EPERM;
    int error;
    struct walk *walk = walk_of(public, &error);
    if (!walk)
        return error;
    public->engine[0] = NULL;
    while (walk->depth > 0) {
        struct level *level = &walk->levels[--walk->depth];
        if (level->fd >= 0)
            whorl_close(level->fd);
        listing_free(&level->listing);
    }
    walk_free(walk);
    return 0;
}
