/* Reading: bytes copied out, and bytes in place. */
#include <limits.h>
#include <net/stream.h>
#include <string.h>

int in_begin(whorl_stream *stream)
{
    int error = stream_begin(stream, SIDE_READER);
    if (!error)
        in_release(stream);
    return error;
}

/* Copies up to `len` bytes that are there. */
static size_t copy_out(whorl_stream *stream, char *buf, size_t len)
{
    size_t done = 0;
    while (done < len && stream->first) {
        const struct piece *first = stream->first;
        size_t part = piece_len(first) < len - done ? piece_len(first) : len - done;
        memcpy(buf + done, first->data + first->start, part);
        done += part;
        in_consume(stream, part);
        in_release(stream);
    }
    return done;
}

ssize_t whorl_stream_read(whorl_stream *stream, void *buf, size_t len)
{
    if (!buf && len > 0)
        return -EINVAL;
    int error = in_begin(stream);
    if (error || len == 0)
        return error;
    error = in_wait(stream, 1);
    if (error)
        return error;
    return stream->unread > 0 ? (ssize_t)copy_out(stream, buf, len) : in_tell_end(stream);
}

/* Bytes that were copied out already are to be read again. Returns false for want of memory. */
static bool put_back(whorl_stream *stream, const char *buf, size_t len)
{
    struct piece *piece = piece_make(len);
    if (!piece)
        return false;
    memcpy(piece->data, buf, len);
    piece->end = (uint32_t)len;
    piece->next = stream->first;
    stream->first = piece;
    if (!stream->last)
        stream->last = piece;
    stream->unread += len;
    return true;
}

/* Copies as it comes, as more may be asked for than may lie unread. */
ssize_t whorl_stream_read_exactly(whorl_stream *stream, void *buf, size_t len)
{
    if ((!buf && len > 0) || len > SSIZE_MAX)
        return -EINVAL;
    int error = in_begin(stream);
    size_t done = 0;
    while (done < len && !error) {
        size_t rest = len - done;
        error = in_wait(stream, rest < stream->read_ahead ? rest : stream->read_ahead);
        if (error)
            break;
        if (stream->unread == 0)
            return done > 0 ? (ssize_t)done : in_tell_end(stream);
        done += copy_out(stream, (char *)buf + done, rest);
    }
    if (error && done > 0 && put_back(stream, buf, done))
        done = 0;
    return done > 0 ? (ssize_t)done : error;
}

/* Has the first piece hold at least `least` of the bytes that are there; a block of them, for who
 * asks for one more until there is enough. 0 or -ENOMEM. */
static int gather(whorl_stream *stream, size_t least)
{
    int error = 0;
    while (piece_len(stream->first) < least && !error) {
        size_t have = piece_len(stream->first);
        size_t block = in_block(stream, stream->read_ahead - have);
        error = in_gather(stream, block > least - have ? block : least - have);
        if (!error)
            in_put_back(stream, 0);
    }
    return error;
}

ssize_t whorl_stream_peek(whorl_stream *stream, size_t least, whorl_slice *slice)
{
    if (!slice)
        return -EINVAL;
    *slice = (whorl_slice){0};
    int error = in_begin(stream);
    if (error)
        return error;
    if (least == 0)
        least = 1;
    if (least > stream->read_ahead)
        return -EMSGSIZE;
    error = in_wait(stream, least);
    if (error)
        return error;
    if (stream->unread == 0)
        return in_tell_end(stream);
    if (least > stream->unread)
        least = stream->unread;
    error = gather(stream, least);
    if (error)
        return error;
    const struct piece *first = stream->first;
    *slice = (whorl_slice){first->data + first->start, piece_len(first)};
    stream->shown = slice->len;
    return (ssize_t)slice->len;
}

int whorl_stream_consume(whorl_stream *stream, size_t len)
{
    int error = stream_check(stream);
    if (error)
        return error;
    if (len > stream->shown)
        return -EINVAL;
    stream->shown -= len;
    in_consume(stream, len);
    return 0;
}

size_t whorl_stream_buffered(const whorl_stream *stream)
{
    return stream ? stream->unread : 0;
}

int whorl_stream_at_end(const whorl_stream *stream)
{
    return stream && stream->is_over && stream->in_error == 0 && stream->unread == 0;
}
