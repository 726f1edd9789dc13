/* The table of operations: what the kernel has for each, since when,
 * and what is done without it. */
#ifndef WHORL_OPERATIONS_H
#define WHORL_OPERATIONS_H

#include <stddef.h>
#include <whorl/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One operation; strings are static. */
typedef struct whorl_operation_info {
    const char *name;     /* that of the op (whorl_op_name), or of the system call on a thread */
    const char *opcode;   /* io_uring's, such as "IORING_OP_READ"; NULL: it has none, and a thread
                             makes the system call (thread.h) */
    const char *kernel;   /* the Linux that brought the opcode, or the system call: "6.9" */
    const char *fallback; /* what is done where the kernel lacks the opcode; NULL: each kernel that
                             whorl runs on (5.19 and later) has it */
    const char *calls;    /* the calls that come to it, without their whorl_, parted by spaces; "":
                             only an op does */
} whorl_operation_info;

/* The operation at `index` of the table; NULL behind its last. Those of io_uring come first.
 * From: any thread. */
WHORL_API const whorl_operation_info *whorl_operation(size_t index);

/* Whether the operation is at hand, 1 or 0 (then its fallback is). Inside a task: to its loop, as
 * its configuration has it. Outside: to a loop of default configuration, by setting up a small ring
 * and closing it. What a thread does always is.
 * From: anywhere.
 *   -EINVAL  there is none at `index`
 *   else     outside a task: those of whorl_run's setup, without its sentences */
WHORL_API int whorl_has_operation(size_t index);

#ifdef __cplusplus
}
#endif

#endif
