/*
 * What an op costs in system calls: a batch, a chain, and ops that are started together, are
 * submitted by one io_uring_enter, and there are no calls beside. A child runs the loop and is
 * traced by its parent, which counts its system calls between two marks.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OPS = 64, LIMIT = 1000000 };

typedef struct tally {
    int enters;      /* io_uring_enter */
    int submissions; /* those of them that submit something */
    int others;
} tally;

/* A system call that nobody else makes, as a mark for the tracer. */
static void mark(void)
{
    syscall(SYS_getpgid, 0);
}

/* Follows the child's system calls, each of which stops it twice, until it ends. */
static bool count_calls(pid_t child, tally *counted)
{
    bool counting = false, entering = true;
    int status;
    for (int i = 0; i < LIMIT; i++) {
        if (ptrace(PTRACE_SYSCALL, child, 0, 0) != 0 || waitpid(child, &status, 0) != child)
            return false;
        if (WIFEXITED(status) || WIFSIGNALED(status))
            return WIFEXITED(status) && WEXITSTATUS(status) == 0;
        if (WSTOPSIG(status) != (SIGTRAP | 0x80))
            continue;
        struct __ptrace_syscall_info info;
        if (ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof info, &info) < 0)
            return false;
        entering = info.op == PTRACE_SYSCALL_INFO_ENTRY;
        if (!entering)
            continue;
        if (info.entry.nr == SYS_getpgid) {
            counting = !counting;
        } else if (counting && info.entry.nr == SYS_io_uring_enter) {
            counted->enters++;
            counted->submissions += info.entry.args[1] > 0;
        } else if (counting) {
            counted->others++;
        }
    }
    return false;
}

static void trace(whorl_fn *fn, tally *counted)
{
    fflush(NULL);
    *counted = (tally){0};
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0)
            _exit(77);
        raise(SIGSTOP);
        intptr_t result = whorl_run(fn, NULL);
        _exit(result == 0 && failed_checks() == 0 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip_because("this system forbids ptrace");
    assert_true(WIFSTOPPED(status));
    assert_int_equal(ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESYSGOOD), 0);
    bool ended = count_calls(child, counted);
    if (!ended)
        kill(child, SIGKILL);
    assert_true(ended);
}

/* --- What is traced --- */

static whorl_op ops[OPS];

static void make_nops(void)
{
    for (int i = 0; i < OPS; i++)
        ops[i] = whorl_op_nop();
}

static intptr_t gather_nops(void *arg)
{
    (void)arg;
    make_nops();
    mark();
    int result = whorl_gather_ops(ops, OPS);
    mark();
    return result;
}

static intptr_t link_nops(void *arg)
{
    (void)arg;
    make_nops();
    mark();
    int result = whorl_link_ops(ops, OPS);
    mark();
    return result;
}

static intptr_t start_and_await_nops(void *arg)
{
    (void)arg;
    make_nops();
    mark();
    for (int i = 0; i < OPS; i++)
        check_equal(whorl_op_start(&ops[i]), 0);
    for (int i = 0; i < OPS; i++)
        check_equal(whorl_op_await(&ops[i]), 0);
    mark();
    return 0;
}

static intptr_t await_a_nop(void *arg)
{
    (void)arg;
    whorl_op op = whorl_op_nop();
    return whorl_op_await(&op);
}

static intptr_t spawn_and_join(void *arg)
{
    (void)arg;
    whorl_task *tasks[OPS];
    for (int warm = 0; warm < 2; warm++) {
        if (warm)
            mark();
        for (int i = 0; i < OPS; i++)
            tasks[i] = whorl_spawn(await_a_nop, NULL);
        for (int i = 0; i < OPS; i++)
            check_equal(whorl_join(tasks[i]), 0);
    }
    mark();
    return 0;
}

static intptr_t exchange(void *arg)
{
    (void)arg;
    char byte = 'x';
    pair both = unix_pair();
    mark();
    for (int i = 0; i < OPS; i++) {
        check_equal(whorl_send(both.ends[0], &byte, 1, 0), 1);
        check_equal(whorl_recv(both.ends[1], &byte, 1, 0), 1);
    }
    mark();
    close_pair(&both);
    return 0;
}

/* What makes calls of its own: a sanitizer's runtime, and swapcontext, which sets the signal mask
 * at each switch. */
#ifdef WHORL_SWITCH_UCONTEXT
enum { HAS_CALLS_BESIDE = 1 };
#else
enum { HAS_CALLS_BESIDE = UNDER_SANITIZER };
#endif

static void check_tally(tally counted, int enters, int submissions)
{
    print_message("%d enters, %d of them submit; %d other calls\n", counted.enters,
                  counted.submissions, counted.others);
    assert_int_equal(counted.submissions, submissions);
    assert_true(counted.enters <= enters);
    if (!HAS_CALLS_BESIDE)
        assert_int_equal(counted.others, 0);
}

static void a_batch_is_one_submission(void **state)
{
    (void)state;
    tally counted;
    trace(gather_nops, &counted);
    check_tally(counted, 1, 1);
}

static void a_chain_is_one_submission(void **state)
{
    (void)state;
    tally counted;
    trace(link_nops, &counted);
    check_tally(counted, OPS, 1); /* the kernel may hand each member's end over by itself */
}

static void ops_that_are_started_together_are_one_submission(void **state)
{
    (void)state;
    tally counted;
    trace(start_and_await_nops, &counted);
    check_tally(counted, 1, 1);
}

static void ops_of_tasks_that_run_together_are_one_submission(void **state)
{
    (void)state;
    tally counted;
    trace(spawn_and_join, &counted);
    check_tally(counted, 1, 1);
}

static void a_call_costs_one_system_call(void **state)
{
    (void)state;
    tally counted;
    trace(exchange, &counted);
    check_tally(counted, 2 * OPS, 2 * OPS);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_batch_is_one_submission),
        behaviour(a_chain_is_one_submission),
        behaviour(ops_that_are_started_together_are_one_submission),
        behaviour(ops_of_tasks_that_run_together_are_one_submission),
        behaviour(a_call_costs_one_system_call),
    };
    return run_behaviours("submissions", tests);
}
