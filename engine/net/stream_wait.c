/* Waiting in a stream: one task on each side, until it is woken. See stream.h. */
#include <net/stream.h>

static struct stream_side *side_of(whorl_stream *stream, const struct task *task)
{
    return stream->reader.task == task ? &stream->reader : &stream->writer;
}

/* The stream's idle timeout may have run out: not if a byte has moved since, or the task has been
 * woken already. */
static void idle_over(struct timer *timer)
{
    struct task *task = (struct task *)((char *)timer - offsetof(struct task, timer));
    whorl_stream *stream = task->wait_object;
    struct stream_side *side = side_of(stream, task);
    int64_t due = deadline_after(side->moved, stream->idle);
    if (!side->is_parked)
        return;
    if (due > whorl_now()) {
        timer_arm(&stream->loop->timers, timer, due);
    } else if (task->wait == &stream_direct_wait) {
        side->is_late = true;
        multishot_disarm(stream->loop, &stream->out);
    } else {
        side_wake(side, -ETIMEDOUT);
    }
}

/* From when a byte last moved, or the call began: a call that waits several times has one
 * timeout. */
static void begin_idle(whorl_stream *stream, struct stream_side *side, struct task *self)
{
    self->timer.fire = idle_over;
    timer_arm(&stream->loop->timers, &self->timer, deadline_after(side->moved, stream->idle));
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
