/* One file, to a new name: see copy.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <fs/copy.h>
#include <stdint.h>
#include <unistd.h>
#include <whorl/thread.h>

/* Closes both, for what has come to `result`. What close(2) says of `to` counts: a file system may
 * tell of a failed write only then. */
static int end(struct file_copy *self, int result)
{
    close(self->copy.from);
    if (close(self->copy.to) != 0 && result == 0)
        result = -errno;
    if (result < 0)
        unlinkat(self->to_dir, self->to, 0);
    self->begun = false;
    return result;
}

/* Without waiting for the other end of a FIFO. */
int copy_open_from(int dir, const char *name, int flags, struct stat *status)
{
    int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | flags);
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

/* Makes `to` for its owner alone until it has its attributes. */
static int begin(struct file_copy *self)
{
    int from = copy_open_from(self->from_dir, self->from, self->open_flags, &self->status);
    if (from < 0)
        return from;
    int to = openat(self->to_dir, self->to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (to < 0) {
        int error = -errno;
        close(from);
        return error;
    }
    copy_begin(&self->copy, from, to, &self->status, self->ways);
    self->begun = true;
    return 0;
}

intptr_t file_copy_step(void *file_copy)
{
    struct file_copy *self = file_copy;
    int result = self->begun ? 0 : begin(self);
    if (result < 0)
        return result;
    result = copy_some(&self->copy, COPY_STEP);
    if (result > 0)
        return result;
    if (result == 0)
        result = copy_attributes(self->copy.from, self->copy.to, &self->status, self->keep);
    return end(self, result);
}

void file_copy_give_up(struct file_copy *self)
{
    if (self->begun)
        end(self, -ECANCELED);
}

/* Giving up takes two closes and an unlink, on the loop's thread. */
int file_copy_run(struct file_copy *self)
{
    intptr_t result;
    do
        result = whorl_to_thread(file_copy_step, self);
    while (result > 0);
    file_copy_give_up(self);
    return (int)result;
}
