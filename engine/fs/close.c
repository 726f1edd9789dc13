/*
 * Closing a descriptor that other calls may be waiting on.
 *
 * close(2) would not end them: the kernel keeps the file open for each, and one may complete later,
 * on a descriptor that means something else by then. So every op in flight on it is asked to end,
 * and awaited, before the close itself. The table of ops by descriptor makes this free when there
 * is none. A closer is on the list of its loop while it waits; it is not cancelled, as a release
 * must do its work.
 */
#include <errno.h>
#include <op/op.h>
#include <whorl/fs.h>

struct closer {
    struct task *task;
    struct closer *next;
    int fd;
    size_t pending; /* ops that it waits for */
};

static const struct wait_kind close_wait = {.name = "close"};

void closers_notify(struct loop *loop, int fd)
{
    for (struct closer *closer = loop->closers; closer; closer = closer->next)
        if (closer->fd == fd && --closer->pending == 0)
            task_wake(closer->task, 0);
}

/* Whether the op uses descriptor `fd` and would wait on it. socket(2) has a domain in its place. */
static bool is_on(const whorl_op *op, int fd)
{
    return op->fd == fd && !(op->flags & WHORL_OP_FIXED_FILE) && op->code != RING_OP_SOCKET &&
           op->code != RING_OP_NOP && !op_is_release(op);
}

bool closers_hold(const struct loop *loop, const whorl_op *op)
{
    for (const struct closer *closer = loop->closers; closer; closer = closer->next)
        if (is_on(op, closer->fd))
            return true;
    return false;
}

static bool is_closing(const struct loop *loop, int fd)
{
    const struct closer *closer = loop->closers;
    while (closer && closer->fd != fd)
        closer = closer->next;
    return closer != NULL;
}

static void end_in_flight(struct loop *loop, struct closer *closer)
{
    for (whorl_op *op = *op_bucket(loop, closer->fd); op; op = op->next) {
        if (is_on(op, closer->fd)) {
            op->state |= OP_WATCHED;
            op_ask_cancel(loop, op);
            closer->pending++;
        }
    }
    if (closer->pending > 0)
        task_park(loop, closer->task, &close_wait, NULL);
}

int whorl_close(int fd)
{
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    if (is_closing(loop, fd))
        return -EBADF;
    struct closer closer = {.task = loop->current, .next = loop->closers, .fd = fd};
    loop->closers = &closer;
    end_in_flight(loop, &closer);
    whorl_op op = whorl_op_close(fd);
    int result = whorl_op_await(&op);
    struct closer **link = &loop->closers;
    while (*link != &closer)
        link = &(*link)->next;
    *link = closer.next;
    return result;
}
