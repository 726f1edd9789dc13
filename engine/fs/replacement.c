/* See replacement.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <fs/replacement.h>
#include <fs/target.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>
#include <whorl/fs.h>
#include <whorl/path.h>
#include <whorl/scope.h>
#include <whorl/whole_file.h>

#define NAMES_MOST 100 /* that are tried; each is one of 2^64 */
#define CLEANUP_LIMIT WHORL_SECONDS(60)

void replacement_init(struct replacement *self, const char *path, unsigned flags, mode_t mode)
{
    self->path = path;
    self->flags = flags;
    self->mode = mode;
    self->differs_from = NULL;
    self->dir = -1;
    self->fd = -1;
    self->replaces = false;
    self->temporary[0] = '\0';
}

/* --- Opening --- */

/* Tries names until `use` takes one, which goes to self->temporary. What `use` gives, or -errno. */
static int with_fresh_name(struct replacement *self, int (*use)(struct replacement *self))
{
    for (int i = 0; i < NAMES_MOST; i++) {
        uint64_t number;
        ssize_t got = getrandom(&number, sizeof number, 0);
        assert(got == (ssize_t)sizeof number); /* so few bytes are never refused */
        (void)got;
        snprintf(self->temporary, sizeof self->temporary, WHORL_TEMPORARY_PREFIX "%016" PRIx64,
                 number);
        int result = use(self);
        if (result >= 0)
            return result;
        if (errno != EEXIST)
            break;
    }
    self->temporary[0] = '\0';
    return -errno;
}

static int make_named(struct replacement *self)
{
    return openat(self->dir, self->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, self->mode);
}

/* The name by which /proc knows a file without one. */
struct proc_name {
    char text[32];
};

static struct proc_name proc_name_of(int fd)
{
    struct proc_name name;
    snprintf(name.text, sizeof name.text, "/proc/self/fd/%d", fd);
    return name;
}

/* Without a name, if it can be given one later: /proc is there, and may be looked into. */
static int make_nameless(const struct replacement *self)
{
    int fd = openat(self->dir, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, self->mode);
    if (fd < 0)
        return -errno;
    if (access(proc_name_of(fd).text, F_OK) == 0)
        return fd;
    close(fd);
    return -EOPNOTSUPP;
}

/* A file system that has no files without a name says so in many ways; where the directory itself
 * is the cause, the other way says it again. */
static int make_file(struct replacement *self)
{
    int fd = self->flags & REPLACEMENT_NAMED ? -EOPNOTSUPP : make_nameless(self);
    if (fd >= 0 || fd == -EACCES || fd == -ENOSPC || fd == -EDQUOT)
        return fd;
    return with_fresh_name(self, make_named);
}

/* The permission bits of what it replaces, and its owner as far as may be. Bits that speak of
 * somebody who could not be kept are left out. */
static int adopt(const struct replacement *self)
{
    struct stat now;
    if (fstat(self->fd, &now) != 0)
        return -errno;
    bool same = (now.st_uid == self->old.st_uid && now.st_gid == self->old.st_gid) ||
                fchown(self->fd, self->old.st_uid, self->old.st_gid) == 0;
    bool group = same || fchown(self->fd, (uid_t)-1, self->old.st_gid) == 0;
    mode_t bits = same ? 07777 : group ? 0777 : 0707;
    return fchmod(self->fd, self->old.st_mode & bits) != 0 ? -errno : 0;
}

intptr_t replacement_open(void *replacement)
{
    struct replacement *self = replacement;
    bool exclusive = self->flags & WHORL_FILE_EXCLUSIVE;
    self->dir = target_find(self->path, !exclusive, self->name);
    if (self->dir < 0)
        return self->dir;
    int found = target_look(self->dir, self->name, exclusive, &self->old);
    if (found < 0)
        return found;
    if (found > 0 && self->differs_from && self->old.st_dev == self->differs_from->st_dev &&
        self->old.st_ino == self->differs_from->st_ino)
        return -EINVAL;
    self->replaces = found > 0;
    if (self->replaces)
        self->mode = S_IRUSR | S_IWUSR;
    self->fd = make_file(self);
    if (self->fd < 0)
        return self->fd;
    return self->replaces ? adopt(self) : 0;
}

/* --- Taking its place --- */

static int give_name(const struct replacement *self, const char *name)
{
    return linkat(AT_FDCWD, proc_name_of(self->fd).text, self->dir, name, AT_SYMLINK_FOLLOW);
}

static int give_temporary_name(struct replacement *self)
{
    return give_name(self, self->temporary);
}

/* Where the file system cannot rename without replacing, a second link does it. */
static int rename_exclusively(const struct replacement *self)
{
    int result = renameat2(self->dir, self->temporary, self->dir, self->name, RENAME_NOREPLACE);
    if (result == 0 || (errno != EINVAL && errno != ENOSYS))
        return result;
    if (linkat(self->dir, self->temporary, self->dir, self->name, 0) != 0)
        return -1;
    unlinkat(self->dir, self->temporary, 0);
    return 0;
}

/* What takes the place of nothing has its name at once, so that a kill leaves no other. -EEXIST:
 * something has it. */
static int take_free_name(const struct replacement *self)
{
    return give_name(self, self->name) != 0 ? -errno : 0;
}

static int take_place(struct replacement *self)
{
    bool exclusive = self->flags & WHORL_FILE_EXCLUSIVE;
    bool nameless = self->temporary[0] == '\0';
    int result = nameless && !self->replaces ? take_free_name(self) : -EEXIST;
    if (result != -EEXIST || (nameless && exclusive))
        return result;
    if (nameless) {
        int named = with_fresh_name(self, give_temporary_name);
        if (named < 0)
            return named;
    }
    int renamed = exclusive ? rename_exclusively(self)
                            : renameat(self->dir, self->temporary, self->dir, self->name);
    if (renamed != 0)
        return -errno;
    self->temporary[0] = '\0';
    return 0;
}

intptr_t replacement_commit(void *replacement)
{
    struct replacement *self = replacement;
    int error = take_place(self);
    if (error || (self->flags & WHORL_FILE_UNSYNCED))
        return error;
    return fsync(self->dir) != 0 ? -errno : 0;
}

/* --- The end --- */

static void remove_temporary(struct replacement *self)
{
    whorl_shield shield;
    whorl_shield_begin(&shield, CLEANUP_LIMIT);
    whorl_unlinkat(self->dir, self->temporary, 0);
    whorl_shield_end(&shield, 0);
    self->temporary[0] = '\0';
}

void replacement_close(struct replacement *self)
{
    if (self->temporary[0] != '\0')
        remove_temporary(self);
    if (self->fd >= 0)
        whorl_close(self->fd);
    if (self->dir >= 0)
        whorl_close(self->dir);
    self->fd = self->dir = -1;
}
