/*
 * What is in flight on a descriptor that is to be closed.
 *
 * close(2) would not end them: the kernel keeps the file open for each, and one may complete later,
 * on a descriptor that means something else by then. So every op in flight on it is asked to end,
 * and awaited, before the close itself. The table of ops by descriptor makes this free when there
 * is none; ops on two descriptors, of which either may be closed, stand in a list of their own. A
 * closer is on the list of its loop while it waits; it is not cancelled, as a release must do its
 * work.
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

/* Whether what stands in the descriptor's place is none: socket(2) has a domain there, and
 * waitid(2) a process, unless it names that by a descriptor. */
static bool is_elsewhere(const whorl_op *op)
{
    return op->code == RING_OP_SOCKET || op->code == RING_OP_NOP ||
           (op->code == RING_OP_WAITID && op->len != P_PIDFD);
}

/* The op's second descriptor; -1 if it has none. */
static int second_of(const whorl_op *op)
{
    if (!op_is_on_two(op))
        return -1;
    if (op->code == RING_OP_RENAMEAT || op->code == RING_OP_LINKAT)
        return (int)op->len;
    return op->op_flags & WHORL_SPLICE_FIXED_IN ? -1 : (int)op->slot;
}

bool op_is_on(const whorl_op *op, int fd)
{
    bool is_first = op->fd == fd && !(op->flags & WHORL_OP_FIXED_FILE) && !is_elsewhere(op);
    return (is_first || (fd >= 0 && second_of(op) == fd)) && !op_is_release(op);
}

bool closers_hold(struct loop *loop, const whorl_op *op)
{
    int second = second_of(op);
    return (op_is_on(op, op->fd) && closer_of(loop, op->fd)) ||
           (second >= 0 && closer_of(loop, second));
}

/* A closer of either descriptor came after the op, since closers_hold keeps others out; so it has
 * counted it. */
void closers_notify(struct loop *loop, const whorl_op *op)
{
    int fds[] = {op->fd, second_of(op)};
    for (size_t i = 0; i < (fds[0] == fds[1] ? 1 : 2); i++) {
        struct closer *closer = op_is_on(op, fds[i]) ? closer_of(loop, fds[i]) : NULL;
        assert(!closer || closer->pending > 0);
        if (closer && --closer->pending == 0)
            task_wake(closer->task, 0);
    }
}

/* Asks every op of a list that is on the descriptor to end; returns how many there are. */
static size_t end_listed(struct loop *loop, whorl_op *list, int fd)
{
    size_t count = 0;
    for (whorl_op *op = list; op; op = op->next) {
        if (op_is_on(op, fd)) {
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
    size_t pending = end_listed(loop, *op_bucket(loop, fd), fd);
    pending += end_listed(loop, *op_list_of_two(loop), fd);
    if (pending > 0)
        await_ends(loop, fd, pending);
    return 0;
}
