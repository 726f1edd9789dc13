/* Reading a log's file: a window that is moved over it, and whether a record is whole. */
#include <fs/crc32c.h>
#include <fs/log.h>
#include <string.h>
#include <whorl/fs.h>

/* Reads until the window holds `len` bytes from `at` on, or the file ends; as much as it has room
 * for, as what follows is wanted next. */
static int fill(struct log_window *window, int fd, int64_t at, size_t len, int64_t limit)
{
    size_t most = window->room;
    if ((int64_t)most > limit - at)
        most = (size_t)(limit - at);
    window->at = at;
    window->have = 0;
    while (window->have < len) {
        ssize_t got = whorl_pread(fd, window->buffer + window->have, most - window->have,
                                  at + (int64_t)window->have);
        if (got == -EINTR || got == -EAGAIN)
            continue;
        if (got < 0)
            window->have = 0;
        if (got <= 0)
            return (int)got;
        window->have += (size_t)got;
    }
    return 0;
}

static bool has(const struct log_window *window, int64_t at, size_t len)
{
    return at >= window->at && at + (int64_t)len <= window->at + (int64_t)window->have;
}

ssize_t log_window_load(struct log_window *window, int fd, int64_t at, size_t len, int64_t limit,
                        const unsigned char **bytes)
{
    assert(len <= window->room);
    if (at >= limit)
        return 0;
    if ((int64_t)len > limit - at)
        len = (size_t)(limit - at);
    if (!has(window, at, len)) {
        int error = fill(window, fd, at, len, limit);
        if (error)
            return error;
    }
    *bytes = window->buffer + (at - window->at);
    return (ssize_t)(len < window->have ? len : window->have);
}

/* Continues a checksum over `len` bytes of the file. 1; 0: it ends before; or -errno. */
static int add_checksum(uint32_t *crc, int fd, struct log_window *window, int64_t at, size_t len)
{
    int64_t end = at + (int64_t)len;
    while (at < end) {
        const unsigned char *bytes;
        size_t part = (size_t)(end - at) < window->room ? (size_t)(end - at) : window->room;
        ssize_t got = log_window_load(window, fd, at, part, INT64_MAX, &bytes);
        if (got <= 0)
            return (int)got;
        *crc = crc32c(*crc, bytes, (size_t)got);
        at += got;
    }
    return 1;
}

int log_check_record(const struct log *log, struct log_window *window, int64_t lsn, int64_t at,
                     int64_t limit, uint32_t *len)
{
    const unsigned char *bytes;
    uint32_t stored;
    ssize_t got = log_window_load(window, log->fd, at, LOG_RECORD_HEADER, limit, &bytes);
    if (got < LOG_RECORD_HEADER)
        return got < 0 ? (int)got : 0;
    if (!log_record_decode(bytes, &stored, len) || *len > limit - at - LOG_RECORD_HEADER)
        return 0;
    uint32_t crc = log_record_seed(log->identity, lsn, *len);
    int whole = add_checksum(&crc, log->fd, window, at + LOG_RECORD_HEADER, *len);
    return whole < 0 ? whole : whole && crc == stored;
}
