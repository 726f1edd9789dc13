/*
 * Logs, from the inside: see whorl/log.h for what they promise, log_format.h for the file.
 *
 *     closed --> open --> failed
 *       ^          '--> closing <--'
 *       '---------------'
 *
 * A log has an owner, or none: the task that writes to the file, for itself and for others. All
 * calls that write (appends, truncates, the close) stand in one queue while there is an owner, and
 * who lets go of the log makes the first of them the owner. An owner that appends takes those that
 * stand behind it into its commit, up to the first that is no append or does not fit.
 *
 *     an append: queued --> taken --> served (its LSN, or the commit's error)
 *                  |  '---> owner --> the same
 *                  '------> gone (its task was interrupted)
 *
 * An append gets its LSN when it is taken; what was taken is not let go by a cancel. The owner
 * works in a shield, so that its own cancel does not cut the others' commit.
 *
 * Cursors read beside the owner. They are counted while they do, and the close waits for them, as
 * the file and the log's memory are gone after it.
 *
 * Invariants: no owner, no queue. All bytes from `first` to `end` are durable. Nothing but the
 * owner changes the file, or anything here but the queue and `closing`.
 */
#ifndef FS_LOG_H
#define FS_LOG_H

#include <fs/log_format.h>
#include <sync/holder.h>
#include <sync/waiters.h>
#include <whorl/log.h>

#define LOG_BUFFER (256 << 10) /* a commit's small pieces; and a read of a recovery */
#define LOG_VECTORS 1024       /* IOV_MAX: what one write takes */

struct log_batch;

struct log {
    bool is_open;
    bool is_closing;
    bool is_mirrored; /* both headers are alike: as they were found */
    int error;        /* the log has failed with it; 0: it has not */
    int fd;
    uint32_t moves; /* how often records came to stand at another place in the file */
    struct holder owner;
    struct waiters queue;
    struct waiters closer; /* waits until nobody reads */
    uint32_t readers;
    int64_t readers_run; /* when the loop of those who read was opened */
    uint64_t identity;
    uint64_t sequence; /* of the header that holds */
    off_t slot;        /* and where it stands; by now the other one may hold as well */
    int64_t first;
    int64_t end;
    int64_t offset;      /* where in the file `first` stands */
    int64_t reserved_to; /* up to where in the file its blocks have been written */
    int64_t stale_to;    /* up to where bytes of records that were dropped may stand */
    int64_t reserve;     /* bytes to write ahead; 0: none */
    struct log_batch *batch;
    whorl_log_stats stats;
} __attribute__((may_alias));

_Static_assert(sizeof(struct log) <= sizeof(whorl_log), "a log fits its public struct");

/* Where in the file an LSN stands. */
static inline int64_t log_position(const struct log *log, int64_t lsn)
{
    return log->offset + (lsn - log->first);
}

/* One that writes; on the stack of its task. */
struct log_call {
    struct waiter waiter; /* first: the wait's object */
    struct log *log;
    const struct iovec *iov; /* an append's; NULL: it is none */
    int count;
    uint32_t len;
    int64_t lsn; /* once taken */
    struct log_call *next;
};

/* --- log.c: who owns the log --- */

/* 0, or why a call on the log cannot be made here. */
int log_error(const struct loop *loop, const struct log *log);

/* Makes the running task the log's owner, after a wait in the queue, or has an append done by
 * another. Returns LOG_OWNED, 0 for an append that was served, or -errno. */
enum { LOG_OWNED = 1 };
int log_enter(struct loop *loop, struct log *log, struct log_call *call);

/* The owner lets go. */
void log_pass(struct log *log);

/* --- log_batch.c: what a commit writes --- */

struct log_batch {
    struct log_call *calls; /* in the order of their LSNs, the owner's first */
    struct log_call **calls_end;
    int64_t end;  /* the LSN behind its records */
    size_t total; /* bytes to write: the records, and what marks the end */
    size_t used;  /* of the buffer */
    int vectors;
    struct iovec iov[LOG_VECTORS];
    unsigned char buffer[LOG_BUFFER];
};

/* Takes the owner's append, and of those in the queue what goes with it. */
void log_batch_take(struct log *log, struct log_call *own);

/* Ends them all: with their LSNs, or with `error`. Returns the owner's. */
int64_t log_batch_serve(struct log *log, int error);

/* --- log_commit.c: making it durable --- */

/* Writes the batch and flushes it; `end` is behind it then. -errno as whorl_log_append says; then
 * the file is cut back, or the log has failed. */
int log_commit(struct loop *loop, struct log *log);

/* Cuts the file off behind the last durable record, durably. */
int log_cut(struct log *log);

/* --- log_header.c: the header that holds --- */

/* Has the log begin with the record `first`, which stands at `offset`, durably. On an error the
 * header that holds may be the one or the other. */
int log_header_write(struct log *log, int64_t first, int64_t offset);

/* Reads the headers of a file of `size` bytes. 1: they say where the records are; 0: it is a file
 * for a log that is to be made; or -errno as whorl_log_open says. */
int log_header_read(struct log *log, int64_t size);

/* --- log_scan.c: reading records --- */

/* A part of a file in memory. */
struct log_window {
    unsigned char *buffer;
    size_t room;
    int64_t at; /* where in the file it begins */
    size_t have;
};

/* Has `len` bytes (<= room) of the file at `at` in the window, as far as the file has them before
 * `limit`. Returns how many there are, of `len` at most, or -errno; they begin at *bytes. */
ssize_t log_window_load(struct log_window *window, int fd, int64_t at, size_t len, int64_t limit,
                        const unsigned char **bytes);

/* Whether a whole record with that LSN stands at `at`, before `limit`. 1: it does, with *len bytes
 * of data; 0: it does not; or -errno. */
int log_check_record(const struct log *log, struct log_window *window, int64_t lsn, int64_t at,
                     int64_t limit, uint32_t *len);

/* --- log_open.c --- */

/* Closes the file, and gives all memory back; the log is closed then. */
void log_release(struct log *log);

/* --- log_recover.c --- */

/* Finds the end of the log in a file of `size` bytes, and cuts off what stands behind it. */
int log_recover(struct log *log, int64_t size);

#endif
