/*
 * Polls that end for what is asked.
 *
 *     once --ends for nothing--> for changes --something comes--> is ended --> ended
 *       '--something is there--> ended
 *
 * The kernel ends a poll at once for a peer that has sent its end (POLLRDHUP), asked for or not:
 * who waits for room to send to such a peer would ask again and again. So a poll that has ended for
 * that alone is submitted again, for changes: its first completion tells the same, and is passed
 * over, and the next ones come when the socket wakes who waits for it. When there is something, it
 * is kept as the op's result, and the op is cancelled.
 *
 * What lies in a socket's error queue ends each poll too. Where an attempt after that has met no
 * error, the next poll is one for changes from the first, and passes over that error as well
 * (RING_ROOM). Another that comes while it waits ends it.
 */
#ifndef OP_POLL_H
#define OP_POLL_H

#include <op/op.h>

/* Takes a completion of a poll. False: more come. True: it was the last, and *result is the op's;
 * -EINTR: the op is to be submitted again. */
bool poll_take(struct loop *loop, whorl_op *op, int32_t *result, unsigned marks);

#endif
