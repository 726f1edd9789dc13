/*
 * Reading up to a delimiter, and lines.
 *
 * The first piece is searched where it lies. If the delimiter is not there, bytes of the next piece
 * are brought behind it, at most as many as there are already, and searched with as much before
 * them as a delimiter may have begun in. So each byte is copied and searched a constant number of
 * times. What was brought in vain goes back when the delimiter is found.
 */
#include <net/stream.h>
#include <string.h>

struct search {
    const void *delimiter;
    size_t len;
    size_t limit;
    size_t searched; /* no delimiter begins in so many bytes of the first piece */
};

/* How many bytes of the first piece the delimiter ends; 0: it is not there. */
static size_t find(whorl_stream *stream, struct search *search)
{
    const struct piece *first = stream->first;
    const char *data = first->data + first->start;
    size_t window = piece_len(first) < search->limit ? piece_len(first) : search->limit;
    if (window < search->searched + search->len)
        return 0;
    const char *from = data + search->searched;
    size_t rest = window - search->searched;
    const char *found = search->len == 1
                            ? memchr(from, *(const unsigned char *)search->delimiter, rest)
                            : memmem(from, rest, search->delimiter, search->len);
    if (found)
        return (size_t)(found - data) + search->len;
    search->searched = window - search->len + 1;
    return 0;
}

/* Brings more behind the first piece, and searches it. As find; -ENOMEM. */
static ssize_t find_behind(whorl_stream *stream, struct search *search)
{
    size_t before = piece_len(stream->first);
    int error = in_gather(stream, in_block(stream, search->limit - before));
    if (error)
        return error;
    size_t found = find(stream, search);
    in_put_back(stream, found > 0 ? piece_len(stream->first) - found : 0);
    return (ssize_t)found;
}

/* Has the bytes up to and with the delimiter, or all where the peer ends, be in the first piece.
 * Returns how many; 0 or -errno where nothing is left. */
static ssize_t look_for(whorl_stream *stream, struct search *search)
{
    ssize_t found = 0;
    if (stream->first)
        found = (ssize_t)find(stream, search);
    while (found == 0) {
        size_t before = stream->first ? piece_len(stream->first) : 0;
        if (before >= search->limit)
            return -EMSGSIZE;
        if (stream->unread > before && before > 0) {
            found = find_behind(stream, search);
            continue;
        }
        if (stream->is_over)
            return before > 0 ? (ssize_t)before : in_tell_end(stream);
        int error = in_wait(stream, before + 1);
        if (error)
            return error;
        if (stream->first)
            found = (ssize_t)find(stream, search);
    }
    return found;
}

static ssize_t read_until(whorl_stream *stream, struct search *search, whorl_slice *slice)
{
    *slice = (whorl_slice){0};
    int error = in_begin(stream);
    if (error)
        return error;
    ssize_t len = look_for(stream, search);
    if (len > 0) {
        const struct piece *first = stream->first;
        *slice = (whorl_slice){first->data + first->start, (size_t)len};
        in_consume(stream, (size_t)len);
    }
    return len;
}

ssize_t whorl_stream_read_until(whorl_stream *stream, const void *delimiter, size_t len,
                                size_t limit, whorl_slice *slice)
{
    if (!delimiter || !slice || len == 0 || len > limit)
        return -EINVAL;
    struct search search = {.delimiter = delimiter, .len = len, .limit = limit};
    return read_until(stream, &search, slice);
}

int whorl_stream_read_line(whorl_stream *stream, whorl_line *line, size_t limit)
{
    if (!line)
        return -EINVAL;
    *line = (whorl_line){.text = ""};
    struct search search = {
        .delimiter = "\n", .len = 1, .limit = limit < SIZE_MAX ? limit + 1 : SIZE_MAX};
    whorl_slice slice;
    ssize_t len = read_until(stream, &search, &slice);
    if (len <= 0)
        return (int)len;
    line->newline = slice.data[len - 1] == '\n';
    line->text = slice.data;
    line->len = (size_t)len - (size_t)line->newline;
    return 1;
}
