/*
 * Files sent to sockets and elsewhere.
 *
 * What the page cache holds goes to a socket that does not block without a copy (bulk_pages.h). All
 * else goes through a buffer: a piece is read into it and sent from there. A file that is in the
 * page cache is read on the spot, and one that is not without keeping the loop, which neither
 * sendfile(2) nor splice(2) on the loop's thread promise: they read the disk there and then, and
 * wait for a socket that blocks.
 *
 * The two are no chain: the kernel runs an op behind one that it gave to a worker in that worker,
 * too, but for loops with DEFER_TASKRUN, and there a send waits for its receiver. The workers for
 * files are few. Nor would a chain save anything to speak of: 64 KiB cost 27.3 us of CPU with one,
 * and 27.5 without. So each of the descriptors may come to mean another file while the other one's
 * op is in flight, and is looked at after each wait.
 *
 * The ring's splice, through a pipe of 1 MiB that is kept, waits for neither here, but runs in one
 * of the few workers of the kernel, and keeps it as long as the receiver is slow: a handful of slow
 * ones would hold up all files of the program. To a fast one on loopback, of a cached file, MB/s
 * and CPU microseconds a MiB, medians of 12 alternating slices in one process (Linux 6.18):
 *
 *                              64 KiB         1 MiB        64 MiB
 *     buffers               2013   524    2809   392    2139   488
 *     the ring's splice     2161   487    4180   279    4117   269
 *     splice on the thread  6187   174    3527   371    3700   287
 *     sendfile on it        6158   170    5027   247    3341   320
 *
 * sendfile(2) is the splice on the thread, in one call, and leaves nothing in a pipe when it fails.
 *
 * The file's position moves once, at the end, by what was sent; so what was read and not sent has
 * never been taken from it.
 */
#include <errno.h>
#include <net/bulk_pages.h>
#include <op/make.h>
#include <op/op.h>
#include <sys/stat.h>
#include <whorl/bulk.h>
#include <whorl/net.h>

struct transfer {
    struct bulk_source source;
    int out;
    struct which_file receiver;
    bool to_socket;
    bool to_datagrams;
    bool has_met_errors;       /* see make_room_poll */
    bool has_seen_room;        /* a poll has, and nothing was sent since */
    struct bulk_buffer buffer; /* start is NULL: none was needed yet */
};

/* Whether the descriptor still means the receiver. To be asked after each wait. */
static bool out_is_there(const struct transfer *one)
{
    struct stat status;
    return fstat(one->out, &status) == 0 && is_same_file(one->receiver, &status);
}

/* --- Through a buffer --- */

/* A piece is a datagram where the receiver is one for these; sent by whorl_sendmsg, as a send to
 * some of them would be empty when it has waited. */
static ssize_t send_piece(const struct transfer *one, struct bulk_piece piece)
{
    char *data = one->buffer.start + piece.skip;
    if (one->to_datagrams) {
        struct iovec whole = {data, piece.len};
        const struct msghdr message = {.msg_iov = &whole, .msg_iovlen = 1};
        return whorl_sendmsg(one->out, &message, 0);
    }
    whorl_op op = one->to_socket ? whorl_op_send(one->out, data, piece.len, MSG_WAITALL)
                                 : whorl_op_write(one->out, data, piece.len);
    return whorl_op_await(&op);
}

/* The file's bytes in the piece; 0: the file has ended; -errno. */
static ssize_t read_piece(struct transfer *one, struct bulk_piece piece)
{
    if (bulk_source_glance(&one->source, one->buffer.start, piece))
        return (ssize_t)piece.len;
    whorl_op read = bulk_source_read(&one->source, one->buffer.start, piece);
    int got = whorl_op_await(&read);
    if (got < 0)
        return got;
    return out_is_there(one) ? (ssize_t)bulk_piece_came(piece, (size_t)got) : -EBADF;
}

/* Moves one piece. 1: there is more to do; 0: the file has ended; -errno. Files that are no regular
 * ones on a disk give less than is asked for before their end; those have no size that would tell
 * of it. */
static int move_piece(struct transfer *one)
{
    struct bulk_source *source = &one->source;
    struct bulk_piece piece = bulk_source_piece(source, one->buffer.size);
    ssize_t came = read_piece(one, piece);
    if (came <= 0)
        return (int)came;
    bool is_cut = (size_t)came < piece.len;
    piece.len = (size_t)came;
    ssize_t result = send_piece(one, piece);
    if (result <= 0)
        return (int)result;
    source->sent += (size_t)result;
    bool has_ended = source->size > 0 && source->from + (off_t)source->sent >= source->size;
    return !(is_cut && has_ended);
}

static int move_by_buffer(struct loop *loop, struct transfer *one)
{
    if (!one->buffer.start && !bulk_buffer_take(loop, &one->buffer, one->source.count))
        return -ENOMEM;
    return move_piece(one);
}

/* --- From the page cache --- */

/* Waits until the socket takes more; others have their turn too. Whoever closes it ends the wait,
 * so that it is the same one after. As move_piece. */
static int await_room(struct loop *loop, struct transfer *one)
{
    whorl_op room = make_room_poll(one->out, one->has_met_errors);
    int events = op_await(loop, &room);
    one->has_seen_room = events > 0 && (events & POLLOUT);
    one->has_met_errors = events > 0 && !(events & POLLOUT);
    return events < 0 ? events : 1;
}

/* As move_piece; 0: it is to go through a buffer. So does what finds no room where there is: memory
 * is what lacks, for which the ring's send waits, while a poll would tell of the same room again
 * and again. */
static int move_pages(struct loop *loop, struct transfer *one)
{
    if (!one->to_socket || !bulk_pages_fit(one->out) || !bulk_pages_are_there(&one->source))
        return 0;
    if (loop->current->interrupted)
        return task_refuse(loop, loop->current);
    ssize_t sent = bulk_pages_send(&one->source, one->out);
    bool was_in_vain = sent == -EAGAIN && one->has_seen_room;
    one->has_seen_room = false;
    if (was_in_vain)
        return 0;
    if (sent < 0 && sent != -EAGAIN)
        return (int)sent;
    bool goes_on = sent != 0 && one->source.sent < one->source.count;
    return goes_on ? await_room(loop, one) : sent > 0;
}

static int move_all(struct loop *loop, struct transfer *one)
{
    int result = 1;
    for (bool is_first = true; result > 0 && one->source.sent < one->source.count;) {
        if (!is_first && (!bulk_source_is_there(&one->source) || !out_is_there(one)))
            return -EBADF;
        is_first = false;
        result = move_pages(loop, one);
        if (result == 0)
            result = move_by_buffer(loop, one);
    }
    return result < 0 ? result : 0;
}

ssize_t whorl_sendfile(int out_fd, int in_fd, off_t *offset, size_t count)
{
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    struct transfer one = {.out = out_fd};
    struct stat out;
    int error = bulk_source_open(&one.source, in_fd, offset, count);
    if (!error && fstat(out_fd, &out) != 0)
        error = -EBADF;
    if (error)
        return error;
    one.receiver = which_file(&out);
    int type = 0;
    socklen_t len = sizeof type;
    one.to_socket = S_ISSOCK(out.st_mode);
    one.to_datagrams =
        getsockopt(out_fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_DGRAM;
    error = move_all(loop, &one);
    if (one.buffer.start)
        bulk_buffer_give_back(loop, &one.buffer);
    return bulk_source_end(&one.source, offset, error);
}
