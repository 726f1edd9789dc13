/*
 * Opening a ring: features, fallbacks, and what to tell a person when there is none to be had.
 *
 * Setup asks for everything and retries with less: a kernel refuses flags that it does not know
 * with -EINVAL, newest first, and a ring that RLIMIT_MEMLOCK has no room for with -ENOMEM.
 */
#include <assert.h>
#include <core/ring.h>
#include <core/ring_backend.h>
#include <core/ring_enter.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PROBE_OPS 256
#define ENTRIES_MIN 2 /* an op and its deadline */

/* Until a ring's memory is asked for again, in ns, each twice as long. */
#define PAUSE_FIRST 1000000
#define PAUSE_MOST 32000000

/* Setup flags in the order in which a kernel that refuses may be too old for them. */
static const struct {
    uint64_t feature;
    unsigned flag;
} optional_flags[] = {
    {WHORL_FEATURE_NO_SQARRAY, IORING_SETUP_NO_SQARRAY},
    {WHORL_FEATURE_DEFER_TASKRUN, IORING_SETUP_DEFER_TASKRUN},
    {WHORL_FEATURE_SINGLE_ISSUER, IORING_SETUP_SINGLE_ISSUER},
};

#define OPTIONAL_COUNT (sizeof optional_flags / sizeof optional_flags[0])

/* Flags for what is wanted; DEFER_TASKRUN needs SINGLE_ISSUER, and COOP_TASKRUN takes its place. */
static unsigned setup_flags(uint64_t wanted)
{
    unsigned flags = IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP |
                     IORING_SETUP_TASKRUN_FLAG;
    if (!(wanted & WHORL_FEATURE_SINGLE_ISSUER))
        wanted &= ~(uint64_t)WHORL_FEATURE_DEFER_TASKRUN;
    for (size_t i = 0; i < OPTIONAL_COUNT; i++)
        if (wanted & optional_flags[i].feature)
            flags |= optional_flags[i].flag;
    if (!(flags & IORING_SETUP_DEFER_TASKRUN))
        flags |= IORING_SETUP_COOP_TASKRUN;
    return flags;
}

static int setup_once(struct ring *ring, unsigned entries, unsigned completions, uint64_t wanted,
                      struct io_uring_params *params)
{
    *params = (struct io_uring_params){.flags = setup_flags(wanted)};
    params->cq_entries = completions < entries ? entries : completions;
    /* In two steps: io_uring_queue_init_params of liburing 2.3 writes an index array that a ring
     * with NO_SQARRAY does not have, over the ring's own head. */
    int fd = io_uring_setup(entries, params);
    if (fd < 0)
        return fd;
    int result = io_uring_queue_mmap(fd, params, &ring->backend->uring);
    if (result < 0)
        close(fd);
    return result;
}

static int setup_features(struct ring *ring, unsigned entries, unsigned completions,
                          uint64_t wanted, struct io_uring_params *params)
{
    int result = setup_once(ring, entries, completions, wanted, params);
    for (size_t i = 0; i < OPTIONAL_COUNT && result == -EINVAL; i++) {
        wanted &= ~optional_flags[i].feature;
        result = setup_once(ring, entries, completions, wanted, params);
    }
    return result == -EINVAL ? -ENOSYS : result;
}

static int setup_sizes(struct ring *ring, unsigned entries, unsigned completions, uint64_t wanted,
                       struct io_uring_params *params)
{
    int result = setup_features(ring, entries, completions, wanted, params);
    while (result == -ENOMEM && (entries > ENTRIES_MIN || completions > ENTRIES_MIN)) {
        entries = entries / 2 < ENTRIES_MIN ? ENTRIES_MIN : entries / 2;
        completions = completions / 2 < ENTRIES_MIN ? ENTRIES_MIN : completions / 2;
        result = setup_features(ring, entries, completions, wanted, params);
    }
    return result;
}

/* The memory of a ring that was closed counts until the kernel has taken the ring down, some
 * milliseconds later (Linux 6.18): who opens one after the other finds none for a moment, not even
 * for the smallest. */
static int setup_patiently(struct ring *ring, unsigned entries, unsigned completions,
                           uint64_t wanted, struct io_uring_params *params)
{
    int result = setup_sizes(ring, entries, completions, wanted, params);
    for (long ns = PAUSE_FIRST; result == -ENOMEM && ns <= PAUSE_MOST; ns *= 2) {
        struct timespec pause = {.tv_nsec = ns};
        (void)nanosleep(&pause, NULL);
        result = setup_sizes(ring, entries, completions, wanted, params);
    }
    return result;
}

static void adopt_queues(struct ring *ring)
{
    struct io_uring *uring = &ring->backend->uring;
    ring->entries = uring->sq.ring_entries;
    ring->slots = uring->sq.sqes;
    ring->kernel_head = uring->sq.khead;
    ring->kernel_tail = uring->sq.ktail;
    ring->kernel_flags = uring->sq.kflags;
    ring->kernel_completion_head = uring->cq.khead;
    ring->kernel_completion_tail = uring->cq.ktail;
    ring->completions = uring->cq.cqes;
    ring->completion_mask = uring->cq.ring_entries - 1;
}

static void adopt_features(struct ring *ring, const struct io_uring_params *params, uint64_t wanted)
{
    for (size_t i = 0; i < OPTIONAL_COUNT; i++)
        if (params->flags & optional_flags[i].flag)
            ring->features |= optional_flags[i].feature;
    if (!(params->flags & IORING_SETUP_NO_SQARRAY))
        for (unsigned i = 0; i < ring->entries; i++)
            ring->backend->uring.sq.array[i] = i;
    if (params->features & IORING_FEAT_MIN_TIMEOUT)
        ring->features |= WHORL_FEATURE_ABS_TIMER & wanted;
    if (params->features & IORING_FEAT_NO_IOWAIT & (wanted & WHORL_FEATURE_NO_IOWAIT ? ~0U : 0)) {
        ring->features |= WHORL_FEATURE_NO_IOWAIT;
        ring->enter_flags |= IORING_ENTER_NO_IOWAIT;
    }
}

/* Inside a time namespace that shifts the monotonic clock, the ring takes points in time for those
 * of the clock outside (seen on Linux 6.18). */
static bool clock_is_shifted(void)
{
    FILE *file = fopen("/proc/self/timens_offsets", "re");
    if (!file)
        return false;
    long long seconds = 0;
    long long nanoseconds = 0;
    int got = fscanf(file, "monotonic %lld %lld", &seconds, &nanoseconds);
    fclose(file);
    return got == 2 && (seconds != 0 || nanoseconds != 0);
}

static void adopt_descriptor(struct ring *ring, uint64_t wanted)
{
    struct io_uring *uring = &ring->backend->uring;
    ring->fd = uring->ring_fd;
    if ((wanted & WHORL_FEATURE_RING_FD) && io_uring_register_ring_fd(uring) == 1) {
        ring->fd = uring->enter_ring_fd;
        ring->enter_flags |= IORING_ENTER_REGISTERED_RING;
        ring->features |= WHORL_FEATURE_RING_FD;
    }
}

static const struct {
    unsigned code;
    uint64_t feature;
} optional_ops[] = {
    {RING_OP_BIND, WHORL_FEATURE_OP_BIND},
    {RING_OP_LISTEN, WHORL_FEATURE_OP_LISTEN},
    {RING_OP_FTRUNCATE, WHORL_FEATURE_OP_FTRUNCATE},
    {RING_OP_WAITID, WHORL_FEATURE_OP_WAITID},
    {RING_OP_READV_FIXED, WHORL_FEATURE_OP_READV_FIXED},
    {RING_OP_WRITEV_FIXED, WHORL_FEATURE_OP_READV_FIXED},
};

/* Both operations are of use only with reports (Linux 6.2), which the kernel does not list: what it
 * lists since 6.3 stands for them. */
static void adopt_send_zc(struct ring *ring, const struct io_uring_params *params, uint64_t wanted)
{
    uint64_t both = UINT64_C(1) << RING_OP_SEND_ZC | UINT64_C(1) << RING_OP_SENDMSG_ZC;
    bool reports = params->features & IORING_FEAT_REG_REG_RING;
    if ((wanted & WHORL_FEATURE_SEND_ZC) && reports && (ring->supported & both) == both)
        ring->features |= WHORL_FEATURE_SEND_ZC;
    else
        ring->supported &= ~both;
}

/* The kernel does not tell whether a receive may go on: the operation that came with that does. */
static void adopt_recv_multishot(struct ring *ring, const struct io_uring_probe *probe,
                                 uint64_t wanted)
{
    if (probe->last_op >= IORING_OP_SEND_ZC &&
        (probe->ops[IORING_OP_SEND_ZC].flags & IO_URING_OP_SUPPORTED))
        ring->features |= WHORL_FEATURE_RECV_MULTISHOT & wanted;
}

static int adopt_ops(struct ring *ring, uint64_t wanted)
{
    struct io_uring_probe *probe = calloc(1, sizeof *probe + PROBE_OPS * sizeof probe->ops[0]);
    if (!probe)
        return -ENOMEM;
    int error = io_uring_register_probe(&ring->backend->uring, probe, PROBE_OPS);
    if (error) {
        free(probe);
        return error;
    }
    for (unsigned code = 0; code < RING_OP_COUNT; code++) {
        unsigned opcode = ring_kernel_opcode(code);
        if (opcode <= probe->last_op && (probe->ops[opcode].flags & IO_URING_OP_SUPPORTED))
            ring->supported |= UINT64_C(1) << code;
    }
    adopt_recv_multishot(ring, probe, wanted);
    free(probe);
    for (size_t i = 0; i < sizeof optional_ops / sizeof optional_ops[0]; i++) {
        if (!(wanted & optional_ops[i].feature))
            ring->supported &= ~(UINT64_C(1) << optional_ops[i].code);
        if (ring_supports(ring, optional_ops[i].code))
            ring->features |= optional_ops[i].feature;
    }
    return ring_supports(ring, RING_OP_SOCKET) ? 0 : -ENOSYS;
}

/* A seccomp filter may forbid one of io_uring's system calls alone: better known now than in the
 * first turn. */
static int try_enter(const struct ring *ring)
{
    int result =
        ring_enter((unsigned)ring->backend->uring.ring_fd, 0, 0, IORING_ENTER_GETEVENTS, NULL, 0);
    return result < 0 ? result : 0;
}

int ring_open(struct ring *ring, unsigned entries, unsigned completions, uint64_t without)
{
    *ring = (struct ring){0};
    ring->backend = calloc(1, sizeof *ring->backend);
    if (!ring->backend)
        return -ENOMEM;
    uint64_t wanted = ~without;
    ring->clock_is_shifted = clock_is_shifted();
    if (ring->clock_is_shifted)
        wanted &= ~(uint64_t)WHORL_FEATURE_ABS_TIMER;
    entries = entries < ENTRIES_MIN ? ENTRIES_MIN : entries;
    struct io_uring_params params;
    int result = setup_patiently(ring, entries, completions, wanted, &params);
    if (result < 0)
        goto free_backend;
    result = adopt_ops(ring, wanted);
    if (result == 0)
        result = try_enter(ring);
    if (result == 0)
        result = io_uring_ring_dontfork(&ring->backend->uring);
    if (result < 0)
        goto exit_queue;
    adopt_queues(ring);
    adopt_features(ring, &params, wanted);
    adopt_send_zc(ring, &params, wanted);
    adopt_descriptor(ring, wanted);
    return 0;

exit_queue:
    io_uring_queue_exit(&ring->backend->uring);
free_backend:
    free(ring->backend);
    ring->backend = NULL;
    return result == -EACCES ? -EPERM : result; /* some filters say it this way */
}

void ring_close(struct ring *ring)
{
    assert(ring->tail == ring->submitted);
    io_uring_register_iowq_max_workers(&ring->backend->uring, ring->backend->workers_before);
    io_uring_queue_exit(&ring->backend->uring);
    free(ring->backend);
    *ring = (struct ring){0};
}
