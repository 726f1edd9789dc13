/*
 * Entering the kernel for a ring.
 *
 * On x86-64 by an entry of our own. A processor predicts where a `ret` goes by a stack of the calls
 * before it, and what the kernel leaves there sends the first `ret` after a system call astray,
 * which costs up to 200 ns (AMD EPYC, a virtual machine, Linux 6.18: as long as half a NOP through
 * the ring). So the entry makes a few calls that go nowhere and never return, one for each function
 * between it and the task that goes on: whoever returns next meets those. Fewer than 6 were of no
 * use there, 8 to 16 equally good.
 *
 * With a shadow stack calls must return, and liburing's entry serves, as on other machines.
 */
#include <core/ring_backend.h>

#if defined(__x86_64__) && !defined(__ILP32__) && !(defined(__CET__) && (__CET__ & 2))

#ifdef __GCC_HAVE_DWARF2_CFI_ASM
#define CALLED(bytes) ".cfi_adjust_cfa_offset " bytes "\n\t"
#else
#define CALLED(bytes)
#endif

/* The arguments are where io_uring_enter(2) expects them, but for the fourth. 426 is its number. */
__attribute__((naked, noinline)) int
ring_enter(__attribute__((unused)) unsigned fd, __attribute__((unused)) unsigned to_submit,
           __attribute__((unused)) unsigned wait_for, __attribute__((unused)) unsigned flags,
           __attribute__((unused)) const void *arg, __attribute__((unused)) size_t arg_size)
{
    __asm__("movq %rcx, %r10\n\t"
            "movl $426, %eax\n\t"
            "syscall\n\t"
            ".rept 12\n\t"
            "call 1f\n\t"
            "int3\n"
            "1:\n\t" CALLED("8") ".endr\n\t"
                                 "addq $96, %rsp\n\t" CALLED("-96") "ret");
}

#else

int ring_enter(unsigned fd, unsigned to_submit, unsigned wait_for, unsigned flags, const void *arg,
               size_t arg_size)
{
    return io_uring_enter2(fd, to_submit, wait_for, flags, (sigset_t *)arg, arg_size);
}

#endif
