/* Ops by attempts: see attempts.h. */
#include <errno.h>
#include <net/attempts.h>
#include <net/which_file.h>
#include <op/op.h>
#include <poll.h>
#include <sys/stat.h>
#include <whorl/net.h>
#include <whorl/task.h>

/* Between two looks at what no poll tells of. */
#define PAUSE_FIRST WHORL_US(50)
#define PAUSE_MOST WHORL_MS(10)

/* What is waited for between two attempts. */
struct patience {
    short events;  /* of the socket; 0: none tells, and there is a look now and then */
    bool is_tried; /* they were there, and in vain so far */
    int64_t pause; /* until the next look: ever longer */
};

/* A poll for what does not come is a pause that a close of the descriptor ends, and of which a
 * virtual clock knows that others are waited for. What comes all the same, as from a socket that is
 * shut down for receiving, would come at once each time. */
static int await_look(int fd, int64_t pause)
{
    whorl_op nothing = whorl_op_poll(fd, POLLPRI);
    nothing.timeout = pause;
    int events = whorl_op_await(&nothing);
    return events == -ETIMEDOUT ? 0 : events < 0 ? events : whorl_sleep(pause);
}

/* What a poll tells of may be none of what an attempt finds, as a byte out of band before one that
 * peeks: so it is not asked twice in a row. */
static int await_change(int fd, struct patience *patience)
{
    patience->is_tried = patience->events && !patience->is_tried;
    if (patience->is_tried)
        return whorl_poll(fd, (unsigned)patience->events);
    int64_t pause = patience->pause;
    patience->pause = 2 * pause < PAUSE_MOST ? 2 * pause : PAUSE_MOST;
    return await_look(fd, pause);
}

static bool is_open(const whorl_op *op, struct which_file socket)
{
    struct stat now;
    return !closers_hold(loop_here, op) && fstat(op->fd, &now) == 0 && is_same_file(socket, &now);
}

int run_by_attempts(const whorl_op *op, short events)
{
    struct patience patience = {.events = events, .pause = PAUSE_FIRST};
    struct stat status;
    if (fstat(op->fd, &status) != 0)
        return -errno;
    struct which_file socket = which_file(&status);
    for (bool is_first = true;; is_first = false) {
        whorl_op attempt = *op;
        int result = whorl_op_await(&attempt);
        if (result == -EBADF && !is_first && !is_open(op, socket))
            break;
        if (result != -EAGAIN)
            return result;
        int error = is_open(op, socket) ? await_change(op->fd, &patience) : -EBADF;
        if (error < 0 && error != -EBADF)
            return error;
        if (!is_open(op, socket))
            break;
    }
    return -ECANCELED; /* as what is in flight on a descriptor that is closed */
}
