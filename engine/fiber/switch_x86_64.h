/*
 * The switch between two stacks, on x86-64.
 *
 * Inline, so that the compiler itself saves the few registers that are live: the assembly declares
 * every other one lost, and keeps by hand the two that cannot be declared (rbx, rbp) and the
 * floating-point control words, which the System V ABI gives to the callee. It jumps into the other
 * stack and never returns into it: a `ret` there would mispredict each time. Control words are
 * loaded without a look whether they differ, because that would cost more.
 */
#ifndef FIBER_SWITCH_X86_64_H
#define FIBER_SWITCH_X86_64_H

#include <stdint.h>

extern char fiber_start[];
extern char fiber_outermost[];

struct registers {
    void *sp;
    void *pc;
    void *bp;
    void *bx;
    uint32_t mxcsr;
    uint16_t x87_control;
};

_Static_assert(offsetof(struct registers, mxcsr) == 32, "the assembly below counts on it");
_Static_assert(offsetof(struct registers, x87_control) == 36, "the assembly below counts on it");

#ifdef __CET__
#define SWITCH_LANDING "endbr64\n\t"
#else
#define SWITCH_LANDING
#endif

#ifdef __AVX512F__
#define SWITCH_CLOBBER_AVX512                                                                      \
    , "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25",    \
        "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k1", "k2", "k3", "k4", "k5", "k6",  \
        "k7"
#else
#define SWITCH_CLOBBER_AVX512
#endif

static inline __attribute__((always_inline)) void registers_switch(struct registers *from,
                                                                   struct registers *to)
{
    __asm__ volatile("leaq 1f(%%rip), %%rax\n\t"
                     "movq %%rsp, 0(%%rdi)\n\t"
                     "movq %%rax, 8(%%rdi)\n\t"
                     "movq %%rbp, 16(%%rdi)\n\t"
                     "movq %%rbx, 24(%%rdi)\n\t"
                     "stmxcsr 32(%%rdi)\n\t"
                     "fnstcw 36(%%rdi)\n\t"
                     "ldmxcsr 32(%%rsi)\n\t"
                     "fldcw 36(%%rsi)\n\t"
                     "movq 0(%%rsi), %%rsp\n\t"
                     "movq 16(%%rsi), %%rbp\n\t"
                     "movq 24(%%rsi), %%rbx\n\t"
                     "jmpq *8(%%rsi)\n"
                     "1:\n\t" SWITCH_LANDING
                     : "+D"(from), "+S"(to)
                     :
                     : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
                       "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
                       "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
                       "xmm15" SWITCH_CLOBBER_AVX512, "memory", "cc");
}

/* Reads the floating-point control words of the running thread. */
static inline void registers_read_control(struct registers *self)
{
    __asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(self->mxcsr), "=m"(self->x87_control));
}

/* Makes `self` start at fiber_start, which goes on to `entry` with `arg`, from rbx; control words
 * as `model` has. */
static inline void registers_init(struct registers *self, void *top, void (*entry)(void *),
                                  void *arg, const struct registers *model)
{
    void **sp = (void **)((uintptr_t)top & ~(uintptr_t)15) - 3;
    sp[0] = fiber_outermost;
    sp[1] = (void *)entry;
    self->sp = sp;
    self->pc = fiber_start;
    self->bp = NULL;
    self->bx = arg;
    self->mxcsr = model->mxcsr;
    self->x87_control = model->x87_control;
}

/* Where every fiber starts. The entry function is jumped to, with a return address that was put on
 * its stack: a call that never returns would leave the processor's predictor of returns one off for
 * what follows. That address lies at the end of fiber_start, whose own return address is declared
 * undefined, so that debuggers end their walk here. */
#define FIBER_START                                                                                \
    __asm__(".text\n"                                                                              \
            ".p2align 4\n"                                                                         \
            ".hidden fiber_start\n"                                                                \
            ".globl fiber_start\n"                                                                 \
            ".type fiber_start, @function\n"                                                       \
            "fiber_start:\n\t"                                                                     \
            ".cfi_startproc\n\t"                                                                   \
            ".cfi_undefined rip\n\t" SWITCH_LANDING "movq %rbx, %rdi\n\t"                          \
            "jmpq *8(%rsp)\n"                                                                      \
            ".hidden fiber_outermost\n"                                                            \
            ".globl fiber_outermost\n"                                                             \
            "fiber_outermost:\n\t"                                                                 \
            "ud2\n\t"                                                                              \
            ".cfi_endproc\n\t"                                                                     \
            ".size fiber_start, .-fiber_start\n")

#endif
