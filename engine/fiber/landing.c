/* Calls that can be ended from a signal handler: see landing.h. Each processor's frame is written
 * out above its code; landing_point is reached by a diversion alone. */
#include <fiber/landing.h>
#include <stddef.h>
#include <ucontext.h>

#if LANDING_IS_POSSIBLE
extern char landing_point[];
#endif

#if defined(__x86_64__) && defined(__LP64__)

#define DIRECTION_FLAG 0x400

/* From sp: mxcsr, x87 control word, r15, r14, r13, r12, rbx, rbp, return address. */
__asm__(".text\n"
        ".p2align 4\n"
        ".hidden landing_call\n"
        ".globl landing_call\n"
        ".type landing_call, @function\n"
        "landing_call:\n\t"
        ".cfi_startproc\n\t"
        "endbr64\n\t"
        "pushq %rbp\n\t"
        ".cfi_adjust_cfa_offset 8\n\t"
        ".cfi_rel_offset %rbp, 0\n\t"
        "pushq %rbx\n\t"
        ".cfi_adjust_cfa_offset 8\n\t"
        ".cfi_rel_offset %rbx, 0\n\t"
        "pushq %r12\n\t"
        ".cfi_adjust_cfa_offset 8\n\t"
        ".cfi_rel_offset %r12, 0\n\t"
        "pushq %r13\n\t"
        ".cfi_adjust_cfa_offset 8\n\t"
        ".cfi_rel_offset %r13, 0\n\t"
        "pushq %r14\n\t"
        ".cfi_adjust_cfa_offset 8\n\t"
        ".cfi_rel_offset %r14, 0\n\t"
        "pushq %r15\n\t"
        ".cfi_adjust_cfa_offset 8\n\t"
        ".cfi_rel_offset %r15, 0\n\t"
        "subq $8, %rsp\n\t"
        ".cfi_adjust_cfa_offset 8\n\t"
        "stmxcsr (%rsp)\n\t"
        "fnstcw 4(%rsp)\n\t"
        "movq %rsp, (%rdi)\n\t"
        "movq %rdx, %rdi\n\t"
        "callq *%rsi\n"
        "1:\n\t"
        "addq $8, %rsp\n\t"
        ".cfi_remember_state\n\t"
        ".cfi_adjust_cfa_offset -8\n\t"
        "popq %r15\n\t"
        ".cfi_adjust_cfa_offset -8\n\t"
        ".cfi_restore %r15\n\t"
        "popq %r14\n\t"
        ".cfi_adjust_cfa_offset -8\n\t"
        ".cfi_restore %r14\n\t"
        "popq %r13\n\t"
        ".cfi_adjust_cfa_offset -8\n\t"
        ".cfi_restore %r13\n\t"
        "popq %r12\n\t"
        ".cfi_adjust_cfa_offset -8\n\t"
        ".cfi_restore %r12\n\t"
        "popq %rbx\n\t"
        ".cfi_adjust_cfa_offset -8\n\t"
        ".cfi_restore %rbx\n\t"
        "popq %rbp\n\t"
        ".cfi_adjust_cfa_offset -8\n\t"
        ".cfi_restore %rbp\n\t"
        "retq\n"
        ".hidden landing_point\n"
        ".globl landing_point\n"
        "landing_point:\n\t"
        ".cfi_restore_state\n\t"
        "fninit\n\t" /* the function may have had values on the x87 stack */
        "fldcw 4(%rsp)\n\t"
        "ldmxcsr (%rsp)\n\t"
        "jmp 1b\n\t"
        ".cfi_endproc\n\t"
        ".size landing_call, .-landing_call\n");

void landing_divert(struct landing *self, void *context, intptr_t result)
{
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    self->diverted = true;
    registers[REG_RIP] = (greg_t)landing_point;
    registers[REG_RSP] = (greg_t)self->sp;
    registers[REG_RAX] = (greg_t)result;
    registers[REG_EFL] &= ~(greg_t)DIRECTION_FLAG;
}

const void *landing_place(const void *context)
{
    return (const void *)((const ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
}

#elif defined(__aarch64__)

#define BRANCH_TYPE 0xc00ull /* what the next instruction is checked for, in PSTATE */

/* From sp: x29, x30, x19 to x28, d8 to d15, fpcr, a gap. */
__asm__(".text\n"
        ".p2align 4\n"
        ".hidden landing_call\n"
        ".globl landing_call\n"
        ".type landing_call, %function\n"
        "landing_call:\n\t"
        ".cfi_startproc\n\t"
        "hint #34\n\t" /* bti c, where branch targets are checked */
        "stp x29, x30, [sp, #-176]!\n\t"
        ".cfi_def_cfa_offset 176\n\t"
        ".cfi_offset x29, -176\n\t"
        ".cfi_offset x30, -168\n\t"
        "mov x29, sp\n\t"
        "stp x19, x20, [sp, #16]\n\t"
        ".cfi_offset x19, -160\n\t"
        ".cfi_offset x20, -152\n\t"
        "stp x21, x22, [sp, #32]\n\t"
        ".cfi_offset x21, -144\n\t"
        ".cfi_offset x22, -136\n\t"
        "stp x23, x24, [sp, #48]\n\t"
        ".cfi_offset x23, -128\n\t"
        ".cfi_offset x24, -120\n\t"
        "stp x25, x26, [sp, #64]\n\t"
        ".cfi_offset x25, -112\n\t"
        ".cfi_offset x26, -104\n\t"
        "stp x27, x28, [sp, #80]\n\t"
        ".cfi_offset x27, -96\n\t"
        ".cfi_offset x28, -88\n\t"
        "stp d8, d9, [sp, #96]\n\t"
        "stp d10, d11, [sp, #112]\n\t"
        "stp d12, d13, [sp, #128]\n\t"
        "stp d14, d15, [sp, #144]\n\t"
        "mrs x9, fpcr\n\t"
        "str x9, [sp, #160]\n\t"
        "mov x10, sp\n\t"
        "str x10, [x0]\n\t"
        "mov x0, x2\n\t"
        "blr x1\n"
        "1:\n\t"
        "ldp d8, d9, [sp, #96]\n\t"
        "ldp d10, d11, [sp, #112]\n\t"
        "ldp d12, d13, [sp, #128]\n\t"
        "ldp d14, d15, [sp, #144]\n\t"
        "ldp x19, x20, [sp, #16]\n\t"
        "ldp x21, x22, [sp, #32]\n\t"
        "ldp x23, x24, [sp, #48]\n\t"
        "ldp x25, x26, [sp, #64]\n\t"
        "ldp x27, x28, [sp, #80]\n\t"
        ".cfi_remember_state\n\t"
        "ldp x29, x30, [sp], #176\n\t"
        ".cfi_restore x29\n\t"
        ".cfi_restore x30\n\t"
        ".cfi_def_cfa_offset 0\n\t"
        "ret\n"
        ".hidden landing_point\n"
        ".globl landing_point\n"
        "landing_point:\n\t"
        ".cfi_restore_state\n\t"
        "ldr x9, [sp, #160]\n\t"
        "msr fpcr, x9\n\t"
        "b 1b\n\t"
        ".cfi_endproc\n\t"
        ".size landing_call, .-landing_call\n");

void landing_divert(struct landing *self, void *context, intptr_t result)
{
    mcontext_t *registers = &((ucontext_t *)context)->uc_mcontext;
    self->diverted = true;
    registers->pc = (uintptr_t)landing_point;
    registers->sp = (uintptr_t)self->sp;
    registers->regs[0] = (uint64_t)result;
    registers->pstate &= ~BRANCH_TYPE;
}

const void *landing_place(const void *context)
{
    return (const void *)((const ucontext_t *)context)->uc_mcontext.pc;
}

#else

void landing_divert(struct landing *self, void *context, intptr_t result)
{
    (void)self;
    (void)context;
    (void)result;
    __builtin_trap();
}

const void *landing_place(const void *context)
{
    (void)context;
    return NULL;
}

#endif
