/*
 * Writing: into chunks; or, what is large, from the caller's memory.
 *
 * A large piece is offered to the kernel where it lies, behind what was taken before. What the
 * kernel does not take at once is copied, as far as high_water allows; the part above that is
 * waited for. So a write waits for the peer only above high_water, however large it is.
 */
#include <limits.h>
#include <net/stream.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIRECT_LEAST ((size_t)8 << 10)
#define PRINTED_ON_STACK 512

/* What of the caller's pieces is still to be taken. */
struct rest {
    const struct iovec *iov;
    size_t at; /* of the first piece, taken */
    size_t len;
};

static void advance(struct rest *rest, size_t len)
{
    rest->len -= len;
    rest->at += len;
    while (rest->len > 0 && rest->at >= rest->iov->iov_len) {
        rest->at -= rest->iov->iov_len;
        rest->iov++;
    }
}

/* The next pieces, of at most `most` bytes in all. */
static unsigned next_pieces(const struct rest *rest, size_t most, struct iovec *pieces)
{
    unsigned n = 0;
    size_t at = rest->at;
    for (const struct iovec *from = rest->iov; most > 0 && n < DIRECT_PIECES; from++) {
        size_t len = from->iov_len - at < most ? from->iov_len - at : most;
        if (len > 0)
            pieces[n++] = (struct iovec){(char *)from->iov_base + at, len};
        most -= len;
        at = 0;
    }
    return n;
}

/* Waits until one byte more may be taken, and takes what may. Returns how many, at least one. */
static ssize_t take_copy(whorl_stream *stream, const struct rest *rest)
{
    int error = out_wait(stream, stream->high_water - 1);
    if (error)
        return error;
    size_t most = stream->high_water - stream->pending;
    size_t len = rest->iov->iov_len - rest->at;
    return out_append(stream, (const char *)rest->iov->iov_base + rest->at,
                      len < most ? len : most);
}

/* Not inline: its pieces would lie, unused as a rule, between the frames of every write, on a stack
 * that is fetched anew for each task. */
static __attribute__((noinline)) ssize_t send_pieces(whorl_stream *stream, const struct rest *rest,
                                                     size_t most, enum out_patience patience)
{
    struct iovec pieces[DIRECT_PIECES];
    unsigned count = next_pieces(rest, most, pieces);
    return out_send_direct(stream, pieces, count, patience);
}

static ssize_t take_from(whorl_stream *stream, const struct rest *rest, size_t most,
                         enum out_patience patience)
{
    if (rest->iov->iov_len - rest->at < most)
        return send_pieces(stream, rest, most, patience);
    struct iovec piece = {(char *)rest->iov->iov_base + rest->at, most};
    return out_send_direct(stream, &piece, 1, patience);
}

static ssize_t take_direct(whorl_stream *stream, const struct rest *rest)
{
    if (rest->len > stream->high_water)
        return take_from(stream, rest, rest->len - stream->high_water, OUT_FOR_ROOM);
    return take_from(stream, rest, rest->len, OUT_AT_ONCE);
}

/* Whether so much is better sent from where it lies: not if that would wait for what is in flight,
 * where a copy need not. What high_water has no room for is, also where it is little: copies of no
 * more than that would have the kernel take it in crumbs. */
static bool is_to_offer(const whorl_stream *stream, size_t len)
{
    if (len > stream->high_water)
        return true;
    if (len < (stream->corks > 0 ? CHUNK_LARGE_ROOM : DIRECT_LEAST))
        return false;
    return !out_is_busy(stream) || stream->pending + len > stream->high_water;
}

static ssize_t write_all(whorl_stream *stream, const struct iovec *iov, size_t total)
{
    struct rest rest = {.iov = iov, .len = total};
    advance(&rest, 0);
    bool offer = stream->is_socket; /* the kernel has not refused a part yet */
    ssize_t error = stream->out_error;
    while (rest.len > 0 && error >= 0) {
        ssize_t taken;
        if (offer && is_to_offer(stream, rest.len)) {
            taken = take_direct(stream, &rest);
            offer = taken > 0 || rest.len > stream->high_water;
        } else {
            taken = take_copy(stream, &rest);
            if (taken == -ENOMEM && stream->is_socket)
                taken = take_from(stream, &rest, rest.len, OUT_FOR_ROOM);
        }
        if (taken < 0)
            error = taken;
        else
            advance(&rest, (size_t)taken);
    }
    if (rest.len == total)
        return error;
    if (__builtin_expect(error < 0, 0))
        out_tell_next(stream, (int)error);
    return (ssize_t)(total - rest.len);
}

static int sending_error(const whorl_stream *stream)
{
    return stream->ended ? -EPIPE : stream->out_error;
}

/* A task that was cancelled meets that by itself, and so does each call an error of sending, but
 * the close, which tells of what is lost. */
void out_tell_next(whorl_stream *stream, int error)
{
    if (error != -ECANCELED && !stream->out_error)
        stream->untold = error;
    stream->lost |= stream->out_error != 0;
}

int out_begin(whorl_stream *stream)
{
    int error = stream_begin(stream, SIDE_WRITER);
    if (!error)
        error = sending_error(stream);
    if (!error && __builtin_expect(stream->untold != 0, 0)) {
        error = stream->untold;
        stream->untold = 0;
    }
    return error;
}

int out_go_on(whorl_stream *stream)
{
    int error = stream_go_on(stream, SIDE_WRITER);
    return error ? error : sending_error(stream);
}

ssize_t whorl_stream_write(whorl_stream *stream, const void *buf, size_t len)
{
    if (!buf && len > 0)
        return -EINVAL;
    int error = out_begin(stream);
    if (error)
        return error;
    if (len > SSIZE_MAX)
        len = SSIZE_MAX;
    if (len == 0)
        return 0;
    const struct chunk *last = stream->chunks_last;
    if (last && len <= last->room - last->end && stream->pending + len <= stream->high_water)
        return out_append(stream, buf, len);
    struct iovec piece = {(void *)(uintptr_t)buf, len};
    return write_all(stream, &piece, len);
}

ssize_t whorl_stream_writev(whorl_stream *stream, const struct iovec *iov, int count)
{
    if (count < 0 || count > IOV_MAX || (!iov && count > 0))
        return -EINVAL;
    size_t total = 0;
    for (int i = 0; i < count; i++) {
        if ((!iov[i].iov_base && iov[i].iov_len > 0) || iov[i].iov_len > (size_t)SSIZE_MAX - total)
            return -EINVAL;
        total += iov[i].iov_len;
    }
    int error = out_begin(stream);
    if (error || total == 0)
        return error;
    return write_all(stream, iov, total);
}

ssize_t whorl_stream_puts(whorl_stream *stream, const char *text)
{
    return text ? whorl_stream_write(stream, text, strlen(text)) : -EINVAL;
}

static __attribute__((format(printf, 3, 0))) ssize_t
print_long(whorl_stream *stream, size_t len, const char *format, va_list arguments)
{
    char *text = malloc(len + 1);
    if (!text)
        return -ENOMEM;
    vsnprintf(text, len + 1, format, arguments);
    ssize_t result = whorl_stream_write(stream, text, len);
    free(text);
    return result;
}

ssize_t whorl_stream_vprintf(whorl_stream *stream, const char *format, va_list arguments)
{
    if (!format)
        return -EINVAL;
    int error = out_begin(stream);
    if (error)
        return error;
    char text[PRINTED_ON_STACK];
    va_list again;
    va_copy(again, arguments);
    int len = vsnprintf(text, sizeof text, format, arguments);
    ssize_t result = -EINVAL;
    if (len >= (int)sizeof text)
        result = print_long(stream, (size_t)len, format, again);
    else if (len >= 0)
        result = whorl_stream_write(stream, text, (size_t)len);
    va_end(again);
    return result;
}

ssize_t whorl_stream_printf(whorl_stream *stream, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    ssize_t result = whorl_stream_vprintf(stream, format, arguments);
    va_end(arguments);
    return result;
}

/* --- Corks, and what ends sending --- */

int whorl_stream_cork(whorl_stream *stream)
{
    int error = stream_check(stream);
    if (!error)
        stream->corks++;
    return error;
}

int whorl_stream_uncork(whorl_stream *stream)
{
    int error = stream_check(stream);
    if (error)
        return error;
    if (stream->corks == 0)
        return -EINVAL;
    stream->corks--;
    out_mark(stream);
    return 0;
}

int whorl_stream_drain(whorl_stream *stream)
{
    int error = out_begin(stream);
    if (error == -EPIPE && stream->ended)
        return 0;
    return error ? error : out_wait(stream, 0);
}

size_t whorl_stream_pending(const whorl_stream *stream)
{
    return stream ? stream->pending : 0;
}

int whorl_stream_end(whorl_stream *stream)
{
    int error = out_begin(stream);
    if (error == -EPIPE && stream->ended)
        return 0;
    if (!error && !stream->is_socket)
        error = -ENOTSOCK;
    if (!error)
        error = out_wait(stream, 0);
    if (error)
        return error;
    stream->ended = true;
    if (shutdown(stream->fd, SHUT_WR) == 0)
        return 0;
    return errno == ENOTCONN ? -EPIPE : -errno;
}
