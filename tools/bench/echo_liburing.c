/*
 * The echo server `liburing`: multishot accept into direct descriptors, multishot recv into a ring
 * of provided buffers, sends straight out of those.
 *
 * Receiving on a connection is armed; or starved, when it ended with -ENOBUFS, until the end of the
 * turn in which a buffer came back; or over. The buffers to send form a queue whose head is in
 * flight, so bytes go back in order. A connection is closed when receiving is over and its queue is
 * empty. user_data is the connection's slot and the kind of the operation.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "echo.h"
#include "echo_buffers.h"
#include "fail.h"
#include "uring.h"

enum { KIND_ACCEPT, KIND_RECV, KIND_SEND, KIND_CLOSE, KIND_BITS = 2 };
enum { NONE = -1, BUFFER_BYTES_MAX = 64 << 20 };

typedef struct connection {
    int first; /* buffer in flight, or NONE */
    int last;
    unsigned sent; /* bytes of the first that are sent */
    bool is_over;
    int next_starved;
} connection;

typedef struct server {
    struct io_uring ring;
    int listener;
    int starved; /* head of a list of slots, or NONE */
    echo_buffers buffers;
    connection *connections; /* by slot */
} server;

/* After the prep helper, which in some liburings clears user_data. */
static void identify(struct io_uring_sqe *sqe, int slot, unsigned kind)
{
    sqe->user_data = (uint64_t)(unsigned)slot << KIND_BITS | kind;
}

static int arm_accept(server *in)
{
    struct io_uring_sqe *sqe = uring_sqe(&in->ring);
    if (sqe == NULL)
        return -1;
    io_uring_prep_multishot_accept_direct(sqe, in->listener, NULL, NULL, 0);
    identify(sqe, 0, KIND_ACCEPT);
    return 0;
}

static int arm_recv(server *in, int slot)
{
    struct io_uring_sqe *sqe = uring_sqe(&in->ring);
    if (sqe == NULL)
        return -1;
    io_uring_prep_recv_multishot(sqe, slot, NULL, 0, 0);
    sqe->flags |= IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
    sqe->buf_group = ECHO_BUFFER_GROUP;
    identify(sqe, slot, KIND_RECV);
    return 0;
}

static int submit_send(server *in, int slot)
{
    connection *to = &in->connections[slot];
    struct io_uring_sqe *sqe = uring_sqe(&in->ring);
    if (sqe == NULL)
        return -1;
    io_uring_prep_send(sqe, slot, echo_buffers_at(&in->buffers, to->first) + to->sent,
                       in->buffers.lengths[to->first] - to->sent, MSG_NOSIGNAL);
    sqe->flags |= IOSQE_FIXED_FILE;
    identify(sqe, slot, KIND_SEND);
    return 0;
}

static int close_if_done(server *in, int slot)
{
    connection *from = &in->connections[slot];
    if (!from->is_over || from->first != NONE)
        return 0;
    struct io_uring_sqe *sqe = uring_sqe(&in->ring);
    if (sqe == NULL)
        return -1;
    io_uring_prep_close_direct(sqe, (unsigned)slot);
    identify(sqe, slot, KIND_CLOSE);
    return 0;
}

static int handle_accept(server *in, const struct io_uring_cqe *cqe)
{
    if (cqe->res < 0 && cqe->res != -EINTR && cqe->res != -ECONNABORTED)
        return fail_call("accepting a connection", cqe->res);
    if (cqe->res >= 0) {
        in->connections[cqe->res] = (connection){.first = NONE, .last = NONE};
        if (arm_recv(in, cqe->res) != 0)
            return -1;
    }
    return (cqe->flags & IORING_CQE_F_MORE) != 0 ? 0 : arm_accept(in);
}

static int enqueue(server *in, int slot, int buffer, unsigned length)
{
    connection *to = &in->connections[slot];
    in->buffers.lengths[buffer] = length;
    in->buffers.next[buffer] = NONE;
    bool is_first = to->first == NONE;
    if (is_first)
        to->first = buffer;
    else
        in->buffers.next[to->last] = buffer;
    to->last = buffer;
    return is_first ? submit_send(in, slot) : 0;
}

static int handle_recv(server *in, int slot, const struct io_uring_cqe *cqe)
{
    connection *from = &in->connections[slot];
    if (cqe->res > 0) {
        int buffer = (int)(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
        if (enqueue(in, slot, buffer, (unsigned)cqe->res) != 0)
            return -1;
    }
    if ((cqe->flags & IORING_CQE_F_MORE) != 0)
        return 0;
    if (cqe->res > 0)
        return arm_recv(in, slot);
    if (cqe->res == -ENOBUFS) {
        from->next_starved = in->starved;
        in->starved = slot;
        return 0;
    }
    from->is_over = true;
    return close_if_done(in, slot);
}

/* Drops what is left to send; the peer is gone, which receiving learns as well. */
static int drop_queue(server *in, int slot)
{
    connection *from = &in->connections[slot];
    while (from->first != NONE) {
        int buffer = from->first;
        from->first = in->buffers.next[buffer];
        echo_buffers_give(&in->buffers, buffer);
    }
    from->sent = 0;
    return close_if_done(in, slot);
}

static int handle_send(server *in, int slot, int result)
{
    connection *from = &in->connections[slot];
    if (result <= 0)
        return drop_queue(in, slot);
    int buffer = from->first;
    from->sent += (unsigned)result;
    if (from->sent < in->buffers.lengths[buffer])
        return submit_send(in, slot);
    from->sent = 0;
    from->first = in->buffers.next[buffer];
    echo_buffers_give(&in->buffers, buffer);
    return from->first != NONE ? submit_send(in, slot) : close_if_done(in, slot);
}

static int handle(server *in, const struct io_uring_cqe *cqe)
{
    int slot = (int)(cqe->user_data >> KIND_BITS);
    switch (cqe->user_data & ((1 << KIND_BITS) - 1)) {
    case KIND_ACCEPT:
        return handle_accept(in, cqe);
    case KIND_RECV:
        return handle_recv(in, slot, cqe);
    case KIND_SEND:
        return handle_send(in, slot, cqe->res);
    default:
        return cqe->res < 0 ? fail_call("closing a connection", cqe->res) : 0;
    }
}

/* Once buffers have come back, the connections that found none receive again. */
static int feed_starved(server *in)
{
    bool is_fed = in->buffers.given_back > 0;
    echo_buffers_publish(&in->buffers);
    while (is_fed && in->starved != NONE) {
        int slot = in->starved;
        in->starved = in->connections[slot].next_starved;
        if (arm_recv(in, slot) != 0)
            return -1;
    }
    return 0;
}

static int open_server(server *in, const options *given)
{
    unsigned entries = uring_entries(given->connections, 256, 4096);
    unsigned completions = uring_entries(given->connections * 4, 8192, 32768);
    if (uring_open(&in->ring, entries, completions) != 0)
        return -1;
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    unsigned slots = files.rlim_cur < 1 << 20 ? (unsigned)files.rlim_cur : 1 << 20;
    int error = io_uring_register_files_sparse(&in->ring, slots);
    if (error != 0)
        return fail_call("registering a table of files", error);
    in->connections = calloc(slots, sizeof *in->connections);
    if (in->connections == NULL)
        return fail("no memory for %u connections", slots);
    size_t size = echo_buffer_size(given);
    unsigned most = uring_entries(BUFFER_BYTES_MAX / size, 128, 32768);
    unsigned count = uring_entries(given->connections * 2, 128, most);
    return echo_buffers_open(&in->buffers, &in->ring, count, size);
}

int echo_serve_liburing(int listener, const options *given)
{
    server in = {.listener = listener, .starved = NONE};
    if (open_server(&in, given) != 0 || arm_accept(&in) != 0)
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
        if (feed_starved(&in) != 0)
            return -1;
    }
}
