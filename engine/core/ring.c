/* The ring over io_uring, running: see ring.h. Opening it is in ring_open.c, the system call in
 * ring_enter.h. */
#include <assert.h>
#include <core/ring.h>
#include <core/ring_backend.h>
#include <core/ring_compat.h>
#include <core/ring_enter.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <whorl/task.h>

static const uint8_t kernel_opcodes[RING_OP_COUNT] = {
#define IORING_OP_WAITID KERNEL_OP_WAITID
#define IORING_OP_FTRUNCATE KERNEL_OP_FTRUNCATE
#define IORING_OP_BIND KERNEL_OP_BIND
#define IORING_OP_LISTEN KERNEL_OP_LISTEN
#define IORING_OP_READV_FIXED KERNEL_OP_READV_FIXED
#define IORING_OP_WRITEV_FIXED KERNEL_OP_WRITEV_FIXED
#define ROW(opcode, ...) [RING_OP_##opcode] = IORING_OP_##opcode,
    RING_OPS(ROW)
#undef ROW
};

/* Flags of each operation's own that every op of it has. */
static const uint8_t own_flags[RING_OP_COUNT] = {
    [RING_OP_SEND_ZC] = IORING_SEND_ZC_REPORT_USAGE,
    [RING_OP_SENDMSG_ZC] = IORING_SEND_ZC_REPORT_USAGE,
};

unsigned ring_kernel_opcode(unsigned code)
{
    return kernel_opcodes[code];
}

_Static_assert(RING_HAS_BUFFER == IORING_CQE_F_BUFFER && RING_MORE == IORING_CQE_F_MORE &&
                   RING_NONEMPTY == IORING_CQE_F_SOCK_NONEMPTY &&
                   RING_NOTIFICATION == IORING_CQE_F_NOTIF && IORING_CQE_BUFFER_SHIFT == 16,
               "a completion's marks are the kernel's flags");

_Static_assert(RING_POLL_CHANGES == IORING_POLL_ADD_MULTI, "a poll's length is the kernel's flags");

/* Completions from the prefetch of one to its turn, and from the scout's look. */
#define REAP_AHEAD 4
#define SCOUT_AHEAD 2
#define TOKEN_ADDRESS ((UINT64_C(1) << 48) - 1)

static struct io_uring_sqe *take_slot(struct ring *ring)
{
    assert(ring_room(ring) > 0);
    struct io_uring_sqe *slots = ring->slots;
    return &slots[ring->tail++ & (ring->entries - 1)];
}

static const uint8_t link_flags[] = {
    [RING_LINK_NONE] = 0,
    [RING_LINK_SOFT] = IOSQE_IO_LINK,
    [RING_LINK_HARD] = IOSQE_IO_HARDLINK,
};

static void fill_engine_flags(struct io_uring_sqe *slot, const whorl_op *op)
{
    if (op->flags & RING_SELECT)
        slot->flags |= IOSQE_BUFFER_SELECT;
    if (op->flags & RING_POLL_FIRST)
        slot->ioprio |= IORING_RECVSEND_POLL_FIRST;
    if (op->flags & RING_MULTISHOT)
        slot->ioprio |=
            op->code == RING_OP_ACCEPT ? IORING_ACCEPT_MULTISHOT : IORING_RECV_MULTISHOT;
}

void ring_fill(struct ring *ring, const whorl_op *op, uint64_t token, enum ring_link link)
{
    struct io_uring_sqe *slot = take_slot(ring);
    slot->opcode = kernel_opcodes[op->code];
    slot->flags = link_flags[link] | (op->flags & WHORL_OP_FIXED_FILE ? IOSQE_FIXED_FILE : 0);
    slot->ioprio = own_flags[op->code];
    if (__builtin_expect(op->flags & (RING_MULTISHOT | RING_SELECT | RING_POLL_FIRST), 0))
        fill_engine_flags(slot, op);
    slot->fd = op->fd;
    slot->off = op->offset;
    slot->addr = op->addr;
    slot->len = op->len;
    slot->rw_flags = (int)op->op_flags;
    slot->user_data = token;
    slot->buf_index = op->buf_index;
    slot->personality = 0;
    slot->file_index = op->slot;
    slot->addr3 = op->addr3;
    slot->__pad2[0] = 0;
}

void ring_fill_deadline(struct ring *ring, const void *timespec, uint64_t token,
                        enum ring_link link, enum ring_report report)
{
    struct io_uring_sqe *slot = take_slot(ring);
    memset(slot, 0, sizeof *slot);
    slot->opcode = IORING_OP_LINK_TIMEOUT;
    slot->flags = link_flags[link] | (report == RING_REPORT_REFUSAL ? IOSQE_CQE_SKIP_SUCCESS : 0);
    slot->fd = -1;
    slot->addr = (uintptr_t)timespec;
    slot->len = 1;
    slot->timeout_flags = ring->clock_is_shifted ? 0 : IORING_TIMEOUT_ABS;
    slot->user_data = token;
}

void ring_fill_cancel(struct ring *ring, uint64_t target, uint64_t token)
{
    struct io_uring_sqe *slot = take_slot(ring);
    memset(slot, 0, sizeof *slot);
    slot->opcode = IORING_OP_ASYNC_CANCEL;
    slot->fd = -1;
    slot->addr = target;
    slot->user_data = token;
}

static _Noreturn void ring_broken(int error)
{
    fprintf(stderr, "whorl: io_uring_enter failed: %s. The loop cannot go on.\n", strerror(-error));
    abort();
}

/* A wait's end for the kernel: absolute where it can, else what is left of it. */
static void wait_until(const struct ring *ring, int64_t deadline, struct __kernel_timespec *end)
{
    int64_t ns = deadline;
    if (!(ring->features & WHORL_FEATURE_ABS_TIMER)) {
        ns = deadline - whorl_now();
        ns = ns < 0 ? 0 : ns;
    }
    end->tv_sec = ns / 1000000000;
    end->tv_nsec = ns % 1000000000;
}

static __attribute__((noinline)) int enter_until(struct ring *ring, unsigned to_submit,
                                                 int64_t deadline)
{
    struct __kernel_timespec end;
    wait_until(ring, deadline, &end);
    struct io_uring_getevents_arg arg = {.ts = (uintptr_t)&end};
    unsigned flags = ring->enter_flags | IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG;
    if (ring->features & WHORL_FEATURE_ABS_TIMER)
        flags |= IORING_ENTER_ABS_TIMER;
    return ring_enter((unsigned)ring->fd, to_submit, 1, flags, &arg, sizeof arg);
}

static inline int enter(struct ring *ring, unsigned to_submit, int64_t deadline)
{
    if (deadline != RING_NOW && deadline != RING_FOREVER)
        return enter_until(ring, to_submit, deadline);
    unsigned flags = ring->enter_flags | IORING_ENTER_GETEVENTS;
    return ring_enter((unsigned)ring->fd, to_submit, deadline == RING_FOREVER, flags, NULL, 0);
}

int ring_turn(struct ring *ring, int64_t deadline)
{
    __atomic_store_n(ring->kernel_tail, ring->tail, __ATOMIC_RELEASE);
    int result = enter(ring, ring->tail - ring->submitted, deadline);
    ring->submitted = __atomic_load_n(ring->kernel_head, __ATOMIC_ACQUIRE);
    if (__builtin_expect(result >= 0, 1))
        return 0;
    if (result == -ETIME || result == -EINTR)
        return 0;
    if (result == -EAGAIN || result == -EBUSY || result == -ENOMEM)
        return -EAGAIN;
    ring_broken(result);
}

static inline void prefetch_op(const struct io_uring_cqe *completion)
{
    const char *op = (const char *)(uintptr_t)(completion->user_data & TOKEN_ADDRESS);
    __builtin_prefetch(op + offsetof(whorl_op, state), 1);
    __builtin_prefetch(op + offsetof(whorl_op, link), 1);
}

unsigned ring_reap(struct ring *ring, ring_sink *sink, ring_scout *scout, void *context)
{
    const struct io_uring_cqe *completions = ring->completions;
    unsigned tail = __atomic_load_n(ring->kernel_completion_tail, __ATOMIC_ACQUIRE);
    unsigned count = tail - ring->head;
    for (unsigned head = ring->head; head != tail; head++) {
        const struct io_uring_cqe *completion = &completions[head & ring->completion_mask];
        if (tail - head > REAP_AHEAD)
            prefetch_op(&completions[(head + REAP_AHEAD) & ring->completion_mask]);
        if (tail - head > SCOUT_AHEAD)
            scout(completions[(head + SCOUT_AHEAD) & ring->completion_mask].user_data);
        sink(context, completion->user_data, completion->res, completion->flags);
    }
    ring->head = tail;
    if (count > 0)
        __atomic_store_n(ring->kernel_completion_head, tail, __ATOMIC_RELEASE);
    return count;
}

int ring_register_files(struct ring *ring, const int *fds, unsigned count)
{
    /* Not liburing's call, which raises the program's RLIMIT_NOFILE when that is too low. */
    return io_uring_register((unsigned)ring->backend->uring.ring_fd, IORING_REGISTER_FILES, fds,
                             count);
}

int ring_unregister_files(struct ring *ring)
{
    return io_uring_unregister_files(&ring->backend->uring);
}

int ring_register_buffers(struct ring *ring, const struct iovec *iov, unsigned count)
{
    return io_uring_register_buffers(&ring->backend->uring, iov, count);
}

int ring_unregister_buffers(struct ring *ring)
{
    int result;
    /* Older kernels wait for the ops that use them, until a signal comes. */
    do {
        result = io_uring_unregister_buffers(&ring->backend->uring);
    } while (result == -EINTR);
    return result;
}

int ring_reserve_buffers(struct ring *ring, unsigned slots)
{
    return io_uring_register_buffers_sparse(&ring->backend->uring, slots);
}

int ring_set_buffers(struct ring *ring, unsigned first, const struct iovec *iov, unsigned count)
{
    struct io_uring *uring = &ring->backend->uring;
    unsigned done = 0;
    /* Where one fails, the kernel tells how many came before it, and the next call why. */
    while (done < count) {
        int set = io_uring_register_buffers_update_tag(uring, first + done, iov + done, NULL,
                                                       count - done);
        if (set <= 0)
            return set < 0 ? set : -EINVAL;
        done += (unsigned)set;
    }
    return 0;
}

/* The calling thread's workers serve all its rings; the ring holds what was set before it. */
void ring_bound_workers(struct ring *ring, unsigned disk, unsigned peer)
{
    unsigned *before = ring->backend->workers_before;
    before[0] = disk;
    before[1] = peer;
    if (io_uring_register_iowq_max_workers(&ring->backend->uring, before) != 0)
        before[0] = before[1] = 0;
}
