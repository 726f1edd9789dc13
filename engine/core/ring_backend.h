/* What the parts of the ring room share: liburing's struct, and the kernel's opcodes. */
#ifndef CORE_RING_BACKEND_H
#define CORE_RING_BACKEND_H

#include <core/ring_compat.h>

struct ring_backend {
    struct io_uring uring;
    unsigned workers_before[2]; /* the thread's bounds before this ring; 0: not known */
};

/* The kernel's number for an operation of the table. */
unsigned ring_kernel_opcode(unsigned code);

#endif
