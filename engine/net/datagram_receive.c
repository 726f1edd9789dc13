/* Receiving datagrams. See datagram.h. */
#include <net/datagram.h>
#include <string.h>

/* A task that waits for one; on its stack. */
struct receiver {
    struct waiter waiter; /* first */
    struct piece *piece;
};

static const struct wait_kind turn_wait = {.name = "its turn to receive", .cancel = waiter_cancel};
static const struct wait_kind receive_wait = {.name = "a datagram", .cancel = waiter_cancel};

static struct piece *queue_take(whorl_datagram *datagram)
{
    struct piece *piece = datagram->first;
    datagram->first = piece->next;
    datagram->queued--;
    piece->next = NULL;
    return piece;
}

static void queue_put(whorl_datagram *datagram, struct piece *piece)
{
    if (datagram->first)
        datagram->last->next = piece;
    else
        datagram->first = piece;
    datagram->last = piece;
    datagram->queued++;
}

static void give_back(whorl_datagram *datagram, struct piece *piece)
{
    buffers_give(datagram->pool, piece);
}

static void release_held(whorl_datagram *datagram)
{
    while (datagram->held) {
        struct piece *piece = datagram->held;
        datagram->held = piece->next;
        give_back(datagram, piece);
    }
}

static void hold(whorl_datagram *datagram, struct piece *piece)
{
    piece->next = datagram->held;
    datagram->held = piece;
}

void datagram_drop(whorl_datagram *datagram)
{
    release_held(datagram);
    while (datagram->first)
        give_back(datagram, queue_take(datagram));
}

/* --- By multishot --- */

static void serve_all(struct waiters *waiters, int result)
{
    while (waiters->first)
        waiter_serve(waiters->first, result);
}

void datagram_turn_away(whorl_datagram *datagram)
{
    serve_all(&datagram->receivers, -ECANCELED);
    serve_all(&datagram->turns, -ECANCELED);
}

static whorl_datagram *datagram_of(struct multishot *self)
{
    return (whorl_datagram *)((char *)self - offsetof(whorl_datagram, in));
}

static void take(struct multishot *self, int32_t result, unsigned marks)
{
    whorl_datagram *datagram = datagram_of(self);
    assert(marks & RING_HAS_BUFFER);
    struct piece *piece = buffers_take(datagram->pool, marks, (size_t)result);
    struct receiver *receiver = (struct receiver *)datagram->receivers.first;
    if (datagram->closing) {
        give_back(datagram, piece);
    } else if (receiver) {
        receiver->piece = piece;
        waiter_serve(&receiver->waiter, 0);
    } else {
        queue_put(datagram, piece);
    }
    if (datagram->queued >= datagram->limit && !datagram->stopping) {
        datagram->stopping = true;
        multishot_disarm(datagram->loop, self);
    }
}

/* An error of the network goes to who waits longest, or is kept. An empty datagram ends the op, as
 * 0 ends a stream's; so it may end with a result (Linux 6.18). */
static void ended(struct multishot *self, int32_t result)
{
    whorl_datagram *datagram = datagram_of(self);
    bool was_stopping = datagram->stopping, goes_on = result >= 0;
    datagram->stopping = false;
    if (datagram->closing)
        return;
    if (result == -ENOBUFS)
        goes_on = buffers_feed(datagram->pool);
    if (result == -ENOBUFS && !goes_on)
        serve_all(&datagram->receivers, -ENOBUFS);
    else if (result == -ECANCELED && !was_stopping)
        serve_all(&datagram->receivers, -ECANCELED);
    else if (result < 0 && result != -ENOBUFS && result != -ECANCELED && datagram->receivers.first)
        waiter_serve(datagram->receivers.first, result);
    else if (result < 0 && result != -ENOBUFS && result != -ECANCELED)
        datagram->error = result;
    goes_on = goes_on && datagram->queued < datagram->limit && !datagram->is_plain;
    if (datagram->receivers.first || goes_on)
        multishot_arm(datagram->loop, self);
}

static const struct multishot_kind receiving_kind = {take, ended};

void datagram_prepare(whorl_datagram *datagram)
{
    bool fits = datagram->largest <= DATAGRAM_LARGEST;
    datagram->pool = fits ? datagram_pool(datagram->loop) : NULL;
    datagram->asked = (struct msghdr){.msg_namelen = DATAGRAM_NAME_ROOM};
    datagram->in.kind = &receiving_kind;
    datagram->in.op = whorl_op_recvmsg(datagram->fd, &datagram->asked, MSG_TRUNC);
    datagram->in.op.flags |= RING_MULTISHOT | RING_SELECT;
    datagram->in.op.buf_index = BUFFERS_OF_DATAGRAMS;
}

/* Receives on, when much of the queue is used up. */
static void arm(whorl_datagram *datagram)
{
    if (!multishot_is_armed(&datagram->in) && datagram->queued <= datagram->limit / 2 &&
        !datagram->error && !datagram->is_plain)
        multishot_arm(datagram->loop, &datagram->in);
}

/* Not inline: the receiver is on the caller's stack, which gcc 12 does not trust to outlive a
 * park. */
static __attribute__((noinline)) int await_piece(whorl_datagram *datagram, struct piece **piece)
{
    struct receiver receiver = {.piece = NULL};
    arm(datagram);
    multishot_attend(datagram->loop, &datagram->in);
    int result =
        waiters_wait(datagram->loop, &datagram->receivers, &receiver.waiter, &receive_wait);
    multishot_leave(datagram->loop, &datagram->in);
    *piece = receiver.piece;
    if (result == 0 && datagram->closing) {
        give_back(datagram, *piece);
        return -ECANCELED;
    }
    return result;
}

/* Of a unix socket whose path fills its struct, the kernel counts a zero byte behind it, and takes
 * no such length back. */
static socklen_t name_len(size_t told)
{
    return told < sizeof(struct sockaddr_un) ? (socklen_t)told : sizeof(struct sockaddr_un);
}

static void read_piece(const whorl_datagram *datagram, struct piece *piece, whorl_message *message)
{
    struct ring_message read;
    ring_read_message(&datagram->asked, piece->data, piece_len(piece), &read);
    *message = (whorl_message){.data = read.data,
                               .len = read.len,
                               .size = read.size,
                               .peer = read.name,
                               .peer_len = name_len(read.name_len)};
}

/* --- Plainly --- */

enum patience { WAITS, WAITS_NOT };

/* The piece: room for the sender's address, and for the datagram. */
static ssize_t run_plainly(const whorl_datagram *datagram, struct msghdr *asked,
                           enum patience patience)
{
    if (patience == WAITS) {
        whorl_op op = whorl_op_recvmsg(datagram->fd, asked, MSG_TRUNC);
        return whorl_op_await(&op);
    }
    ssize_t size = recvmsg(datagram->fd, asked, MSG_TRUNC | MSG_DONTWAIT);
    return size < 0 ? -errno : size;
}

static int receive_plainly(whorl_datagram *datagram, enum patience patience, whorl_message *message,
                           struct piece **result)
{
    struct piece *piece = piece_make(DATAGRAM_NAME_ROOM + datagram->largest);
    if (!piece)
        return -ENOMEM;
    struct iovec data = {piece->data + DATAGRAM_NAME_ROOM, datagram->largest};
    struct msghdr asked = {.msg_name = piece->data,
                           .msg_namelen = DATAGRAM_NAME_ROOM,
                           .msg_iov = &data,
                           .msg_iovlen = 1};
    ssize_t size = run_plainly(datagram, &asked, patience);
    if (size < 0 || datagram->closing) {
        give_back(datagram, piece);
        return size >= 0 ? -ECANCELED : size == -ENOBUFS ? -ENOMEM : (int)size;
    }
    size_t len = (size_t)size < data.iov_len ? (size_t)size : data.iov_len;
    *message = (whorl_message){.data = data.iov_base,
                               .len = len,
                               .size = (size_t)size,
                               .peer = asked.msg_name,
                               .peer_len = name_len(asked.msg_namelen)};
    *result = piece;
    return 0;
}

/* --- In turn --- */

static void take_queued(whorl_datagram *datagram, whorl_message *message, struct piece **piece)
{
    *piece = queue_take(datagram);
    arm(datagram);
    read_piece(datagram, *piece, message);
}

/* The kernel serves who came last, and wakes one of two ops for a datagram: so one task at a time
 * waits plainly, and gives its turn to the next. */
static __attribute__((noinline)) int await_turn(whorl_datagram *datagram)
{
    struct waiter waiter = {.queue = NULL};
    return waiters_wait(datagram->loop, &datagram->turns, &waiter, &turn_wait);
}

static void pass_turn(whorl_datagram *datagram)
{
    if (datagram->turns.first)
        waiter_serve(datagram->turns.first, 0);
    else
        datagram->is_plain = false;
}

static int receive_in_turn(whorl_datagram *datagram, whorl_message *message, struct piece **piece)
{
    int error = datagram->is_plain ? await_turn(datagram) : 0;
    if (error)
        return error;
    datagram->is_plain = true;
    if (datagram->closing)
        error = -ECANCELED;
    else if (datagram->first)
        take_queued(datagram, message, piece);
    else if (datagram->error)
        error = datagram_take_error(datagram);
    else
        error = receive_plainly(datagram, WAITS, message, piece);
    pass_turn(datagram);
    return error;
}

/* By multishot, as long as there are buffers. */
static int await_by_pool(whorl_datagram *datagram, struct piece **piece)
{
    int result = -ENOBUFS;
    if (datagram->pool && !datagram->is_plain) {
        do
            result = await_piece(datagram, piece);
        while (result == -ENOBUFS && !datagram->closing && multishot_is_armed(&datagram->in));
    }
    return result;
}

/* --- The calls --- */

/* Waits for one. 0 or -errno. */
static int receive_one(whorl_datagram *datagram, whorl_message *message, struct piece **piece)
{
    struct task *self = datagram->loop->current;
    if (self->interrupted)
        return task_refuse(datagram->loop, self);
    if (datagram->first) {
        take_queued(datagram, message, piece);
        return 0;
    }
    if (datagram->error)
        return datagram_take_error(datagram);
    int result = await_by_pool(datagram, piece);
    if (result == -ENOBUFS)
        return datagram->closing ? -ECANCELED : receive_in_turn(datagram, message, piece);
    if (result == 0)
        read_piece(datagram, *piece, message);
    return result;
}

int whorl_datagram_receive(whorl_datagram *datagram, whorl_message *message)
{
    if (!message)
        return -EINVAL;
    struct datagram_call call;
    int error = datagram_begin(datagram, &call);
    if (error)
        return error;
    struct piece *piece;
    release_held(datagram);
    error = receive_one(datagram, message, &piece);
    if (error == 0)
        hold(datagram, piece);
    return (int)datagram_end(datagram, &call, error);
}

static void copy_message(const whorl_message *message, void *buf, size_t len, struct sockaddr *peer,
                         socklen_t *peer_len)
{
    if (len > 0)
        memcpy(buf, message->data, len < message->len ? len : message->len);
    if (!peer)
        return;
    memcpy(peer, message->peer, *peer_len < message->peer_len ? *peer_len : message->peer_len);
    *peer_len = message->peer_len;
}

ssize_t whorl_datagram_receive_from(whorl_datagram *datagram, void *buf, size_t len,
                                    struct sockaddr *peer, socklen_t *peer_len)
{
    if ((!buf && len > 0) || !peer != !peer_len)
        return -EINVAL;
    struct datagram_call call;
    int error = datagram_begin(datagram, &call);
    if (error)
        return error;
    whorl_message message;
    struct piece *piece;
    release_held(datagram);
    error = receive_one(datagram, &message, &piece);
    if (error)
        return datagram_end(datagram, &call, error);
    copy_message(&message, buf, len, peer, peer_len);
    give_back(datagram, piece);
    return datagram_end(datagram, &call, (ssize_t)message.size);
}

/* One that is there. Returns false if there is none. */
static bool receive_another(whorl_datagram *datagram, whorl_message *message, struct piece **piece)
{
    if (datagram->first) {
        take_queued(datagram, message, piece);
        return true;
    }
    if (datagram->pool || datagram->is_plain)
        return false;
    int error = receive_plainly(datagram, WAITS_NOT, message, piece);
    if (error && error != -EAGAIN && error != -ENOMEM)
        datagram->error = error;
    return error == 0;
}

int whorl_datagram_receive_many(whorl_datagram *datagram, whorl_message *messages, size_t n)
{
    if (!messages || n == 0)
        return -EINVAL;
    struct datagram_call call;
    int error = datagram_begin(datagram, &call);
    if (error)
        return error;
    struct piece *piece;
    size_t count = 0;
    release_held(datagram);
    error = receive_one(datagram, &messages[0], &piece);
    while (error == 0) {
        hold(datagram, piece);
        count++;
        if (count == n || count == INT32_MAX ||
            !receive_another(datagram, &messages[count], &piece))
            break;
    }
    return (int)datagram_end(datagram, &call, count > 0 ? (ssize_t)count : error);
}
