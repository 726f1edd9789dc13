/*
 * The switch between two stacks by the C library's ucontext, for processors without assembly here.
 *
 * ucontext keeps a signal mask for each stack, and here it is the thread's. So a context that is
 * stopped holds one that blocks everything, and whoever arrives takes over the mask of the one that
 * was left: two system calls a switch. All of it happens on arrival, as the stack that is left may
 * be in use by the kernel up to the frame that leaves it: the call of swapcontext itself is the
 * only one made there.
 */
#ifndef FIBER_SWITCH_UCONTEXT_H
#define FIBER_SWITCH_UCONTEXT_H

#include <signal.h>
#include <stdint.h>
#include <ucontext.h>

struct registers {
    ucontext_t context;
    void (*entry)(void *);
    void *arg;
    struct registers *left; /* in favour of this one, when it went on last */
};

static inline void registers_arrive(const struct registers *self)
{
    sigset_t *mask = &self->left->context.uc_sigmask;
    pthread_sigmask(SIG_SETMASK, mask, NULL);
    sigfillset(mask);
}

static inline __attribute__((always_inline)) void registers_switch(struct registers *from,
                                                                   struct registers *to)
{
    to->left = from;
    swapcontext(&from->context, &to->context);
    registers_arrive(from);
}

/* makecontext passes ints alone: a pointer travels in two halves. */
static void registers_start(unsigned high, unsigned low)
{
    struct registers *self = (struct registers *)((uintptr_t)((uint64_t)high << 32 | low));
    registers_arrive(self);
    self->entry(self->arg);
    __builtin_trap();
}

static inline void registers_init(struct registers *self, void *bottom, void *top,
                                  void (*entry)(void *), void *arg)
{
    getcontext(&self->context);
    sigfillset(&self->context.uc_sigmask);
    self->context.uc_stack.ss_sp = bottom;
    self->context.uc_stack.ss_size = (size_t)((char *)top - (char *)bottom);
    self->context.uc_link = NULL;
    self->entry = entry;
    self->arg = arg;
    uint64_t address = (uintptr_t)self;
    makecontext(&self->context, (void (*)(void))registers_start, 2, (unsigned)(address >> 32),
                (unsigned)address);
}

#endif
