/*
 * Reads by hand: `liburing`, and `liburing-registered` with a fixed file and fixed buffers.
 *
 * Every slot has one read in flight; a turn submits all that were filled, waits for one, and fills
 * a slot again for each completion. user_data is the slot.
 */
#include <stdlib.h>

#include "fail.h"
#include "read.h"
#include "uring.h"

typedef struct reader {
    read_job job;
    struct io_uring ring;
    uint64_t in_flight;
} reader;

typedef int fill_slot(reader *in, uint64_t slot);

static int fill_plain(reader *in, uint64_t slot)
{
    struct io_uring_sqe *sqe = uring_sqe(&in->ring);
    if (sqe == NULL)
        return -1;
    io_uring_prep_read(sqe, in->job.fd, read_buffer(&in->job, slot), (unsigned)in->job.size,
                       read_offset(&in->job));
    sqe->user_data = slot;
    return 0;
}

static int fill_fixed(reader *in, uint64_t slot)
{
    struct io_uring_sqe *sqe = uring_sqe(&in->ring);
    if (sqe == NULL)
        return -1;
    io_uring_prep_read_fixed(sqe, 0, read_buffer(&in->job, slot), (unsigned)in->job.size,
                             read_offset(&in->job), (int)slot);
    sqe->flags |= IOSQE_FIXED_FILE;
    sqe->user_data = slot;
    return 0;
}

/* Counts a turn's completions and fills their slots again. */
static inline int reap(reader *in, fill_slot *fill)
{
    unsigned head, seen = 0;
    struct io_uring_cqe *cqe;
    io_uring_for_each_cqe(&in->ring, head, cqe)
    {
        seen++;
        if (read_count(&in->job, cqe->res) != 0)
            return -1;
        if (in->job.is_over)
            in->in_flight--;
        else if (fill(in, cqe->user_data) != 0)
            return -1;
    }
    io_uring_cq_advance(&in->ring, seen);
    return 0;
}

static inline int read_all(reader *in, fill_slot *fill)
{
    read_start(&in->job);
    for (uint64_t slot = 0; slot < in->job.depth; slot++, in->in_flight++)
        if (fill(in, slot) != 0)
            return -1;
    while (in->in_flight > 0)
        if (uring_turn(&in->ring) != 0 || reap(in, fill) != 0)
            return -1;
    read_stop(&in->job);
    return 0;
}

static int open_reader(reader *in, const options *given)
{
    if (read_open(&in->job, given) != 0)
        return -1;
    return uring_open(&in->ring, uring_entries(given->depth, 64, 4096),
                      uring_entries(given->depth * 2, 128, 8192));
}

/* Every buffer is registered by itself: the kernel then need not look for the place in it. */
static int register_all(reader *in)
{
    struct iovec *buffers = calloc(in->job.depth, sizeof *buffers);
    if (buffers == NULL)
        return fail("no memory to register buffers");
    for (uint64_t slot = 0; slot < in->job.depth; slot++)
        buffers[slot] = (struct iovec){read_buffer(&in->job, slot), in->job.size};
    int error = io_uring_register_buffers(&in->ring, buffers, (unsigned)in->job.depth);
    free(buffers);
    if (error != 0)
        return fail_call("registering buffers (ulimit -l bounds them)", error);
    error = io_uring_register_files(&in->ring, &in->job.fd, 1);
    return error == 0 ? 0 : fail_call("registering the file", error);
}

int read_run_liburing(const options *given, sample *out)
{
    reader in = {0};
    if (open_reader(&in, given) != 0 || read_all(&in, fill_plain) != 0)
        return -1;
    return read_close(&in.job, out);
}

int read_run_liburing_registered(const options *given, sample *out)
{
    reader in = {0};
    if (open_reader(&in, given) != 0 || register_all(&in) != 0 || read_all(&in, fill_fixed) != 0)
        return -1;
    return read_close(&in.job, out);
}
