/*
 * Registered buffers of the engine's own, for files with O_DIRECT: the kernel finds and pins the
 * pages of a buffer once, and not at each op.
 *
 * The ring has one table of buffers, where the program's come first:
 *
 *     [ the program's, if it has registered any ][ OWN_BUFFERS slots of the engine's ]
 *
 * It is made when somebody needs it, and anew when the program registers or unregisters: so the
 * program finds all slots free, and all of RLIMIT_MEMLOCK but for what ops in flight use. A buffer
 * of the engine's gets its slot when an op asks for it, and keeps it until the table goes,
 * or the buffer.
 *
 * Nobody relies on one. Where there is no slot, or the kernel refuses, the op goes the plain way.
 * Where the table was made anew before the kernel has looked into it for an op, the slot is empty
 * or another buffer's by then: the op gives -EFAULT, had no effect, and is to go the plain way.
 */
#ifndef OP_OWN_BUFFERS_H
#define OP_OWN_BUFFERS_H

#include <core/loop.h>

#define OWN_BUFFERS 64

/* The index of a buffer, which is registered now if it is not. -1: it cannot be. */
int own_buffers_find(struct loop *loop, void *start, size_t len);

/* A buffer goes: gives back its slot, if it has one. Ops that use it must have ended. */
void own_buffers_drop(struct loop *loop, const void *start);

/* --- The program's --- */

/* Makes the table of the program's buffers, and of the engine's behind them. As
 * whorl_register_buffers. */
int own_buffers_share(struct loop *loop, const struct iovec *iov, unsigned n);

/* Gives the table back, the engine's part and the program's. -ENXIO: the program has none. */
int own_buffers_unshare(struct loop *loop);

#endif
