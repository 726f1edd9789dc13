/*
 * Files written to streams. What the page cache holds is sent from there (bulk_pages.h), together
 * with what was written before; it never lies in the stream. All else is read piece by piece into a
 * buffer, and written from there as anything, so that it is sent from the buffer itself as far as
 * the kernel takes it. So is what a cork holds back, and a little, which is cheaper copied.
 *
 * While a piece is read, or room is waited for, the task stands on the writer's side: nobody else
 * writes in between, and who closes the stream waits until that has ended.
 */
#include <fcntl.h>
#include <net/bulk_pages.h>
#include <net/stream.h>
#include <whorl/bulk.h>

struct transfer {
    whorl_stream *stream;
    struct bulk_source source;
    struct bulk_buffer buffer; /* start is NULL: none was needed yet */
};

/* --- From the page cache --- */

/* To be asked after each wait: who else has the socket may have it block again. */
static bool may_send_pages(whorl_stream *stream)
{
    if (!stream->is_socket || stream->corks > 0)
        return false;
    int flags = fcntl(stream->fd, F_GETFL);
    if (flags < 0 || (flags & O_NONBLOCK))
        return flags >= 0;
    stream->was_blocking = fcntl(stream->fd, F_SETFL, flags | O_NONBLOCK) == 0;
    return stream->was_blocking;
}

/* Until something may be sent: 1, or -errno. */
static int wait_for_room(whorl_stream *stream)
{
    int error = out_is_busy(stream) ? out_await_op(stream) : out_await_room(stream);
    return error ? error : 1;
}

/* 1: there is more to do; 0: it is to go through a buffer; -errno. After each wait it begins anew,
 * as the file may be another one then. */
static int move_pages(struct transfer *one)
{
    whorl_stream *stream = one->stream;
    if (!bulk_pages_are_there(&one->source) || !may_send_pages(stream))
        return 0;
    if (out_is_busy(stream))
        return wait_for_room(stream);
    int error = out_send_before(stream);
    if (error)
        return error == -EAGAIN ? wait_for_room(stream) : error;
    ssize_t sent = bulk_pages_send(&one->source, stream->fd);
    if (sent > 0) {
        out_moved(stream, (size_t)sent);
    } else if (sent < 0 && !out_put_off(stream, (int32_t)sent)) {
        out_fail(stream, (int)sent);
        return stream->out_error;
    }
    bool goes_on = sent != 0 && one->source.sent < one->source.count;
    return goes_on ? wait_for_room(stream) : sent > 0;
}

/* --- Through a buffer --- */

/* Reads the next piece. Its bytes; 0: the file has ended; -errno. A little that is in memory is
 * read at once. */
static ssize_t read_piece(const struct transfer *one, struct bulk_piece piece)
{
    whorl_stream *stream = one->stream;
    if (piece.len <= BULK_SMALL && bulk_source_glance(&one->source, one->buffer.start, piece))
        return (ssize_t)piece.len;
    whorl_op read = bulk_source_read(&one->source, one->buffer.start, piece);
    stream_hold(stream, &stream->writer);
    ssize_t got = whorl_op_await(&read);
    int error = stream_let_go(stream, &stream->writer);
    if (error)
        return error;
    return got < 0 ? got : (ssize_t)bulk_piece_came(piece, (size_t)got);
}

/* 1: there is more to do; 0: the file has ended, or the stream takes no more; -errno. */
static int move_by_buffer(struct transfer *one)
{
    struct loop *loop = one->stream->loop;
    if (!one->buffer.start && !bulk_buffer_take(loop, &one->buffer, one->source.count))
        return -ENOMEM;
    struct bulk_piece piece = bulk_source_piece(&one->source, one->buffer.size);
    ssize_t got = read_piece(one, piece);
    if (got <= 0)
        return (int)got;
    ssize_t taken = whorl_stream_write(one->stream, one->buffer.start + piece.skip, (size_t)got);
    if (taken < 0)
        return (int)taken;
    one->source.sent += (size_t)taken;
    return taken == got;
}

/* --- Both --- */

/* A call that is refused lets others run, who may give the stream back: whatever is to be done to
 * it is done before the next one. */
static int move_all(struct transfer *one)
{
    bool is_little = one->source.count <= BULK_SMALL;
    int result = 1;
    for (bool is_first = true; result > 0 && one->source.sent < one->source.count;) {
        int error = is_first ? out_begin(one->stream) : out_go_on(one->stream);
        if (!error && !is_first && !bulk_source_is_there(&one->source))
            error = -EBADF;
        if (error)
            return error;
        is_first = false;
        result = is_little ? 0 : move_pages(one);
        out_mark(one->stream); /* what was written before may have waited for this */
        if (result == 0)
            result = move_by_buffer(one);
    }
    return result < 0 ? result : 0;
}

ssize_t whorl_stream_sendfile(whorl_stream *stream, int in_fd, off_t *offset, size_t count)
{
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    int error = stream_check(stream);
    struct transfer one = {.stream = stream};
    if (!error)
        error = bulk_source_open(&one.source, in_fd, offset, count);
    if (error)
        return error;
    error = move_all(&one);
    bool is_of_sending = error == -ETIMEDOUT || (error != -ECANCELED && stream->out_error);
    if (one.source.sent > 0 && is_of_sending)
        out_tell_next(stream, error);
    if (one.buffer.start)
        bulk_buffer_give_back(loop, &one.buffer);
    return bulk_source_end(&one.source, offset, error);
}
