/*
 * The header that holds: read at the open, and changed so that one that holds is always whole.
 *
 * There are two. A new header is written over the one that does not hold, and flushed; from then on
 * it holds, as its sequence is higher. Then it is written over the other one too, so that each
 * stands in for the other if the disk damages one.
 */
#include <errno.h>
#include <fs/log.h>
#include <string.h>
#include <whorl/fs.h>
#include <whorl/op.h>

/* Whether it was a short write that broke the chain. */
static bool ended_short(const whorl_op *ops, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (ops[i].result >= 0 && (size_t)ops[i].result < ops[i].len)
            return true;
    return false;
}

/* Readers look at the new place from now on: what they would find at the old one is overwritten
 * before the chain ends. */
int log_header_write(struct log *log, int64_t first, int64_t offset)
{
    unsigned char bytes[LOG_HEADER];
    static const unsigned char end_mark[LOG_RECORD_HEADER];
    struct log_header header = {log->identity, log->sequence + 1, first, offset};
    log_header_encode(bytes, &header);
    off_t other = LOG_SLOT - log->slot;
    whorl_op ops[] = {
        whorl_op_pwrite(log->fd, bytes, sizeof bytes, other),
        whorl_op_fdatasync(log->fd),
        whorl_op_pwrite(log->fd, bytes, sizeof bytes, log->slot),
        whorl_op_pwrite(log->fd, end_mark, sizeof end_mark, offset + (log->end - first)),
        whorl_op_fdatasync(log->fd),
    };
    size_t count = sizeof ops / sizeof ops[0];
    /* Where the records stay, the end is as it was. */
    bool moves = offset - first != log->offset - log->first;
    if (!moves) {
        ops[3] = ops[4];
        count--;
    }
    log->sequence = header.sequence;
    log->slot = other;
    log->first = first;
    log->offset = offset;
    log->moves += moves;
    int error = whorl_link_ops(ops, count);
    return error == -ECANCELED && ended_short(ops, count) ? -EIO : error;
}

static bool is_zero(const unsigned char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

/* Takes the better of two, each of which is one (0) or is none (why). Returns 1, or -errno. */
static int choose(struct log *log, const struct log_header header[2], const int error[2])
{
    if (error[0] && error[1])
        return error[0] == -EBADMSG ? error[1] : error[0];
    int best = error[0] || (!error[1] && header[1].sequence > header[0].sequence);
    log->identity = header[best].identity;
    log->sequence = header[best].sequence;
    log->slot = best * LOG_SLOT;
    log->first = header[best].first;
    log->offset = header[best].offset;
    log->is_mirrored = !error[0] && !error[1] && header[0].sequence == header[1].sequence;
    return 1;
}

int log_header_read(struct log *log, int64_t size)
{
    struct log_window window = {.buffer = log->batch->buffer, .room = LOG_BUFFER};
    struct log_header header[2];
    const unsigned char *bytes = window.buffer;
    int errors[2];
    /* What the file has not got is zero. */
    memset(window.buffer, 0, LOG_DATA);
    ssize_t got = log_window_load(&window, log->fd, 0, LOG_DATA, LOG_DATA, &bytes);
    if (got < 0)
        return (int)got;
    /* A file that was made, and nothing written. */
    if (size <= LOG_DATA && is_zero(bytes, LOG_DATA))
        return 0;
    /* One that is cut off is none, even where zeros are all that it lacks. */
    for (int i = 0; i < 2; i++) {
        int64_t at = (int64_t)i * LOG_SLOT;
        errors[i] = size < at + LOG_HEADER ? -EBADMSG : log_header_decode(bytes + at, &header[i]);
    }
    return choose(log, header, errors);
}
