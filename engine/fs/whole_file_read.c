/*
 * Reading whole files.
 *
 * Nobody asks how large a file is before its first bytes have come: most files end with the first
 * read, and what /proc says of its own is wrong. Only when they do not is the size asked for. The
 * end is where a read gives nothing.
 *
 * A chain of open, read, read and close on a direct descriptor would take 3.2 in place of 3.4 us of
 * the processor's time for one cached file of 4 KiB after the other, but 2.6 in place of 2.5 where
 * 64 tasks read one each. (Its second read must be there: a file of /proc, or one with a bad block,
 * gives less than asked before its end.) So the descriptors are plain.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <fs/transfer.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <whorl/fs.h>
#include <whorl/path.h>
#include <whorl/whole_file.h>

#define FIRST_ROOM ((size_t)16 * 1024)

struct content {
    char *data;
    size_t size;
    size_t room; /* of data, beside the 0 */
    size_t most; /* bytes that the caller takes */
    bool asked;  /* the file's size was */
};

/* --- Room --- */

/* One byte more than the caller takes shows that there is more. */
static int make_room(struct content *self, size_t wanted)
{
    size_t room = self->most < wanted ? self->most + 1 : wanted;
    char *data = realloc(self->data, room + 1);
    if (!data)
        return -ENOMEM;
    self->data = data;
    self->room = room;
    return 0;
}

/* What the file says of its size, 0 where that is nothing. */
static int ask_size(int fd, uint64_t *size)
{
    struct statx status;
    int error = whorl_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_SIZE, &status);
    *size = error == 0 && S_ISREG(status.stx_mode) ? status.stx_size : 0;
    return error;
}

static int grow(int fd, struct content *self)
{
    uint64_t size = 0;
    if (!self->asked) {
        self->asked = true;
        int error = ask_size(fd, &size);
        if (error)
            return error;
        if (size > self->most)
            return -EFBIG;
    }
    assert(self->room < SIZE_MAX / 2); /* malloc gave it */
    if (size < self->room)
        return make_room(self, 2 * self->room);
    return make_room(self, size < SIZE_MAX - 1 ? (size_t)size + 1 : SIZE_MAX - 1);
}

/* --- Reading --- */

/* Up to the end, or until the room is full; *over says which. */
static int read_more(int fd, struct content *self, bool *over)
{
    size_t left = self->room - self->size;
    size_t done = 0;
    int error = transfer_read(fd, self->data + self->size, left, (off_t)self->size, &done);
    self->size += done;
    *over = done < left;
    return error == 0 && self->size > self->most ? -EFBIG : error;
}

static int read_all(int fd, struct content *self)
{
    bool over = false;
    int error = make_room(self, FIRST_ROOM);
    while (!error && !over) {
        error = self->size == self->room ? grow(fd, self) : 0;
        if (!error)
            error = read_more(fd, self, &over);
    }
    return error;
}

/* What is left over is given back, if malloc can. */
static char *finish(struct content *self)
{
    char *fitted = realloc(self->data, self->size + 1);
    char *data = fitted ? fitted : self->data;
    data[self->size] = '\0';
    return data;
}

int whorl_read_file(const char *path, char **data, size_t *size, size_t limit)
{
    if (!path || !data)
        return -EINVAL;
    int fd = whorl_open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fd;
    struct content content = {.most = limit ? limit : SIZE_MAX};
    int error = read_all(fd, &content);
    whorl_close(fd);
    if (error) {
        free(content.data);
        return error;
    }
    *data = finish(&content);
    if (size)
        *size = content.size;
    return 0;
}

ssize_t whorl_read_file_into(const char *path, void *buf, size_t room)
{
    if (!path || (!buf && room > 0))
        return -EINVAL;
    int fd = whorl_open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fd;
    size_t done = 0;
    int error = transfer_read(fd, buf, room, 0, &done);
    char more;
    ssize_t above = !error && done == room ? whorl_pread(fd, &more, 1, (off_t)room) : 0;
    whorl_close(fd);
    if (error || above < 0)
        return error ? error : above;
    return above > 0 ? -EFBIG : (ssize_t)done;
}
