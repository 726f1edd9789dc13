/*
 * A kernel of the test's own behind the ring's seam: it takes what is filled, and ends it when and
 * as the test has scripted. A program that links fake_ring.c and fake_kernel.c has no io_uring.
 *
 * Ops are told apart by their descriptor, a number below FAKE_DESCRIPTORS behind which nothing is
 * open. Unscripted, an op stays in flight (nops, closes and shutdowns end with 0 in the turn that
 * takes them), a cancel finds its op, and a deadline ends it when the clock reaches it. A script
 * is a row of steps: the first is for the descriptor's first submission (cancel, deadline), each
 * goes for `times` of them, and the last for all that follow.
 *
 * A turn is one ring_turn. What is due `turns` later comes in that turn; a turn that must wait
 * skips to the next in which something comes, or sleeps until a deadline. One that would wait
 * for ever, and any use of the seam that ring.h forbids, prints what is in flight and aborts.
 *
 * One ring at a time, used from one thread.
 */
#ifndef TESTS_OP_FAKE_RING_H
#define TESTS_OP_FAKE_RING_H

#include <stdbool.h>
#include <stdint.h>

#define FAKE_DESCRIPTORS 64
#define FAKE_NEVER (-1) /* turns: by itself it does not end */

/* Forgets all scripts and counts. Between runs. */
void fake_reset(void);

/* --- Scripts --- */

/* How an op ends: `turns` after it started, with `result`. */
struct fake_end {
    int turns;
    int32_t result;
};

void fake_op(int fd, unsigned times, struct fake_end end);

/* What a cancel that meets its op in flight does to it; where both end in the same turn, whose
 * completion comes first. */
enum fake_effect { FAKE_OP_STAYS, FAKE_OP_FIRST, FAKE_CANCEL_FIRST };

/* What such a cancel gives: `turns` after it was taken, `result`; the op ends as `op` says, in
 * place of what was due, unless it stays. */
struct fake_answer {
    int turns;
    int32_t result;
    enum fake_effect effect;
    struct fake_end op;
};

void fake_cancel(int fd, unsigned times, struct fake_answer answer);

enum fake_fate {
    FAKE_HITS,    /* in time, its op ends with -ECANCELED */
    FAKE_MISSES,  /* in time, but does not find its op, which stays */
    FAKE_REFUSED, /* its op and the chain never start; completes with -EINVAL, `turns` later */
};

void fake_deadline(int fd, unsigned times, enum fake_fate fate, int turns);

/* The next `turns` turns take nothing, and give -EAGAIN. */
void fake_refuse(unsigned turns);

/* Each turn takes no more than `most` submissions, but a chain whole; 0: all. */
void fake_take(unsigned most);

/* The next `turns` turns that would wait return at once, as after a signal. */
void fake_interrupt(unsigned turns);

/* --- From inside a task, meanwhile --- */

/* The one op in flight on `fd` is to end with `result` in the next turn. */
void fake_complete(int fd, int32_t result);

/* How many of `fd`'s submissions, cancels have been taken. */
unsigned fake_submissions(int fd);
unsigned fake_cancels(int fd);

/* How many completions of ops, cancels and deadlines of `fd` are owed, or wait to be reaped. */
unsigned fake_owed(int fd);

/* When the deadline of `fd` that was taken last is due. */
int64_t fake_deadline_time(int fd);

/* How many deadlines of `fd` have been reaped. */
unsigned fake_deadlines_reaped(int fd);

/* How many closes of `fd` were taken while anything else of it was owed. */
unsigned fake_early_closes(int fd);

/* How many turns gave -EAGAIN, or returned early, as scripted. */
unsigned fake_refusals(void);
unsigned fake_interruptions(void);

#endif
