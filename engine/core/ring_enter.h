/*
 * Entering the kernel for a ring.
 *
 * A processor predicts where a `ret` goes by a stack of the calls before it, and after a system
 * call the first may go astray. So on x86-64 the entry is inline, and has none. On AMD's it costs
 * more still, up to 200 ns, for as many as follow (EPYC, a virtual machine, Linux 6.18: as long as
 * half a NOP through the ring): there ring_settle_returns comes after it. On Intel's (Xeon, a
 * virtual machine, the same kernel) that would cost 50 ns and win nothing.
 */
#ifndef CORE_RING_ENTER_H
#define CORE_RING_ENTER_H

#include <core/ring_compat.h>

#if defined(__x86_64__) && !defined(__ILP32__)

#if defined(__CET__) && (__CET__ & 2)
/* With a shadow stack calls must return. */
static inline void ring_settle_returns(void)
{
}
#else
void ring_settle_returns(void);
#endif

/* io_uring_enter(2): what it returns, or -errno. 426 is its number. */
static inline __attribute__((always_inline)) int ring_enter(unsigned fd, unsigned to_submit,
                                                            unsigned wait_for, unsigned flags,
                                                            const void *arg, size_t arg_size)
{
    register long fourth __asm__("r10") = flags;
    register const void *fifth __asm__("r8") = arg;
    register size_t sixth __asm__("r9") = arg_size;
    long result = 426;
    __asm__ volatile("syscall"
                     : "+a"(result)
                     : "D"((long)fd), "S"((long)to_submit), "d"((long)wait_for), "r"(fourth),
                       "r"(fifth), "r"(sixth)
                     : "rcx", "r11", "memory", "cc");
    if (__builtin_cpu_is("amd"))
        ring_settle_returns();
    return (int)result;
}

#else

static inline int ring_enter(unsigned fd, unsigned to_submit, unsigned wait_for, unsigned flags,
                             const void *arg, size_t arg_size)
{
    return io_uring_enter2(fd, to_submit, wait_for, flags, (sigset_t *)arg, arg_size);
}

#endif

#endif
