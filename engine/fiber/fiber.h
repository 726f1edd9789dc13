/*
 * A fiber: a place to stop and go on, on a stack of its own.
 *
 * fiber_switch stops one and goes on with another; the sanitizers are told. A fiber is either
 * running (one a thread), stopped (its registers are kept here), or over. Nothing here knows of
 * tasks or loops. The thread's own stack is a fiber too, made by fiber_host.
 */
#ifndef FIBER_FIBER_H
#define FIBER_FIBER_H

#include <fiber/annotate.h>
#include <stddef.h>

#if defined(WHORL_SWITCH_UCONTEXT)
#include <fiber/switch_ucontext.h>
#elif defined(__x86_64__) && defined(__LP64__)
#include <fiber/switch_x86_64.h>
#elif defined(__aarch64__)
#include <fiber/switch_aarch64.h>
#else
#define WHORL_SWITCH_UCONTEXT 1
#include <fiber/switch_ucontext.h>
#endif

struct fiber {
    struct registers registers;
    struct annotation annotation;
};

typedef void fiber_entry(void *arg);

/* Lines from its stack pointer up, and below it. */
#define FIBER_PREFETCH_LINES 5
#define FIBER_PREFETCH_BELOW 2

/* Makes a fiber that will run entry(arg), which must never return, on the stack from bottom up to
 * top, with the floating-point control words that `host` had when it became a fiber. */
static inline void fiber_init(struct fiber *self, void *bottom, void *top, fiber_entry *entry,
                              void *arg, const struct fiber *host)
{
#if defined(WHORL_SWITCH_UCONTEXT)
    registers_init(&self->registers, bottom, top, entry, arg);
    (void)host;
#else
    registers_init(&self->registers, top, entry, arg, &host->registers);
#endif
    annotate_fiber(&self->annotation, bottom, (size_t)((char *)top - (char *)bottom));
}

/* Makes the running thread's own stack a fiber, to be switched from. */
static inline void fiber_host(struct fiber *self)
{
#if !defined(WHORL_SWITCH_UCONTEXT)
    registers_read_control(&self->registers);
#endif
    annotate_host(&self->annotation);
}

/* Begins to fetch what a stopped fiber will touch when it goes on: the innermost of its frames, and
 * those that its next calls put in their place, which may reach further. Stores that wait for their
 * lines do so one after the other, and hold up what comes behind them. */
static inline void fiber_prefetch(const struct fiber *self)
{
#if !defined(WHORL_SWITCH_UCONTEXT)
    const char *sp = self->registers.sp;
    for (int i = -FIBER_PREFETCH_BELOW; i < FIBER_PREFETCH_LINES; i++)
        __builtin_prefetch(sp + 64 * i, 1);
#else
    (void)self;
#endif
}

/* To be called first by an entry function; `host` as in annotate_arrive. */
static inline void fiber_arrive(struct fiber *self, struct fiber *host)
{
    annotate_arrive(&self->annotation, host ? &host->annotation : NULL);
}

/* Stops `from`, which is running, and goes on with `to`; returns when somebody switches back. */
static inline __attribute__((always_inline)) void fiber_switch(struct fiber *from, struct fiber *to)
{
    annotate_leave(&from->annotation, &to->annotation, DEPART_FOR_NOW);
    registers_switch(&from->registers, &to->registers);
    annotate_arrive(&from->annotation, NULL);
}

/* The thread's own stack, `host`, runs again, as a jump out of `from` has come back to it. What lay
 * above on either stack is not returned to. */
static inline __attribute__((always_inline)) void fiber_land(struct fiber *from, struct fiber *host)
{
    annotate_leave(&from->annotation, &host->annotation, DEPART_FOR_NOW);
    annotate_arrive(&host->annotation, NULL);
    annotate_host_memory(&host->annotation);
}

/* Ends `from` and goes on with `to`. Nothing switches back. */
static inline __attribute__((always_inline, noreturn)) void fiber_end(struct fiber *from,
                                                                      struct fiber *to)
{
    annotate_leave(&from->annotation, &to->annotation, DEPART_FOR_GOOD);
    registers_switch(&from->registers, &to->registers);
    __builtin_unreachable();
}

#endif
