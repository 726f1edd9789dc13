/*
 * Sending: see stream.h. An op takes what the socket has room for, and where that is not all, the
 * next one is a poll. One that waited for room by itself would be woken by the end of a peer that
 * takes slowly, again and again, until the kernel gives it to a thread of its own.
 *
 *     to send --no room, or not for all--> to poll --there is--> to send
 *       '--all is sent--> at rest
 */
#include <net/stream.h>
#include <net/write_now.h>
#include <op/make.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

static whorl_stream *stream_of(struct multishot *out)
{
    return (whorl_stream *)((char *)out - offsetof(whorl_stream, out));
}

/* --- Chunks --- */

static void push_last(whorl_stream *stream, struct chunk *chunk)
{
    if (stream->chunks_last)
        stream->chunks_last->next = chunk;
    else
        stream->chunks = chunk;
    stream->chunks_last = chunk;
}

/* What is in the small chunk, and alone, goes to a large one, so that it is sent with what follows;
 * unless the kernel reads it. */
static void leave_small(whorl_stream *stream, struct chunk *large)
{
    struct chunk *small = stream->chunks;
    bool is_alone = small && small == stream->chunks_last && small->size == CHUNK_SMALL;
    if (!is_alone || multishot_is_armed(&stream->out))
        return;
    large->end = small->end - small->start;
    memcpy(large->data, small->data + small->start, large->end);
    stream->chunks = stream->chunks_last = NULL;
    hub_give_chunk(stream->hub, small);
}

/* Has the last chunk have room. False: no memory. */
static bool make_room(whorl_stream *stream, size_t len)
{
    struct chunk *last = stream->chunks_last;
    if (last && last->room - last->end >= len)
        return true;
    bool is_little = !last && len <= CHUNK_SMALL_ROOM;
    if (last && last->size == CHUNK_LARGE && last->end < last->room)
        return true;
    struct chunk *chunk = hub_take_chunk(stream->hub, is_little ? CHUNK_SMALL : CHUNK_LARGE);
    if (!chunk)
        return false;
    leave_small(stream, chunk);
    push_last(stream, chunk);
    return true;
}

ssize_t out_append(whorl_stream *stream, const char *data, size_t len)
{
    if (!make_room(stream, len))
        return -ENOMEM;
    struct chunk *last = stream->chunks_last;
    size_t room = last->room - last->end;
    size_t taken = len < room ? len : room;
    memcpy(last->data + last->end, data, taken);
    last->end += (uint32_t)taken;
    stream->pending += taken;
    out_mark(stream);
    return (ssize_t)taken;
}

static void drop_first(whorl_stream *stream)
{
    struct chunk *first = stream->chunks;
    stream->chunks = first->next;
    if (!stream->chunks)
        stream->chunks_last = NULL;
    hub_give_chunk(stream->hub, first);
}

void out_drop(whorl_stream *stream)
{
    while (stream->chunks)
        drop_first(stream);
    stream->pending = 0;
}

/* The kernel has taken `len` bytes of the chunks. */
static void sent(whorl_stream *stream, size_t len)
{
    out_moved(stream, len);
    stream->pending -= len;
    while (stream->chunks) {
        struct chunk *first = stream->chunks;
        size_t part = first->end - first->start;
        if (part > len) {
            first->start += (uint32_t)len;
            return;
        }
        len -= part;
        drop_first(stream);
    }
}

void out_fail(whorl_stream *stream, int error)
{
    stream->out_error = error == -EPIPE ? reset_before(stream) : error;
    stream->lost |= stream->pending > 0;
    out_drop(stream);
}

/* --- In the background --- */

/* What a cork holds back goes when a task waits for it. */
static bool may_send(const whorl_stream *stream)
{
    if (stream->pending == 0 || stream->stopped || stream->direct || stream->wants_direct)
        return false;
    return stream->corks == 0 || stream->writer.is_parked || stream->pending >= CHUNK_LARGE_ROOM;
}

void out_mark(whorl_stream *stream)
{
    if (!out_is_busy(stream) && may_send(stream))
        hub_mark(stream->hub, stream);
}

void out_flush(whorl_stream *stream)
{
    if (out_is_busy(stream) || !may_send(stream))
        return;
    const struct chunk *first = stream->chunks;
    const char *data = first->data + first->start;
    size_t len = first->end - first->start;
    if (stream->room == ROOM_NONE) {
        stream->out.op = make_room_poll(stream->fd, stream->has_met_errors);
    } else if (stream->is_socket) {
        stream->out.op = make_send(stream->fd, data, len, MSG_DONTWAIT);
    } else {
        stream->out.op = make_write(stream->fd, data, len);
    }
    multishot_arm_now(stream->loop, &stream->out);
}

/* --- Shortages --- */

#define FIRST_PAUSE WHORL_MS(1)
#define DOUBLINGS_MOST 7

static bool is_shortage(int32_t result)
{
    return result == -ENOBUFS || result == -ENOMEM;
}

static void pause_over(struct timer *timer)
{
    whorl_stream *stream = (whorl_stream *)((char *)timer - offsetof(whorl_stream, pause));
    if (stream->writer.is_parked && stream->wants_direct)
        side_wake(&stream->writer, 0);
    out_mark(stream);
}

/* Nobody tells when the kernel has memory again, and a poll would say that the peer has room: so it
 * is tried again, ever more slowly. */
static void begin_pause(whorl_stream *stream)
{
    int64_t pause = FIRST_PAUSE << stream->shortages;
    if (stream->shortages < DOUBLINGS_MOST)
        stream->shortages++;
    stream->pause.fire = pause_over;
    timer_arm(&stream->loop->timers, &stream->pause, loop_deadline_after(stream->loop, pause));
}

/* --- What an op has come to --- */

/* An error without room: a pipe's is told by the next write, a socket's by the next send, but for
 * what lies in its error queue. */
static void polled(whorl_stream *stream, int32_t events)
{
    bool has_room = events > 0 && (events & POLLOUT);
    stream->room = has_room ? ROOM_SEEN : ROOM_UNKNOWN;
    stream->has_met_errors = stream->is_socket && events > 0 && !has_room;
}

/* One that has room and takes nothing lacks memory, too, and a poll would tell of the same room at
 * once. */
bool out_put_off(whorl_stream *stream, int32_t refusal)
{
    bool is_full = refusal == -EAGAIN && stream->room != ROOM_SEEN;
    if (!is_full && !is_shortage(refusal) && refusal != -EAGAIN)
        return false;
    stream->room = is_full ? ROOM_NONE : ROOM_UNKNOWN;
    if (!is_full)
        begin_pause(stream);
    return true;
}

/* The kernel has taken `len` bytes of `asked`. */
static void took(whorl_stream *stream, size_t len, size_t asked)
{
    if (stream->is_socket && len < asked)
        stream->room = ROOM_NONE;
}

static void background_ended(whorl_stream *stream, int32_t result)
{
    if (stream->room == ROOM_NONE) {
        assert(stream->out.op.code == RING_OP_POLL_ADD);
        polled(stream, result);
    } else if (result > 0) {
        sent(stream, (size_t)result);
        took(stream, (size_t)result, stream->out.op.len);
    } else if (!out_put_off(stream, result) && result != -ECANCELED) {
        out_fail(stream, result == 0 ? -EPIPE : result);
    }
}

static void ended(struct multishot *self, int32_t result)
{
    whorl_stream *stream = stream_of(self);
    struct stream_side *writer = &stream->writer;
    if (stream->direct) {
        stream->direct_result = result;
        if (writer->is_parked)
            side_wake(writer, 0);
        return;
    }
    background_ended(stream, result);
    bool is_served = stream->wants_direct || stream->out_error || stream->pending <= writer->target;
    if (writer->is_parked && is_served)
        side_wake(writer, 0);
    out_mark(stream);
}

static void taken(struct multishot *self, int32_t result, unsigned marks)
{
    (void)self;
    (void)result;
    (void)marks;
}

static const struct multishot_kind out_kind = {taken, ended};

void out_make(whorl_stream *stream)
{
    stream->out.kind = &out_kind;
    stream->out.attended = 1;
}

int out_wait(whorl_stream *stream, size_t most)
{
    while (stream->pending > most && !stream->out_error) {
        stream->writer.target = most;
        stream->writer.is_parked = true;
        out_mark(stream);
        stream->writer.is_parked = false;
        int error = stream_park(stream, &stream->writer, &stream_write_wait);
        if (error)
            return error;
    }
    return stream->out_error;
}

static ssize_t send_at_once(int fd, const char *data, size_t len, int flags)
{
    ssize_t done = send(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL | flags);
    return done < 0 ? -errno : done;
}

/* Sends what lies in chunks, as far as the kernel takes it at once. 0, or what it says at last. */
static int send_now(whorl_stream *stream, int flags)
{
    while (stream->pending > 0) {
        const struct chunk *first = stream->chunks;
        const char *data = first->data + first->start;
        size_t len = first->end - first->start;
        ssize_t done = stream->is_socket ? send_at_once(stream->fd, data, len, flags)
                                         : write_now(stream->fd, data, len);
        if (done <= 0)
            return done < 0 ? (int)done : -EPIPE;
        sent(stream, (size_t)done);
    }
    return 0;
}

void out_give_up(whorl_stream *stream, int error)
{
    stream->stopped = true;
    multishot_disarm(stream->loop, &stream->out);
    multishot_join(stream->loop, stream->loop->current, &stream->out, OP_PATIENT);
    send_now(stream, 0);
    if (stream->pending > 0)
        out_fail(stream, error);
}

/* --- From the caller's memory --- */

#define DIRECT_CHUNKS 4

static bool is_being_closed(const whorl_stream *stream)
{
    return stream->closer && stream->closer != stream->loop->current;
}

/* Until an op may start. -ECANCELED also where somebody closes the stream, and has been woken by
 * who left a wait before: he does not wait for another op. */
int out_await_op(whorl_stream *stream)
{
    while (out_is_busy(stream)) {
        stream->wants_direct = true;
        stream->writer.target = 0;
        int error = stream_park(stream, &stream->writer, &stream_write_wait);
        stream->wants_direct = false;
        if (error) {
            out_mark(stream);
            return error;
        }
    }
    return is_being_closed(stream) ? -ECANCELED : 0;
}

/* Runs the op, with the task's memory: it has ended when this returns. Its result. */
static int run(whorl_stream *stream)
{
    struct task *self = stream->loop->current;
    stream->direct = true;
    stream->writer.is_late = false;
    multishot_arm_now(stream->loop, &stream->out);
    if (multishot_is_armed(&stream->out))
        stream_park(stream, &stream->writer, &stream_direct_wait);
    if (multishot_is_armed(&stream->out)) {
        /* It was refused the wait. */
        stream_hold(stream, &stream->writer);
        multishot_disarm(stream->loop, &stream->out);
        multishot_join(stream->loop, self, &stream->out, OP_PATIENT);
        stream_let_go(stream, &stream->writer);
    }
    stream->direct = false;
    int result = stream->direct_result;
    return result == -ECANCELED && stream->writer.is_late ? -ETIMEDOUT : result;
}

/* Puts what is pending, as far as there is room, and then the caller's pieces into `vector`. */
static unsigned collect(const whorl_stream *stream, const struct iovec *iov, unsigned count,
                        struct iovec *vector)
{
    unsigned n = 0;
    struct chunk *chunk = stream->chunks;
    for (; chunk && n < DIRECT_CHUNKS; chunk = chunk->next)
        vector[n++] = (struct iovec){chunk->data + chunk->start, chunk->end - chunk->start};
    for (unsigned i = 0; !chunk && i < count; i++)
        vector[n++] = iov[i];
    return n;
}

static size_t length_of(const struct iovec *iov, size_t count)
{
    size_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += iov[i].iov_len;
    return sum;
}

/* What sending at once has come to. */
static int sent_at_once(whorl_stream *stream, ssize_t sent)
{
    stream->direct_result = sent < 0 ? -errno : (int)sent;
    return stream->direct_result;
}

/* Whether the running task may send at once. */
static bool may_send_at_once(whorl_stream *stream)
{
    uint8_t round = (uint8_t)stream->loop->rounds;
    bool may = stream->writer.round != round;
    stream->writer.round = round;
    return may;
}

/* Not inline: its vector is large, for a stack that is fetched anew for each task. */
static __attribute__((noinline)) int run_message(whorl_stream *stream, const struct iovec *iov,
                                                 unsigned count, size_t *asked)
{
    struct iovec vector[DIRECT_CHUNKS + DIRECT_PIECES];
    struct msghdr message = {.msg_iov = vector, .msg_iovlen = collect(stream, iov, count, vector)};
    *asked = length_of(vector, message.msg_iovlen);
    if (may_send_at_once(stream))
        return sent_at_once(stream, sendmsg(stream->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL));
    stream->out.op = whorl_op_sendmsg(stream->fd, &message, MSG_DONTWAIT);
    return run(stream);
}

/* One piece alone is cheaper without a message. */
static int run_send(whorl_stream *stream, const struct iovec *iov, unsigned count, size_t *asked)
{
    if (stream->chunks || count > 1)
        return run_message(stream, iov, count, asked);
    *asked = iov->iov_len;
    if (may_send_at_once(stream))
        return sent_at_once(
            stream, send(stream->fd, iov->iov_base, iov->iov_len, MSG_DONTWAIT | MSG_NOSIGNAL));
    stream->out.op = make_send(stream->fd, iov->iov_base, iov->iov_len, MSG_DONTWAIT);
    return run(stream);
}

/* Until an op may start, and, for who waits for it, there is room. */
static int await_turn(whorl_stream *stream, enum out_patience patience)
{
    int error = out_await_op(stream);
    if (!error && stream->room == ROOM_NONE && patience == OUT_FOR_ROOM)
        error = out_await_room(stream);
    return error ? error : stream->out_error;
}

ssize_t out_send_direct(whorl_stream *stream, const struct iovec *iov, unsigned count,
                        enum out_patience patience)
{
    assert(count > 0 && count <= DIRECT_PIECES);
    int error = await_turn(stream, patience);
    if (error)
        return error;
    size_t asked, before = stream->pending;
    int result = run_send(stream, iov, count, &asked);
    if (result > 0) {
        if (before > (size_t)result)
            before = (size_t)result;
        sent(stream, before);
        took(stream, (size_t)result, asked);
        result -= (int)before;
    } else if (out_put_off(stream, result)) {
        result = 0;
    } else if (stream->direct_result != -ECANCELED) {
        out_fail(stream, result == 0 ? -EPIPE : result);
        result = stream->out_error;
    }
    out_mark(stream);
    return result;
}

/* --- From elsewhere --- */

int out_await_room(whorl_stream *stream)
{
    stream->out.op = make_room_poll(stream->fd, stream->has_met_errors);
    int result = run(stream);
    polled(stream, result);
    out_mark(stream);
    if (result < 0)
        return result;
    return is_being_closed(stream) ? -ECANCELED : 0; /* as from out_await_op */
}

int out_send_before(whorl_stream *stream)
{
    assert(!out_is_busy(stream));
    int error = send_now(stream, MSG_MORE);
    if (!error)
        return 0;
    if (out_put_off(stream, error))
        return -EAGAIN;
    out_fail(stream, error);
    return stream->out_error;
}
