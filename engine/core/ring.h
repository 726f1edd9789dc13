/*
 * The ring: the one room that names liburing. To the rooms above, a ring takes ops and gives back
 * completions.
 *
 * Filling puts an op into the submission queue, where the kernel does not see it yet; a turn hands
 * all that is filled to the kernel, collects what has completed and, if asked, waits for more;
 * reaping hands each completion to a sink, by its token. A token is 64 bits that the filler
 * chooses; they must be unique among all in flight.
 *
 * Invariants: filled <= entries. A chain never crosses a submission: the filler asks ring_room for
 * the whole of it. What completes is never lost: the kernel keeps what the completion queue cannot
 * hold until it has been reaped.
 *
 * One ring a loop; used by the thread that opened it.
 */
#ifndef CORE_RING_H
#define CORE_RING_H

#include <core/opcodes.h>
#include <stdbool.h>
#include <stdint.h>
#include <whorl/op.h>
#include <whorl/run.h>
#include <whorl/task.h>

struct ring_backend;

struct ring {
    /* Submission. */
    unsigned entries;
    unsigned tail;      /* next slot to fill */
    unsigned submitted; /* slots that the kernel has taken */
    void *slots;
    unsigned *kernel_head; /* shared: what the kernel has taken */
    unsigned *kernel_tail; /* shared: what it may take */
    unsigned *kernel_flags;
    /* Completion. */
    unsigned head;
    unsigned *kernel_completion_head;
    unsigned *kernel_completion_tail;
    void *completions;
    unsigned completion_mask;
    /* Entering the kernel. */
    int fd;                /* or the registered index; -1: it is none of the kernel's */
    bool clock_is_shifted; /* points in time mean another clock to the kernel: use durations */
    unsigned enter_flags;  /* those of every enter */
    uint64_t features;     /* WHORL_FEATURE_* in use */
    uint64_t supported;    /* bit n: RING_OP n */
    struct ring_backend *backend;
};

/* How an op hangs together with the one filled after it. */
enum ring_link { RING_LINK_NONE, RING_LINK_SOFT, RING_LINK_HARD };

/* Flags of an op that only the engine sets, beside WHORL_OP_*. */
enum ring_op_flag {
    RING_ROOM = 1 << 4,       /* a poll that an error which is there already does not end */
    RING_MULTISHOT = 1 << 5,  /* an accept, recv or recvmsg that goes on after a completion */
    RING_SELECT = 1 << 6,     /* it takes a buffer of group buf_index when it has bytes for it */
    RING_POLL_FIRST = 1 << 7, /* nothing is there yet: it need not be tried */
};

/* In the length of a poll: it goes on after a completion, and after the first, which tells what is
 * there, each tells of a change. */
#define RING_POLL_CHANGES 1u

/* What a completion says beside its result. */
enum ring_mark {
    RING_HAS_BUFFER = 1 << 0,   /* it has taken a buffer: see ring_buffer_of */
    RING_MORE = 1 << 1,         /* more completions of this submission come */
    RING_NONEMPTY = 1 << 2,     /* the socket holds more bytes */
    RING_NOTIFICATION = 1 << 3, /* of a send without copying: its buffer is free again */
};

/* The buffer that a completion has taken. */
static inline unsigned ring_buffer_of(unsigned marks)
{
    return marks >> 16;
}

typedef void ring_sink(void *context, uint64_t token, int32_t result, unsigned marks);
typedef void ring_scout(uint64_t token);

/* A point in time as the kernel's timers take it: itself, or what is left until then. */
static inline int64_t ring_clock(const struct ring *ring, int64_t deadline)
{
    if (!ring->clock_is_shifted)
        return deadline;
    int64_t left = deadline - whorl_now();
    return left > 0 ? left : 0;
}

/* Points in time for ring_turn. */
#define RING_NOW INT64_MIN     /* do not wait */
#define RING_FOREVER INT64_MAX /* wait until something completes */

/* Opens a ring, with as many of the features as the kernel has and `without` does not name. If
 * RLIMIT_MEMLOCK is too small for it, one of half the size, and so on. -EPERM, -ENOSYS, -ENOMEM,
 * -EMFILE, -ENFILE  as whorl_run says */
int ring_open(struct ring *ring, unsigned entries, unsigned completions, uint64_t without);

/* Writes a sentence to stderr that says why ring_open gave `error`, and what to do; nothing for
 * errors that speak for themselves. `entries` is what was asked for. */
void ring_explain(int error, unsigned entries);

/* Bounds the kernel's workers that run this thread's ops: those that await a disk, and those that
 * may await a peer; 0 leaves a bound as it is. Until the ring is closed. */
void ring_bound_workers(struct ring *ring, unsigned disk, unsigned peer);

/* Closes the ring. Nothing must be in flight. */
void ring_close(struct ring *ring);

/* Submission slots that are free. */
static inline unsigned ring_room(const struct ring *ring)
{
    return ring->entries - (ring->tail - ring->submitted);
}

/* Fills one op; there must be room. */
void ring_fill(struct ring *ring, const whorl_op *op, uint64_t token, enum ring_link link);

/* Whether a deadline completes only if it is refused, or always: with -ECANCELED where its op ended
 * first, or never began; else it has fired. */
enum ring_report { RING_REPORT_REFUSAL, RING_REPORT_ALWAYS };

/* Fills a deadline for the op filled just before it, which must be linked to it: when the clock
 * reaches it, the kernel cancels that op. `timespec` (from ring_clock) must stay until
 * submitted. */
void ring_fill_deadline(struct ring *ring, const void *timespec, uint64_t token,
                        enum ring_link link, enum ring_report report);

/* Fills a request to cancel the op whose token is `target`. Its result: 0 it was found and ends;
 * -ENOENT it was not; -EALREADY it runs and may or may not end. */
void ring_fill_cancel(struct ring *ring, uint64_t target, uint64_t token);

/* Submits what is filled, collects what has completed, and waits until `deadline` for at least one
 * completion. Returns early on a signal. Returns 0; -EAGAIN if the kernel could take nothing now,
 * for want of memory or because completions wait to be reaped. Any other failure means that the
 * ring is broken, and ends the program with a sentence. */
int ring_turn(struct ring *ring, int64_t deadline);

/* Hands each completion that is there to `sink`; returns how many. The sink may fill, but neither
 * turn nor reap. The low 48 bits of tokens that come soon are prefetched, as addresses; when that
 * has come, before its turn, `scout` has a look, and prefetches what lies behind. */
unsigned ring_reap(struct ring *ring, ring_sink *sink, ring_scout *scout, void *context);

/* Something is filled and not submitted. */
static inline bool ring_has_filled(const struct ring *ring)
{
    return ring->tail != ring->submitted;
}

/* Something has completed and was not reaped. */
static inline bool ring_has_completed(const struct ring *ring)
{
    return __atomic_load_n(ring->kernel_completion_tail, __ATOMIC_ACQUIRE) != ring->head;
}

/* Nothing is filled, nothing has completed, nothing waits in the kernel to be collected. */
static inline bool ring_is_quiet(const struct ring *ring)
{
    return !ring_has_filled(ring) && !ring_has_completed(ring) &&
           __atomic_load_n(ring->kernel_flags, __ATOMIC_RELAXED) == 0;
}

/* Whether it reads the process's descriptors: what stands behind the same seam in a test does not.
 */
static inline bool ring_reads_descriptors(const struct ring *ring)
{
    return ring->fd >= 0;
}

static inline bool ring_supports(const struct ring *ring, unsigned code)
{
    return ring->supported >> code & 1;
}

/* Whether this kernel leaves a file's position where it was after a write at it that came to less
 * than asked. The first call tries it. From: any thread. */
bool ring_leaves_position(void);

/* --- Groups of buffers: the kernel takes one when it has bytes for it (Linux 5.19) --- */

struct ring_buffers {
    void *slots; /* shared with the kernel; NULL: not open */
    unsigned count;
    unsigned tail; /* given, maybe not published */
    unsigned group;
};

#define RING_BUFFERS_MOST 32768

/* Opens group number `group`, which must not be open, with room for `count` buffers, a power of two
 * and at most RING_BUFFERS_MOST. 0 or -errno: -ENOMEM for want of memory or for RLIMIT_MEMLOCK, or
 * -EINVAL where the kernel has none. */
int ring_buffers_open(struct ring *ring, struct ring_buffers *buffers, unsigned group,
                      unsigned count);

/* Gives the kernel a buffer, from the next ring_buffers_publish on. No more than `count` may be
 * with it. */
void ring_buffers_give(struct ring_buffers *buffers, unsigned index, void *start, size_t len);
void ring_buffers_publish(struct ring_buffers *buffers);

/* Closes a group that no op in flight may take from. */
void ring_buffers_close(struct ring *ring, struct ring_buffers *buffers);

/* --- What a multishot recvmsg leaves in a buffer of its group --- */

struct ring_message {
    void *name;
    socklen_t name_len;
    char *data;
    size_t len;  /* of what is there */
    size_t size; /* of the datagram; more than len if it was cut, and MSG_TRUNC was asked for */
};

#define RING_MESSAGE_HEAD 16 /* bytes of the buffer, before the rooms of `asked` and the data */

/* Reads what lies in the `len` first bytes of a buffer, after a recvmsg of `asked`. */
void ring_read_message(const struct msghdr *asked, void *buffer, size_t len,
                       struct ring_message *message);

/* Registered files and buffers: as whorl_register_files and its kin say. */
int ring_register_files(struct ring *ring, const int *fds, unsigned count);
int ring_unregister_files(struct ring *ring);
int ring_register_buffers(struct ring *ring, const struct iovec *iov, unsigned count);
int ring_unregister_buffers(struct ring *ring);

/* Registers a table of empty slots for buffers. 0 or -errno. */
int ring_reserve_buffers(struct ring *ring, unsigned slots);

/* Registers `count` buffers in the slots from `first` on; one that is all zeros empties its slot.
 * 0 or -errno: then some of them may be registered. */
int ring_set_buffers(struct ring *ring, unsigned first, const struct iovec *iov, unsigned count);

#endif
