/* A file's end: by its close, or with the run. See file.h. */
#include <fs/file.h>
#include <fs/file_close.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <whorl/fs.h>

/* But for its own memory. */
static void give_up(whorl_file *file)
{
    while (file->in.count > 0)
        window_pop(file, &file->in);
    buffers_free(file);
    free(file->held);
}

int whorl_file_close(whorl_file *file)
{
    if (!file)
        return -EINVAL;
    struct loop *loop = loop_here;
    if (!loop || file->loop != loop)
        return -EPERM;
    if (file->busy)
        return -EBUSY;
    /* A stream may take nothing for ever: there a cancel ends the wait. */
    file->patient = file->positioned;
    int error = behind_finish(file);
    file->patient = true;
    ahead_drop(file);
    leftover_remove(&file->leftover);
    file->busy = true;
    int closed = whorl_close(file->fd);
    give_up(file);
    free(file);
    return error ? error : closed;
}

int whorl_file_fd(const whorl_file *file)
{
    if (!file)
        return -EINVAL;
    return file->fd >= 0 ? file->fd : -EBADF;
}

/* --- At the run's end --- */

static whorl_file *file_of(struct leftover *self)
{
    return (whorl_file *)((char *)self - offsetof(whorl_file, leftover));
}

void file_stop(struct leftover *self)
{
    whorl_file *file = file_of(self);
    if (file->positioned)
        return;
    for (unsigned i = 0; i < file->in.count + file->out.count; i++) {
        bool is_in = i < file->in.count;
        struct slot *slot =
            is_in ? window_at(&file->in, i) : window_at(&file->out, i - file->in.count);
        if (slot->state == SLOT_FLYING && (slot->op.state & OP_IN_FLIGHT))
            op_ask_cancel(file->loop, &slot->op);
    }
}

/* Writes what a slot still holds. 0 or -errno. */
static int write_rest(const whorl_file *file, struct slot *slot)
{
    while (slot->done < slot->len) {
        const char *data = slot->buf + slot->done;
        size_t rest = slot->len - slot->done;
        int64_t offset = slot->offset + (int64_t)slot->done;
        ssize_t done =
            file->append ? write(file->fd, data, rest) : pwrite(file->fd, data, rest, offset);
        if (done == 0 || (done < 0 && errno != EINTR))
            return done == 0 ? -EIO : -errno;
        slot->done += done > 0 ? (size_t)done : 0;
    }
    return 0;
}

/* The last slot of `out` knows how much it has taken. */
static void close_room(whorl_file *file)
{
    if (file->room)
        window_last(&file->out)->len = (size_t)(file->room - window_last(&file->out)->buf);
    file->room = NULL;
}

/* Writes what is left of the first slot, unless an error before forbids it. Returns
 * its error, or that. */
static int finish_first(whorl_file *file, int before)
{
    struct slot *slot = window_at(&file->out, 0);
    bool ordered = !file->positioned || file->append;
    if (slot->state == SLOT_FLYING && slot->op.result > 0)
        slot->done += (size_t)slot->op.result;
    int error = ordered ? before : 0;
    if (!error && slot->done < slot->len)
        error = file->positioned ? write_rest(file, slot) : -ECANCELED;
    int64_t end = slot->offset + (int64_t)slot->done;
    if (slot->done > 0 && end > file->known_end)
        file->known_end = end;
    return before ? before : error;
}

static void write_left(whorl_file *file)
{
    int error = 0;
    size_t lost = 0;
    close_room(file);
    if (file->direct)
        direct_set(file, false);
    while (file->out.count > 0) {
        const struct slot *slot = window_at(&file->out, 0);
        error = finish_first(file, error);
        lost += slot->len - slot->done;
        window_pop(file, &file->out);
    }
    if (file->direct)
        direct_set(file, true);
    if (lost > 0)
        fprintf(
            stderr,
            "whorl: a file was left open at the end of the run, and %zu bytes that were written "
            "to it are lost: %s. Close files, and look at what whorl_file_close gives.\n",
            lost, file->positioned ? strerror(-error) : "it is a stream");
}

void file_end_left(struct leftover *self)
{
    whorl_file *file = file_of(self);
    write_left(file);
    int64_t size = direct_exact_size(file);
    if (size >= 0 && ftruncate(file->fd, size) != 0)
        fprintf(stderr,
                "whorl: a file was left open at the end of the run, and its size is too "
                "large: %s\n",
                strerror(errno));
    close(file->fd);
    file->fd = -1;
    give_up(file);
    leftover_bury(file->loop, self, file);
}
