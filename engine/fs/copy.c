/* The contents of a file to another: see copy.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <assert.h>
#include <errno.h>
#include <fs/copy.h>
#include <linux/fs.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <unistd.h>

#define BUFFER (64 * 1024)
#define BLOCK 512 /* bytes, of st_blocks */

void copy_begin(struct copy *copy, int from, int to, const struct stat *status, unsigned ways)
{
    *copy = (struct copy){
        .from = from,
        .to = to,
        .ways = ways,
        .size = status->st_size,
        .sparse = status->st_blocks < status->st_size / BLOCK,
        .data_end = INT64_MAX,
    };
    if (copy->sparse)
        copy->data_end = 0;
}

/* Whether the error says that this way is none, and not that the copy has failed. */
static bool is_no_way(int error)
{
    return error == EOPNOTSUPP || error == EXDEV || error == EINVAL || error == ENOSYS ||
           error == EPERM || error == ENOTTY || error == ETXTBSY || error == EBADF;
}

/* --- The ways --- */

/* Each copies up to `bytes` at copy->at. Bytes copied, 0 at the end, -1 with errno. */

static ssize_t by_range(const struct copy *copy, size_t bytes)
{
    off_t in = copy->at;
    off_t out = copy->at;
    return copy_file_range(copy->from, &in, copy->to, &out, bytes, 0);
}

static ssize_t by_splice(const struct copy *copy, size_t bytes)
{
    off_t in = copy->at;
    if (lseek(copy->to, copy->at, SEEK_SET) < 0)
        return -1;
    return sendfile(copy->to, copy->from, &in, bytes);
}

static ssize_t by_reading(const struct copy *copy, size_t bytes)
{
    char buf[BUFFER];
    ssize_t got = pread(copy->from, buf, bytes < sizeof buf ? bytes : sizeof buf, copy->at);
    ssize_t done = 0;
    while (done < got) {
        ssize_t put = pwrite(copy->to, buf + done, (size_t)(got - done), copy->at + done);
        if (put == 0)
            errno = EIO; /* it takes nothing, and gives no error */
        if (put <= 0)
            return -1;
        done += put;
    }
    return got;
}

static const struct {
    enum copy_way way;
    ssize_t (*move)(const struct copy *copy, size_t bytes);
    bool sees_end; /* 0 is the end, also where nothing was copied before */
} movers[] = {
    {COPY_RANGE, by_range, false},
    {COPY_SPLICE, by_splice, false},
    {COPY_READ_WRITE, by_reading, true},
};

/* By the first way that works. Some file systems give 0 at once by the first two where reading
 * gives bytes: their files have no size. */
static ssize_t move(struct copy *copy, size_t bytes)
{
    int error = EOPNOTSUPP;
    for (size_t i = 0; i < sizeof movers / sizeof movers[0]; i++) {
        if (!(copy->ways & movers[i].way))
            continue;
        ssize_t moved = movers[i].move(copy, bytes);
        if (moved > 0 || (moved == 0 && (movers[i].sees_end || copy->at > 0)))
            return moved;
        error = moved == 0 ? 0 : errno;
        if (error && (!is_no_way(error) || movers[i].sees_end))
            return -error;
        copy->ways &= ~(unsigned)movers[i].way;
    }
    return -error;
}

/* --- Holes --- */

/* Finds the data that comes next. 1; 0: there is none up to the size, or the file has shrunk since
 * it was seen; -errno. A file system that knows nothing of holes says so by -EINVAL, and all is
 * data. */
static int next_data(struct copy *copy)
{
    off_t start = lseek(copy->from, copy->at, SEEK_DATA);
    off_t end = start < 0 ? -1 : lseek(copy->from, start, SEEK_HOLE);
    if (end < 0) {
        copy->data_end = INT64_MAX;
        return errno == ENXIO ? 0 : errno == EINVAL ? 1 : -errno;
    }
    if (start >= copy->size)
        return 0;
    copy->at = start;
    copy->data_end = end;
    return 1;
}

/* A hole at the end is made by the size. */
static int end_in_hole(const struct copy *copy)
{
    off_t size = lseek(copy->from, 0, SEEK_END);
    off_t end = size < copy->size ? size : copy->size;
    return size < 0 || ftruncate(copy->to, end) < 0 ? -errno : 0;
}

/* --- The end --- */

/* A file that was empty when it was looked at, and is no more, is none of unknown size: from then
 * on it is copied up to the size that it has now. 0, or -errno. */
static int look_again(struct copy *copy)
{
    struct stat status;
    if (copy->at == 0 || copy->size > 0)
        return 0;
    if (fstat(copy->from, &status) < 0)
        return -errno;
    copy->size = status.st_size;
    return 0;
}

int copy_some(struct copy *copy, size_t bytes)
{
    assert(bytes > 0);
    if (copy->ways & COPY_REFLINK) {
        copy->ways &= ~(unsigned)COPY_REFLINK;
        if (copy->size > 0 && ioctl(copy->to, FICLONE, copy->from) == 0)
            return 0;
    }
    int error = look_again(copy);
    if (error)
        return error;
    off_t end = copy->size > 0 ? copy->size : INT64_MAX;
    while (bytes > 0 && copy->at < end) {
        int found = copy->at < copy->data_end ? 1 : next_data(copy);
        if (found <= 0)
            return found < 0 ? found : end_in_hole(copy);
        off_t left = (copy->data_end < end ? copy->data_end : end) - copy->at;
        ssize_t moved = move(copy, (uintmax_t)left < bytes ? (size_t)left : bytes);
        if (moved <= 0)
            return (int)moved;
        copy->at += moved;
        bytes -= (size_t)moved;
    }
    return copy->at < end;
}
