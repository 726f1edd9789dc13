/*
 * Stack overflow: the program dies of SIGSEGV, and says which task it was and how large its stack
 * is; any other fault is the program's own affair, as if there were no loop.
 *
 * Every fault happens in a forked child. A sanitizer's handler of SIGSEGV is put back to the
 * default there, so that what is tested is the engine's.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "core/child.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/resource.h>

enum { HANDLED = 42, BIG_STACK = 8 << 20 };

static volatile int depth_reached;

static int __attribute__((noinline)) recurse_without_end(volatile int *above)
{
    volatile int here[64];

    here[0] = *above + 1;
    depth_reached = here[0];
    if (here[0] < 0)
        return 0;
    return recurse_without_end(here) + here[0];
}

static intptr_t overflow(void *arg)
{
    volatile int start = 0;

    (void)arg;
    check_equal(whorl_yield(), 0);
    return recurse_without_end(&start);
}

static intptr_t spawn_one_that_overflows(void *arg)
{
    whorl_spawn_options options = {.name = "bottomless", .stack_size = *(size_t *)arg};
    whorl_task *others[20];

    for (size_t i = 0; i < count_of(others); i++)
        others[i] = whorl_spawn(overflow, NULL);
    /* Those are in its way no more: only the one below runs. */
    for (size_t i = 0; i < count_of(others); i++)
        whorl_cancel(others[i]);
    return whorl_join(whorl_spawn_with(&options, overflow, NULL));
}

static void have_no_handler(void)
{
    struct rlimit none = {0, 0};

    signal(SIGSEGV, SIG_DFL);
    setrlimit(RLIMIT_CORE, &none);
}

static int overflow_in_a_task(void *arg)
{
    have_no_handler();
    return (int)whorl_run(spawn_one_that_overflows, arg);
}

static void assert_died_with_a_sentence(const struct child *child, const char *name, size_t size)
{
    char bytes[32];
    char kibibytes[32];

    snprintf(bytes, sizeof bytes, "%zu", size);
    snprintf(kibibytes, sizeof kibibytes, "%zu KiB", size >> 10);
    if (!WIFSIGNALED(child->status) || WTERMSIG(child->status) != SIGSEGV)
        fail_msg("status %#x, stderr: %s", (unsigned)child->status, child->text);
    if (strstr(child->text, name) == NULL)
        fail_msg("no task %s in: %s", name, child->text);
    if (strstr(child->text, bytes) == NULL && strstr(child->text, kibibytes) == NULL)
        fail_msg("neither %s nor %s in: %s", bytes, kibibytes, child->text);
    assert_int_equal(child->text[strlen(child->text) - 1], '\n');
}

static void a_stack_overflow_dies_and_names_the_task(void **state)
{
    static size_t sizes[] = {65536, 131072, BIG_STACK};
    struct child child;

    (void)state;
    for (size_t i = 0; i < count_of(sizes); i++) {
        assert_int_equal(child_run(overflow_in_a_task, &sizes[i], &child), 0);
        assert_died_with_a_sentence(&child, "bottomless", sizes[i]);
    }
}

static int overflow_with_mprotect_guards(void *arg)
{
    whorl_config config = {.without = WHORL_FEATURE_GUARD_INSTALL};

    have_no_handler();
    return (int)whorl_run_with(&config, spawn_one_that_overflows, arg);
}

static void an_overflow_onto_an_mprotect_guard_dies_the_same_way(void **state)
{
    size_t size = 65536;
    struct child child;

    (void)state;
    assert_int_equal(child_run(overflow_with_mprotect_guards, &size, &child), 0);
    assert_died_with_a_sentence(&child, "bottomless", size);
}

static int overflow_in_main(void *arg)
{
    whorl_config config = {.name = "main-of-all", .stack_size = 32768};

    have_no_handler();
    return (int)whorl_run_with(&config, overflow, arg);
}

static void an_overflow_of_the_main_task_dies_the_same_way(void **state)
{
    struct child child;

    (void)state;
    assert_int_equal(child_run(overflow_in_main, NULL, &child), 0);
    assert_died_with_a_sentence(&child, "main-of-all", 32768);
}

static void *overflow_on_this_thread(void *arg)
{
    return (void *)(intptr_t)whorl_run(spawn_one_that_overflows, arg);
}

static int overflow_in_a_thread(void *arg)
{
    pthread_t thread;

    have_no_handler();
    check_equal(pthread_create(&thread, NULL, overflow_on_this_thread, arg), 0);
    check_equal(pthread_join(thread, NULL), 0);
    return 0;
}

static void an_overflow_in_another_threads_loop_dies_the_same_way(void **state)
{
    size_t size = 65536;
    struct child child;

    (void)state;
    assert_int_equal(child_run(overflow_in_a_thread, &size, &child), 0);
    assert_died_with_a_sentence(&child, "bottomless", size);
}

/* --- Other faults --- */

static volatile int *volatile nowhere = (volatile int *)16;

static intptr_t fault_elsewhere(void *arg)
{
    (void)arg;
    check_equal(whorl_yield(), 0);
    return *nowhere;
}

static int fault_without_a_handler(void *arg)
{
    have_no_handler();
    return (int)whorl_run(fault_elsewhere, arg);
}

static void another_fault_dies_without_talk_of_stacks(void **state)
{
    struct child child;

    (void)state;
    assert_int_equal(child_run(fault_without_a_handler, NULL, &child), 0);
    assert_true(WIFSIGNALED(child.status));
    assert_int_equal(WTERMSIG(child.status), SIGSEGV);
    assert_string_equal(child.text, "");
}

static void leave_handled(int number)
{
    _exit(number == SIGSEGV ? HANDLED : 1);
}

static void leave_handled_with_info(int number, siginfo_t *info, void *context)
{
    _exit(number == SIGSEGV && info->si_addr == (void *)nowhere && context != NULL ? HANDLED : 1);
}

static int fault_with_a_plain_handler(void *arg)
{
    have_no_handler();
    signal(SIGSEGV, leave_handled);
    return (int)whorl_run(fault_elsewhere, arg);
}

static int fault_with_a_handler_of_info(void *arg)
{
    struct sigaction action = {.sa_sigaction = leave_handled_with_info, .sa_flags = SA_SIGINFO};

    have_no_handler();
    sigaction(SIGSEGV, &action, NULL);
    return (int)whorl_run(fault_elsewhere, arg);
}

static void a_programs_own_handler_gets_other_faults(void **state)
{
    struct child child;

    (void)state;
    assert_int_equal(child_run(fault_with_a_plain_handler, NULL, &child), 0);
    assert_true(child_exited(&child, HANDLED));
    assert_string_equal(child.text, "");
    assert_int_equal(child_run(fault_with_a_handler_of_info, NULL, &child), 0);
    assert_true(child_exited(&child, HANDLED));
    assert_string_equal(child.text, "");
}

static int overflow_with_a_handler(void *arg)
{
    have_no_handler();
    signal(SIGSEGV, leave_handled);
    return (int)whorl_run(spawn_one_that_overflows, arg);
}

static void a_programs_own_handler_does_not_hide_an_overflow(void **state)
{
    size_t size = 65536;
    struct child child;

    (void)state;
    assert_int_equal(child_run(overflow_with_a_handler, &size, &child), 0);
    assert_died_with_a_sentence(&child, "bottomless", size);
}

static sigjmp_buf way_out;

static void jump_out(int number)
{
    siglongjmp(way_out, number);
}

static intptr_t probe_memory(void *arg)
{
    (void)arg;
    for (volatile int i = 0; i < 3; i++) {
        if (sigsetjmp(way_out, 1) == 0) {
            check_equal(*nowhere, 0);
            check_failed("the fault did not happen");
        }
        check_equal(whorl_yield(), 0);
    }
    return HANDLED;
}

static int fault_and_go_on(void *arg)
{
    have_no_handler();
    signal(SIGSEGV, jump_out);
    return (int)whorl_run(probe_memory, arg);
}

static void a_handler_may_jump_out_of_a_fault_again_and_again(void **state)
{
    struct child child;

    (void)state;
    if (UNDER_SANITIZER)
        skip_because("a sanitizer does not follow a jump off the signal stack");
    assert_int_equal(child_run(fault_and_go_on, NULL, &child), 0);
    assert_true(child_exited(&child, HANDLED));
}

static intptr_t send_myself_the_signal(void *arg)
{
    (void)arg;
    raise(SIGSEGV);
    return 0;
}

static int be_sent_the_signal(void *arg)
{
    have_no_handler();
    return (int)whorl_run(send_myself_the_signal, arg);
}

static void a_sigsegv_that_was_sent_ends_the_program_as_ever(void **state)
{
    struct child child;

    (void)state;
    assert_int_equal(child_run(be_sent_the_signal, NULL, &child), 0);
    assert_true(WIFSIGNALED(child.status));
    assert_int_equal(WTERMSIG(child.status), SIGSEGV);
}

/* --- Within bounds --- */

static int __attribute__((noinline)) use_bytes(long bytes)
{
    volatile char page[1024];

    page[0] = (char)bytes;
    page[sizeof page - 1] = 1;
    if (bytes <= 0)
        return page[sizeof page - 1];
    return use_bytes(bytes - (long)sizeof page) + page[sizeof page - 1];
}

static intptr_t use_most_of_the_stack(void *arg)
{
    size_t size = *(size_t *)arg;
    /* Frames are larger than their arrays, most of all in unoptimised and sanitized builds. */
    long bytes = (long)(size / (UNDER_SANITIZER ? 4 : 2));

    for (int i = 0; i < 3; i++) {
        check(use_bytes(bytes) > 0);
        check_equal(whorl_yield(), 0);
    }
    return 0;
}

static intptr_t use_stacks_of_each_size(void *arg)
{
    static size_t sizes[] = {WHORL_STACK_MIN, 65536, 1 << 20, BIG_STACK};

    (void)arg;
    for (size_t i = 0; i < count_of(sizes); i++) {
        whorl_spawn_options options = {.stack_size = sizes[i]};

        check_equal(whorl_join(whorl_spawn_with(&options, use_most_of_the_stack, &sizes[i])), 0);
    }
    return 0;
}

static void deep_recursion_within_the_stack_works(void **state)
{
    (void)state;
    run_checks(use_stacks_of_each_size, NULL);
    run_checks_with(&(whorl_config){.stack_size = BIG_STACK}, use_most_of_the_stack,
                    &(size_t){BIG_STACK});
}

static intptr_t give_back(void *arg)
{
    return (intptr_t)arg;
}

static int overflow_beside_a_tiny_signal_stack(void *arg)
{
    static char memory[32 << 10];
    stack_t own = {.ss_sp = memory, .ss_size = 2048};
    stack_t after;

    have_no_handler();
    while (sigaltstack(&own, NULL) != 0 && own.ss_size < sizeof memory)
        own.ss_size *= 2; /* to the least that this machine takes */
    check_equal(whorl_run(give_back, (void *)5), 5);
    sigaltstack(NULL, &after);
    if (after.ss_sp != memory || after.ss_size != own.ss_size)
        return 1;
    return (int)whorl_run(spawn_one_that_overflows, arg);
}

static void a_tiny_signal_stack_is_replaced_and_given_back(void **state)
{
    size_t size = 65536;
    struct child child;

    (void)state;
    assert_int_equal(child_run(overflow_beside_a_tiny_signal_stack, &size, &child), 0);
    assert_died_with_a_sentence(&child, "bottomless", size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_stack_overflow_dies_and_names_the_task),
        behaviour(an_overflow_onto_an_mprotect_guard_dies_the_same_way),
        behaviour(an_overflow_of_the_main_task_dies_the_same_way),
        behaviour(an_overflow_in_another_threads_loop_dies_the_same_way),
        behaviour(another_fault_dies_without_talk_of_stacks),
        behaviour(a_programs_own_handler_gets_other_faults),
        behaviour(a_programs_own_handler_does_not_hide_an_overflow),
        behaviour(a_handler_may_jump_out_of_a_fault_again_and_again),
        behaviour(a_sigsegv_that_was_sent_ends_the_program_as_ever),
        behaviour(deep_recursion_within_the_stack_works),
        behaviour(a_tiny_signal_stack_is_replaced_and_given_back),
    };

    return run_behaviours("overflow", tests);
}
