/*
 * See uring.h. Setup tries the newest flags first and does with fewer on -EINVAL, and with a ring
 * of half the size on -ENOMEM, as whorl does; the kernel refuses flags that it does not know, and
 * may count a ring against RLIMIT_MEMLOCK.
 */
#include "uring.h"

#include <errno.h>
#include <unistd.h>

#include "fail.h"

enum { ENTRIES_MIN = 2 };

/* From the best setup down to what Linux 5.19 has. */
static const unsigned setups[] = {
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_NO_SQARRAY,
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN,
    IORING_SETUP_COOP_TASKRUN,
};

unsigned uring_entries(uint64_t n, unsigned low, unsigned high)
{
    unsigned made = low;
    while (made < n && made < high)
        made *= 2;
    return made;
}

/*
 * In two steps, since io_uring_queue_init_params of liburing 2.3 writes an index array, which a
 * ring with NO_SQARRAY does not have, over the ring's own head.
 */
static int open_once(struct io_uring *ring, unsigned entries, unsigned completions, unsigned flags)
{
    struct io_uring_params params = {.cq_entries = completions};
    params.flags = flags | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP |
                   IORING_SETUP_TASKRUN_FLAG;
    int fd = io_uring_setup(entries, &params);
    if (fd < 0)
        return fd;
    int error = io_uring_queue_mmap(fd, &params, ring);
    if (error < 0) {
        close(fd);
        return error;
    }
    ring->features = params.features;
    for (unsigned i = 0; (flags & IORING_SETUP_NO_SQARRAY) == 0 && i < params.sq_entries; i++)
        ring->sq.array[i] = i;
    return 0;
}

static int open_with_flags(struct io_uring *ring, unsigned entries, unsigned completions,
                           unsigned more)
{
    int error = -EINVAL;
    for (size_t i = 0; i < sizeof setups / sizeof setups[0] && error == -EINVAL; i++)
        error = open_once(ring, entries, completions, setups[i] | more);
    return error;
}

static int open_ring(struct io_uring *ring, unsigned entries, unsigned completions, unsigned more)
{
    int error = open_with_flags(ring, entries, completions, more);
    while (error == -ENOMEM && entries > ENTRIES_MIN) {
        entries /= 2;
        completions /= 2;
        error = open_with_flags(ring, entries, completions, more);
    }
    if (error == -ENOMEM)
        return fail("there is no memory even for an io_uring of %u entries: raise the limit of "
                    "locked memory (ulimit -l), or free memory",
                    entries);
    if (error == -EPERM)
        return fail("io_uring is forbidden here: allow it (kernel.io_uring_disabled, or the "
                    "container's seccomp filter)");
    if (error != 0)
        return fail_call("setting up an io_uring", error);
    io_uring_register_ring_fd(ring); /* Linux 5.18; without it the plain descriptor serves */
    return 0;
}

int uring_open(struct io_uring *ring, unsigned entries, unsigned completions)
{
    return open_ring(ring, entries, completions, 0);
}

int uring_open_polled(struct io_uring *ring, unsigned entries, unsigned completions)
{
    return open_ring(ring, entries, completions, IORING_SETUP_IOPOLL);
}

struct io_uring_sqe *uring_sqe(struct io_uring *ring)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    if (__builtin_expect(sqe != NULL, 1))
        return sqe;
    int submitted = io_uring_submit(ring);
    sqe = submitted < 0 ? NULL : io_uring_get_sqe(ring);
    if (sqe == NULL)
        fail_call("submitting to an io_uring", submitted < 0 ? submitted : -EBUSY);
    return sqe;
}

int uring_turn(struct io_uring *ring)
{
    int submitted = io_uring_submit_and_wait(ring, 1);
    if (submitted >= 0 || submitted == -EINTR || submitted == -EBUSY || submitted == -EAGAIN)
        return 0;
    return fail_call("submitting to an io_uring and waiting", submitted);
}
