/* See output.h. */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>

/* How long the last steps of a whole file, and clean-up,
 * may go on in a download that is cancelled. */
#define LAST_STEPS WHORL_SECONDS(10)

/* Only a file, or a link, is ever replaced: who has the right to could lose /dev/null to --force. A
 * link is itself replaced, never what it leads to; but one to a device, as /dev/stdout, stays. */
static bool is_replaceable(const struct directory *directory, const char *name, mode_t type)
{
    struct statx target;
    if (!S_ISLNK(type))
        return S_ISREG(type);
    return whorl_statx(directory->fd, name, 0, STATX_TYPE, &target) != 0 ||
           S_ISREG(target.stx_mode) || S_ISDIR(target.stx_mode);
}

static int look_for_name(const struct directory *directory, const char *name, bool replaces,
                         struct failure *failure)
{
    struct statx seen;
    int error = whorl_statx(directory->fd, name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &seen);
    if (error != 0)
        return error == -ENOENT ? 0 : failure_of_file(failure, error, "looking for", name);
    if (!is_replaceable(directory, name, seen.stx_mode))
        return failure_tell(failure, FAILURE_FINAL,
                            "\"%s\" is there already, and no plain file: choose another name",
                            name);
    if (!replaces)
        return failure_tell(failure, FAILURE_FINAL,
                            "\"%s\" is there already: remove it, or replace it with --force", name);
    return 0;
}

/* Somebody who held the lock may have renamed the file just before it came to us: 0. 1: it has its
 * name still; or -errno. */
static int has_still_its_name(const output *self, const struct stat *opened)
{
    struct statx named;
    int error =
        whorl_statx(self->directory->fd, self->part, AT_SYMLINK_NOFOLLOW, STATX_INO, &named);
    if (error != 0)
        return error == -ENOENT ? 0 : error;
    return named.stx_ino == opened->st_ino;
}

/* flock(2) and fstat(2) do not wait here. Where a file system has no locks, there are none. */
static int take_hold(output *self, struct failure *failure)
{
    struct stat opened;
    bool is_others = flock(self->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (fstat(self->fd, &opened) != 0)
        return failure_of_file(failure, -errno, "looking at", self->part);
    if (!S_ISREG(opened.st_mode))
        return failure_tell(failure, FAILURE_FINAL, "\"%s\" is no plain file: remove it",
                            self->part);
    int is_named = has_still_its_name(self, &opened);
    if (is_named < 0)
        return failure_of_file(failure, is_named, "looking for", self->part);
    if (is_others || !is_named)
        return failure_tell(
            failure, FAILURE_FINAL,
            "\"%s\" is being written by another whorl-get: wait until that has ended", self->part);
    self->size = opened.st_size;
    return 0;
}

/* A file that was made is looked at in a cancelled task too: who knows that it is empty, and its
 * own, takes it away. */
static int open_part(output *self, struct failure *failure)
{
    whorl_shield scope;
    int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    self->fd = whorl_openat(self->directory->fd, self->part, flags, 0666);
    if (self->fd < 0)
        return failure_of_file(failure, self->fd, "opening", self->part);
    whorl_shield_begin(&scope, LAST_STEPS);
    int error = (int)whorl_shield_end(&scope, take_hold(self, failure));
    if (error != 0)
        whorl_close(self->fd);
    return error;
}

int output_open(output *self, struct directory *directory, const char *name, bool replaces,
                struct failure *failure)
{
    *self = (output){.directory = directory, .name = name};
    int error = look_for_name(directory, name, replaces, failure);
    if (error != 0)
        return error;
    if (asprintf(&self->part, "%s.part", name) < 0)
        self->part = NULL;
    if (asprintf(&self->note, "%s.part.from", name) < 0)
        self->note = NULL;
    if (self->part == NULL || self->note == NULL)
        error =
            failure_tell(failure, FAILURE_FINAL, "there is no memory left: run it with fewer URLs");
    else
        error = open_part(self, failure);
    if (error != 0) {
        free(self->part);
        free(self->note);
    }
    return error;
}

int output_restart(output *self, struct failure *failure)
{
    int error = self->size == 0 ? 0 : whorl_ftruncate(self->fd, 0);
    if (error != 0)
        return failure_of_file(failure, error, "emptying", self->part);
    self->size = 0;
    return 0;
}

int output_write(output *self, const char *data, size_t len, struct failure *failure)
{
    while (len > 0) {
        ssize_t put = whorl_pwrite(self->fd, data, len, self->size);
        if (put < 0)
            return failure_of_file(failure, (int)put, "writing", self->part);
        self->size += put;
        data += put;
        len -= (size_t)put;
    }
    return 0;
}

/* From here to the end a cancel waits, so that what is told of the file is so. */
static int give_name(output *self, bool replaces, struct failure *failure)
{
    int error = directory_rename(self->directory, self->part, self->name, replaces);
    if (error == -EEXIST)
        return failure_tell(failure, FAILURE_FINAL,
                            "\"%s\" has come into being meanwhile: the download is in \"%s\"",
                            self->name, self->part);
    if (error != 0)
        return failure_of_file(failure, error, "renaming to", self->name);
    self->is_finished = true;
    whorl_unlinkat(self->directory->fd, self->note, 0);
    error = directory_sync(self->directory);
    return error == 0 ? 0 : failure_of_file(failure, error, "syncing the directory of", self->name);
}

int output_finish(output *self, bool replaces, struct failure *failure)
{
    whorl_shield scope;
    int error = whorl_fsync(self->fd);
    if (error != 0)
        return failure_of_file(failure, error, "syncing", self->part);
    whorl_shield_begin(&scope, LAST_STEPS);
    return (int)whorl_shield_end(&scope, give_name(self, replaces, failure));
}

void output_remove(output *self)
{
    whorl_shield scope;
    whorl_shield_begin(&scope, LAST_STEPS);
    whorl_unlinkat(self->directory->fd, self->part, 0);
    whorl_unlinkat(self->directory->fd, self->note, 0);
    whorl_shield_end(&scope, 0);
}

void output_close(output *self)
{
    if (self->size == 0 && !self->is_finished)
        output_remove(self);
    whorl_close(self->fd);
    free(self->part);
    free(self->note);
}
