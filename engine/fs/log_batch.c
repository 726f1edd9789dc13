/*
 * What one commit writes: records of several appends, gathered from where they lie.
 *
 * Headers and small pieces are copied into the batch's buffer, one right behind the other, so that
 * many records make one vector; a large piece is written from its owner's memory, who waits.
 */
#include <fs/crc32c.h>
#include <fs/log.h>
#include <string.h>

#define COPIED_MOST 2048              /* a vector of its own costs less than a longer copy */
#define TOTAL_MOST ((size_t)16 << 20) /* of a commit, but for one record that is longer */
#define VECTORS_BESIDE 3 /* than its pieces' that a record may need: the end's is one */

static const unsigned char end_mark[LOG_RECORD_HEADER];

static bool is_copied(const struct iovec *piece)
{
    return piece->iov_len <= COPIED_MOST;
}

/* Whether all of the record's pieces find room; the first always goes. */
static bool has_room(const struct log_batch *batch, const struct log_call *call)
{
    if (batch->vectors + call->count + VECTORS_BESIDE > LOG_VECTORS ||
        batch->total + call->len > TOTAL_MOST)
        return false;
    size_t copied = LOG_RECORD_HEADER;
    for (int i = 0; i < call->count; i++)
        copied += is_copied(&call->iov[i]) ? call->iov[i].iov_len : 0;
    return batch->used + copied <= LOG_BUFFER;
}

static void add_vector(struct log_batch *batch, const void *data, size_t len)
{
    struct iovec *last = batch->vectors > 0 ? &batch->iov[batch->vectors - 1] : NULL;
    if (last && (char *)last->iov_base + last->iov_len == data)
        last->iov_len += len;
    else
        batch->iov[batch->vectors++] = (struct iovec){(void *)(uintptr_t)data, len};
    batch->total += len;
}

static unsigned char *reserve_copy(struct log_batch *batch, size_t len)
{
    unsigned char *to = batch->buffer + batch->used;
    batch->used += len;
    add_vector(batch, to, len);
    return to;
}

/* Copied where it is small and there is room, which only a record by itself can lack. */
static void add_piece(struct log_batch *batch, const struct iovec *piece)
{
    if (piece->iov_len == 0)
        return;
    if (is_copied(piece) && batch->used + piece->iov_len <= LOG_BUFFER)
        memcpy(reserve_copy(batch, piece->iov_len), piece->iov_base, piece->iov_len);
    else
        add_vector(batch, piece->iov_base, piece->iov_len);
}

static void add(const struct log *log, struct log_batch *batch, struct log_call *call)
{
    call->lsn = batch->end;
    call->next = NULL;
    *batch->calls_end = call;
    batch->calls_end = &call->next;
    unsigned char *header = reserve_copy(batch, LOG_RECORD_HEADER);
    uint32_t crc = log_record_seed(log->identity, call->lsn, call->len);
    for (int i = 0; i < call->count; i++) {
        crc = crc32c(crc, call->iov[i].iov_base, call->iov[i].iov_len);
        add_piece(batch, &call->iov[i]);
    }
    log_record_encode(header, crc, call->len);
    batch->end += LOG_RECORD_HEADER + (int64_t)call->len;
}

void log_batch_take(struct log *log, struct log_call *own)
{
    struct log_batch *batch = log->batch;
    batch->calls = NULL;
    batch->calls_end = &batch->calls;
    batch->end = log->end;
    batch->total = 0;
    batch->used = 0;
    batch->vectors = 0;
    add(log, batch, own);
    while (log->queue.first) {
        struct log_call *next = (struct log_call *)log->queue.first;
        if (!next->iov || !has_room(batch, next))
            break;
        waiter_remove(&next->waiter);
        add(log, batch, next);
    }
    if (log_position(log, batch->end) < log->stale_to)
        add_vector(batch, end_mark, sizeof end_mark);
}

int64_t log_batch_serve(struct log *log, int error)
{
    struct log_call *own = log->batch->calls;
    /* Whoever is woken may run, and its call be gone, only after this. */
    for (struct log_call *call = own->next; call; call = call->next)
        task_wake(call->waiter.task, error);
    return error ? error : own->lsn;
}
