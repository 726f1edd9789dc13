/* See pump.h. */
#define _GNU_SOURCE
#include "pump.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "../service/service.h"

/* As much as a pipe holds. */
enum { CHUNK = 65536 };

/* A side that takes no more has sent its last: that may go on to the other side for as long as some
 * of it moves in each such time. */
#define LAST_TIME WHORL_SECONDS(5)

/* When the connection has been idle for too long, as things stand. */
static int64_t idle_deadline(const struct pump *self, int fd)
{
    const struct activity *activity = self->activity;
    int64_t limit = activity->idle_limit;
    if (activity->broken && fd == self->to && limit > LAST_TIME)
        limit = LAST_TIME;
    return limit == WHORL_FOREVER ? WHORL_FOREVER : activity->last + limit;
}

static int note_broken(struct activity *activity, int error)
{
    if (!activity->broken) {
        activity->broken = error;
        activity->last = whorl_now();
    }
    return error;
}

/* What has broken a socket off; 0: nothing. An error that TCP may get over is none. */
static int error_of(int fd)
{
    int error = 0, state = service_tcp_state(fd);
    socklen_t len = sizeof error;
    if (state >= 0 && state != TCP_CLOSE)
        return 0;
    (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
    return -error;
}

/* Bytes that both sides have yet to take; those that they have taken since the last look have
 * moved. A socket tells that it has room only when much has. */
static size_t look_at_sides(const struct pump *self)
{
    struct activity *activity = self->activity;
    size_t left = (size_t)service_unsent(self->from) + (size_t)service_unsent(self->to);
    if (left < activity->left)
        activity->last = whorl_now();
    activity->left = left;
    return left;
}

/* Four times in the limit, and each second. */
static int64_t next_look(const struct activity *activity)
{
    int64_t part = activity->idle_limit / 4;
    return whorl_now() + (part < WHORL_SECONDS(1) ? part : WHORL_SECONDS(1));
}

/* Waits until fd has one of the events. A limit that runs out counts only if the other direction
 * has moved nothing meanwhile either. While bytes are yet to be taken there is a look now and then,
 * and while `to` has no room, whether `from` has broken off: nobody reads from it then. */
static int wait_for(const struct pump *self, int fd, unsigned events)
{
    struct activity *activity = self->activity;
    bool is_watched = true;
    for (;;) {
        whorl_timeout limit;
        int64_t deadline = idle_deadline(self, fd), look = next_look(activity);
        whorl_timeout_begin_at(&limit, is_watched && look < deadline ? look : deadline);
        int result = (int)whorl_timeout_end(&limit, whorl_poll(fd, events));
        if (result != -ETIMEDOUT)
            return result;
        is_watched = look_at_sides(self) > 0 || fd == self->to;
        if (whorl_now() >= idle_deadline(self, fd))
            return activity->broken ? activity->broken : result;
        if (fd == self->to && (result = error_of(self->from)) < 0)
            note_broken(activity, result);
    }
}

/* TCP's urgent data stops a splice: it says that nothing is there, or that this is the end, however
 * often it is asked. A recv goes on behind it, and tells which is true. The empty pipe has room for
 * what comes. */
static ssize_t fill_by_hand(struct pump *self, int pipe_in)
{
    char bytes[512];
    ssize_t got = whorl_recv(self->from, bytes, sizeof bytes, MSG_DONTWAIT);
    return got > 0 ? whorl_write(pipe_in, bytes, (size_t)got) : got;
}

/* Bytes that came into the empty pipe; 0 at the end of `from`. */
static ssize_t fill(struct pump *self, int pipe_in)
{
    for (;;) {
        int ready = wait_for(self, self->from, POLLIN);
        if (ready < 0)
            return ready;
        ssize_t moved =
            whorl_splice(self->from, NULL, pipe_in, NULL, CHUNK, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (moved == 0 || moved == -EAGAIN)
            moved = fill_by_hand(self, pipe_in);
        if (moved != -EAGAIN)
            return moved;
    }
}

/* Has `to` take all `len` bytes out of the pipe. */
static int empty(struct pump *self, int pipe_out, size_t len)
{
    while (len > 0) {
        ssize_t moved =
            whorl_splice(pipe_out, NULL, self->to, NULL, len, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (moved == -EAGAIN) {
            int ready = wait_for(self, self->to, POLLOUT);
            if (ready < 0)
                return ready;
            continue;
        }
        if (moved == 0 || moved == -EPIPE || moved == -ECONNRESET || moved == -ETIMEDOUT) {
            self->is_refused = true;
            return note_broken(self->activity, moved < 0 ? (int)moved : -EPIPE);
        }
        if (moved < 0)
            return (int)moved;
        len -= (size_t)moved;
        self->bytes += (size_t)moved;
        self->activity->left += (size_t)moved;
        self->activity->last = whorl_now();
    }
    return 0;
}

static int move_all(struct pump *self)
{
    for (;;) {
        ssize_t len = fill(self, self->pipe[1]);
        if (len <= 0)
            return (int)len;
        int error = empty(self, self->pipe[0], (size_t)len);
        if (error)
            return error;
    }
}

/* A side that has sent its end may break off all the same: waits for that, or for the other
 * direction's end, which the socket tells as a hangup. */
static int watch(const struct pump *self)
{
    int result = wait_for(self, self->from, 0);
    return result < 0 ? result : error_of(self->from);
}

/* Where a taking side takes no more, the other direction passes on what that one had sent before,
 * unless it has; and its end is none then. */
intptr_t pump_run(void *arg)
{
    struct pump *self = arg;
    struct activity *activity = self->activity;
    int result = move_all(self);
    if (self->is_refused)
        return activity->has_ended ? result : 0;
    if (result == 0)
        result = activity->broken;
    if (result < 0)
        return result;
    activity->has_ended = true;
    result = whorl_shutdown(self->to, SHUT_WR);
    return result == 0 || result == -ENOTCONN ? watch(self) : result;
}
