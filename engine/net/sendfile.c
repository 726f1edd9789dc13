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
#include <fcntl.h>
#include <limits.h>
#include <net/bulk_buffers.h>
#include <op/op.h>
#include <sys/stat.h>
#include <unistd.h>
#include <whorl/bulk.h>
#include <whorl/op.h>

struct transfer {
    int in, out;
    bool to_socket;
    bool is_direct; /* the file is read past the cache, in whole blocks */
    dev_t device;   /* which file it is */
    ino_t inode;
    off_t from;
    size_t count;
    size_t sent;
    struct bulk_buffer buffer;
};

/* What is moved between which kinds. 0 or -errno. */
static int judge(struct transfer *one)
{
    struct stat in, out;
    int flags = fcntl(one->in, F_GETFL);
    if (flags < 0 || fstat(one->in, &in) != 0 || fstat(one->out, &out) != 0)
        return -EBADF;
    if (!S_ISREG(in.st_mode) && !S_ISBLK(in.st_mode))
        return -EINVAL;
    one->is_direct = flags & O_DIRECT;
    one->device = in.st_dev;
    one->inode = in.st_ino;
    one->to_socket = S_ISSOCK(out.st_mode);
    return 0;
}

/* The descriptor is not in flight while a piece is being sent: another task may have closed it, and
 * it may mean another file by now. */
static bool is_still_open(const struct transfer *one)
{
    struct stat in;
    return fstat(one->in, &in) == 0 && in.st_dev == one->device && in.st_ino == one->inode;
}

static whorl_op make_read(const struct transfer *one, size_t len)
{
    if (one->is_direct)
        len = (len + BULK_ALIGNMENT - 1) & ~(size_t)(BULK_ALIGNMENT - 1);
    return whorl_op_pread(one->in, one->buffer.start, len, one->from + (off_t)one->sent);
}

static whorl_op make_send(const struct transfer *one, size_t len)
{
    if (one->to_socket)
        return whorl_op_send(one->out, one->buffer.start, len, MSG_WAITALL);
    return whorl_op_write(one->out, one->buffer.start, len);
}

/* A piece that is cut short by the file's end is sent by itself. Nothing is read after it. */
static int send_last(struct transfer *one, size_t len)
{
    whorl_op send = make_send(one, len);
    int result = whorl_op_await(&send);
    if (result <= 0)
        return result;
    one->sent += (size_t)result;
    return (size_t)result == len ? 0 : 1;
}

/* Moves one piece. 1: there is more to do; 0: the file has ended; -errno. */
static int move_piece(struct transfer *one)
{
    if (one->sent > 0 && !is_still_open(one))
        return -EBADF;
    size_t left = one->count - one->sent;
    size_t len = left < one->buffer.size ? left : one->buffer.size;
    whorl_op chain[2] = {make_read(one, len), make_send(one, len)};
    int error = whorl_link_ops(chain, 2);
    int got = chain[0].result, sent = chain[1].result;
    if (sent > 0)
        one->sent += (size_t)sent;
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
    one->buffer = bulk_buffer_take(loop, one->count);
    if (!one->buffer.start)
        return -ENOMEM;
    int result = 1;
    while (result > 0 && one->sent < one->count)
        result = move_piece(one);
    bulk_buffer_give_back(loop, one->buffer);
    return result < 0 ? result : 0;
}

ssize_t whorl_sendfile(int out_fd, int in_fd, off_t *offset, size_t count)
{
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    if (offset && *offset < 0)
        return -EINVAL;
    struct transfer one = {.in = in_fd, .out = out_fd, .count = count};
    if (count > SSIZE_MAX)
        one.count = SSIZE_MAX;
    int error = judge(&one);
    if (error)
        return error;
    one.from = offset ? *offset : lseek(in_fd, 0, SEEK_CUR);
    if (one.from < 0)
        return -errno;
    error = move_all(loop, &one);
    if (one.sent == 0)
        return error;
    if (offset)
        *offset = one.from + (off_t)one.sent;
    else
        lseek(in_fd, one.from + (off_t)one.sent, SEEK_SET);
    return (ssize_t)one.sent;
}
