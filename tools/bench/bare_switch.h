/*
 * A plain switch between two stacks, as a measure and not as a lower bound: save the stack pointer,
 * the frame pointer and where to go on, load those of the other, jump. A context is loaded from
 * memory at each switch, as a scheduler must. Every other register is in the clobber list, so a
 * function saves those of them that it holds something in, and no more. An indirect jump and not
 * `ret`, whose prediction would be wrong each time. No floating-point control words, no signal
 * mask, no scheduler.
 */
#ifndef BENCH_BARE_SWITCH_H
#define BENCH_BARE_SWITCH_H

typedef struct bare_context {
    void *stack;
    void *where;
    void *frame;
} bare_context;

#if defined(__x86_64__)

#define BARE_SWITCH_EXISTS 1
/* A function entered by a jump finds the stack as after a call: 8 below a multiple of 16. */
#define BARE_ENTRY_OFFSET 8

static inline __attribute__((always_inline)) void bare_switch(bare_context *from,
                                                              const bare_context *to)
{
    __asm__ volatile("leaq 1f(%%rip), %%rax\n\t"
                     "movq %%rsp, 0(%0)\n\t"
                     "movq %%rax, 8(%0)\n\t"
                     "movq %%rbp, 16(%0)\n\t"
                     "movq 8(%1), %%rax\n\t"
                     "movq 16(%1), %%rbp\n\t"
                     "movq 0(%1), %%rsp\n\t"
                     "jmpq *%%rax\n"
                     "1:"
                     : "+D"(from), "+S"(to)
                     :
                     : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
                       "r15", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
                       "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15",
                       "memory", "cc");
}

#elif defined(__aarch64__)

#define BARE_SWITCH_EXISTS 1
#define BARE_ENTRY_OFFSET 0

static inline __attribute__((always_inline)) void bare_switch(bare_context *from,
                                                              const bare_context *to)
{
    register bare_context *source __asm__("x0") = from;
    register const bare_context *target __asm__("x1") = to;
    __asm__ volatile("adr x16, 1f\n\t"
                     "mov x17, sp\n\t"
                     "stp x17, x16, [%0]\n\t"
                     "str x29, [%0, #16]\n\t"
                     "ldp x17, x16, [%1]\n\t"
                     "ldr x29, [%1, #16]\n\t"
                     "mov sp, x17\n\t"
                     "br x16\n"
                     "1: hint #36" /* bti j, where branch targets are checked */
                     : "+r"(source), "+r"(target)
                     :
                     : "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13",
                       "x14", "x15", "x16", "x17", "x19", "x20", "x21", "x22", "x23", "x24", "x25",
                       "x26", "x27", "x28", "x30", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7",
                       "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18",
                       "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29",
                       "v30", "v31", "memory", "cc");
}

#endif

#endif
