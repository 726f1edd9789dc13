/*
 * Cursors: records read in order, while the log goes on.
 *
 * A cursor keeps an LSN, and looks up where it stands in the file for each record anew: a truncate
 * may have dropped it, or moved it, and that even while it is being read. What was read is judged
 * by its checksum, which holds for one LSN alone. Where it does not, or where there was nothing to
 * read at all, and records have been moved meanwhile, it is read again.
 */
#include <fs/crc32c.h>
#include <fs/log.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM (64 << 10)

struct cursor {
    struct log *log; /* NULL: ended */
    int64_t lsn;     /* of the next record */
    struct log_window window;
    uint32_t moves; /* of the log, when the window was read */
    bool is_busy;   /* a task waits for the disk, which writes into the window */
} __attribute__((may_alias));

_Static_assert(sizeof(struct cursor) <= sizeof(whorl_log_cursor),
               "a cursor fits its public struct");

int whorl_log_cursor_begin(whorl_log_cursor *public, whorl_log *public_log, int64_t lsn)
{
    struct cursor *cursor = (struct cursor *)public;
    struct log *log = (struct log *)public_log;
    int error = log_error(loop_here, log);
    if (error)
        return error;
    if (!cursor || lsn < 0 || lsn > log->end)
        return -EINVAL;
    memset(public, 0, sizeof *public);
    cursor->log = log;
    cursor->lsn = lsn > log->first ? lsn : log->first;
    return 0;
}

int whorl_log_cursor_end(whorl_log_cursor *public)
{
    struct cursor *cursor = (struct cursor *)public;
    if (!cursor)
        return -EINVAL;
    if (cursor->is_busy)
        return -EBUSY;
    free(cursor->window.buffer);
    memset(public, 0, sizeof *public);
    return 0;
}

/* Has room for `len` bytes in the window; what is in it goes. */
static int make_room(struct log_window *window, size_t len)
{
    if (len <= window->room)
        return 0;
    size_t room = window->room ? window->room : FIRST_ROOM;
    while (room < len)
        room *= 2;
    unsigned char *buffer = malloc(room);
    if (!buffer)
        return -ENOMEM;
    free(window->buffer);
    *window = (struct log_window){.buffer = buffer, .room = room};
    return 0;
}

/* Has the first `len` bytes of the record in the window. -EBADMSG: the log ends before. */
static int load(struct cursor *cursor, size_t len, const unsigned char **bytes)
{
    struct log *log = cursor->log;
    int error = make_room(&cursor->window, len);
    if (error)
        return error;
    ssize_t got = log_window_load(&cursor->window, log->fd, log_position(log, cursor->lsn), len,
                                  log_position(log, log->end), bytes);
    if (got < 0)
        return (int)got;
    return (size_t)got < len ? -EBADMSG : 0;
}

/* Reads the record where it stands now. */
static int read_record(struct cursor *cursor, whorl_log_record *record)
{
    const unsigned char *bytes;
    uint32_t stored, len;
    int error = load(cursor, LOG_RECORD_HEADER, &bytes);
    if (error)
        return error;
    if (!log_record_decode(bytes, &stored, &len))
        return -EBADMSG;
    error = load(cursor, LOG_RECORD_HEADER + (size_t)len, &bytes);
    if (error)
        return error;
    bytes += LOG_RECORD_HEADER;
    uint32_t crc = log_record_seed(cursor->log->identity, cursor->lsn, len);
    if (crc32c(crc, bytes, len) != stored)
        return -EBADMSG;
    *record = (whorl_log_record){.lsn = cursor->lsn, .data = bytes, .len = len};
    return 0;
}

/* 0: none; 1: one is in *record; or why there is none. */
static int try_next(struct cursor *cursor, whorl_log_record *record)
{
    const struct log *log = cursor->log;
    if (cursor->moves != log->moves)
        cursor->window.have = 0;
    cursor->moves = log->moves;
    if (cursor->lsn < log->first)
        return -ESTALE;
    if (cursor->lsn == log->end)
        return 0;
    int error = read_record(cursor, record);
    return error ? error : 1;
}

static void begin_reading(struct loop *loop, struct cursor *cursor)
{
    struct log *log = cursor->log;
    log->readers++;
    log->readers_run = loop->opened;
    cursor->is_busy = true;
}

static void end_reading(struct cursor *cursor)
{
    struct log *log = cursor->log;
    cursor->is_busy = false;
    if (--log->readers == 0 && log->closer.first)
        waiter_serve(log->closer.first, 0);
}

/* The same as try_next, whatever is moved meanwhile. */
static int next(struct cursor *cursor, whorl_log_record *record)
{
    int found;
    do
        found = try_next(cursor, record);
    while (found < 0 && cursor->moves != cursor->log->moves);
    return found;
}

int whorl_log_cursor_next(whorl_log_cursor *public, whorl_log_record *record)
{
    struct loop *loop = loop_here;
    struct cursor *cursor = (struct cursor *)public;
    if (!loop)
        return -EPERM;
    if (!cursor || !record || !cursor->log)
        return -EINVAL;
    struct log *log = cursor->log;
    if (loop->current->interrupted)
        return task_refuse(loop, loop->current);
    int error = log_error(loop, log);
    if (error || cursor->is_busy)
        return error ? error : -EBUSY;
    begin_reading(loop, cursor);
    int found = next(cursor, record);
    end_reading(cursor);
    if (found == 1)
        cursor->lsn = record->lsn + LOG_RECORD_HEADER + (int64_t)record->len;
    return found;
}
