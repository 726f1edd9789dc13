/* Accepting: connections come off the queues of a listener's sockets, and to who waits for them.
 * See listener.h. */
#include <assert.h>
#include <net/listener.h>
#include <stdlib.h>
#include <unistd.h>

#define FIRST_PAUSE WHORL_MS(10)
#define LONGEST_PAUSE WHORL_SECONDS(1)

static struct listener_socket *socket_of(struct multishot *accepting)
{
    return (struct listener_socket *)accepting;
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

void accept_close_taken(whorl_listener *listener)
{
    while (listener->taken_count > 0)
        close(taken_pop(listener));
}

/* --- Who waits --- */

static void attend(whorl_listener *listener)
{
    for (unsigned i = 0; i < listener->count; i++)
        multishot_attend(listener->loop, &listener->sockets[i].accepting);
}

static void leave(whorl_listener *listener)
{
    for (unsigned i = 0; i < listener->count; i++)
        multishot_leave(listener->loop, &listener->sockets[i].accepting);
}

/* The task may find the listener gone when it runs. */
static void answer(whorl_listener *listener, struct waiter *waiter, int result)
{
    if (result >= 0 || !listener->server)
        listener->wanted--;
    leave(listener);
    waiter_serve(waiter, result);
}

static void next_cancel(struct task *self)
{
    struct waiter *waiter = self->wait_object;
    char *waiters = (char *)waiter->queue;
    answer((whorl_listener *)(waiters - offsetof(whorl_listener, waiters)), waiter, -ECANCELED);
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
    struct waiter own = {0};
    attend(listener);
    accept_seek(listener);
    return waiters_wait(listener->loop, &listener->waiters, &own, &next_wait);
}

void accept_dismiss(whorl_listener *listener, int result)
{
    while (listener->waiters.first)
        answer(listener, listener->waiters.first, result);
}

void accept_deliver(whorl_listener *listener)
{
    while (listener->waiters.first && listener->taken_count > 0 && listener->wanted > 0)
        answer(listener, listener->waiters.first, taken_pop(listener));
    accept_seek(listener);
}

/* --- Arming --- */

static void arm(whorl_listener *listener, struct listener_socket *socket, size_t missing)
{
    whorl_op *op = &socket->accepting.op;
    op->flags &= (uint8_t)~RING_MULTISHOT;
    if (!listener->takes_once && missing / 2 >= listener->backlogs)
        op->flags |= RING_MULTISHOT;
    multishot_arm(listener->loop, &socket->accepting);
}

void accept_seek(whorl_listener *listener)
{
    if (listener->closing || listener->error || timer_is_armed(&listener->retry))
        return;
    size_t ready = listener->taken_count;
    size_t missing = listener->wanted > ready ? listener->wanted - ready : 0;
    for (unsigned i = 0; i < listener->count; i++) {
        struct listener_socket *socket = &listener->sockets[i];
        if (!multishot_is_armed(&socket->accepting)) {
            if (missing > 0)
                arm(listener, socket, missing);
        } else if ((socket->accepting.op.flags & RING_MULTISHOT) && missing < listener->backlogs) {
            multishot_disarm(listener->loop, &socket->accepting);
        }
    }
}

void accept_disarm(whorl_listener *listener)
{
    if (timer_is_armed(&listener->retry))
        timer_disarm(&listener->loop->timers, &listener->retry);
    for (unsigned i = 0; i < listener->count; i++)
        multishot_disarm(listener->loop, &listener->sockets[i].accepting);
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
    whorl_listener *listener = socket_of(accepting)->listener;
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

static void look_at_error(whorl_listener *listener, const whorl_op *op, int error)
{
    switch (error) {
    case -ECANCELED:
        break;
    case -EMFILE:
    case -ENFILE:
        if (!spare_give(listener))
            pause_accepting(listener);
        break;
    case -ENOBUFS:
    case -ENOMEM:
        pause_accepting(listener);
        break;
    case -EINVAL:
        /* Before Linux 5.19; or it does not listen any more, which the next attempt tells. */
        if ((op->flags & RING_MULTISHOT) && !listener->takes_once) {
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
    whorl_listener *listener = socket_of(accepting)->listener;
    if (listener->closing)
        return;
    if (result < 0)
        look_at_error(listener, &accepting->op, result);
    accept_seek(listener);
}

void accept_prepare(struct listener_socket *socket, int fd)
{
    socket->accepting = (struct multishot){.take = take, .ended = ended};
    socket->accepting.op = whorl_op_accept(fd, NULL, NULL, SOCK_CLOEXEC);
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
