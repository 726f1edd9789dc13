/*
 * Files sent to sockets and elsewhere.
 *
 * A piece is read into a buffer and sent from there, as one chain of two ops: one submission and
 * one wait, and whoever closes either descriptor meanwhile ends both. A file that is in the page
 * cache is read on the spot, and one that is not without keeping the loop, which neither sendfile(2)
 * nor splice(2) on the loop's thread promise: they read the disk there and then. The ring's splice
 * keeps nobody, but runs in a kernel worker each time, which costs more than the copy that it saves.
 *
 * The file's position moves once, at the end, by what was sent; so what was read and not sent has
 * never been taken from it.
 */
#include <errno.h>
#include <net/bulk_source.h>
#include <op/op.h>
#include <sys/stat.h>
#include <whorl/bulk.h>

struct transfer {
    struct bulk_source source;
    int out;
    bool to_socket;
    struct bulk_buffer buffer;
};

static whorl_op make_send(const struct transfer *one, size_t len)
{
    if (one->to_socket)
        return whorl_op_send(one->out, one->buffer.start, len, MSG_WAITALL);
    return whorl_op_write(one->out, one->buffer.start, len);
}

/* A piece that is cut short by the file's end is sent by itself. */
static int send_last(struct transfer *one, size_t len)
{
    whorl_op send = make_send(one, len);
    int result = whorl_op_await(&send);
    if (result <= 0)
        return result;
    one->source.sent += (size_t)result;
    return (size_t)result == len ? 0 : 1;
}

/* Moves one piece. 1: there is more to do; 0: the file has ended; -errno. */
static int move_piece(struct transfer *one)
{
    if (one->source.sent > 0 && !bulk_source_is_there(&one->source))
        return -EBADF;
    size_t len = bulk_source_piece(&one->source, one->buffer.size);
    whorl_op chain[2] = {bulk_source_read(&one->source, one->buffer.start, len),
                         make_send(one, len)};
    int error = whorl_link_ops(chain, 2);
    int got = chain[0].result, sent = chain[1].result;
    if (sent > 0)
        one->source.sent += (size_t)sent;
    if (sent > 0 || error == -EINTR) /* members of chains are not submitted again */
        return 1;
    bool was_ended = chain[1].state & OP_CANCEL_WANTED;
    bool is_cut = got >= 0 && (size_t)got < chain[0].len && sent == -ECANCELED && !was_ended;
    if (!is_cut)
        return error;
    return got == 0 ? 0 : send_last(one, (size_t)got < len ? (size_t)got : len);
}

static int move_all(struct loop *loop, struct transfer *one)
{
    if (!bulk_buffer_take(loop, &one->buffer, one->source.count))
        return -ENOMEM;
    int result = 1;
    while (result > 0 && one->source.sent < one->source.count)
        result = move_piece(one);
    bulk_buffer_give_back(loop, &one->buffer);
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
    one.to_socket = S_ISSOCK(out.st_mode);
    error = move_all(loop, &one);
    return bulk_source_end(&one.source, offset, error);
}
