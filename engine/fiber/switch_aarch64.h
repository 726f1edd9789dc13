/*
 * The switch between two stacks, on aarch64: as on x86-64, inline, with every register declared
 * lost but those that cannot be (x19, which some compilers keep for the frame's base, and x29).
 * FPCR is the one floating-point control word.
 */
#ifndef FIBER_SWITCH_AARCH64_H
#define FIBER_SWITCH_AARCH64_H

#include <stdint.h>

extern char fiber_start[];

struct registers {
    void *sp;
    void *pc;
    void *x29;
    void *x19;
    uint64_t fpcr;
};

_Static_assert(offsetof(struct registers, fpcr) == 32, "the assembly below counts on it");

static inline __attribute__((always_inline)) void registers_switch(struct registers *from_,
                                                                   struct registers *to_)
{
    register struct registers *from __asm__("x0") = from_;
    register struct registers *to __asm__("x1") = to_;
    __asm__ volatile("adr x9, 1f\n\t"
                     "mov x10, sp\n\t"
                     "stp x10, x9, [x0]\n\t"
                     "stp x29, x19, [x0, #16]\n\t"
                     "mrs x11, fpcr\n\t"
                     "str x11, [x0, #32]\n\t"
                     "ldr x12, [x1, #32]\n\t"
                     "cmp x11, x12\n\t"
                     "b.eq 2f\n\t"
                     "msr fpcr, x12\n"
                     "2:\n\t"
                     "ldp x10, x16, [x1]\n\t"
                     "ldp x29, x19, [x1, #16]\n\t"
                     "mov sp, x10\n\t"
                     "br x16\n"
                     "1:\n\t"
                     "hint #36\n\t" /* bti j, where branch targets are checked */
                     : "+r"(from), "+r"(to)
                     :
                     : "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13",
                       "x14", "x15", "x16", "x17", "x18", "x20", "x21", "x22", "x23", "x24", "x25",
                       "x26", "x27", "x28", "x30", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7",
                       "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18",
                       "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29",
                       "v30", "v31", "memory", "cc");
}

/* Reads the floating-point control word of the running thread. */
static inline void registers_read_control(struct registers *self)
{
    __asm__ volatile("mrs %0, fpcr" : "=r"(self->fpcr));
}

/* Makes `self` start at fiber_start, which goes on to `entry` with `arg`, from x19; control word as
 * `model` has. */
static inline void registers_init(struct registers *self, void *top, void (*entry)(void *),
                                  void *arg, const struct registers *model)
{
    void **sp = (void **)((uintptr_t)top & ~(uintptr_t)15) - 2;
    sp[0] = (void *)entry;
    sp[1] = NULL;
    self->sp = sp;
    self->pc = fiber_start;
    self->x29 = NULL;
    self->x19 = arg;
    self->fpcr = model->fpcr;
}

/* Where every fiber starts; as on x86-64, the entry function is jumped to, with a return address at
 * the end of this one, whose own is declared undefined. */
#define FIBER_START                                                                                \
    __asm__(".text\n"                                                                              \
            ".p2align 4\n"                                                                         \
            ".hidden fiber_start\n"                                                                \
            ".globl fiber_start\n"                                                                 \
            ".type fiber_start, %function\n"                                                       \
            "fiber_start:\n\t"                                                                     \
            ".cfi_startproc\n\t"                                                                   \
            ".cfi_undefined x30\n\t"                                                               \
            "hint #36\n\t"                                                                         \
            "mov x0, x19\n\t"                                                                      \
            "ldr x16, [sp], #16\n\t"                                                               \
            "mov x29, xzr\n\t"                                                                     \
            "adr x30, 1f\n\t"                                                                      \
            "br x16\n"                                                                             \
            "1:\n\t"                                                                               \
            "brk #1\n\t"                                                                           \
            ".cfi_endproc\n\t"                                                                     \
            ".size fiber_start, .-fiber_start\n")

#endif
