/*
 * The switch between two stacks by the C library's ucontext, for processors without assembly here.
 * Each switch costs two system calls for the signal mask: ucontext would keep one a stack, and here
 * it is the thread's.
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
};

static inline void registers_switch(struct registers *from, struct registers *to)
{
    pthread_sigmask(SIG_BLOCK, NULL, &to->context.uc_sigmask);
    swapcontext(&from->context, &to->context);
}

/* makecontext passes ints alone: a pointer travels in two halves. */
static void registers_start(unsigned high, unsigned low)
{
    struct registers *self = (struct registers *)((uintptr_t)((uint64_t)high << 32 | low));
    self->entry(self->arg);
    __builtin_trap();
}

static inline void registers_init(struct registers *self, void *bottom, void *top,
                                  void (*entry)(void *), void *arg)
{
    getcontext(&self->context);
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
