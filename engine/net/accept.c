/* Accepting: connections come off the queues of a listener's sockets, and to who waits for them.
 * See listener.h. */
#include <assert.h>
#include <net/listener.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#define FIRST_PAUSE WHORL_MS(10)
#define LONGEST_PAUSE WHORL_SECONDS(1)
#define MORE_MOST 1024

static whorl_listener *listener_of(struct multishot *accepting)
{
    return ((struct listener_op *)accepting)->listener;
}

/* --- What was taken --- */

/* Returns false if there is no memory to note it. */
static bool taken_push(whorl_listener *listener, int fd)
{
    if (listener->taken_count == listener->taken_room) {
        size_t room = listener->taken_room ? 2 * listener->taken_room : 64;
        int *taken = malloc(room * sizeof *taken);
        if (!taken)
            return false;
        for (size_t i = 0; i < listener->taken_count; i++)
            taken[i] = listener->taken[(listener->taken_first + i) % listener->taken_room];
        free(listener->taken);
        listener->taken = taken;
        listener->taken_room = room;
        listener->taken_first = 0;
    }
    size_t last = listener->taken_first + listener->taken_count++;
    listener->taken[last % listener->taken_room] = fd;
    return true;
}

static int taken_pop(whorl_listener *listener)
{
    assert(listener->taken_count > 0);
    int fd = listener->taken[listener->taken_first];
    listener->taken_first = (listener->taken_first + 1) % listener->taken_room;
    listener->taken_count--;
    return fd;
}

int accept_left(whorl_listener *listener)
{
    return listener->taken_count > 0 ? taken_pop(listener) : -1;
}

void accept_close_taken(whorl_listener *listener)
{
    while (listener->taken_count > 0)
        close(taken_pop(listener));
}

/* --- What is expected --- */

static size_t missing_of(const whorl_listener *listener)
{
    size_t ready = listener->taken_count;
    return listener->wanted > ready ? listener->wanted - ready : 0;
}

static bool is_expected(const struct listener_op *acceptor)
{
    return multishot_is_armed(&acceptor->accepting) &&
           !(acceptor->accepting.op.state & OP_CANCEL_WANTED);
}

/* Ops that are armed at a socket, but those asked to end. */
static size_t expected_at(const struct listener_socket *socket)
{
    size_t count = 0;
    for (unsigned i = 0; i < ACCEPTS_MAX; i++)
        count += is_expected(&socket->ops[i]);
    return count;
}

static size_t expected(const whorl_listener *listener)
{
    size_t count = 0;
    for (unsigned i = 0; i < listener->count; i++)
        count += expected_at(&listener->sockets[i]);
    return count;
}

/* Who waited does so no more: of the ops that are armed for them one stays at each socket. */
static void disarm_surplus(whorl_listener *listener)
{
    size_t missing = missing_of(listener);
    size_t count = expected(listener);
    for (unsigned i = 0; i < listener->count; i++) {
        struct listener_socket *socket = &listener->sockets[i];
        size_t here = expected_at(socket);
        for (unsigned j = 0; j < ACCEPTS_MAX && count > missing && here > 1; j++)
            if (is_expected(&socket->ops[j])) {
                multishot_disarm(listener->loop, &socket->ops[j].accepting);
                count--;
                here--;
            }
    }
}

/* --- Who waits --- */

/* On the stack of the task that waits. Should it never go on, the connection that it was given is
 * closed with the loop. */
struct claim {
    struct leftover leftover; /* first */
    struct waiter waiter;
    int fd; /* negative: it was given none */
};

/* The wait itself ends as all do. */
static void stop_nothing(struct leftover *self)
{
    (void)self;
}

static void end_claim(struct leftover *self)
{
    int fd = ((const struct claim *)self)->fd;
    if (fd >= 0)
        close(fd);
}

static void attend(whorl_listener *listener)
{
    for (unsigned i = 0; i < listener->count; i++)
        for (unsigned j = 0; j < ACCEPTS_MAX; j++)
            multishot_attend(listener->loop, &listener->sockets[i].ops[j].accepting);
}

static void leave(whorl_listener *listener)
{
    for (unsigned i = 0; i < listener->count; i++)
        for (unsigned j = 0; j < ACCEPTS_MAX; j++)
            multishot_leave(listener->loop, &listener->sockets[i].ops[j].accepting);
}

/* The task may find the listener gone when it runs. */
static void answer(whorl_listener *listener, struct waiter *waiter, int result)
{
    if (result >= 0 || !listener->server)
        listener->wanted--;
    leave(listener);
    ((struct claim *)((char *)waiter - offsetof(struct claim, waiter)))->fd = result;
    waiter_serve(waiter, result);
}

static void next_cancel(struct task *self)
{
    struct waiter *waiter = self->wait_object;
    char *waiters = (char *)waiter->queue;
    whorl_listener *listener = (whorl_listener *)(waiters - offsetof(whorl_listener, waiters));
    answer(listener, waiter, -ECANCELED);
    disarm_surplus(listener);
}

static const struct wait_kind next_wait = {.name = "a connection", .cancel = next_cancel};

int accept_next(whorl_listener *listener)
{
    if (listener->error) {
        if (!listener->server)
            listener->wanted--;
        return listener->error;
    }
    if (listener->taken_count > 0 && listener->wanted > 0 && !listener->waiters.first) {
        listener->wanted--;
        return taken_pop(listener);
    }
    struct claim own = {.leftover = {.stop = stop_nothing, .end = end_claim}, .fd = -1};
    leftover_add(listener->loop, &own.leftover);
    attend(listener);
    accept_seek(listener);
    int result = waiters_wait(listener->loop, &listener->waiters, &own.waiter, &next_wait);
    leftover_remove(&own.leftover);
    return result;
}

void accept_dismiss(whorl_listener *listener, int result)
{
    while (listener->waiters.first)
        answer(listener, listener->waiters.first, result);
    disarm_surplus(listener);
}

void accept_deliver(whorl_listener *listener)
{
    while (listener->waiters.first && listener->taken_count > 0 && listener->wanted > 0)
        answer(listener, listener->waiters.first, taken_pop(listener));
    accept_seek(listener);
}

/* --- Arming --- */

static void arm(whorl_listener *listener, struct listener_op *acceptor, unsigned flags)
{
    whorl_op *op = &acceptor->accepting.op;
    op->flags = (uint8_t)((op->flags & ~RING_MULTISHOT) | flags);
    acceptor->spares_given = listener->spares_given;
    multishot_arm(listener->loop, &acceptor->accepting);
}

/* Takes all that come, until it ends. */
static bool takes_many(const struct listener_socket *socket)
{
    const struct multishot *first = &socket->ops[0].accepting;
    return multishot_is_armed(first) && (first->op.flags & RING_MULTISHOT);
}

/* False: all are armed. */
static bool arm_single(whorl_listener *listener, struct listener_socket *socket)
{
    struct listener_op *next = socket->ops;
    while (next < socket->ops + ACCEPTS_MAX && multishot_is_armed(&next->accepting))
        next++;
    if (next == socket->ops + ACCEPTS_MAX)
        return false;
    arm(listener, next, 0);
    return true;
}

/* With the last descriptor one client is turned away after the other. */
static bool is_at_last_descriptor(const whorl_listener *listener)
{
    return listener->keeps_spare && listener->spare < 0;
}

/* For how many multishot ops are armed: twice as many as may wait; of a very long queue, which does
 * not fill again while it is taken, not quite. */
static size_t many_of(const whorl_listener *listener)
{
    size_t queued = listener->backlogs;
    return queued + (queued < MORE_MOST ? queued : MORE_MOST);
}

/* Whether it has armed one, which looks at the queue. */
static bool seek_at(whorl_listener *listener, struct listener_socket *socket, size_t missing)
{
    if (takes_many(socket)) {
        if (missing < listener->backlogs)
            multishot_disarm(listener->loop, &socket->ops[0].accepting);
        return false;
    }
    bool is_at_rest = !multishot_is_armed(&socket->ops[0].accepting);
    if (is_at_rest && !listener->takes_once && missing >= many_of(listener)) {
        arm(listener, &socket->ops[0], RING_MULTISHOT);
        return true;
    }
    size_t most = is_at_last_descriptor(listener) ? 1 : ACCEPTS_MAX;
    size_t others = expected(listener) - expected_at(socket);
    size_t fair = missing / listener->count + (missing % listener->count > 0);
    size_t share = missing > others ? missing - others : missing > 0;
    share = share < fair ? share : fair;
    bool armed = false;
    for (size_t n = expected_at(socket); n < share && n < most; n++)
        armed |= arm_single(listener, socket);
    return armed;
}

/* Whether an op is armed at the socket for a client that is to be turned away. */
static bool turns_away_at(const whorl_listener *listener, const struct listener_socket *socket)
{
    for (unsigned i = 0; i < ACCEPTS_MAX; i++)
        if (is_expected(&socket->ops[i]) && socket->ops[i].spares_given == listener->spares_given)
            return true;
    return false;
}

static bool is_queued_at(const struct listener_socket *socket)
{
    struct pollfd queue = {.fd = socket->ops[0].accepting.op.fd, .events = POLLIN};
    return poll(&queue, 1, 0) == 1 && (queue.revents & POLLIN);
}

/* Has the queue of a socket be looked at, if there is anything in it. False: there is not. */
static bool look_at(whorl_listener *listener, struct listener_socket *socket)
{
    if (!is_queued_at(socket))
        return false;
    if (!is_at_last_descriptor(listener) || !turns_away_at(listener, socket))
        arm_single(listener, socket);
    return true;
}

void accept_seek(whorl_listener *listener)
{
    if (listener->closing || listener->error || timer_is_armed(&listener->retry))
        return;
    size_t missing = missing_of(listener);
    bool was_unheard = listener->unheard && missing > 0;
    bool is_unheard = false;
    for (unsigned i = 0; i < listener->count; i++) {
        struct listener_socket *socket = &listener->sockets[i];
        bool armed = seek_at(listener, socket, missing);
        is_unheard |= was_unheard && (armed || look_at(listener, socket));
    }
    if (was_unheard)
        listener->unheard = is_unheard;
}

void accept_disarm(whorl_listener *listener)
{
    if (timer_is_armed(&listener->retry))
        timer_disarm(&listener->loop->timers, &listener->retry);
    for (unsigned i = 0; i < listener->count; i++)
        for (unsigned j = 0; j < ACCEPTS_MAX; j++)
            multishot_disarm(listener->loop, &listener->sockets[i].ops[j].accepting);
}

/* --- What comes --- */

/* A connection has taken the place of the spare descriptor, and nothing else is left: it is turned
 * away. */
static bool must_turn_away(whorl_listener *listener, int fd)
{
    if (!listener->keeps_spare || spare_take(listener) == 0)
        return false;
    close(fd);
    spare_take(listener);
    return true;
}

static void take(struct multishot *accepting, int32_t result, unsigned marks)
{
    (void)marks;
    whorl_listener *listener = listener_of(accepting);
    listener->pause = 0;
    if (must_turn_away(listener, result))
        return;
    if (listener->waiters.first && listener->taken_count == 0 && listener->wanted > 0)
        answer(listener, listener->waiters.first, result);
    else if (!taken_push(listener, result))
        close(result);
    accept_seek(listener);
}

/* Errors of one connection, of which accept(2) tells instead of giving it. */
static bool is_of_connection(int error)
{
    static const int errors[] = {
        -ECONNABORTED, -EPROTO,       -EPERM,       -ENETDOWN,   -ENOPROTOOPT, -EHOSTDOWN,
        -ENONET,       -EHOSTUNREACH, -ENETUNREACH, -EOPNOTSUPP, -ETIMEDOUT,   -ECONNRESET,
    };
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (error == errors[i])
            return true;
    return false;
}

static void retry(struct timer *timer)
{
    whorl_listener *listener = (whorl_listener *)((char *)timer - offsetof(whorl_listener, retry));
    if (listener->keeps_spare)
        spare_take(listener);
    accept_seek(listener);
}

/* Nobody tells when a descriptor or memory comes free: it is tried again, ever more slowly. */
static void pause_accepting(whorl_listener *listener)
{
    if (timer_is_armed(&listener->retry))
        return;
    listener->pause = listener->pause ? 2 * listener->pause : FIRST_PAUSE;
    if (listener->pause > LONGEST_PAUSE)
        listener->pause = LONGEST_PAUSE;
    listener->retry.fire = retry;
    timer_arm(&listener->loop->timers, &listener->retry,
              loop_deadline_after(listener->loop, listener->pause));
}

void accept_resume(whorl_listener *listener)
{
    listener->pause = 0;
    if (timer_is_armed(&listener->retry))
        timer_disarm(&listener->loop->timers, &listener->retry);
    if (listener->keeps_spare)
        spare_take(listener);
    accept_deliver(listener);
}

static void fail(whorl_listener *listener, int error)
{
    listener->error = error;
    accept_dismiss(listener, error);
}

/* What an op says that began before the spare was let go is out of date. */
static void make_room(whorl_listener *listener, const struct listener_op *acceptor)
{
    if (acceptor->spares_given != listener->spares_given)
        return;
    if (spare_give(listener))
        listener->spares_given++;
    else
        pause_accepting(listener);
}

static void look_at_error(whorl_listener *listener, const struct listener_op *acceptor, int error)
{
    switch (error) {
    case -ECANCELED:
        break;
    case -EMFILE:
    case -ENFILE:
        make_room(listener, acceptor);
        break;
    case -ENOBUFS:
    case -ENOMEM:
        pause_accepting(listener);
        break;
    case -EINVAL:
        /* Before Linux 5.19; or it does not listen any more, which the next attempt tells. */
        if ((acceptor->accepting.op.flags & RING_MULTISHOT) && !listener->takes_once) {
            listener->takes_once = true;
            break;
        }
        /* fallthrough */
    default:
        if (!is_of_connection(error))
            fail(listener, error);
    }
}

static void ended(struct multishot *accepting, int32_t result)
{
    whorl_listener *listener = listener_of(accepting);
    if (listener->closing)
        return;
    if (result < 0) {
        listener->unheard = true;
        look_at_error(listener, (struct listener_op *)accepting, result);
    }
    accept_seek(listener);
}

static const struct multishot_kind accepting_kind = {take, ended};

void accept_prepare(whorl_listener *listener, struct listener_socket *socket, int fd)
{
    for (unsigned i = 0; i < ACCEPTS_MAX; i++) {
        struct listener_op *acceptor = &socket->ops[i];
        acceptor->listener = listener;
        acceptor->accepting = (struct multishot){.kind = &accepting_kind};
        acceptor->accepting.op = whorl_op_accept(fd, NULL, NULL, SOCK_CLOEXEC);
    }
}

int whorl_listener_accept(whorl_listener *listener)
{
    int error = listener_place_error(listener);
    if (error)
        return error;
    struct loop *loop = loop_here;
    if (loop->current->interrupted)
        return task_refuse(loop, loop->current);
    if (listener->closing)
        return -ECANCELED;
    if (listener->server || listener->count == 0)
        return -EBUSY;
    listener->wanted++;
    return accept_next(listener);
}
