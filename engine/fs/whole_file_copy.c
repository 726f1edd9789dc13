/* Copying whole files: one job for the pool when the file is small, one for each piece else. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <fs/copy.h>
#include <fs/replacement.h>
#include <fs/whole_file.h>
#include <unistd.h>
#include <whorl/fs.h>
#include <whorl/thread.h>

#define OWNER_ONLY 0600 /* until it has its attributes */
#define KNOWN_FLAGS                                                                                \
    (WHORL_FILE_EXCLUSIVE | WHORL_FILE_UNSYNCED | WHORL_FILE_KEEP_TIMES | WHORL_FILE_KEEP_XATTRS | \
     WHORL_FILE_KEEP_OWNER)

struct copying {
    const char *path;
    int from; /* -1: not open */
    struct stat status;
    unsigned flags;
    unsigned ways;
    struct copy copy;
    struct replacement file;
};

static unsigned kept(unsigned flags)
{
    return (flags & WHORL_FILE_KEEP_TIMES ? COPY_KEEP_TIMES : 0U) |
           (flags & WHORL_FILE_KEEP_XATTRS ? COPY_KEEP_XATTRS : 0U) |
           (flags & WHORL_FILE_KEEP_OWNER ? COPY_KEEP_OWNER : 0U);
}

/* Opens a file to be copied, without waiting for the other end of a FIFO, and looks at it. */
static int open_from(const char *path, struct stat *status)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int error = fstat(fd, status) != 0      ? -errno
                : S_ISDIR(status->st_mode)  ? -EISDIR
                : !S_ISREG(status->st_mode) ? -EINVAL
                                            : 0;
    if (error) {
        close(fd);
        return error;
    }
    return fd;
}

static int begin(struct copying *self)
{
    int from = open_from(self->path, &self->status);
    if (from < 0)
        return from;
    self->from = from;
    self->file.differs_from = &self->status;
    int error = (int)replacement_open(&self->file);
    if (!error)
        copy_begin(&self->copy, from, self->file.fd, &self->status, self->ways);
    return error;
}

static int end(struct copying *self)
{
    int error = copy_attributes(self->from, self->file.fd, &self->status, kept(self->flags));
    if (!error && !(self->flags & WHORL_FILE_UNSYNCED))
        error = fsync(self->file.fd) != 0 ? -errno : 0;
    return error ? error : (int)replacement_commit(&self->file);
}

/* 1: there is more to do; else what came of it. */
static intptr_t step(void *copying)
{
    struct copying *self = copying;
    int result = self->from < 0 ? begin(self) : 0;
    if (result == 0)
        result = copy_some(&self->copy, COPY_STEP);
    return result == 0 ? end(self) : result;
}

int copy_file_with(const char *from, const char *to, unsigned flags, unsigned ways)
{
    struct copying self = {.path = from, .from = -1, .flags = flags, .ways = ways};
    replacement_init(&self.file, to, flags, OWNER_ONLY);
    intptr_t result;
    do
        result = whorl_to_thread(step, &self);
    while (result > 0);
    replacement_close(&self.file);
    if (self.from >= 0)
        whorl_close(self.from);
    return (int)result;
}

int whorl_copy_file(const char *from, const char *to, unsigned flags)
{
    if (!from || !to || (flags & ~(unsigned)KNOWN_FLAGS))
        return -EINVAL;
    return copy_file_with(from, to, flags, COPY_ANY_WAY);
}
