/*
 * The rings of the hand-written baselines: the same setup as whorl's own, through liburing.
 *
 * Debian 12's liburing 2.3 lacks newer constants; those in use are defined here.
 */
#ifndef BENCH_URING_H
#define BENCH_URING_H

#include <liburing.h>

#ifndef IORING_SETUP_NO_SQARRAY
#define IORING_SETUP_NO_SQARRAY (1U << 16) /* Linux 6.6 */
#endif

/* Least power of two that is >= n, kept within low and high, powers of two themselves. */
unsigned uring_entries(uint64_t n, unsigned low, unsigned high);

/* Sets up a ring: SINGLE_ISSUER, DEFER_TASKRUN, SUBMIT_ALL, CQSIZE, CLAMP,
 * TASKRUN_FLAG, NO_SQARRAY and a registered ring descriptor; without those that the kernel lacks,
 * COOP_TASKRUN in place of DEFER_TASKRUN. Where there is no memory for `entries` and `completions`,
 * powers of two, the ring has fewer. The calling thread is the one that submits. 0, or -1 with a
 * sentence. The ring lives until the process ends. */
int uring_open(struct io_uring *ring, unsigned entries, unsigned completions);

/* The same for a polled ring (IORING_SETUP_IOPOLL), which takes reads and writes of files that are
 * open with O_DIRECT and nothing else, and looks for their ends in place of being told. */
int uring_open_polled(struct io_uring *ring, unsigned entries, unsigned completions);

/* A free submission entry; submits what is filled when there is none. NULL, with a sentence, when
 * the kernel takes none. */
struct io_uring_sqe *uring_sqe(struct io_uring *ring);

/* Submits, waits for at least one completion, runs deferred work. 0, or -1 with a sentence. */
int uring_turn(struct io_uring *ring);

#endif
