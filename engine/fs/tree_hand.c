/* Hands: the threads' side of a tree. See tree.h. */
#include <errno.h>
#include <fs/tree.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SLICE WHORL_MS(10) /* of a thread, before others have it */
#define RECORD_MOST (offsetof(struct dirent64, d_name) + 256 + 8) /* bytes of one name */

/* --- Errors --- */

/* Writes `text` before what is there; what has no room is left out at the front. */
static char *put_before(char *buf, char *start, const char *text)
{
    size_t len = strlen(text), room = (size_t)(start - buf);
    size_t fits = len < room ? len : room;
    return memcpy(start - fits, text + len - fits, fits);
}

static void write_path(const struct tree *tree, const struct tree_dir *dir, const char *name,
                       enum tree_side side)
{
    char *buf = tree->report->path, *start = buf + WHORL_TREE_PATH_MAX - 1;
    *start = '\0';
    if (name)
        start = put_before(buf, put_before(buf, start, name), "/");
    for (; dir->parent; dir = dir->parent)
        start = put_before(buf, put_before(buf, start, dir->name), "/");
    const char *root = tree->paths[side];
    size_t len = strlen(root);
    if (start > buf && start[0] == '/' && len > 0 && root[len - 1] == '/')
        start++;
    bool is_cut = len > (size_t)(start - buf);
    start = put_before(buf, start, root);
    if (is_cut)
        memcpy(start, "...", 3);
    memmove(buf, start, strlen(start) + 1);
}

void tree_fail(struct tree *tree, struct tree_dir *dir, const char *name, enum tree_side side,
               int error)
{
    pthread_mutex_lock(&tree->lock);
    tree->errors++;
    if (dir)
        dir->failed = true;
    if (!tree->error && tree->report && dir)
        write_path(tree, dir, name, side);
    if (!tree->error)
        tree->error = error;
    pthread_mutex_unlock(&tree->lock);
    if (!(tree->flags & WHORL_TREE_GO_ON))
        tree_stop(tree);
}

/* --- The stack --- */

static void push(struct tree *tree, struct tree_dir *dir)
{
    dir->next = tree->work;
    tree->work = dir;
    tree->waiting++;
}

static struct tree_dir *pop(struct tree *tree)
{
    struct tree_dir *dir = tree->work;
    if (dir) {
        tree->work = dir->next;
        tree->waiting--;
    }
    return dir;
}

static struct tree_dir *take(struct tree *tree)
{
    pthread_mutex_lock(&tree->lock);
    struct tree_dir *dir = tree_is_stopped(tree) ? NULL : pop(tree);
    pthread_mutex_unlock(&tree->lock);
    return dir;
}

static void put(struct tree *tree, struct tree_dir *dir)
{
    pthread_mutex_lock(&tree->lock);
    push(tree, dir);
    pthread_mutex_unlock(&tree->lock);
}

/* There may be more names after the batch that was read, which another hand may read. */
static void put_back(struct tree *tree, struct tree_dir *dir, off_t position)
{
    pthread_mutex_lock(&tree->lock);
    dir->position = position;
    dir->pending++;
    push(tree, dir);
    pthread_mutex_unlock(&tree->lock);
}

/* Whether a hand should return, as others can do something, or should have its thread. One
 * directory that waits is enough for another hand if it holds more than one batch. */
static bool is_time(struct tree *tree, int64_t until)
{
    pthread_mutex_lock(&tree->lock);
    bool is_enough = tree->waiting > 1 || (tree->waiting == 1 && tree->work->is_entered);
    bool some_rest = tree->out < tree->hands_most;
    pthread_mutex_unlock(&tree->lock);
    return (is_enough && some_rest) || clock_read() >= until;
}

/* --- The ends of directories --- */

/* One thing less is pending; true: nothing is. A failure goes up. */
static bool take_pending(struct tree *tree, struct tree_dir *dir)
{
    pthread_mutex_lock(&tree->lock);
    bool is_last = --dir->pending == 0;
    pthread_mutex_unlock(&tree->lock);
    return is_last;
}

static void tell_parent(struct tree *tree, const struct tree_dir *dir)
{
    pthread_mutex_lock(&tree->lock);
    if (dir->parent && dir->failed)
        dir->parent->failed = true;
    pthread_mutex_unlock(&tree->lock);
}

static void done(struct tree *tree, struct tree_dir *dir)
{
    while (dir && take_pending(tree, dir)) {
        bool is_cut = tree_is_stopped(tree);
        if (!is_cut && dir->is_entered && !tree->kind->leave(tree, dir)) {
            tree_dir_rewind(tree, dir);
            dir->pending = 1;
            put(tree, dir);
            return;
        }
        struct tree_dir *parent = dir->parent;
        if (!parent)
            tree->is_whole = !is_cut;
        tell_parent(tree, dir);
        tree_dir_free(tree, dir);
        dir = parent;
    }
}

void tree_drain(struct tree *tree)
{
    struct tree_dir *dir;
    tree_stop(tree);
    while ((dir = pop(tree)))
        done(tree, dir);
    if (tree->base >= 0)
        close(tree->base);
    tree->base = -1;
}

/* --- Reading and doing --- */

/* A directory below `dir`. */
static void add(struct tree *tree, struct tree_dir *dir, const char *name, bool by_link)
{
    struct tree_dir *child = tree_dir_make(dir, name);
    if (!child) {
        tree_fail(tree, dir, name, TREE_FROM, -ENOMEM);
        return;
    }
    child->by_link = by_link;
    pthread_mutex_lock(&tree->lock);
    dir->pending++;
    push(tree, child);
    pthread_mutex_unlock(&tree->lock);
}

static void do_entry(struct tree *tree, struct tree_dir *dir, const struct dirent64 *entry)
{
    const char *name = entry->d_name;
    if (name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0')))
        return;
    enum tree_found found = TREE_DIRECTORY;
    if (entry->d_type != DT_DIR)
        found = tree->kind->entry(tree, dir, name, entry->d_type);
    if (found != TREE_DONE)
        add(tree, dir, name, found == TREE_LINKED_DIRECTORY);
}

struct batch {
    bool may_be_more;
    off_t position; /* after it */
    size_t used;
    _Alignas(struct dirent64) char names[TREE_NAMES];
};

/* Reads until the batch is full or the directory ends. 0 or -errno. */
static int read_batch(int fd, struct batch *batch)
{
    batch->used = 0;
    while (TREE_NAMES - batch->used >= RECORD_MOST) {
        char *names = batch->names + batch->used;
        ssize_t got = getdents64(fd, names, TREE_NAMES - batch->used);
        batch->may_be_more = got > 0 || (got < 0 && batch->used > 0);
        /* A directory that was removed has no entries. */
        if (got < 0 && batch->used == 0 && errno != ENOENT)
            return -errno;
        if (got <= 0)
            break;
        for (ssize_t at = 0; at < got;) {
            const struct dirent64 *entry = (const struct dirent64 *)(names + at);
            batch->position = entry->d_off;
            at += entry->d_reclen;
        }
        batch->used += (size_t)got;
    }
    return 0;
}

static void do_batch(struct tree *tree, struct tree_dir *dir, const struct batch *batch)
{
    for (size_t at = 0; at < batch->used && !tree_is_stopped(tree);) {
        const struct dirent64 *entry = (const struct dirent64 *)(batch->names + at);
        do_entry(tree, dir, entry);
        at += entry->d_reclen;
    }
}

/* Has a directory held; false: there is nothing to do in it. */
static bool begin(struct tree *tree, struct tree_dir *dir)
{
    struct tree_dir *held = dir->is_entered ? dir : dir->parent;
    int error = held ? tree_dir_hold(tree, held) : 0;
    if (error && error != -ENOENT)
        tree_fail(tree, dir, NULL, TREE_FROM, error);
    if (error)
        return false;
    if (dir->is_entered)
        return true;
    bool is_entered = tree->kind->enter(tree, dir);
    if (is_entered)
        tree_dir_keep(tree, dir);
    if (held)
        tree_dir_drop(tree, held);
    return is_entered;
}

static void work_at(struct tree *tree, struct tree_dir *dir, struct batch *batch)
{
    if (begin(tree, dir)) {
        int error = dir->is_shut ? 0 : read_batch(dir->fds[TREE_FROM], batch);
        if (error)
            tree_fail(tree, dir, NULL, TREE_FROM, error);
        if (!error && !dir->is_shut) {
            if (batch->may_be_more)
                put_back(tree, dir, batch->position);
            do_batch(tree, dir, batch);
        }
        tree_dir_drop(tree, dir);
    }
    done(tree, dir);
}

intptr_t tree_work(void *arg)
{
    struct tree *tree = arg;
    struct batch batch;
    struct tree_dir *dir;
    int64_t until = clock_read() + SLICE;
    while ((dir = take(tree))) {
        work_at(tree, dir, &batch);
        if (is_time(tree, until))
            break;
    }
    return 0;
}
