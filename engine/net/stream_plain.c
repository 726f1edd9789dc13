/*
 * Receiving without multishot: for pipes and terminals, and where the kernel or the memory allows
 * no shared buffers.
 *
 *     at rest --arm--> polls --> reads --> at rest
 *                        ^---------'
 *
 * When a call needs bytes, and not before, the descriptor is polled, and then read into memory of
 * the piece's own: so an idle stream holds none. plain_once: the pool had no buffer left; after one
 * read it is asked again.
 */
#include <fcntl.h>
#include <net/stream.h>
#include <poll.h>
#include <stdlib.h>

#define LANDING_BYTES ((size_t)16 << 10)

static whorl_stream *stream_of(struct multishot *in)
{
    return (whorl_stream *)((char *)in - offsetof(whorl_stream, in));
}

static void taken(struct multishot *self, int32_t result, unsigned marks)
{
    (void)self;
    (void)result;
    (void)marks;
}

static void make_poll(whorl_stream *stream)
{
    stream->plain_reads = false;
    stream->in.op = whorl_op_poll(stream->fd, POLLIN);
}

static bool make_read(whorl_stream *stream)
{
    struct piece *landing = piece_make(LANDING_BYTES);
    if (!landing)
        return false;
    stream->landing = landing;
    stream->plain_reads = true;
    stream->in.op = stream->is_socket ? whorl_op_recv(stream->fd, landing->data, LANDING_BYTES, 0)
                                      : whorl_op_read(stream->fd, landing->data, LANDING_BYTES);
    return true;
}

/* What comes next when the reader still waits. */
static void go_on(whorl_stream *stream)
{
    if (stream->reader.is_parked && !stream->stopped && !stream->is_over)
        multishot_arm(stream->loop, &stream->in);
}

static void poll_ended(whorl_stream *stream, int32_t result)
{
    if (in_lacks_memory(stream, result))
        return;
    if (result >= 0)
        side_moved(stream, &stream->reader); /* which is not too late while it is read */
    if (result < 0 && result != -ECANCELED)
        in_end(stream, result);
    else if (result >= 0 && stream->reader.is_parked && !make_read(stream))
        side_wake(&stream->reader, -ENOMEM);
    go_on(stream);
}

static void read_ended(whorl_stream *stream, int32_t result)
{
    struct piece *landing = stream->landing;
    stream->landing = NULL;
    make_poll(stream);
    if (stream->plain_once) {
        stream->plain = stream->plain_once = false;
        in_make(stream);
    }
    if (result > 0) {
        landing->end = (uint32_t)result;
        in_take(stream, landing);
    } else {
        free(landing);
        if (!in_lacks_memory(stream, result) && result != -EAGAIN && result != -ECANCELED)
            in_end(stream, result);
    }
    go_on(stream);
}

static void ended(struct multishot *self, int32_t result)
{
    whorl_stream *stream = stream_of(self);
    if (stream->plain_reads)
        read_ended(stream, result);
    else
        poll_ended(stream, result);
}

static const struct multishot_kind plain_kind = {taken, ended};

/* A pipe's end that cannot be read says so to a read; a poll would wait for what does not come. */
void plain_make(whorl_stream *stream)
{
    make_poll(stream);
    if (!stream->is_socket && (fcntl(stream->fd, F_GETFL) & O_ACCMODE) == O_WRONLY)
        stream->in.op = whorl_op_read(stream->fd, NULL, 0);
    stream->in.kind = &plain_kind;
}
