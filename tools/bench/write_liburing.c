/*
 * Writes by hand: `liburing`; `liburing-polled`, on a polled ring; `liburing-prealloc`, with room
 * made for the file first. Every slot has one piece in flight and takes the next when it is done;
 * then one fsync. user_data is the slot.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "fail.h"
#include "uring.h"
#include "write.h"

typedef struct writer {
    write_job job;
    struct io_uring ring;
    uint64_t *pieces; /* in flight, by slot */
    uint64_t in_flight;
} writer;

static int fill_slot(writer *in, uint64_t slot)
{
    struct io_uring_sqe *sqe = uring_sqe(&in->ring);
    if (sqe == NULL)
        return -1;
    uint64_t piece = in->job.next++;
    in->pieces[slot] = piece;
    io_uring_prep_write(sqe, in->job.fd, write_fill(&in->job, slot, piece),
                        (unsigned)write_length(&in->job, piece), piece * in->job.size);
    sqe->user_data = slot;
    return 0;
}

static int reap(writer *in)
{
    unsigned head, seen = 0;
    struct io_uring_cqe *cqe;
    io_uring_for_each_cqe(&in->ring, head, cqe)
    {
        seen++;
        if (write_check(&in->job, in->pieces[cqe->user_data], cqe->res) != 0)
            return -1;
        if (in->job.next >= in->job.pieces)
            in->in_flight--;
        else if (fill_slot(in, cqe->user_data) != 0)
            return -1;
    }
    io_uring_cq_advance(&in->ring, seen);
    return 0;
}

static int sync_file(writer *in)
{
    struct io_uring_sqe *sqe = uring_sqe(&in->ring);
    if (sqe == NULL)
        return -1;
    io_uring_prep_fsync(sqe, in->job.fd, 0);
    struct io_uring_cqe *cqe = NULL;
    while (io_uring_peek_cqe(&in->ring, &cqe) != 0)
        if (uring_turn(&in->ring) != 0)
            return -1;
    int result = cqe->res;
    io_uring_cqe_seen(&in->ring, cqe);
    return result == 0 ? 0 : fail_call("the fsync", result);
}

static int write_pieces(writer *in)
{
    for (uint64_t slot = 0; slot < in->job.depth && in->job.next < in->job.pieces; slot++) {
        if (fill_slot(in, slot) != 0)
            return -1;
        in->in_flight++;
    }
    while (in->in_flight > 0)
        if (uring_turn(&in->ring) != 0 || reap(in) != 0)
            return -1;
    return 0;
}

static int open_writer(writer *in, const options *given)
{
    in->pieces = calloc(given->depth, sizeof *in->pieces);
    if (in->pieces == NULL)
        return fail("no memory for %llu writes", (unsigned long long)given->depth);
    return write_open(&in->job, given);
}

static unsigned entries_for(const options *given)
{
    return uring_entries(given->depth, 64, 4096);
}

static unsigned completions_for(const options *given)
{
    return uring_entries(given->depth * 2, 128, 8192);
}

static int run(const options *given, write_room *make_room, sample *out)
{
    writer in = {0};
    if (open_writer(&in, given) != 0 ||
        uring_open(&in.ring, entries_for(given), completions_for(given)) != 0)
        return -1;
    write_start(&in.job);
    if (make_room(&in.job) != 0 || write_pieces(&in) != 0 || sync_file(&in) != 0)
        return -1;
    write_stop(&in.job);
    return write_close(&in.job, out);
}

int write_run_liburing(const options *given, sample *out)
{
    return run(given, write_room_none, out);
}

int write_run_liburing_prealloc(const options *given, sample *out)
{
    return run(given, write_room_whole, out);
}

/* A polled ring takes no fsync. */
int write_run_liburing_polled(const options *given, sample *out)
{
    writer in = {0};
    if (open_writer(&in, given) != 0 ||
        uring_open_polled(&in.ring, entries_for(given), completions_for(given)) != 0)
        return -1;
    write_start(&in.job);
    if (write_pieces(&in) != 0)
        return -1;
    if (fsync(in.job.fd) != 0)
        return fail_call("the fsync", errno);
    write_stop(&in.job);
    return write_close(&in.job, out);
}
