/* A stream's beginning and end. See stream.h. */
#include <fcntl.h>
#include <net/stream.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <whorl/fs.h>

#define DEFAULT_HIGH_WATER ((size_t)64 << 10)
#define DEFAULT_READ_AHEAD ((size_t)64 << 10)
#define SIZE_MOST ((size_t)1 << 30)

static const whorl_stream_options defaults;

/* --- The beginning --- */

static whorl_stream *stream_of(struct leftover *self)
{
    return (whorl_stream *)((char *)self - offsetof(whorl_stream, leftover));
}

/* A reset, for a peer that has one. */
static void set_reset(const whorl_stream *stream)
{
    struct linger at_once = {.l_onoff = 1};
    if (stream->is_socket)
        setsockopt(stream->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

/* Whoever else has the socket finds it as it was. */
static void restore_blocking(const whorl_stream *stream)
{
    if (stream->was_blocking)
        fcntl(stream->fd, F_SETFL, fcntl(stream->fd, F_GETFL) & ~O_NONBLOCK);
}

/* But for its own memory. */
static void stream_drop(whorl_stream *stream)
{
    in_drop(stream);
    out_drop(stream);
    hub_unmark(stream->hub, stream);
    if (timer_is_armed(&stream->pause))
        timer_disarm(&stream->loop->timers, &stream->pause);
    if (stream->told_end)
        *stream->told_end = true;
}

/* Its descriptor stays. */
static void give_back(whorl_stream *stream)
{
    leftover_remove(&stream->leftover);
    stream_drop(stream);
    free(stream);
}

static void stop_left(struct leftover *self)
{
    whorl_stream *stream = stream_of(self);
    stream->stopped = true;
    multishot_disarm(stream->loop, &stream->in);
    multishot_disarm(stream->loop, &stream->out);
}

static void end_left(struct leftover *self)
{
    whorl_stream *stream = stream_of(self);
    if (stream->fd >= 0) {
        set_reset(stream);
        restore_blocking(stream);
        close(stream->fd);
        stream->fd = -1;
    }
    stream_drop(stream);
    leftover_bury(stream->loop, self, stream);
}

static int64_t idle_of(int64_t ns)
{
    return ns > 0 ? ns : WHORL_FOREVER;
}

int stream_options_check(const whorl_stream_options *options)
{
    bool fits = options->high_water <= SIZE_MOST && options->read_ahead <= SIZE_MOST;
    return fits && options->idle_timeout >= 0 ? 0 : -EINVAL;
}

static int open_on(struct loop *loop, int fd, bool is_socket, const whorl_stream_options *options,
                   whorl_stream **result)
{
    *result = NULL;
    struct stream_hub *hub = hub_of(loop);
    void *memory;
    if (!hub || posix_memalign(&memory, TASK_LINE, sizeof(struct whorl_stream)) != 0)
        return -ENOMEM;
    whorl_stream *stream = memory;
    memset(stream, 0, sizeof *stream);
    stream->loop = loop;
    stream->hub = hub;
    stream->fd = fd;
    stream->is_socket = is_socket;
    stream->plain = !is_socket;
    stream->high_water = options->high_water ? options->high_water : DEFAULT_HIGH_WATER;
    stream->read_ahead = options->read_ahead ? options->read_ahead : DEFAULT_READ_AHEAD;
    stream->idle = idle_of(options->idle_timeout);
    in_make(stream);
    out_make(stream);
    stream->leftover = (struct leftover){.stop = stop_left, .end = end_left};
    leftover_add(loop, &stream->leftover);
    *result = stream;
    return 0;
}

int stream_open_socket(struct loop *loop, int fd, const whorl_stream_options *options,
                       whorl_stream **stream)
{
    *stream = NULL;
    if (!options)
        options = &defaults;
    int error = stream_options_check(options);
    return error ? error : open_on(loop, fd, true, options, stream);
}

/* Whether it is a socket; -EINVAL: no stream of any kind. */
static int kind_of(int fd)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return -EBADF;
    if (!S_ISSOCK(status.st_mode))
        return S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode) ? 0 : -EINVAL;
    int type = 0;
    socklen_t len = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0 || type != SOCK_STREAM)
        return -EINVAL;
    return 1;
}

int whorl_stream_open(int fd, const whorl_stream_options *options, whorl_stream **stream)
{
    if (!stream)
        return -EINVAL;
    *stream = NULL;
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    if (!options)
        options = &defaults;
    int error = stream_options_check(options);
    if (error)
        return error;
    int kind = kind_of(fd);
    error = kind < 0 ? kind : open_on(loop, fd, kind, options, stream);
    if (!error && kind)
        (*stream)->received = reset_received(fd);
    return error;
}

int whorl_stream_pair(const whorl_stream_options *options, whorl_stream *pair[2])
{
    if (!pair)
        return -EINVAL;
    pair[0] = pair[1] = NULL;
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return -errno;
    int error = stream_open_socket(loop, fds[0], options, &pair[0]);
    if (!error)
        error = stream_open_socket(loop, fds[1], options, &pair[1]);
    if (!error)
        return 0;
    if (pair[0])
        give_back(pair[0]);
    pair[0] = NULL;
    close(fds[0]);
    close(fds[1]);
    return error;
}

/* --- The end --- */

static const struct wait_kind closing_wait = {.name = "calls on a stream that is being closed"};

/* Has every other task leave, and nobody enter. 0 or -errno: nothing was done. */
static int take_over(whorl_stream *stream)
{
    int error = stream_check(stream);
    if (error)
        return error;
    if (stream->closer)
        return -EBUSY;
    struct task *self = stream->loop->current;
    stream->closer = self;
    side_moved(stream, &stream->writer);
    if (stream->reader.is_parked)
        side_wake(&stream->reader, -ECANCELED);
    if (stream->writer.is_parked && stream->direct)
        multishot_disarm(stream->loop, &stream->out);
    else if (stream->writer.is_parked)
        side_wake(&stream->writer, -ECANCELED);
    if (stream->reader.task || stream->writer.task) {
        stream->closer_is_parked = true;
        task_park(stream->loop, self, &closing_wait, NULL);
    }
    return 0;
}

/* Has nothing be in flight. */
static void stop(whorl_stream *stream)
{
    struct task *self = stream->loop->current;
    stream->stopped = true;
    multishot_disarm(stream->loop, &stream->in);
    multishot_disarm(stream->loop, &stream->out);
    multishot_join(stream->loop, self, &stream->in, OP_PATIENT);
    multishot_join(stream->loop, self, &stream->out, OP_PATIENT);
}

static void close_stopped(whorl_stream *stream)
{
    restore_blocking(stream);
    int fd = stream->fd;
    stream->fd = -1; /* the close's; the stream is a leftover until that has ended */
    whorl_close(fd);
    give_back(stream);
}

int whorl_stream_close(whorl_stream *stream)
{
    int error = take_over(stream);
    if (error)
        return error;
    error = out_wait(stream, 0);
    if (stream->pending > 0)
        out_give_up(stream, error);
    stop(stream);
    error = stream->lost ? stream->out_error : stream->untold;
    close_stopped(stream);
    return error;
}

int whorl_stream_abort(whorl_stream *stream)
{
    int error = take_over(stream);
    if (error)
        return error;
    stop(stream);
    set_reset(stream);
    close_stopped(stream);
    return 0;
}

int whorl_stream_detach(whorl_stream *stream, int *fd)
{
    if (!fd)
        return -EINVAL;
    *fd = -1;
    int error = stream_check(stream);
    if (error)
        return error;
    struct task *self = stream->loop->current;
    if (self->interrupted)
        return task_refuse(stream->loop, self);
    if (stream->closer || stream->reader.task || stream->writer.task || stream->unread > 0)
        return -EBUSY;
    stream->closer = self;
    side_moved(stream, &stream->writer);
    error = out_wait(stream, 0);
    if (!error) {
        stop(stream);
        stream->stopped = false;
        error = stream->unread > 0 ? -EBUSY : stream->in_error;
    }
    stream->closer = NULL;
    if (error)
        return error;
    *fd = stream->fd;
    restore_blocking(stream);
    give_back(stream);
    return 0;
}

/* --- Of all times --- */

int whorl_stream_fd(const whorl_stream *stream)
{
    if (!stream)
        return -EINVAL;
    return stream->fd >= 0 ? stream->fd : -EBADF;
}

int whorl_stream_set_idle_timeout(whorl_stream *stream, int64_t ns)
{
    int error = stream_check(stream);
    if (error)
        return error;
    if (ns < 0)
        return -EINVAL;
    stream->idle = idle_of(ns);
    side_moved(stream, &stream->reader);
    side_moved(stream, &stream->writer);
    return 0;
}
