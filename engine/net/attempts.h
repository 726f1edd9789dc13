/*
 * Ops that the kernel does not wait with as it should: each attempt is an op of its own, which does
 * not wait, and the waiting is another. Between two ops nothing is in flight that whoever closes
 * the descriptor would end: so before each there is a look whether it still means the socket, and
 * if it does not the call ends as what is in flight does then, with -ECANCELED.
 */
#ifndef NET_ATTEMPTS_H
#define NET_ATTEMPTS_H

#include <whorl/op.h>

/* Runs `op`, which does not wait, again and again while it gives -EAGAIN, and waits in between: for
 * these events of its socket; 0: none tells, and there is a look now and then, every 10 ms at the
 * latest. Its result, or -errno of the waiting. */
int run_by_attempts(const whorl_op *op, short events);

#endif
