/*
 * What is in flight on a descriptor that is to be closed.
 *
 * close(2) would not end them: the kernel keeps the file open for each, and one may complete later,
 * on a descriptor that means something else by then. So every op in flight on it is asked to end,
 * and awaited, before the close itself. The table of ops by descriptor makes this free when there
 * is none. A closer is on the list of its loop while it waits; it is not cancelled, as a release
 * must do its work.
 */
#include <assert.h>
#include <errno.h>
#include <op/op.h>
#include <sys/wait.h>

struct closer {
    struct task *task;
    struct closer *next;
    int fd;
    size_t pending; /* ops that it waits for */
};

static const struct wait_kind close_wait = {.name = "close"};

static struct closer **bucket_of(struct loop *loop, int fd)
{
    return &loop->closers[(unsigned)fd % CLOSER_BUCKETS];
}

static struct closer *closer_of(struct loop *loop, int fd)
{
    struct closer *closer = *bucket_of(loop, fd);
    while (closer && closer->fd != fd)
        closer = closer->next;
    return closer;
}

void closers_notify(struct loop *loop, int fd)
{
    struct closer *closer = closer_of(loop, fd);
    assert(closer && closer->pending > 0);
    if (--closer->pending == 0)
        task_wake(closer->task, 0);
}

/* Whether what stands in the descriptor's place is none: socket(2) has a domain there, and
 * waitid(2) a process, unless it names that by a descriptor. */
static bool is_elsewhere(const whorl_op *op)
{
    return op->code == RING_OP_SOCKET || op->code == RING_OP_NOP ||
           (op->code == RING_OP_WAITID && op->len != P_PIDFD);
}

/* Whether the op uses descriptor `fd` and would wait on it. */
static bool is_on(const whorl_op *op, int fd)
{
    return op->fd == fd && !(op->flags & WHORL_OP_FIXED_FILE) && !is_elsewhere(op) &&
           !op_is_release(op);
}

bool closers_hold(struct loop *loop, const whorl_op *op)
{
    return is_on(op, op->fd) && closer_of(loop, op->fd);
}

/* Asks every op in flight on the descriptor to end; returns how many there are. */
static size_t end_in_flight(struct loop *loop, int fd)
{
    size_t count = 0;
    for (whorl_op *op = *op_bucket(loop, fd); op; op = op->next) {
        if (is_on(op, fd)) {
            op->state |= OP_WATCHED;
            op_ask_cancel(loop, op);
            count++;
        }
    }
    return count;
}

/* Waits for the ops to end. The closer is known until then, and no longer: once the close is
 * submitted the number may stand for another file. */
static void await_ends(struct loop *loop, int fd, size_t pending)
{
    struct closer **bucket = bucket_of(loop, fd);
    struct closer closer = {.task = loop->current, .next = *bucket, .fd = fd, .pending = pending};
    *bucket = &closer;
    loop->closing++;
    task_park(loop, closer.task, &close_wait, NULL);
    while (*bucket != &closer)
        bucket = &(*bucket)->next;
    *bucket = closer.next;
    loop->closing--;
}

int op_end_on(struct loop *loop, int fd)
{
    if (fd < 0 || (loop->closing && closer_of(loop, fd)))
        return -EBADF;
    size_t pending = end_in_flight(loop, fd);
    if (pending > 0)
        await_ends(loop, fd, pending);
    return 0;
}
