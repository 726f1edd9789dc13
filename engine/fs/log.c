/* Appending to logs, and who owns one: see log.h for the states. */
#include <core/interrupt.h>
#include <fs/log.h>
#include <whorl/fs.h>

int log_error(const struct loop *loop, const struct log *log)
{
    if (!loop)
        return -EPERM;
    if (!log)
        return -EINVAL;
    if (!log->is_open || log->is_closing)
        return -EBADF;
    bool is_read_elsewhere = log->readers > 0 && log->readers_run != loop->opened;
    return is_read_elsewhere || holder_is_foreign(&log->owner, loop) ? -EPERM : 0;
}

/* --- The queue --- */

/* What was taken is in the commit, whose end ends the wait. */
static void call_cancel(struct task *self)
{
    struct log_call *call = self->wait_object;
    if (call->waiter.queue)
        waiter_serve(&call->waiter, -ECANCELED);
}

static const struct wait_kind log_wait = {.name = "a log", .cancel = call_cancel};
static const struct wait_kind close_wait = {.name = "the last commit of a log"};
static const struct wait_kind readers_wait = {.name = "the cursors of a log"};

void log_pass(struct log *log)
{
    struct waiter *next = log->queue.first;
    if (!next) {
        holder_clear(&log->owner);
        return;
    }
    holder_set(&log->owner, next->task);
    waiter_serve(next, LOG_OWNED);
}

/* Who finds no owner lets the others run first who are ready: each that appends in this turn comes
 * into the same commit. */
__attribute__((noinline)) int log_enter(struct loop *loop, struct log *log, struct log_call *call)
{
    struct task *self = loop->current;
    int verdict = LOG_OWNED;
    call->log = log;
    if (self->interrupted)
        return task_refuse(loop, self);
    if (holder_is_nobody(&log->owner)) {
        holder_set(&log->owner, self);
        loop_switch(loop, self);
    } else {
        verdict = waiters_wait(loop, &log->queue, &call->waiter, &log_wait);
    }
    if (verdict == LOG_OWNED && self->interrupted) {
        log_pass(log);
        return -ECANCELED;
    }
    return verdict;
}

/* --- Appending --- */

/* The length of all pieces; -EMSGSIZE: too long, -EINVAL: one is NULL and not empty. */
static int64_t pieces_length(const struct iovec *iov, int count)
{
    size_t len = 0;
    for (int i = 0; i < count; i++) {
        if (!iov[i].iov_base && iov[i].iov_len > 0)
            return -EINVAL;
        if (iov[i].iov_len > WHORL_LOG_RECORD_MAX - len)
            return -EMSGSIZE;
        len += iov[i].iov_len;
    }
    return (int64_t)len;
}

static int64_t lead(struct loop *loop, struct log *log, struct log_call *call)
{
    if (log->error)
        return log->error;
    log_batch_take(log, call);
    return log_batch_serve(log, log_commit(loop, log));
}

int64_t whorl_log_appendv(whorl_log *public, const struct iovec *iov, int count)
{
    struct loop *loop = loop_here;
    struct log *log = (struct log *)public;
    int error = log_error(loop, log);
    if (error)
        return error;
    if (count < 0 || count > WHORL_LOG_PIECES_MAX || (!iov && count > 0))
        return -EINVAL;
    int64_t len = pieces_length(iov, count);
    if (len < 0)
        return len;
    struct iovec nothing = {0};
    struct log_call call = {.iov = iov ? iov : &nothing, .count = count, .len = (uint32_t)len};
    int verdict = log_enter(loop, log, &call);
    if (verdict != LOG_OWNED)
        return verdict < 0 ? verdict : call.lsn;
    int64_t lsn = lead(loop, log, &call);
    log_pass(log);
    return lsn;
}

int64_t whorl_log_append(whorl_log *log, const void *data, size_t len)
{
    struct iovec piece = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};
    return whorl_log_appendv(log, &piece, 1);
}

/* --- Closing --- */

/* Waits to be the owner, whatever interrupts the task; nobody can come behind. */
__attribute__((noinline)) static void enter_last(struct loop *loop, struct log *log)
{
    struct log_call call = {.log = log};
    if (!holder_is_nobody(&log->owner))
        waiters_wait(loop, &log->queue, &call.waiter, &close_wait);
}

__attribute__((noinline)) static void await_readers(struct loop *loop, struct log *log)
{
    struct waiter waiter = {0};
    if (log->readers > 0)
        waiters_wait(loop, &log->closer, &waiter, &readers_wait);
}

/* What was written ahead is of no use to the file any more. It need not be durable. */
static void trim(struct loop *loop, struct log *log)
{
    struct scope shield;
    scope_open_for(loop, &shield, SCOPE_SHIELD, WHORL_FOREVER);
    whorl_ftruncate(log->fd, log_position(log, log->end));
    scope_close(loop, &shield);
}

int whorl_log_close(whorl_log *public)
{
    struct loop *loop = loop_here;
    struct log *log = (struct log *)public;
    int error = log_error(loop, log);
    if (error)
        return error;
    log->is_closing = true;
    enter_last(loop, log);
    await_readers(loop, log);
    if (!log->error)
        trim(loop, log);
    log_release(log);
    return 0;
}

/* --- Looking --- */

/* 0, or why nothing can be told of the log. */
static int look_error(const struct log *log)
{
    if (!log)
        return -EINVAL;
    return log->is_open ? 0 : -EBADF;
}

int64_t whorl_log_first(const whorl_log *public)
{
    const struct log *log = (const struct log *)public;
    int error = look_error(log);
    return error ? error : log->first;
}

int64_t whorl_log_end(const whorl_log *public)
{
    const struct log *log = (const struct log *)public;
    int error = look_error(log);
    return error ? error : log->end;
}

int whorl_log_get_stats(const whorl_log *public, whorl_log_stats *stats)
{
    const struct log *log = (const struct log *)public;
    int error = look_error(log);
    if (error || !stats)
        return error ? error : -EINVAL;
    *stats = log->stats;
    return 0;
}
