/*
 * The echo server `liburing-oneshot`: accept, recv and send as one-shot operations, one after the
 * other on each connection, written as plain state and no more. What it does is what a whorl task
 * does; what whorl costs is the difference.
 *
 * A connection has exactly one operation in flight until it is finished. user_data is the
 * connection's address; 0 is the accept.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "echo.h"
#include "fail.h"
#include "uring.h"

typedef struct connection {
    int fd;
    bool is_sending;
    unsigned owed; /* bytes still to send, from `sent` on */
    unsigned sent;
    char bytes[];
} connection;

typedef struct server {
    struct io_uring ring;
    int listener;
    size_t room;
} server;

static int submit_accept(server *in)
{
    struct io_uring_sqe *sqe = uring_sqe(&in->ring);
    if (sqe == NULL)
        return -1;
    io_uring_prep_accept(sqe, in->listener, NULL, NULL, SOCK_CLOEXEC);
    io_uring_sqe_set_data(sqe, NULL);
    return 0;
}

/* Without POLL_FIRST: by the turn after a send the next message has often come, and then an attempt
 * costs less than a poll that fires at once. With a few connections both cost the same. */
static int submit_recv(server *in, connection *to)
{
    struct io_uring_sqe *sqe = uring_sqe(&in->ring);
    if (sqe == NULL)
        return -1;
    io_uring_prep_recv(sqe, to->fd, to->bytes, in->room, 0);
    io_uring_sqe_set_data(sqe, to);
    return 0;
}

static int submit_send(server *in, connection *to)
{
    struct io_uring_sqe *sqe = uring_sqe(&in->ring);
    if (sqe == NULL)
        return -1;
    io_uring_prep_send(sqe, to->fd, to->bytes + to->sent, to->owed, MSG_NOSIGNAL);
    io_uring_sqe_set_data(sqe, to);
    return 0;
}

static int handle_accept(server *in, int result)
{
    if (result == -EINTR || result == -ECONNABORTED)
        return submit_accept(in);
    if (result < 0)
        return fail_call("accepting a connection", result);
    connection *made = malloc(sizeof *made + in->room);
    if (made == NULL)
        return fail("no memory for a connection");
    *made = (connection){.fd = result};
    return submit_recv(in, made) == 0 ? submit_accept(in) : -1;
}

static int handle_send(server *in, connection *from, unsigned result)
{
    from->sent += result;
    from->owed -= result;
    if (from->owed > 0)
        return submit_send(in, from);
    from->is_sending = false;
    return submit_recv(in, from);
}

static int handle_recv(server *in, connection *from, unsigned result)
{
    from->is_sending = true;
    from->owed = result;
    from->sent = 0;
    return submit_send(in, from);
}

static int handle(server *in, const struct io_uring_cqe *cqe)
{
    connection *from = io_uring_cqe_get_data(cqe);
    if (from == NULL)
        return handle_accept(in, cqe->res);
    if (cqe->res <= 0) {
        close(from->fd);
        free(from);
        return 0;
    }
    if (from->is_sending)
        return handle_send(in, from, (unsigned)cqe->res);
    return handle_recv(in, from, (unsigned)cqe->res);
}

int echo_serve_oneshot(int listener, const options *given)
{
    server in = {.listener = listener, .room = echo_buffer_size(given)};
    unsigned entries = uring_entries(given->connections, 256, 4096);
    unsigned completions = uring_entries(given->connections * 2, 8192, 32768);
    if (uring_open(&in.ring, entries, completions) != 0 || submit_accept(&in) != 0)
        return -1;
    for (;;) {
        if (uring_turn(&in.ring) != 0)
            return -1;
        unsigned head, seen = 0;
        struct io_uring_cqe *cqe;
        io_uring_for_each_cqe(&in.ring, head, cqe)
        {
            if (handle(&in, cqe) != 0)
                return -1;
            seen++;
        }
        io_uring_cq_advance(&in.ring, seen);
    }
}
