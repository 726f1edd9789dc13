/*
 * Calls that go nowhere and never return, one for each function between the system call and the
 * task that goes on: whoever returns next meets those; see ring_enter.h. Fewer than 6 were of no
 * use there, 8 to 16 equally good.
 */
#include <core/ring_enter.h>

#if defined(__x86_64__) && !defined(__ILP32__) && !(defined(__CET__) && (__CET__ & 2))

#ifdef __GCC_HAVE_DWARF2_CFI_ASM
#define CALLED(bytes) ".cfi_adjust_cfa_offset " bytes "\n\t"
#else
#define CALLED(bytes)
#endif

__attribute__((naked, noinline)) void ring_settle_returns(void)
{
    __asm__(".rept 12\n\t"
            "call 1f\n\t"
            "int3\n"
            "1:\n\t" CALLED("8") ".endr\n\t"
                                 "addq $96, %rsp\n\t" CALLED("-96") "ret");
}

#endif
