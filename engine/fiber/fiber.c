/* The outermost frame of fibers, where the processor has assembly for it. */
#include <fiber/fiber.h>

#if defined(WHORL_SWITCH_UCONTEXT)
typedef int fiber_needs_no_start;
#else
FIBER_START;
#endif
