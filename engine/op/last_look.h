/*
 * An accept that was cancelled, or whose time is up, looks at the queue once more.
 *
 * Of all that wait for a connection at one socket, in this loop, in others, and in other processes,
 * the kernel wakes one. Is that one cancelled just then, its wake is gone: the connection would
 * wait, and so would the others, until the next one comes. So an accept that ends without one asks
 * whether one is there; if it is, the op is submitted again, with a cancel right behind it. Either
 * it takes the connection, or somebody else has, and it asks again.
 */
#ifndef OP_LAST_LOOK_H
#define OP_LAST_LOOK_H

#include <op/op.h>

/* Whether it is to have one, though it would end with this verdict; then it is set up for that:
 * OP_LAST_LOOK, and no deadline. */
bool last_look_is_due(whorl_op *op, int32_t verdict);

#endif
