/* Receiving, and the pieces that were received: see stream.h. */
#include <net/stream.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define COPIED_MOST 4096 /* bytes of a piece that is copied behind the one before */
#define GATHERED_LEAST 512
#define STARVED_MOST 8

static whorl_stream *stream_of(struct multishot *in)
{
    return (whorl_stream *)((char *)in - offsetof(whorl_stream, in));
}

/* --- From the kernel --- */

/* Copies a small piece behind the last one, if that has room. */
static bool copy_behind(whorl_stream *stream, const struct piece *piece)
{
    struct piece *last = stream->last;
    size_t len = piece_len(piece);
    if (!last || len > COPIED_MOST || piece_room(last) < len)
        return false;
    memcpy(last->data + last->end, piece->data, len);
    last->end += (uint32_t)len;
    return true;
}

void in_take(whorl_stream *stream, struct piece *piece)
{
    stream->starved = 0;
    stream->unread += piece_len(piece);
    stream->received += (uint32_t)piece_len(piece);
    if (copy_behind(stream, piece)) {
        buffers_give(&stream->hub->pool, piece);
    } else {
        if (stream->last)
            stream->last->next = piece;
        else
            stream->first = piece;
        stream->last = piece;
    }
    struct stream_side *reader = &stream->reader;
    side_moved(stream, reader);
    if (reader->is_parked && stream->unread >= reader->target)
        side_wake(reader, 0);
    if (stream->unread > stream->read_ahead && !reader->is_parked && !stream->careful) {
        stream->careful = true;
        multishot_disarm(stream->loop, &stream->in);
    }
}

void in_end(whorl_stream *stream, int error)
{
    stream->is_over = true;
    stream->in_error = error ? error : reset_behind(stream);
    if (stream->reader.is_parked)
        side_wake(&stream->reader, 0);
}

/* What the reader will touch of the stream when it goes on, and writes. */
static void prefetch_rest(const whorl_stream *stream)
{
    const char *rest = (const char *)&stream->closer;
    for (size_t at = 0; at < sizeof *stream - offsetof(whorl_stream, closer); at += TASK_LINE)
        __builtin_prefetch(rest + at, 1);
}

/* While an op is being armed, bytes may come, and a reset behind them: then the kernel brings the
 * bytes, takes that for all that it was woken for, and never tells of the reset (Linux 6.18; of
 * TCP's end it tells). So there is one look for either, when it has brought what was there; armed
 * anew, the op finds it. */
static __attribute__((noinline)) void look_behind_first(whorl_stream *stream)
{
    struct pollfd end = {.fd = stream->fd, .events = POLLRDHUP};
    stream->fresh = false;
    if (poll(&end, 1, 0) > 0)
        multishot_disarm(stream->loop, &stream->in);
}

static void taken(struct multishot *self, int32_t result, unsigned marks)
{
    whorl_stream *stream = stream_of(self);
    prefetch_rest(stream);
    if (!(marks & RING_HAS_BUFFER))
        return;
    struct piece *piece = buffers_take(&stream->hub->pool, marks, (size_t)result);
    if (!(marks & RING_NONEMPTY) && stream->unread <= stream->read_ahead / 2)
        stream->careful = false;
    if (__builtin_expect(stream->fresh, 0) && !(marks & RING_NONEMPTY))
        look_behind_first(stream);
    if (result > 0)
        in_take(stream, piece);
    else
        buffers_give(&stream->hub->pool, piece);
}

/* Whether to go on, for one who waits, or has caught up. */
static bool wants_more(const whorl_stream *stream)
{
    if (stream->stopped || stream->is_over)
        return false;
    return stream->reader.is_parked || (!stream->plain && stream->unread <= stream->read_ahead / 2);
}

/* The kernel has found no buffer. Those that are out will have come back when the loop next turns,
 * as a rule. Where they do not, or others take them each time, the stream receives once without. */
static void starve(whorl_stream *stream)
{
    if (!wants_more(stream))
        return;
    bool is_fed = buffers_feed(&stream->hub->pool);
    if (stream->starved == STARVED_MOST || (stream->starved > 0 && !is_fed)) {
        stream->plain = stream->plain_once = true;
        plain_make(stream);
    } else {
        stream->starved++;
    }
}

/* Many, or one at a time. */
static void choose_shots(whorl_stream *stream)
{
    if (stream->plain)
        return;
    stream->in.op.flags = stream->careful ? RING_SELECT : RING_SELECT | RING_MULTISHOT;
    stream->fresh = !stream->careful;
}

bool in_lacks_memory(whorl_stream *stream, int32_t result)
{
    if (result != -ENOMEM && result != -ENOBUFS)
        return false;
    if (stream->reader.is_parked)
        side_wake(&stream->reader, -ENOMEM);
    return true;
}

static void ended(struct multishot *self, int32_t result)
{
    whorl_stream *stream = stream_of(self);
    if (result == -ENOBUFS) {
        starve(stream);
    } else if (in_lacks_memory(stream, result)) {
        return;
    } else if (result == -EINVAL || result == -EOPNOTSUPP) {
        stream->plain = true;
        plain_make(stream);
    } else if (result <= 0 && result != -ECANCELED) {
        in_end(stream, result);
    }
    if (wants_more(stream)) {
        choose_shots(stream);
        multishot_arm(stream->loop, &stream->in);
    }
}

static const struct multishot_kind in_kind = {taken, ended};

void in_make(whorl_stream *stream)
{
    if (stream->plain) {
        plain_make(stream);
        return;
    }
    struct multishot *in = &stream->in;
    in->op = whorl_op_recv(stream->fd, NULL, 0, 0);
    in->op.buf_index = BUFFERS_OF_STREAMS;
    in->kind = &in_kind;
    choose_shots(stream);
}

void in_arm(whorl_stream *stream)
{
    if (multishot_is_armed(&stream->in) || stream->is_over || stream->stopped)
        return;
    if (!stream->plain && !hub_pool(stream->hub)) {
        stream->plain = true;
        plain_make(stream);
    }
    choose_shots(stream);
    multishot_arm_now(stream->loop, &stream->in);
}

int in_wait(whorl_stream *stream, size_t least)
{
    while (stream->unread < least && !stream->is_over) {
        in_arm(stream);
        if (stream->unread >= least || stream->is_over)
            break;
        stream->reader.target = least;
        multishot_attend(stream->loop, &stream->in);
        int error = stream_park(stream, &stream->reader, &stream_read_wait);
        multishot_leave(stream->loop, &stream->in);
        if (error)
            return error;
    }
    return 0;
}

/* --- To the program --- */

void in_release(whorl_stream *stream)
{
    stream->shown = 0;
    if (stream->held) {
        buffers_give(&stream->hub->pool, stream->held);
        stream->held = NULL;
    }
}

static struct piece *take_first(whorl_stream *stream)
{
    struct piece *first = stream->first;
    stream->first = first->next;
    if (!stream->first)
        stream->last = NULL;
    return first;
}

void in_consume(whorl_stream *stream, size_t len)
{
    if (len == 0)
        return;
    struct piece *first = stream->first;
    assert(first && len <= piece_len(first) && !stream->held);
    first->start += (uint32_t)len;
    stream->unread -= len;
    if (first->start == first->end)
        stream->held = take_first(stream);
    bool rests = !multishot_is_armed(&stream->in);
    if (__builtin_expect(rests, 0) && wants_more(stream))
        in_arm(stream);
}

/* Has the first piece take `more` bytes. */
static int make_room(whorl_stream *stream, size_t more)
{
    struct piece *first = stream->first;
    size_t len = piece_len(first);
    if (piece_room(first) >= more)
        return 0;
    size_t room = 2 * (len + more);
    struct piece *larger = piece_make(room > GATHERED_LEAST ? room : GATHERED_LEAST);
    if (!larger)
        return -ENOMEM;
    memcpy(larger->data, first->data + first->start, len);
    larger->end = (uint32_t)len;
    larger->next = first->next;
    stream->first = larger;
    buffers_give(&stream->hub->pool, first);
    return 0;
}

size_t in_block(const whorl_stream *stream, size_t most)
{
    size_t have = piece_len(stream->first);
    size_t block = have > GATHERED_LEAST ? have : GATHERED_LEAST;
    return block < most ? block : most;
}

int in_gather(whorl_stream *stream, size_t most)
{
    struct piece *next = stream->first->next;
    size_t len = piece_len(next) < most ? piece_len(next) : most;
    assert(len > 0);
    int error = make_room(stream, len);
    if (error)
        return error;
    struct piece *first = stream->first;
    memcpy(first->data + first->end, next->data + next->start, len);
    first->end += (uint32_t)len;
    next->start += (uint32_t)len;
    return 0;
}

void in_put_back(whorl_stream *stream, size_t len)
{
    struct piece *first = stream->first;
    struct piece *next = first->next;
    assert(next && len <= next->start);
    first->end -= (uint32_t)len;
    next->start -= (uint32_t)len;
    if (next->start < next->end)
        return;
    first->next = next->next;
    if (!first->next)
        stream->last = first;
    buffers_give(&stream->hub->pool, next);
}

void in_drop(whorl_stream *stream)
{
    in_release(stream);
    while (stream->first)
        buffers_give(&stream->hub->pool, take_first(stream));
    stream->unread = 0;
}
