/*
 * Files written to streams: a piece is read into a buffer, and written from there as any other, so
 * that it is sent from the buffer itself as far as the kernel takes it.
 *
 * While a piece is read the task stands on the writer's side: nobody else writes in between, and
 * who closes the stream waits until the read has ended.
 */
#include <net/bulk_source.h>
#include <net/stream.h>
#include <whorl/bulk.h>

/* Reads the next piece. Its bytes; 0: the file has ended; -errno. */
static ssize_t read_piece(whorl_stream *stream, const struct bulk_source *source,
                          const struct bulk_buffer *buffer)
{
    int error = out_begin(stream);
    if (error)
        return error;
    if (source->sent > 0 && !bulk_source_is_there(source))
        return -EBADF;
    size_t len = bulk_source_piece(source, buffer->size);
    whorl_op read = bulk_source_read(source, buffer->start, len);
    stream_hold(stream, &stream->writer);
    ssize_t got = whorl_op_await(&read);
    error = stream_let_go(stream, &stream->writer);
    if (error)
        return error;
    return got < 0 || (size_t)got < len ? got : (ssize_t)len;
}

static int move_all(whorl_stream *stream, struct bulk_source *source,
                    const struct bulk_buffer *buffer)
{
    while (source->sent < source->count) {
        ssize_t got = read_piece(stream, source, buffer);
        if (got <= 0)
            return (int)got;
        ssize_t taken = whorl_stream_write(stream, buffer->start, (size_t)got);
        if (taken > 0)
            source->sent += (size_t)taken;
        if (taken < got)
            return taken < 0 ? (int)taken : 0;
    }
    return 0;
}

ssize_t whorl_stream_sendfile(whorl_stream *stream, int in_fd, off_t *offset, size_t count)
{
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    int error = stream_check(stream);
    struct bulk_source source;
    if (!error)
        error = bulk_source_open(&source, in_fd, offset, count);
    if (error)
        return error;
    struct bulk_buffer buffer;
    if (!bulk_buffer_take(loop, &buffer, count))
        return -ENOMEM;
    error = move_all(stream, &source, &buffer);
    bulk_buffer_give_back(loop, &buffer);
    return bulk_source_end(&source, offset, error);
}
