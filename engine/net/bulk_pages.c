/* Files sent from the page cache: see bulk_pages.h. */
#include <errno.h>
#include <fcntl.h>
#include <net/bulk_pages.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define HANDED_AT_ONCE ((size_t)64 << 10) /* by sendfile(2) to the socket */

#ifndef SYS_cachestat
#define SYS_cachestat 451 /* the same everywhere */
#endif

bool bulk_pages_fit(int fd)
{
    int type = 0;
    socklen_t len = sizeof type;
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && (flags & O_NONBLOCK) &&
           getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM;
}

static size_t next_len(const struct bulk_source *source, off_t at)
{
    size_t len = source->count - source->sent;
    if (len > BULK_PAGES_MOST)
        len = BULK_PAGES_MOST;
    return at + (off_t)len > source->size ? (size_t)(source->size - at) : len;
}

/* Pages that are being read from the disk count as cached: the last one, which comes last as a
 * rule, is tried. */
static bool last_is_read(int fd, off_t last)
{
    char byte;
    struct iovec piece = {&byte, 1};
    return preadv2(fd, &piece, 1, last, RWF_NOWAIT) == 1;
}

bool bulk_pages_are_there(const struct bulk_source *source)
{
    off_t at = source->from + (off_t)source->sent;
    if (source->is_direct || at >= source->size)
        return false;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    struct {
        uint64_t offset, len;
    } range = {(uint64_t)at, next_len(source, at)};
    struct {
        uint64_t cached, dirty, written, evicted, evicted_lately;
    } found;
    uint64_t pages = (range.offset + range.len + page - 1) / page - range.offset / page;
    return syscall(SYS_cachestat, source->fd, &range, &found, 0) == 0 && found.cached >= pages &&
           last_is_read(source->fd, (off_t)(range.offset + range.len - 1));
}

/* What sendfile(2) says of the file, which a read tells better. */
static bool is_of_file(int error)
{
    return error == EINVAL || error == EIO || error == EOVERFLOW || error == ENOMEM ||
           error == ESTALE || error == EBADF;
}

/* Holds back what fills no segment until the piece is queued: sendfile(2) hands TCP 64 KiB at a
 * time, and an acknowledgement that comes in between would send what there is so far: for a
 * megabyte on loopback a quarter more segments, and work for both ends. Who has corked the socket
 * himself finds it corked. */
static bool cork(int fd, size_t len)
{
    int is_corked = 0, on = 1;
    socklen_t size = sizeof is_corked;
    return len > HANDED_AT_ONCE && getsockopt(fd, IPPROTO_TCP, TCP_CORK, &is_corked, &size) == 0 &&
           !is_corked && setsockopt(fd, IPPROTO_TCP, TCP_CORK, &on, sizeof on) == 0;
}

static void uncork(int fd)
{
    int off = 0;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_CORK, &off, sizeof off);
}

ssize_t bulk_pages_send(struct bulk_source *source, int fd)
{
    off_t at = source->from + (off_t)source->sent;
    size_t len = next_len(source, at);
    bool was_corked = cork(fd, len);
    ssize_t sent;
    do
        sent = sendfile(fd, source->fd, &at, len);
    while (sent < 0 && errno == EINTR);
    int error = sent < 0 ? errno : 0;
    if (was_corked)
        uncork(fd);
    if (sent >= 0)
        source->sent += (size_t)sent;
    else if (!is_of_file(error))
        return -error;
    return sent > 0 ? sent : 0;
}
