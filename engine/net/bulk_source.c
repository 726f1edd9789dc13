/* A file that is sent piece by piece: see bulk_source.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/bulk_source.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

int bulk_source_open(struct bulk_source *source, int fd, const off_t *offset, size_t count)
{
    struct stat status;
    if (offset && *offset < 0)
        return -EINVAL;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fstat(fd, &status) != 0)
        return -EBADF;
    if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))
        return -EINVAL;
    *source = (struct bulk_source){
        .fd = fd,
        .is_direct = flags & O_DIRECT,
        .file = which_file(&status),
        .size = status.st_size,
        .from = offset ? *offset : lseek(fd, 0, SEEK_CUR),
        .count = count < SSIZE_MAX ? count : SSIZE_MAX,
    };
    return source->from < 0 ? -EBADF : 0;
}

bool bulk_source_is_there(struct bulk_source *source)
{
    struct stat status;
    if (fstat(source->fd, &status) != 0 || !is_same_file(source->file, &status))
        return false;
    source->size = status.st_size;
    return true;
}

static size_t block_part(off_t at)
{
    return (size_t)at & (BULK_ALIGNMENT - 1);
}

struct bulk_piece bulk_source_piece(const struct bulk_source *source, size_t room)
{
    off_t at = source->from + (off_t)source->sent;
    size_t left = source->count - source->sent;
    size_t skip = source->is_direct ? block_part(at) : 0;
    return (struct bulk_piece){skip, left < room - skip ? left : room - skip};
}

whorl_op bulk_source_read(const struct bulk_source *source, char *buf, struct bulk_piece piece)
{
    off_t at = source->from + (off_t)source->sent - (off_t)piece.skip;
    size_t len = piece.skip + piece.len;
    if (source->is_direct)
        len = (len + BULK_ALIGNMENT - 1) & ~(size_t)(BULK_ALIGNMENT - 1);
    return whorl_op_pread(source->fd, buf, len, at);
}

bool bulk_source_glance(const struct bulk_source *source, char *buf, struct bulk_piece piece)
{
    struct iovec whole = {buf, piece.len};
    off_t at = source->from + (off_t)source->sent;
    return !source->is_direct &&
           preadv2(source->fd, &whole, 1, at, RWF_NOWAIT) == (ssize_t)piece.len;
}

size_t bulk_piece_came(struct bulk_piece piece, size_t got)
{
    if (got <= piece.skip)
        return 0;
    return got - piece.skip < piece.len ? got - piece.skip : piece.len;
}

ssize_t bulk_source_end(struct bulk_source *source, off_t *offset, int error)
{
    off_t at = source->from + (off_t)source->sent;
    if (source->sent == 0)
        return error;
    if (offset)
        *offset = at;
    else if (bulk_source_is_there(source))
        lseek(source->fd, at, SEEK_SET);
    return (ssize_t)source->sent;
}
