/* Operations on files take turns: see admission.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <op/admission.h>
#include <op/table.h>
#include <stdlib.h>
#include <sys/stat.h>

/* --- What an op works on --- */

/* Whether a regular file or a block device is open there. Asks nobody but the kernel's memory: not
 * the server of a network's file system, nor a program behind FUSE. */
static bool is_file(int fd)
{
    struct statx seen;
    if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &seen) != 0)
        return false;
    return S_ISREG(seen.stx_mode) || S_ISBLK(seen.stx_mode);
}

/* The same; many that start together are often on one descriptor. */
static bool is_file_now(struct loop *loop, int fd)
{
    if (loop->seen_in != loop->rounds || loop->seen_fd != fd) {
        loop->seen_is_file = is_file(fd);
        loop->seen_fd = fd;
        loop->seen_in = loop->rounds;
    }
    return loop->seen_is_file;
}

/* A slot that was empty when the files were registered has got its file by name since. */
static bool slot_is_file(const struct loop *loop, unsigned slot)
{
    bool known = loop->peer_slots && slot < loop->peer_slots_count;
    return !known || !(loop->peer_slots[slot / 8] >> slot % 8 & 1);
}

static bool may_await_peer(struct loop *loop, const whorl_op *op)
{
    if (op_kinds[op->code].awaits != AWAITS_either)
        return op_kinds[op->code].awaits == AWAITS_peer;
    if (op->flags & WHORL_OP_FIXED_FILE)
        return !slot_is_file(loop, (unsigned)op->fd);
    return !ring_reads_descriptors(&loop->ring) || !is_file_now(loop, op->fd);
}

int admission_see_slots(struct loop *loop, const int *fds, unsigned n)
{
    uint8_t *peers = calloc(n / 8 + 1, 1);
    if (!peers)
        return -ENOMEM;
    for (unsigned slot = 0; slot < n; slot++)
        if (fds[slot] >= 0 && !is_file(fds[slot]))
            peers[slot / 8] |= (uint8_t)(1 << slot % 8);
    loop->peer_slots = peers;
    loop->peer_slots_count = n;
    return 0;
}

void admission_forget_slots(struct loop *loop)
{
    free(loop->peer_slots);
    loop->peer_slots = NULL;
}

/* --- Places --- */

unsigned admission_judge(struct loop *loop, const whorl_op *ops, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (may_await_peer(loop, &ops[i]))
            return 0;
    if (loop->file_ops >= loop->file_ops_most || loop->turns)
        return OP_QUEUED;
    loop->file_ops++;
    return OP_PLACED;
}

unsigned admission_ask_chain(struct loop *loop, const whorl_op *ops, size_t n)
{
    uint64_t codes = 0;
    bool awaits_peer = false;
    for (size_t i = 0; i < n; i++) {
        codes |= UINT64_C(1) << ops[i].code;
        awaits_peer |= op_kinds[ops[i].code].awaits == AWAITS_peer;
        if (loop->turns)
            admission_make_way(loop, &ops[i]);
    }
    if (awaits_peer || !(codes & ops_of_files))
        return 0;
    if (loop->file_ops < loop->file_ops_unseen && !loop->turns) {
        loop->file_ops++;
        return OP_PLACED;
    }
    return admission_judge(loop, ops, n);
}

/* --- Turns --- */

/* Marks the first whose deadline has been reached, if there is one. */
static bool is_expired(whorl_op *ops, size_t n)
{
    int64_t now = whorl_now();
    for (size_t i = 0; i < n; i++) {
        if (ops[i].deadline > now)
            continue;
        ops[i].state |= OP_TIMED_OUT;
        return true;
    }
    return false;
}

/* Hands what is queued to the kernel, or ends it if its time is up. */
static void admit(struct loop *loop, whorl_op *op)
{
    size_t n;
    whorl_op *ops = op_unit(op, &n);
    if (is_expired(ops, n)) {
        op_end_queued(loop, op);
        return;
    }
    /* Room comes first: making it may end ops, but none that is queued. */
    loop_reserve(loop, op_slots(ops, n));
    admission_leave(loop, ops);
    for (size_t i = 0; i < n; i++)
        ops[i].state &= (uint16_t)~OP_QUEUED;
    ops[n - 1].state |= OP_PLACED;
    loop->file_ops++;
    op_fill(loop, ops, n);
}

static void serve_turns(struct timer *timer)
{
    struct loop *loop = (struct loop *)((char *)timer - offsetof(struct loop, turn_timer));
    while (loop->turns && loop->file_ops < loop->file_ops_most)
        admit(loop, loop->turns);
}

void admission_go_on(struct loop *loop)
{
    struct timer *timer = &loop->turn_timer;
    if (timer_is_armed(timer))
        return;
    timer->fire = serve_turns;
    timer_arm(&loop->timers, timer, TIMER_AT_ONCE);
}

void admission_queue(struct loop *loop, whorl_op *op)
{
    op->phase.turn.next = NULL;
    op->phase.turn.link = loop->turns_end;
    *loop->turns_end = op;
    loop->turns_end = &op->phase.turn.next;
}

void admission_leave(struct loop *loop, whorl_op *op)
{
    *op->phase.turn.link = op->phase.turn.next;
    if (op->phase.turn.next)
        op->phase.turn.next->phase.turn.link = op->phase.turn.link;
    else
        loop->turns_end = op->phase.turn.link;
    if (!loop->turns && timer_is_armed(&loop->turn_timer))
        timer_disarm(&loop->timers, &loop->turn_timer);
}

/* One of the list that is queued on a descriptor, or on a slot. */
static whorl_op *find_listed(whorl_op *list, int fd, bool is_slot)
{
    for (whorl_op *op = list; op; op = op->next) {
        bool on_slot = op->fd == fd && (op->flags & WHORL_OP_FIXED_FILE);
        if ((op->state & OP_QUEUED) && (is_slot ? on_slot : op_is_on(op, fd)))
            return op;
    }
    return NULL;
}

/* One that is queued on the file that `close` closes. */
static whorl_op *find_queued(struct loop *loop, const whorl_op *close)
{
    bool is_slot = close->slot != 0;
    int fd = is_slot ? (int)close->slot - 1 : close->fd;
    whorl_op *queued = find_listed(*op_bucket(loop, fd), fd, is_slot);
    return queued ? queued : find_listed(*op_list_of_two(loop), fd, is_slot);
}

void admission_make_way(struct loop *loop, const whorl_op *op)
{
    whorl_op *queued;
    while (op->code == RING_OP_CLOSE && (queued = find_queued(loop, op)))
        admit(loop, queued);
}
