/*
 * Cancel, by hand: as many recv operations in flight as whorl has tasks, a cancel for each from the
 * first to the last, and all of their completions. user_data is the socket's number and one more;
 * 0 is that of a cancel, which completes only if it failed.
 */
#include <errno.h>

#include "clock.h"
#include "fail.h"
#include "scopes_cancel.h"
#include "uring.h"

enum { ENTRIES = 256, COMPLETIONS = 8192 }; /* whorl's own defaults */

typedef struct canceller {
    silent_sockets sockets;
    struct io_uring ring;
    uint64_t ended;
    char byte; /* that nobody ever receives */
    cancel_times took;
} canceller;

/* Takes every completion that is there: each must be of a recv that was cancelled. */
static int reap(canceller *in)
{
    unsigned head, seen = 0;
    struct io_uring_cqe *cqe;
    io_uring_for_each_cqe(&in->ring, head, cqe)
    {
        seen++;
        if (cqe->user_data == 0)
            return fail_call("a cancel", cqe->res);
        if (cqe->res != -ECANCELED)
            return fail("a recv on a silent socket ended with %d", cqe->res);
    }
    io_uring_cq_advance(&in->ring, seen);
    in->ended += seen;
    return 0;
}

static int begin_waits(canceller *in)
{
    for (uint64_t i = 0; i < in->sockets.count; i++) {
        struct io_uring_sqe *sqe = uring_sqe(&in->ring);
        if (sqe == NULL)
            return -1;
        io_uring_prep_recv(sqe, in->sockets.fds[i], &in->byte, sizeof in->byte, 0);
        sqe->user_data = i + 1;
    }
    int submitted = io_uring_submit(&in->ring);
    return submitted < 0 ? fail_call("submitting to an io_uring", submitted) : 0;
}

/* A submission of cancels ends at least one recv, so that a turn cannot wait for nothing. */
static int end_waits(canceller *in)
{
    in->ended = 0;
    for (uint64_t i = 0; i < in->sockets.count; i++) {
        if (io_uring_sq_space_left(&in->ring) == 0 && (uring_turn(&in->ring) != 0 || reap(in) != 0))
            return -1;
        struct io_uring_sqe *sqe = uring_sqe(&in->ring);
        if (sqe == NULL)
            return -1;
        io_uring_prep_cancel64(sqe, i + 1, 0);
        sqe->flags |= IOSQE_CQE_SKIP_SUCCESS; /* Linux 5.17 */
        sqe->user_data = 0;
    }
    while (in->ended < in->sockets.count)
        if (uring_turn(&in->ring) != 0 || reap(in) != 0)
            return -1;
    return 0;
}

static int repeat_once(canceller *in)
{
    if (begin_waits(in) != 0)
        return -1;
    int64_t cpu = clock_cpu(), start = clock_now();
    int failed = end_waits(in);
    in->took.elapsed += clock_now() - start;
    in->took.cpu += clock_cpu() - cpu;
    in->took.repetitions++;
    return failed;
}

int cancel_run_liburing(const options *given, sample *out)
{
    canceller in = {0};
    cpu_pin(0);
    if (silent_open(&in.sockets, given->tasks) != 0 ||
        uring_open(&in.ring, ENTRIES, COMPLETIONS) != 0 || repeat_once(&in) != 0)
        return -1;
    in.took = (cancel_times){0};
    while (in.took.elapsed < (int64_t)given->seconds)
        if (repeat_once(&in) != 0)
            return -1;
    cancel_fill(out, given->tasks, &in.took);
    return 0;
}
