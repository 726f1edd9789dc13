/*
 * What the programs that script the kernel share: descriptors, steps of scripts, and a run with the
 * fake's slate wiped clean.
 */
#ifndef TESTS_OP_FAULTS_H
#define TESTS_OP_FAULTS_H

#include "op/fake_ring.h"
#include "support.h"

#include <errno.h>

enum { LINE = 1, OTHER, THIRD };

/* Ends of ops. */
#define STAYS ((struct fake_end){.turns = FAKE_NEVER})
#define ARRIVES ((struct fake_end){.turns = 1, .result = 1})
#define INTERRUPTED ((struct fake_end){.turns = 1, .result = -EINTR})

/* Answers to cancels. */
#define MISSED ((struct fake_answer){.result = -ENOENT})
#define BUSY ((struct fake_answer){.result = -EALREADY})
#define FOUND ((struct fake_answer){.effect = FAKE_OP_FIRST, .op.result = -ECANCELED})

static char byte; /* what readers read into; the fake writes an x */

static inline void play_with(const whorl_config *config, whorl_fn *fn, void *arg)
{
    fake_reset();
    byte = 0;
    run_checks_with(config, fn, arg);
}

static inline void play(whorl_fn *fn)
{
    play_with(NULL, fn, NULL);
}

static inline whorl_op reader_within(int fd, int64_t timeout)
{
    whorl_op op = whorl_op_recv(fd, &byte, 1, 0);
    op.timeout = timeout;
    return op;
}

static inline whorl_op reader(int fd)
{
    return reader_within(fd, WHORL_FOREVER);
}

/* The result; by then the kernel must be done with the op's memory. */
static inline int await_owned(whorl_op *op)
{
    int result = whorl_op_await(op);
    check_equal(fake_owed(op->fd), 0);
    return result;
}

static inline void miss_before_found(int fd, unsigned misses)
{
    fake_cancel(fd, misses, MISSED);
    fake_cancel(fd, 1, FOUND);
}

#endif
