/*
 * Waiting in a stream: one task on each side, until it is woken. See stream.h.
 *
 * A peer that takes bytes slowly is not idle, though the socket has room for more only when much of
 * it is free. So while a writer waits with an idle timeout there is a look now and then at what the
 * peer has yet to take (SIOCOUTQ of tcp(7) and unix(7), FIONREAD of a pipe): fewer bytes mean that
 * some have moved, and the timeout begins anew then; so it is late by the time from one look to the
 * next at most.
 */
#include <fcntl.h>
#include <linux/sockios.h>
#include <net/stream.h>
#include <sys/ioctl.h>

#define LOOKS 4 /* in an idle timeout */

static struct stream_side *side_of(whorl_stream *stream, const struct task *task)
{
    return stream->reader.task == task ? &stream->reader : &stream->writer;
}

static uint32_t queued(const whorl_stream *stream)
{
    int bytes = 0;
    bool is_known = stream->is_socket ? ioctl(stream->fd, SIOCOUTQ, &bytes) == 0
                                      : fcntl(stream->fd, F_GETPIPE_SZ) > 0 &&
                                            ioctl(stream->fd, FIONREAD, &bytes) == 0;
    return is_known ? (uint32_t)bytes : 0;
}

/* Whether the peer has taken some since it was last looked at. */
static bool has_taken(const whorl_stream *stream, struct stream_side *side)
{
    uint32_t before = side->queued;
    side->queued = queued(stream);
    return (int32_t)(side->queued - before) < 0;
}

/* When the idle timeout is over, or there is to be a look. From when a byte last moved, or the call
 * began: a call that waits several times has one timeout. */
static int64_t next_look(const whorl_stream *stream, const struct stream_side *side)
{
    int64_t due = deadline_after(side->moved, stream->idle);
    int64_t look = deadline_after(whorl_now(), stream->idle / LOOKS + 1);
    return side == &stream->writer && look < due ? look : due;
}

/* The stream's idle timeout may have run out: not if a byte has moved since, or the task has been
 * woken already. */
static void idle_over(struct timer *timer)
{
    struct task *task = (struct task *)((char *)timer - offsetof(struct task, timer));
    whorl_stream *stream = task->wait_object;
    struct stream_side *side = side_of(stream, task);
    if (!side->is_parked)
        return;
    if (side == &stream->writer && has_taken(stream, side))
        side->moved = whorl_now();
    if (deadline_after(side->moved, stream->idle) > whorl_now()) {
        timer_arm(&stream->loop->timers, timer, next_look(stream, side));
    } else if (task->wait == &stream_direct_wait) {
        side->is_late = true;
        multishot_disarm(stream->loop, &stream->out);
    } else {
        side_wake(side, -ETIMEDOUT);
    }
}

static void begin_idle(whorl_stream *stream, struct stream_side *side, struct task *self)
{
    side->queued = side == &stream->writer ? queued(stream) : 0;
    self->timer.fire = idle_over;
    timer_arm(&stream->loop->timers, &self->timer, next_look(stream, side));
}

/* Not inline: see park in op/background.c. */
int stream_park(whorl_stream *stream, struct stream_side *side, const struct wait_kind *kind)
{
    struct loop *loop = stream->loop;
    struct task *self = loop->current;
    bool is_closed = stream->closer && stream->closer != self;
    if (__builtin_expect(self->interrupted || is_closed, 0))
        return -ECANCELED;
    assert(!side->task);
    side->task = self;
    side->is_parked = true;
    side->is_late = false;
    bool timed = stream->idle != WHORL_FOREVER;
    if (__builtin_expect(timed, 0))
        begin_idle(stream, side, self);
    int result = task_park(loop, self, kind, stream);
    if (__builtin_expect(timed, 0) && timer_is_armed(&self->timer))
        timer_disarm(&loop->timers, &self->timer);
    int left = stream_let_go(stream, side);
    return __builtin_expect(left, 0) ? left : result;
}

void stream_hold(whorl_stream *stream, struct stream_side *side)
{
    assert(!side->task && !side->is_parked);
    side->task = stream->loop->current;
}

int stream_let_go(whorl_stream *stream, struct stream_side *side)
{
    side->task = NULL;
    if (__builtin_expect(!stream->closer || stream->closer == stream->loop->current, 1))
        return 0;
    if (stream->closer_is_parked && !stream->reader.task && !stream->writer.task) {
        stream->closer_is_parked = false;
        task_wake(stream->closer, 0);
    }
    return -ECANCELED;
}

static void wait_cancel(struct task *task)
{
    side_wake(side_of(task->wait_object, task), -ECANCELED);
}

/* The op goes on with the task's memory: it is to end first. */
static void direct_cancel(struct task *task)
{
    whorl_stream *stream = task->wait_object;
    multishot_disarm(stream->loop, &stream->out);
}

const struct wait_kind stream_read_wait = {.name = "bytes to read", .cancel = wait_cancel};
const struct wait_kind stream_write_wait = {.name = "bytes to be sent", .cancel = wait_cancel};
const struct wait_kind stream_direct_wait = {.name = "bytes to be sent", .cancel = direct_cancel};
