/*
 * Recovery: where the records end, and what stands behind.
 *
 * Records follow each other without gaps, so they are whole up to the first that is not. What is
 * behind is cut off before anything is appended: else bytes of a record that was torn could stand,
 * one day, right behind a new one of the same length, and be taken for a record.
 */
#include <fs/log.h>
#include <whorl/fs.h>

#define SEARCHED_MOST ((int64_t)256 << 20) /* bytes of which a search takes checksums */

/* Reads records from the beginning; `end` is behind the last that is whole then. */
static int find_end(struct log *log, struct log_window *window, int64_t size)
{
    uint32_t len;
    int whole;
    log->end = log->first;
    log->stats.recovered = 0;
    while ((whole = log_check_record(log, window, log->end, log_position(log, log->end), size,
                                     &len)) == 1) {
        log->end += LOG_RECORD_HEADER + (int64_t)len;
        log->stats.recovered++;
    }
    return whole;
}

/* The position behind the last byte of the file that is not zero, from `from` on; or -errno. */
static int64_t find_last(const struct log *log, struct log_window *window, int64_t from,
                         int64_t size)
{
    int64_t last = from;
    for (int64_t at = from; at < size;) {
        const unsigned char *bytes;
        size_t part = size - at < (int64_t)window->room ? (size_t)(size - at) : window->room;
        ssize_t got = log_window_load(window, log->fd, at, part, size, &bytes);
        if (got <= 0)
            return got < 0 ? got : last;
        for (ssize_t i = got; i-- > 0;) {
            if (bytes[i] != 0) {
                last = at + i + 1;
                break;
            }
        }
        at += got;
    }
    return last;
}

/* Counts the whole records that begin behind the broken one's beginning, `at`, and before `last`,
 * in a file of `size` bytes. Returns the position behind the last of them, or -errno. */
static int64_t find_dropped(struct log *log, struct log_window *window, int64_t at, int64_t last,
                            int64_t size)
{
    int64_t behind = at;
    int64_t searched = 0;
    while (++at < last && searched < SEARCHED_MOST) {
        uint32_t len = 0;
        int64_t lsn = log->first + (at - log->offset);
        int whole = log_check_record(log, window, lsn, at, size, &len);
        if (whole < 0)
            return whole;
        if (len <= size - at)
            searched += len;
        if (whole == 0)
            continue;
        log->stats.dropped_records++;
        behind = at + LOG_RECORD_HEADER + (int64_t)len;
        at = behind - 1;
    }
    return behind;
}

/* The position behind the broken record at `at`, as far as can be told. */
static int64_t find_broken_end(const unsigned char *bytes, size_t have, int64_t at, int64_t last,
                               int64_t size)
{
    uint32_t crc, len;
    if (have < LOG_RECORD_HEADER || !log_record_decode(bytes, &crc, &len))
        return last;
    int64_t end = at + LOG_RECORD_HEADER + (int64_t)len;
    return end < size ? end : size;
}

/* Tells what is lost behind the end, where `last` is behind all that is not zero: to the end of the
 * last whole record there, or else of the broken one. Bytes of records that were dropped before are
 * not lost, and follow on zeros. */
static int count_dropped(struct log *log, struct log_window *window, int64_t last, int64_t size)
{
    const unsigned char *bytes;
    int64_t end = log_position(log, log->end);
    ssize_t got = log_window_load(window, log->fd, end, LOG_RECORD_HEADER, size, &bytes);
    if (got < 0)
        return (int)got;
    bool is_marked = true;
    for (ssize_t i = 0; i < got; i++)
        is_marked = is_marked && bytes[i] == 0;
    if (is_marked)
        return 0;
    int64_t broken_end = find_broken_end(bytes, (size_t)got, end, last, size);
    int64_t found = find_dropped(log, window, end, last, size);
    if (found < 0)
        return (int)found;
    log->stats.dropped = (uint64_t)((found > end ? found : broken_end) - end);
    return 0;
}

int log_recover(struct log *log, int64_t size)
{
    struct log_window window = {.buffer = log->batch->buffer, .room = LOG_BUFFER};
    int error = find_end(log, &window, size);
    if (error)
        return error;
    int64_t end = log_position(log, log->end);
    int64_t last = find_last(log, &window, end, size);
    log->reserved_to = size;
    if (last <= end)
        return last < 0 ? (int)last : 0;
    error = count_dropped(log, &window, last, size);
    return error ? error : log_cut(log);
}
