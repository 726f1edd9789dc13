/*
 * See sending.h. What the page cache holds goes by sendfile(2), which copies nothing, and which is
 * called on the loop's thread because it has nothing to wait for: the socket does not block, and
 * cachestat(2) (Linux 6.5) has told that the disk will not be asked. What is not in memory, or not
 * known to be, goes by whorl_sendfile, which lets other tasks run while the disk works.
 *
 * A client that takes nothing for --send-timeout is given up. A file that has become shorter breaks
 * the promise that its length was, and the connection.
 */
#include "sending.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_cachestat
#define SYS_cachestat 451 /* the same everywhere */
#endif

enum { PIECE = 1048576 };

/* Whether all of a part is in the page cache. */
static bool is_in_memory(int fd, off_t at, size_t len)
{
    static const uint64_t page = 4096;
    struct {
        uint64_t offset, len;
    } range = {(uint64_t)at, len};
    struct {
        uint64_t cached, dirty, written, evicted, evicted_lately;
    } found;
    if (sysconf(_SC_PAGESIZE) != (long)page)
        return false;
    uint64_t pages = (range.offset + len + page - 1) / page - range.offset / page;
    return syscall(SYS_cachestat, fd, &range, &found, 0) == 0 && found.cached >= pages;
}

/* Waits until the client takes more. */
static int await_room(struct connection *self)
{
    int64_t limit = self->server->options->send_timeout;
    whorl_timeout scope;
    whorl_timeout_begin(&scope, limit > 0 ? limit : WHORL_FOREVER);
    int events = whorl_poll(whorl_stream_fd(self->stream), POLLOUT);
    events = (int)whorl_timeout_end(&scope, events);
    return events < 0 ? events : 0;
}

/* Both as whorl_sendfile, but that the client is not waited for in the first one: -EAGAIN. */
static ssize_t send_cached(struct connection *self, int fd, off_t *at, size_t len)
{
    ssize_t sent = sendfile(whorl_stream_fd(self->stream), fd, at, len);
    return sent < 0 ? -errno : sent;
}

static ssize_t send_from_disk(struct connection *self, int fd, off_t *at, size_t len)
{
    int64_t limit = self->server->options->send_timeout;
    whorl_timeout scope;
    whorl_timeout_begin(&scope, limit > 0 ? limit : WHORL_FOREVER);
    ssize_t sent = whorl_sendfile(whorl_stream_fd(self->stream), fd, at, len);
    return whorl_timeout_end(&scope, sent);
}

/* What was sent of a piece, maybe nothing, or -errno. */
static ssize_t send_piece(struct connection *self, int fd, off_t *at, size_t len)
{
    ssize_t sent = is_in_memory(fd, *at, len) ? send_cached(self, fd, at, len)
                                              : send_from_disk(self, fd, at, len);
    if (sent == -EAGAIN)
        return await_room(self);
    return sent == 0 ? -EPIPE : sent;
}

int sending_file(struct connection *self, int fd, struct range part)
{
    off_t at = part.from;
    int socket = whorl_stream_fd(self->stream);
    int error = whorl_stream_drain(self->stream);
    if (error == 0 && fcntl(socket, F_SETFL, O_RDWR | O_NONBLOCK) != 0)
        error = -errno;
    while (part.len > 0 && error == 0) {
        ssize_t sent = send_piece(self, fd, &at, part.len < PIECE ? (size_t)part.len : PIECE);
        if (sent < 0)
            error = (int)sent;
        else
            part.len -= sent;
        self->sent += sent > 0 ? sent : 0;
    }
    return error;
}
