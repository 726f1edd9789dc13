/*
 * The stream: its insides, shared by the rooms stream_*.c.
 *
 * Receiving. `in` is the one op that receives: a multishot recv into buffers of the loop's pool,
 * or, where `plain`, a poll and then a recv or read into memory of its own (stream_plain.c).
 *
 *     at rest <--> armed --> over
 *
 *     at rest: nothing is asked of the kernel: nobody has read yet, or read_ahead bytes lie unread.
 *     armed: with the kernel. over: the peer has ended, or in_error says why nothing comes any
 *     more.
 *
 * A multishot recv brings much of what the socket holds before it can be stopped. So once it has
 * brought more than read_ahead it receives piece by piece (`careful`), until the socket holds no
 * more.
 *
 * What was received is a list of pieces, `first` to `last`, of `unread` bytes. A small one is
 * copied to where the last one has room: so the buffers that a stream holds are at least a quarter
 * full, but for two. What a call shows in place lies in the first piece; one that is used up
 * meanwhile is `held` until the next call that reads.
 *
 * Sending. `out` is the one op that sends. What was taken lies in chunks, the oldest first:
 *
 *     clean --> dirty --> sending --> clean
 *                 ^----------'
 *
 *     clean: nothing is to be sent, or a cork holds it back. dirty: in the hub's list, whose timer
 *     starts the op when the loop next turns; or in a pause (`pause`), since the kernel had no
 *     memory, after which it is put there. sending: the first chunk is with the kernel, or a poll
 *     for its room; or (`direct`) the same of what a task in a write has in its own memory, after
 *     what was taken before.
 *
 * What a task in a write has in its own memory is sent at once, by a system call: the bytes are in
 * the cache still, and no completion is to be met. But once in a turn of the loop for each stream,
 * so that no task has the loop to itself whose peer takes all.
 *
 * Waiting. `reader` and `writer` are the tasks that wait; `is_parked` of each while nobody has
 * woken it. `closer` is the task in a close, or like it, where nobody else may begin a call any
 * more; it waits first until both have left.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <core/leftover.h>
#include <errno.h>
#include <net/buffers.h>
#include <net/stream_hub.h>
#include <op/multishot.h>
#include <whorl/stream.h>

/* One who waits, and what for. */
struct stream_side {
    struct task *task; /* NULL: nobody is inside a call that waits */
    size_t target;     /* the reader: bytes unread; the writer: at most so many pending */
    bool is_parked;
    bool is_late;    /* direct: the idle timeout has run out */
    uint8_t round;   /* the writer: the low byte of loop->rounds when it last sent at once; one that
                        is the same by chance has it send through the ring */
    uint32_t queued; /* the writer, while it waits with an idle timeout: bytes that the peer had yet
                        to take when that was looked at, and what was sent since, modulo 2^32 */
    int64_t moved;   /* when a byte last came, or went, or a call began; kept where there is an idle
                      timeout */
};

/* What is known of the room for what is to be sent. NONE: the last send found none, or not for all;
 * the op in flight in the background, or the next one there, is the poll for it. SEEN: a poll has
 * told of some, and nothing was sent since. */
enum out_room { ROOM_UNKNOWN, ROOM_NONE, ROOM_SEEN };

/* In cache lines: what a piece that comes touches first, and then what is sent. */
struct whorl_stream {
    _Alignas(TASK_LINE) struct multishot in;
    struct piece *first;
    struct piece *last;
    size_t unread;
    struct stream_side reader;
    struct stream_hub *hub;
    struct loop *loop;
    struct task *closer;
    size_t read_ahead;
    int64_t idle; /* WHORL_FOREVER: none */
    struct piece *held;
    size_t shown; /* by the last peek, and not consumed */
    /* Of receiving. */
    uint32_t received; /* bytes from the connection's beginning, modulo 2^32 */
    bool is_over;
    bool is_told;     /* in_error, by a call that reads */
    bool careful;     /* it receives one piece at a time */
    bool fresh;       /* all that the op has brought since it was armed was followed by more */
    uint8_t starved;  /* there was no buffer, so many times in a row */
    bool plain;       /* it receives without multishot */
    bool plain_reads; /* the op is a read, not a poll */
    bool plain_once;  /* for want of a buffer */
    /* Of sending. */
    bool is_dirty;
    bool direct;
    bool wants_direct;   /* the writer waits for the op, to send from its own memory */
    uint8_t room;        /* enum out_room */
    bool has_met_errors; /* see make_room_poll */
    uint8_t shortages;   /* of the kernel's memory, one after the other */
    bool ended;          /* by whorl_stream_end */
    bool lost;           /* bytes that were taken, or asked to be, were not sent, for out_error */
    bool was_blocking;   /* the descriptor, before files were sent to it */
    /* Of both. */
    bool is_socket;
    bool stopped; /* no op is to be started any more */
    bool closer_is_parked;
    int fd;
    int in_error;
    int out_error;
    int untold; /* why the last write took less than it was to; 0 once it was told */
    int direct_result;
    unsigned corks;
    struct chunk *chunks;
    struct chunk *chunks_last;
    size_t pending;
    size_t high_water;
    whorl_stream *dirty_next;
    whorl_stream **dirty_link;
    struct multishot out;
    struct stream_side writer;
    struct timer pause;
    struct piece *landing; /* where a plain read puts its bytes */
    struct leftover leftover;
    bool *told_end; /* NULL: nobody is to be told */
};

/* --- stream.c --- */

/* Has *ended become true when the stream is given back, however that comes; until then it must
 * stay. For one who may find the stream gone. NULL: nobody is to be told. */
static inline void stream_tell_end(whorl_stream *stream, bool *ended)
{
    stream->told_end = ended;
}

/* 0, or -EINVAL: an option is out of its range. */
int stream_options_check(const whorl_stream_options *options);

/* What stream_open does for a descriptor that is known to be a socket of a stream kind. */
int stream_open_socket(struct loop *loop, int fd, const whorl_stream_options *options,
                       whorl_stream **stream);

/* 0, or why no call can go on: in any call. */
static inline int stream_check(const whorl_stream *stream)
{
    if (__builtin_expect(!stream, 0))
        return -EINVAL;
    return __builtin_expect(loop_here == stream->loop, 1) ? 0 : -EPERM;
}

/* --- stream_wait.c --- */

/* Parks the running task, on its side, until it is woken. Returns the result given there;
 * -ECANCELED, also where another task closes the stream, which goes when this one next waits;
 * -ETIMEDOUT. */
int stream_park(whorl_stream *stream, struct stream_side *side, const struct wait_kind *kind);

/* Keeps others out of a side while the running task waits elsewhere, and lets them in again: 0, or
 * -ECANCELED where another task closes the stream. */
void stream_hold(whorl_stream *stream, struct stream_side *side);
int stream_let_go(whorl_stream *stream, struct stream_side *side);

/* Wakes who is parked on a side. */
static inline void side_wake(struct stream_side *side, int result)
{
    side->is_parked = false;
    fiber_prefetch(&side->task->fiber);
    task_wake(side->task, result);
}

/* A byte has come, or gone; or a call begins. */
static inline void side_moved(const whorl_stream *stream, struct stream_side *side)
{
    if (__builtin_expect(stream->idle != WHORL_FOREVER, 0))
        side->moved = loop_deadline_after(stream->loop, 0);
}

enum stream_side_name { SIDE_READER, SIDE_WRITER };

/* Whether a call that may wait on a side can go on, as nobody else is there: 0, or why it
 * cannot. */
static inline int stream_go_on(whorl_stream *stream, enum stream_side_name name)
{
    int error = stream_check(stream);
    if (error)
        return error;
    struct task *self = stream->loop->current;
    if (__builtin_expect(self->interrupted, 0))
        return task_refuse(stream->loop, self);
    if (stream->closer)
        return -ECANCELED;
    const struct stream_side *side = name == SIDE_READER ? &stream->reader : &stream->writer;
    return side->task ? -EBUSY : 0;
}

/* Begins one. */
static inline int stream_begin(whorl_stream *stream, enum stream_side_name name)
{
    int error = stream_go_on(stream, name);
    if (!error)
        side_moved(stream, name == SIDE_READER ? &stream->reader : &stream->writer);
    return error;
}

/* --- stream_reset.c --- */

/* The bytes that were received by way of a descriptor before it became a stream's, modulo 2^32. */
uint32_t reset_received(int fd);

/* Whether the end that receiving has found is none: 0, or what has cut the connection off. */
int reset_behind(const whorl_stream *stream);

/* What sending is to tell that has found -EPIPE: what has cut the connection off, if no call that
 * reads has told it; else -EPIPE. */
int reset_before(const whorl_stream *stream);

/* --- stream_in.c --- */

extern const struct wait_kind stream_read_wait;

/* Makes the op that receives. */
void in_make(whorl_stream *stream);

/* Has it received, if it is at rest and not over. */
void in_arm(whorl_stream *stream);

/* Waits, for the running task, until `least` bytes are unread, or nothing more comes. 0 or
 * -errno. */
int in_wait(whorl_stream *stream, size_t least);

/* Bytes were received. */
void in_take(whorl_stream *stream, struct piece *piece);

/* Nothing more comes, for an error or (0) because the peer has ended. */
void in_end(whorl_stream *stream, int error);

/* `len` bytes of the first piece are read. */
void in_consume(whorl_stream *stream, size_t len);

/* What was shown before goes. */
void in_release(whorl_stream *stream);

/* How much, up to `most`, is worth bringing behind the first piece at a time: as much again as it
 * holds. So each byte is copied a constant number of times, however often more is asked for. */
size_t in_block(const whorl_stream *stream, size_t most);

/* Brings bytes of the next piece to the end of the first one: at most `most`, at least one. 0 or
 * -ENOMEM: nothing has changed. */
int in_gather(whorl_stream *stream, size_t most);

/* Puts the last `len` bytes that in_gather has brought back where they were. To be called, with 0
 * at least, before anything is received. */
void in_put_back(whorl_stream *stream, size_t len);

/* Whether receiving has ended for want of the kernel's memory. Who waits is told then; the next
 * call asks again. */
bool in_lacks_memory(whorl_stream *stream, int32_t result);

/* What a call that reads gives at the end: 0, or why nothing comes any more. */
static inline int in_tell_end(whorl_stream *stream)
{
    stream->is_told = true;
    return stream->in_error;
}

/* Gives back all pieces. */
void in_drop(whorl_stream *stream);

/* --- stream_read.c --- */

/* Begins a call that reads: 0, or why it cannot go on. */
int in_begin(whorl_stream *stream);

/* --- stream_plain.c --- */

void plain_make(whorl_stream *stream);

/* --- stream_out.c --- */

extern const struct wait_kind stream_write_wait;
extern const struct wait_kind stream_direct_wait;

/* Begins a call that writes: 0, or why it cannot go on; and looks again later in the call. */
int out_begin(whorl_stream *stream);
int out_go_on(whorl_stream *stream);

/* A call has taken a part, and `error` came before the rest: the next call is to tell, where it
 * would not meet the error itself. */
void out_tell_next(whorl_stream *stream, int error);

/* The kernel has taken `len` bytes of what is to be sent. */
static inline void out_moved(whorl_stream *stream, size_t len)
{
    stream->shortages = 0;
    stream->room = ROOM_UNKNOWN;
    stream->writer.queued += (uint32_t)len;
    side_moved(stream, &stream->writer);
}

#define DIRECT_PIECES 8

/* Whether who sends waits for room where there is none. */
enum out_patience { OUT_AT_ONCE, OUT_FOR_ROOM };

void out_make(whorl_stream *stream);

/* Whether no op may start: one is with the kernel, or it is to be spared for a while. */
static inline bool out_is_busy(const whorl_stream *stream)
{
    return multishot_is_armed(&stream->out) || timer_is_armed(&stream->pause);
}

/* Something is to be sent, when the loop next turns. */
void out_mark(whorl_stream *stream);

/* What the hub's timer does for a dirty stream. */
void out_flush(whorl_stream *stream);

/* Sends what lies in chunks, and then `iov` of `count` pieces, at most DIRECT_PIECES, in one op,
 * while the task waits for that. Returns how much of `iov` was sent, maybe nothing; -errno. */
ssize_t out_send_direct(whorl_stream *stream, const struct iovec *iov, unsigned count,
                        enum out_patience patience);

/* Takes bytes into the last chunk. How many, maybe 0; -ENOMEM. */
ssize_t out_append(whorl_stream *stream, const char *data, size_t len);

/* Waits until at most `most` bytes are pending. 0 or -errno. */
int out_wait(whorl_stream *stream, size_t most);

/* For one who sends to the descriptor himself, each for the running task: waits until no op is in
 * flight and no pause lasts; sends then what lies in chunks, to go together with what follows at
 * once; and waits until the kernel takes more. 0 or -errno: -EAGAIN from the second one, where
 * there is no room for all of it, or no memory, and a pause has begun; it does not wait. */
int out_await_op(whorl_stream *stream);
int out_send_before(whorl_stream *stream);
int out_await_room(whorl_stream *stream);

/* Whether what the descriptor has refused is to be tried again, by the next op or, where the kernel
 * has no memory, after a pause that has begun. */
bool out_put_off(whorl_stream *stream, int32_t refusal);

/* Nothing can be sent any more, for `error`. */
void out_fail(whorl_stream *stream, int error);

/* Sends what the kernel takes at once, and drops the rest, for `error`. */
void out_give_up(whorl_stream *stream, int error);

/* Drops all chunks. */
void out_drop(whorl_stream *stream);

#endif
