/*
 * A call that can be ended from a signal handler: a landing.
 *
 * landing_call calls a function and notes where it would return to. Until it returns, a handler of
 * a signal that interrupted it on the same thread can have landing_divert change the interrupted
 * context, so that, when the handler returns, landing_call returns a result that the function did
 * not give. The frames between are dropped where they lie: nothing is unwound, and nothing is
 * written to them. What a callee saves, and the control words of floating point, are as they were.
 *
 * In assembly, as what lies in the frame of a C function that is returned to twice is the
 * compiler's. Nothing of it depends on how fibers are switched.
 */
#ifndef FIBER_LANDING_H
#define FIBER_LANDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if (defined(__x86_64__) && defined(__LP64__)) || defined(__aarch64__)
#define LANDING_IS_POSSIBLE 1
#else
#define LANDING_IS_POSSIBLE 0
#endif

struct landing {
    void *sp; /* set by landing_call; the frames of the function called lie below it */
    bool diverted;
};

/* fn(arg), and its result, or that which a diversion gave. */
#if LANDING_IS_POSSIBLE
intptr_t landing_call(struct landing *self, intptr_t (*fn)(void *), void *arg);
#else
static inline intptr_t landing_call(struct landing *self, intptr_t (*fn)(void *), void *arg)
{
    self->sp = NULL;
    return fn(arg);
}
#endif

/* In a handler: has the interrupted `context` (a ucontext_t) go on where landing_call returns
 * `result`. Only where it is possible. */
void landing_divert(struct landing *self, void *context, intptr_t result);

/* In a handler: the address of the interrupted instruction; NULL: unknown. */
const void *landing_place(const void *context);

#endif
