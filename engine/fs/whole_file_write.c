/*
 * Writing whole files: open, write and fsync, commit. See replacement.h for the two ends; what lies
 * between is the ring's.
 */
#include <errno.h>
#include <fs/replacement.h>
#include <fs/transfer.h>
#include <fs/whole_file.h>
#include <whorl/fs.h>
#include <whorl/op.h>
#include <whorl/thread.h>

#define NEW_MODE 0666
#define KNOWN_FLAGS (WHORL_FILE_EXCLUSIVE | WHORL_FILE_UNSYNCED)

struct filling {
    int fd;
    const char *data;
    size_t size;
    size_t written;
};

/* What is one write goes to the disk in the same submission. *synced says whether it is there; a
 * write that came to less than asked has ended the chain. */
static int fill_by_chain(struct filling *self, bool *synced)
{
    whorl_op ops[] = {whorl_op_pwrite(self->fd, self->data, self->size, 0),
                      whorl_op_fsync(self->fd)};
    int error = whorl_link_ops(ops, 2);
    if (ops[0].result > 0)
        self->written = (size_t)ops[0].result;
    *synced = ops[1].result == 0;
    return ops[0].result >= 0 && self->written < self->size ? 0 : error;
}

static int fill_rest(struct filling *self)
{
    size_t done = 0;
    int error = transfer_write(self->fd, self->data + self->written, self->size - self->written,
                               (off_t)self->written, &done);
    self->written += done;
    return error;
}

static int fill(struct filling *self, unsigned flags)
{
    bool unsynced = flags & WHORL_FILE_UNSYNCED;
    bool synced = false;
    int error = 0;
    if (!unsynced && self->size > 0 && self->size <= TRANSFER_PIECE)
        error = fill_by_chain(self, &synced);
    if (!error && self->written < self->size)
        error = fill_rest(self);
    if (!error && !synced && !unsynced)
        error = whorl_fsync(self->fd);
    return error;
}

int write_file_with(const char *path, const void *data, size_t size,
                    const whorl_write_options *options, unsigned flags)
{
    struct replacement file;
    struct filling filling = {.data = data, .size = size};
    replacement_init(&file, path, options->flags | flags, options->mode ? options->mode : NEW_MODE);
    int error = (int)whorl_to_thread(replacement_open, &file);
    filling.fd = file.fd;
    if (!error)
        error = fill(&filling, options->flags);
    if (!error)
        error = (int)whorl_to_thread(replacement_commit, &file);
    replacement_close(&file);
    if (options->written)
        *options->written = filling.written;
    return error;
}

int whorl_write_file(const char *path, const void *data, size_t size,
                     const whorl_write_options *options)
{
    static const whorl_write_options defaults;
    if (!options)
        options = &defaults;
    if (!path || (!data && size > 0) || (options->flags & ~(unsigned)KNOWN_FLAGS))
        return -EINVAL;
    return write_file_with(path, data, size, options, 0);
}
