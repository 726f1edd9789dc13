/*
 * What a task keeps over a switch: floating-point control words, which are its own; callee-saved
 * registers; and floating-point values.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <fenv.h>
#include <string.h>

enum { TASKS = 50, ROUNDS = 200 };

static const int directions[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};

/* 1/3 in the direction that holds now; the compiler must not know the operands. */
static double third(void)
{
    volatile double one = 1.0;
    volatile double three = 3.0;

    return one / three;
}

static intptr_t keep_my_rounding(void *arg)
{
    int direction = directions[(intptr_t)arg % (intptr_t)count_of(directions)];
    double expected;

    check_equal(fesetround(direction), 0);
    expected = third();
    for (int i = 0; i < ROUNDS; i++) {
        check_equal(i % 20 == 0 ? whorl_sleep(1000) : whorl_yield(), 0);
        check_equal(fegetround(), direction);
        check(third() == expected);
    }
    return 0;
}

static intptr_t round_in_many_tasks(void *arg)
{
    whorl_task *tasks[TASKS];
    double near = third();

    (void)arg;
    check_equal(fegetround(), FE_TONEAREST);
    for (intptr_t i = 0; i < TASKS; i++)
        tasks[i] = whorl_spawn(keep_my_rounding, (void *)i);
    for (int i = 0; i < TASKS; i++) {
        check_equal(whorl_join(tasks[i]), 0);
        check_equal(fegetround(), FE_TONEAREST);
        check(third() == near);
    }
    return 0;
}

static void each_task_keeps_its_rounding_direction(void **state)
{
    (void)state;
    run_checks(round_in_many_tasks, NULL);
    assert_int_equal(fegetround(), FE_TONEAREST);
}

static intptr_t leave_a_changed_rounding(void *arg)
{
    check_equal(fesetround(FE_UPWARD), 0);
    return (intptr_t)arg;
}

static void a_main_tasks_rounding_does_not_leave_the_run(void **state)
{
    (void)state;
    run_checks(leave_a_changed_rounding, NULL);
    assert_int_equal(fegetround(), FE_TONEAREST);
}

#if defined(__x86_64__)

static uint16_t x87_control(void)
{
    uint16_t control;

    __asm__ volatile("fnstcw %0" : "=m"(control));
    return control;
}

static void set_x87_control(uint16_t control)
{
    __asm__ volatile("fldcw %0" : : "m"(control));
}

static uint32_t sse_control(void)
{
    uint32_t control;

    __asm__ volatile("stmxcsr %0" : "=m"(control));
    return control & ~UINT32_C(0x3f); /* without the status bits */
}

static void set_sse_control(uint32_t control)
{
    __asm__ volatile("ldmxcsr %0" : : "m"(control));
}

/* x87: precision in bits 8 and 9, rounding in 10 and 11. SSE: flush to zero 15, denormals 6. */
static intptr_t keep_my_control_words(void *arg)
{
    unsigned index = (unsigned)(intptr_t)arg;
    uint16_t x87 = (uint16_t)((0x37f & ~0xf00) | (index % 4 == 1 ? 0x200 : index % 4 << 8) |
                              (index / 4 % 4) << 10);
    uint32_t sse = 0x1f80 | (index & 1 ? 0x8000u : 0) | (index & 2 ? 0x40u : 0);

    set_x87_control(x87);
    set_sse_control(sse);
    for (int i = 0; i < ROUNDS; i++) {
        check_equal(i % 20 == 0 ? whorl_sleep(1000) : whorl_yield(), 0);
        check_equal(x87_control(), x87);
        check_equal(sse_control(), sse);
    }
    return 0;
}

static intptr_t control_in_many_tasks(void *arg)
{
    whorl_task *tasks[TASKS];
    uint16_t x87 = x87_control();
    uint32_t sse = sse_control();

    (void)arg;
    for (intptr_t i = 0; i < TASKS; i++)
        tasks[i] = whorl_spawn(keep_my_control_words, (void *)i);
    for (int i = 0; i < TASKS; i++) {
        check_equal(whorl_join(tasks[i]), 0);
        check_equal(x87_control(), x87);
        check_equal(sse_control(), sse);
    }
    return 0;
}

static void each_task_keeps_its_control_words(void **state)
{
    (void)state;
    run_checks(control_in_many_tasks, NULL);
}

/* Fills the registers that a callee must keep with seed, seed + 1, ..., calls whorl_yield, and
 * returns the sum of the differences that it finds, each shifted so that none cancels another. */
uint64_t registers_kept_over(int (*call)(void), uint64_t seed);
__asm__(".text\n"
        ".p2align 4\n"
        ".type registers_kept_over, @function\n"
        "registers_kept_over:\n\t"
        ".cfi_startproc\n\t"
        "pushq %rbx\n\t"
        "pushq %rbp\n\t"
        "pushq %r12\n\t"
        "pushq %r13\n\t"
        "pushq %r14\n\t"
        "pushq %r15\n\t"
        "pushq %rsi\n\t" /* seven pushes: the stack is aligned for the call */
        ".cfi_adjust_cfa_offset 56\n\t"
        "movq %rsi, %rbx\n\t"
        "leaq 1(%rsi), %rbp\n\t"
        "leaq 2(%rsi), %r12\n\t"
        "leaq 3(%rsi), %r13\n\t"
        "leaq 4(%rsi), %r14\n\t"
        "leaq 5(%rsi), %r15\n\t"
        "callq *%rdi\n\t"
        "popq %rsi\n\t"
        ".cfi_adjust_cfa_offset -8\n\t"
        "xorq %rsi, %rbx\n\t"
        "leaq 1(%rsi), %rax\n\t"
        "xorq %rax, %rbp\n\t"
        "leaq 2(%rsi), %rax\n\t"
        "xorq %rax, %r12\n\t"
        "leaq 3(%rsi), %rax\n\t"
        "xorq %rax, %r13\n\t"
        "leaq 4(%rsi), %rax\n\t"
        "xorq %rax, %r14\n\t"
        "leaq 5(%rsi), %rax\n\t"
        "xorq %rax, %r15\n\t"
        "movq %rbx, %rax\n\t"
        "orq %rbp, %rax\n\t"
        "orq %r12, %rax\n\t"
        "orq %r13, %rax\n\t"
        "orq %r14, %rax\n\t"
        "orq %r15, %rax\n\t"
        "popq %r15\n\t"
        "popq %r14\n\t"
        "popq %r13\n\t"
        "popq %r12\n\t"
        "popq %rbp\n\t"
        "popq %rbx\n\t"
        ".cfi_adjust_cfa_offset -48\n\t"
        "retq\n\t"
        ".cfi_endproc\n\t"
        ".size registers_kept_over, .-registers_kept_over\n");

static int sleep_a_little(void)
{
    return whorl_sleep(100);
}

static int await_a_nop(void)
{
    whorl_op op = whorl_op_nop();

    return whorl_op_await(&op);
}

static intptr_t keep_my_registers(void *arg)
{
    static int (*const calls[])(void) = {whorl_yield, sleep_a_little, await_a_nop};
    uint64_t seed = UINT64_C(0x0101010101010101) * (uint64_t)(intptr_t)arg;

    for (int i = 0; i < ROUNDS; i++)
        check_equal(registers_kept_over(calls[i % 3], seed + (uint64_t)i * 7), 0);
    return 0;
}

static intptr_t registers_in_many_tasks(void *arg)
{
    whorl_task *tasks[TASKS];

    (void)arg;
    for (intptr_t i = 0; i < TASKS; i++)
        tasks[i] = whorl_spawn(keep_my_registers, (void *)i);
    for (int i = 0; i < TASKS; i++)
        check_equal(whorl_join(tasks[i]), 0);
    return 0;
}

static void each_task_keeps_its_callee_saved_registers(void **state)
{
    (void)state;
    run_checks(registers_in_many_tasks, NULL);
}

#else

static void each_task_keeps_its_control_words(void **state)
{
    (void)state;
    skip_because("x87 and SSE control words are those of x86-64");
}

static void each_task_keeps_its_callee_saved_registers(void **state)
{
    (void)state;
    skip_because("the test's assembly is for x86-64");
}

#endif

/* More live values than there are registers of either kind. */
static intptr_t keep_many_values(void *arg)
{
    double real = (double)(intptr_t)arg + 0.5;
    double a = real, b = real * 2, c = real * 3, d = real * 5, e = real * 7, f = real * 11;
    uint64_t seed = (uint64_t)(intptr_t)arg + 1;
    uint64_t g = seed, h = seed * 3, i = seed * 5, j = seed * 7, k = seed * 11, l = seed * 13;

    for (int round = 0; round < ROUNDS; round++) {
        check_equal(whorl_yield(), 0);
        a += 1, b += 2, c += 3, d += 5, e += 7, f += 11;
        g += 1, h += 3, i += 5, j += 7, k += 11, l += 13;
    }
    check(a == real + ROUNDS && b == (real + ROUNDS) * 2 && c == (real + ROUNDS) * 3);
    check(d == (real + ROUNDS) * 5 && e == (real + ROUNDS) * 7 && f == (real + ROUNDS) * 11);
    seed += ROUNDS;
    check(g == seed && h == seed * 3 && i == seed * 5);
    check(j == seed * 7 && k == seed * 11 && l == seed * 13);
    return 0;
}

static intptr_t values_in_many_tasks(void *arg)
{
    whorl_task *tasks[TASKS];

    (void)arg;
    for (intptr_t i = 0; i < TASKS; i++)
        tasks[i] = whorl_spawn(keep_many_values, (void *)i);
    for (int i = 0; i < TASKS; i++)
        check_equal(whorl_join(tasks[i]), 0);
    return 0;
}

static void values_live_over_a_switch_are_kept(void **state)
{
    (void)state;
    run_checks(values_in_many_tasks, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(each_task_keeps_its_rounding_direction),
        behaviour(a_main_tasks_rounding_does_not_leave_the_run),
        behaviour(each_task_keeps_its_control_words),
        behaviour(each_task_keeps_its_callee_saved_registers),
        behaviour(values_live_over_a_switch_are_kept),
    };

    return run_behaviours("registers", tests);
}
