/*
 * Write-ahead logs: records that are on the disk when the append returns, however many tasks append
 * at once, and that are all there, in order, after whatever ended the program.
 *
 *     whorl_log log;
 *     whorl_log_open(&log, "data.log", NULL);          // makes it, or recovers what is in it
 *
 *     whorl_log_cursor cursor;                         // what happened before: replay it
 *     whorl_log_record record;
 *     whorl_log_cursor_begin(&cursor, &log, 0);
 *     while (whorl_log_cursor_next(&cursor, &record) == 1)
 *         apply(record.data, record.len);
 *     whorl_log_cursor_end(&cursor);
 *
 *     int64_t lsn = whorl_log_append(&log, data, len); // >= 0: durable
 *
 *     whorl_log_truncate(&log, lsn);                   // a checkpoint: what is before can go
 *     whorl_log_close(&log);
 *
 * A record's LSN (log sequence number) is its position among all bytes that were ever logged: later
 * records have higher ones, and no record's ever changes. Records get theirs in the order in which
 * the appends were called, and become durable in that order too: if one is in the log, all before
 * it are.
 *
 * Appends that wait at the same time are committed together, as one write and one fdatasync, linked
 * in the kernel (group commit): a flush of the disk costs the same for one record as for hundreds.
 * There is nothing to configure and no delay: a commit takes whatever waits when it begins. The
 * first of those who wait does the work for all.
 *
 * What a log promises when something dies, be it the program (SIGKILL at any instant) or the power:
 * the next open finds a prefix of what was appended, whole, in order, each record as it was given,
 * and in it every record whose append has returned its LSN. Records whose appends had not returned
 * may be found as well. A checksum over each record, its length, its LSN and the log's identity
 * tells torn or damaged bytes, and those of records that were there before, from records; recovery
 * stops at the first that is not whole, and tells how much it has dropped: whorl_log_stats.
 *
 * A log is one file, which one process at a time has open. It belongs to the tasks of one loop;
 * while tasks of one use it, those of another are refused with -EPERM, and so for ever if a run was
 * given up (see whorl_run) while they did. Every call but those marked
 * so gives -EPERM outside a task.
 */
#ifndef WHORL_LOG_H
#define WHORL_LOG_H

#include <sys/uio.h>
#include <whorl/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* In the caller's memory; must stay, at its place, from the open to the close. All zero: closed. */
typedef struct whorl_log {
    void *engine[28]; /* the engine's */
} whorl_log;

#define WHORL_LOG_INIT                                                                             \
    {                                                                                              \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

/* The longest record, in bytes; and of how many pieces one may be made. */
#define WHORL_LOG_RECORD_MAX ((size_t)64 << 20)
#define WHORL_LOG_PIECES_MAX 1000

/* How a log is opened. All zero is the default, as is NULL. */
typedef struct whorl_log_options {
    mode_t mode; /* permissions of a file that is made, less the umask; 0: 0600 */
    /* Bytes by which the file is written ahead with zeros, as fdatasync costs least where neither
     * the file's length nor its blocks change. 0: 1 MiB; WHORL_LOG_NO_RESERVE: none. A log that has
     * no room for it does without. */
    size_t reserve;
} whorl_log_options;

#define WHORL_LOG_NO_RESERVE SIZE_MAX

/* --- Opening and closing --- */

/* Opens the log at `path`, and makes it if there is no file, or an empty one. What is in the log is
 * recovered: read from the disk to the first record that is not whole, and cut off there, so that
 * new records follow the last whole one. When this returns, the file, its name and all that was
 * recovered are durable. The file has the lock of flock(2) until it is closed. Takes some 300 KiB
 * of memory, which no append adds to. Returns 0; after an error `log` is as if closed. No file that
 * is not a log, or an empty one, is changed;
 * one whose making has failed is gone on with by the next open.
 *   -EBADMSG          the file is no log, or both copies of its header are damaged
 *   -EPROTONOSUPPORT  it is a log of a version that this library does not know
 *   -EBUSY            somebody has it open, another process or this one, and has not closed it for
 *   a second: so long is waited, as the kernel may still end what a killed process has left
 *   -EINVAL           log or path is NULL; reserve is above 1 GiB; or path names no regular file
 *   -ELOOP            path names a symbolic link: give the name that it stands for
 *   -ECANCELED        the caller is cancelled
 *   -ENOMEM, -EAGAIN  no memory, or no thread to wait with
 *   -EACCES, -EISDIR, -ENOENT, -ENOSPC, -EIO ...  as open(2), read(2), write(2) and fsync(2) give
 *   them; the directory must be readable, as it is synced */
WHORL_API int whorl_log_open(whorl_log *log, const char *path, const whorl_log_options *options);

/* Waits until all appends that were called before have ended, and records that are being read by
 * cursors are, and closes the log, which gives -EBADF to every call from now on. Works, and does
 * not return before it has, in a cancelled task too. Cursors must not be used any more, but for
 * whorl_log_cursor_end. Returns 0.
 *   -EBADF   the log is closed, or another task is closing it
 *   -EINVAL  log is NULL */
WHORL_API int whorl_log_close(whorl_log *log);

/* --- Appending --- */

/* Appends a record of `len` bytes, 0 included, and waits until it is durable. Returns its LSN. From
 * the call to its return the bytes are the engine's.
 *
 * A cancel that comes before the record's commit has begun takes it back; one that comes later
 * waits for the next call, and this one gives its LSN, or the commit's error. A cancelled task
 * takes nothing from others whose records are in the same commit.
 *
 * If the commit fails, each append in it gives the error. Where the write has failed (-ENOSPC,
 * -EDQUOT, -EFBIG, or another), the file is cut back to the last durable record: none of the
 * commit's records is in the log, it stays usable, and later appends succeed if there is room.
 * Where the fdatasync has failed, or the cut, nobody knows what is on the disk: the log has failed,
 * and gives that error to every append and truncate, until it is closed and opened again; records
 * of the failed commit may then be found, or some of them.
 *
 *   -ECANCELED  the caller is cancelled; the record is not in the log
 *   -EBADF      the log is closed, or being closed
 *   -EINVAL     log is NULL, data is NULL while len is not 0, or iov is NULL while count is not 0;
 *   count is negative or above WHORL_LOG_PIECES_MAX
 *   -EMSGSIZE   the record is longer than WHORL_LOG_RECORD_MAX
 *   -EPERM      not inside a task, or tasks of another loop use the log
 *   -ENOSPC, -EDQUOT, -EFBIG, -EIO ...  the commit has failed, see above */
WHORL_API int64_t whorl_log_append(whorl_log *log, const void *data, size_t len);

/* The same for one record that is made of `count` pieces. */
WHORL_API int64_t whorl_log_appendv(whorl_log *log, const struct iovec *iov, int count);

/* --- Checkpoints --- */

/* Drops the records before `lsn`, which is an LSN that an append or a cursor gave, or
 * whorl_log_end: those are not found any more. Nothing dies half: after a crash the records before
 * `lsn` are all there or none. Waits for the commit that runs; appends wait meanwhile. Their room
 * in the file is used again: at once where all is dropped; else as soon as what is kept fits into
 * it. The file does not become shorter. Returns 0, also if those records were dropped before.
 *   -ECANCELED  the caller is cancelled; nothing was dropped
 *   -EBADF      the log is closed, or being closed
 *   -EINVAL     log is NULL; lsn is negative or beyond the end, or no record begins there
 *   -EPERM      as for whorl_log_append
 *   else        the disk's error: of writing a header, and the log has failed, as whorl_log_append
 *   says; or of reading, or moving what is kept, and the log goes on, with those records dropped or
 *   not */
WHORL_API int whorl_log_truncate(whorl_log *log, int64_t lsn);

/* --- Reading --- */

/* The LSN of the first record that is in the log, and the one behind the last durable record. Do
 * not wait. From: anywhere, while no other thread uses the log. -EINVAL: log is NULL; -EBADF: it
 * is closed. */
WHORL_API int64_t whorl_log_first(const whorl_log *log);
WHORL_API int64_t whorl_log_end(const whorl_log *log);

/* A reader of records, in the caller's memory; of one task at a time. */
typedef struct whorl_log_cursor {
    void *engine[10]; /* the engine's */
} whorl_log_cursor;

typedef struct whorl_log_record {
    int64_t lsn;
    const void *data; /* the cursor's, until its next call */
    size_t len;
} whorl_log_record;

/* Begins to read at `lsn`, or at the log's first record if that is later. Does not wait. Returns 0.
 *   -EBADF   the log is closed, or being closed
 *   -EINVAL  cursor or log is NULL, or lsn is negative or beyond the log's end */
WHORL_API int whorl_log_cursor_begin(whorl_log_cursor *cursor, whorl_log *log, int64_t lsn);

/* Reads the next record. Appends and truncates may go on beside it. Returns 1; 0 where the durable
 * records end, and the call may be made again when there are more. After an error the cursor stands
 * where it stood.
 *   -EBADMSG    no whole record is there: the disk has damaged it since the open, or the cursor was
 *   begun in the middle of one
 *   -ESTALE     it was dropped by whorl_log_truncate
 *   -EBADF      the log is closed, or being closed
 *   -EBUSY      another task waits in this call, with this cursor
 *   -ECANCELED  the caller is cancelled
 *   -EINVAL     cursor or record is NULL, or the cursor was ended
 *   -ENOMEM     no memory for the record
 *   -EIO ...    as read(2) gives them */
WHORL_API int whorl_log_cursor_next(whorl_log_cursor *cursor, whorl_log_record *record);

/* Ends a cursor, and gives its memory back. Does not wait. From: anywhere. Returns 0.
 *   -EBUSY   a task waits in whorl_log_cursor_next with it; nothing was done
 *   -EINVAL  cursor is NULL */
WHORL_API int whorl_log_cursor_end(whorl_log_cursor *cursor);

/* --- Looking at one --- */

typedef struct whorl_log_stats {
    /* Since the open. */
    uint64_t records; /* durable */
    uint64_t bytes;   /* of theirs, as they were given */
    uint64_t commits; /* in which they became so */
    uint64_t flushes; /* fdatasyncs by commits: one each, but after a short write */
    /* Of the recovery at the open. */
    uint64_t recovered; /* records that were found whole */
    /* Bytes behind them that had been written and are no whole record in its place: they were
     * dropped. After a crash that is the commit which was cut short. */
    uint64_t dropped;
    /* Whole records among those, behind a damaged one: more than a crash explains, unless they were
     * in that last commit. */
    uint64_t dropped_records;
} whorl_log_stats;

/* Fills *stats. Does not wait. From: anywhere, while no other thread uses the log. Returns 0.
 *   -EINVAL  log or stats is NULL
 *   -EBADF   the log is closed */
WHORL_API int whorl_log_get_stats(const whorl_log *log, whorl_log_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
