/* See cache.h. */
#include "cache.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <whorl.h>

#include "date.h"
#include "types.h"

enum { RACES_MOST = 100 }; /* the tree was changed in the middle of a walk */

static const char index_name[] = "index.html";

int open_beneath(int root, const char *name, uint64_t flags)
{
    struct open_how how = {
        .flags = flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    int fd = -EAGAIN;
    for (int i = 0; i < RACES_MOST && fd == -EAGAIN; i++)
        fd = whorl_openat2(root, *name != '\0' ? name : ".", &how, sizeof how);
    return fd;
}

void cache_init(struct cache *self, int root, int64_t keep)
{
    memset(self, 0, sizeof *self);
    self->root = root;
    self->keep = keep;
}

/* --- The table --- */

static uint64_t hash_of(const struct path *path)
{
    uint64_t hash = path->directory ? 1 : 2;
    for (size_t i = 0; i < path->len; i++)
        hash = (hash ^ (unsigned char)path->name[i]) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ hash >> 32;
}

static bool is_at(const struct entry *self, const struct path *path, uint64_t hash)
{
    return self->hash == hash && strncmp(self->name, path->name, path->len) == 0 &&
           strcmp(self->name + path->len, path->directory ? "/" : "") == 0;
}

static struct entry *find(const struct cache *self, const struct path *path, uint64_t hash)
{
    struct entry *at = self->buckets[hash % CACHE_BUCKETS];
    while (at != NULL && !is_at(at, path, hash))
        at = at->next_in_bucket;
    return at;
}

static void unlink_use(struct cache *self, struct entry *entry)
{
    *(entry->older != NULL ? &entry->older->newer : &self->oldest) = entry->newer;
    *(entry->newer != NULL ? &entry->newer->older : &self->newest) = entry->older;
}

static void link_newest(struct cache *self, struct entry *entry)
{
    entry->older = self->newest;
    entry->newer = NULL;
    *(self->newest != NULL ? &self->newest->newer : &self->oldest) = entry;
    self->newest = entry;
}

static void close_entry(struct entry *entry)
{
    if (entry->fd >= 0)
        whorl_close(entry->fd);
    free(entry->content);
    free(entry);
}

static void remove_entry(struct cache *self, struct entry *entry)
{
    *entry->link = entry->next_in_bucket;
    if (entry->next_in_bucket != NULL)
        entry->next_in_bucket->link = entry->link;
    entry->link = NULL;
    unlink_use(self, entry);
    self->count--;
    if (entry->users == 0)
        close_entry(entry);
}

static void insert(struct cache *self, struct entry *entry)
{
    struct entry **bucket = &self->buckets[entry->hash % CACHE_BUCKETS];
    entry->next_in_bucket = *bucket;
    entry->link = bucket;
    if (*bucket != NULL)
        (*bucket)->link = &entry->next_in_bucket;
    *bucket = entry;
    link_newest(self, entry);
    self->count++;
    while (self->count > CACHE_MOST)
        remove_entry(self, self->oldest);
}

void cache_drop(struct cache *self)
{
    while (self->oldest != NULL) {
        assert(self->oldest->users == 0);
        remove_entry(self, self->oldest);
    }
}

/* --- Files --- */

/* Of the file that is open, whose inode is in memory: nothing is waited for. O_NONBLOCK has served
 * its end, that nobody waits for a FIFO's other end: reads of a file are to wait for the disk. */
static int look_at(int fd, struct stat *stat)
{
    if (fstat(fd, stat) != 0)
        return -errno;
    if (S_ISDIR(stat->st_mode))
        return -EISDIR;
    if (!S_ISREG(stat->st_mode))
        return -EACCES;
    return fcntl(fd, F_SETFL, 0) != 0 ? -errno : 0;
}

static int open_file(const struct cache *self, const struct path *path, struct stat *stat)
{
    char name[PATH_MAX + sizeof index_name];
    snprintf(name, sizeof name, "%s%s%s", path->name, path->directory && path->len > 0 ? "/" : "",
             path->directory ? index_name : "");
    int fd = open_beneath(self->root, name, O_RDONLY);
    if (fd < 0)
        return fd;
    int error = look_at(fd, stat);
    if (error == -EISDIR && path->directory) /* a directory of the index's name */
        error = -ENOENT;
    if (error == 0)
        return fd;
    whorl_close(fd);
    return error;
}

/* A small file's content; what is shorter than it was is read again later, by its descriptor. */
static void keep_content(struct entry *entry)
{
    if (entry->size > CACHE_SMALL)
        return;
    entry->content = malloc((size_t)entry->size + 1);
    if (entry->content == NULL)
        return;
    ssize_t got = whorl_pread(entry->fd, entry->content, (size_t)entry->size + 1, 0);
    if (got == entry->size) {
        whorl_close(entry->fd);
        entry->fd = -1;
        return;
    }
    free(entry->content);
    entry->content = NULL;
}

static void describe(struct entry *entry, const char *type)
{
    char date[DATE_LEN + 1], *at = entry->headers;
    size_t room = sizeof entry->headers;
    date_format(entry->validators.modified, date);
    entry->validators_len = (size_t)snprintf(at, room, "Last-Modified: %s\r\nETag: %s\r\n", date,
                                             entry->validators.etag);
    entry->entity_len = entry->validators_len +
                        (size_t)snprintf(at + entry->validators_len, room - entry->validators_len,
                                         "Accept-Ranges: bytes\r\nContent-Type: %s\r\n", type);
    entry->headers_len =
        entry->entity_len + (size_t)snprintf(at + entry->entity_len, room - entry->entity_len,
                                             "Content-Length: %" PRId64 "\r\n", entry->size);
    assert(entry->headers_len < room);
}

/* An entry for a descriptor, which is its own from then on. NULL: no memory. */
static struct entry *make_entry(const struct path *path, uint64_t hash, int fd,
                                const struct stat *stat)
{
    struct entry *entry = calloc(1, sizeof *entry + path->len + 2);
    if (entry == NULL) {
        whorl_close(fd);
        return NULL;
    }
    entry->fd = fd;
    entry->hash = hash;
    entry->stat = *stat;
    entry->size = stat->st_size;
    memcpy(entry->name, path->name, path->len);
    if (path->directory)
        entry->name[path->len] = '/';
    validators_set(&entry->validators, stat->st_ino, entry->size, stat->st_mtim);
    describe(entry, type_of(path->directory ? index_name : path->name));
    keep_content(entry);
    return entry;
}

static bool is_same(const struct stat *one, const struct stat *other)
{
    return one->st_dev == other->st_dev && one->st_ino == other->st_ino &&
           one->st_size == other->st_size && one->st_mtim.tv_sec == other->st_mtim.tv_sec &&
           one->st_mtim.tv_nsec == other->st_mtim.tv_nsec &&
           one->st_ctim.tv_sec == other->st_ctim.tv_sec &&
           one->st_ctim.tv_nsec == other->st_ctim.tv_nsec;
}

/* What was opened for a name of which an entry may be kept: by an earlier request, or by another
 * task meanwhile. Where files were forgotten since `forgotten`, before it was opened, it may be the
 * one that was replaced: it serves this request, and no other. */
static int settle(struct cache *self, const struct path *path, uint64_t hash, int fd,
                  const struct stat *stat, uint64_t forgotten, struct entry **out)
{
    struct entry *kept = find(self, path, hash);
    if (kept != NULL && is_same(&kept->stat, stat)) {
        kept->users++;
        whorl_close(fd);
        kept->checked = whorl_now();
        *out = kept;
        return 0;
    }
    struct entry *made = make_entry(path, hash, fd, stat);
    if (made == NULL)
        return -ENOMEM;
    made->users = 1;
    made->checked = whorl_now();
    *out = made;
    if (self->keep <= 0 || self->forgotten != forgotten)
        return 0;
    while ((kept = find(self, path, hash)) != NULL) /* each close lets others go on */
        remove_entry(self, kept);
    if (self->forgotten == forgotten)
        insert(self, made);
    return 0;
}

int cache_open(struct cache *self, const struct path *path, struct entry **out)
{
    struct stat stat;
    uint64_t hash = hash_of(path);
    struct entry *kept = find(self, path, hash);
    if (kept != NULL && whorl_now() - kept->checked < self->keep) {
        unlink_use(self, kept);
        link_newest(self, kept);
        kept->users++;
        *out = kept;
        return 0;
    }
    uint64_t forgotten = self->forgotten;
    int fd = open_file(self, path, &stat);
    if (fd >= 0)
        return settle(self, path, hash, fd, &stat, forgotten, out);
    kept = find(self, path, hash);
    if (kept != NULL)
        remove_entry(self, kept);
    return fd;
}

void cache_release(struct cache *self, struct entry *entry)
{
    (void)self;
    assert(entry->users > 0);
    if (--entry->users == 0 && entry->link == NULL)
        close_entry(entry);
}

void cache_forget(struct cache *self, const struct path *path)
{
    struct path index = *path;
    size_t len = sizeof index_name - 1;
    struct entry *kept = find(self, path, hash_of(path));
    self->forgotten++;
    if (kept != NULL)
        remove_entry(self, kept);
    if (path->len < len || strcmp(path->name + path->len - len, index_name) != 0)
        return;
    index.len -= len;
    if (index.len > 0 && index.name[--index.len] != '/')
        return;
    index.name[index.len] = '\0';
    index.directory = true;
    kept = find(self, &index, hash_of(&index));
    if (kept != NULL)
        remove_entry(self, kept);
}
