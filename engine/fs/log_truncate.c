/*
 * Dropping a log's oldest records, and using their room again.
 *
 * A header says where the first record stands, so dropping is writing another header. The room in
 * front is used again by moving what is kept to the beginning of the file, as soon as it fits there
 * without touching the place where it stands: until the header says so, it is still read there. So
 * no byte is moved more often than as many were dropped before, and the file is at most about twice
 * as long as what it has held at a time.
 */
#include <core/interrupt.h>
#include <fs/log.h>
#include <whorl/fs.h>

/* 0; -EINVAL: no record begins at `lsn`; or an error of reading. */
static int check_place(const struct log *log, int64_t lsn)
{
    if (lsn < 0 || lsn > log->end)
        return -EINVAL;
    if (lsn == log->end || lsn <= log->first)
        return 0;
    struct log_window window = {.buffer = log->batch->buffer, .room = LOG_BUFFER};
    uint32_t len;
    int whole = log_check_record(log, &window, lsn, log_position(log, lsn),
                                 log_position(log, log->end), &len);
    return whole == 0 ? -EINVAL : whole < 0 ? whole : 0;
}

static int write_all(int fd, const unsigned char *bytes, size_t len, int64_t at)
{
    while (len > 0) {
        ssize_t put = whorl_pwrite(fd, bytes, len, at);
        if (put <= 0)
            return put < 0 ? (int)put : -EIO;
        bytes += put;
        len -= (size_t)put;
        at += put;
    }
    return 0;
}

/* Copies all records to `to`, where nothing is that counts, durably. */
static int copy_records(struct log *log, int64_t to)
{
    struct log_window window = {.buffer = log->batch->buffer, .room = LOG_BUFFER};
    int64_t from = log->offset;
    int64_t end = log_position(log, log->end);
    while (from < end) {
        const unsigned char *bytes;
        size_t part = end - from < LOG_BUFFER ? (size_t)(end - from) : LOG_BUFFER;
        ssize_t got = log_window_load(&window, log->fd, from, part, end, &bytes);
        if (got <= 0)
            return got < 0 ? (int)got : -EIO;
        int error = write_all(log->fd, bytes, (size_t)got, to);
        if (error)
            return error;
        from += got;
        to += got;
    }
    return whorl_fdatasync(log->fd);
}

/* Has the log begin there, and what stands behind its end known for what it is. */
static int move_header(struct log *log, int64_t first, int64_t offset)
{
    int64_t stale_to = log_position(log, log->end);
    bool moves = offset != log_position(log, first);
    log->error = log_header_write(log, first, offset);
    if (!log->error && moves && stale_to > log->stale_to)
        log->stale_to = stale_to;
    return log->error;
}

static bool fits_in_front(const struct log *log)
{
    return log->end - log->first <= log->offset - LOG_DATA;
}

static int drop(struct log *log, int64_t lsn)
{
    if (log->error)
        return log->error;
    int error = check_place(log, lsn);
    if (error || lsn <= log->first)
        return error;
    if (lsn == log->end)
        return move_header(log, lsn, LOG_DATA);
    error = move_header(log, lsn, log_position(log, lsn));
    if (error || !fits_in_front(log))
        return error;
    error = copy_records(log, LOG_DATA);
    return error ? error : move_header(log, lsn, LOG_DATA);
}

int whorl_log_truncate(whorl_log *public, int64_t lsn)
{
    struct loop *loop = loop_here;
    struct log *log = (struct log *)public;
    int error = log_error(loop, log);
    if (error)
        return error;
    struct log_call call = {.log = log};
    int verdict = log_enter(loop, log, &call);
    if (verdict != LOG_OWNED)
        return verdict;
    struct scope shield;
    scope_open_for(loop, &shield, SCOPE_SHIELD, WHORL_FOREVER);
    error = drop(log, lsn);
    scope_close(loop, &shield);
    log_pass(log);
    return error;
}
