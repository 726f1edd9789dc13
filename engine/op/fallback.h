/* Operations that run on the loop's thread where the kernel has none for them. */
#ifndef OP_FALLBACK_H
#define OP_FALLBACK_H

#include <whorl/op.h>

typedef int op_fallback(const whorl_op *op);

/* Run the op; its result, or -errno. */
op_fallback fallback_ftruncate;
op_fallback fallback_bind;
op_fallback fallback_listen;

#endif
