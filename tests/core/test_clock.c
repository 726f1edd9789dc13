/*
 * Time inside a time namespace, whose monotonic clock is not the one that the kernel's rings count
 * by: sleeps, timeouts and chains must take as long as they were told, no less and not forever.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "support.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

#define SHORT WHORL_MS(50)

enum { NOT_PERMITTED = 77 };

static void check_took(int64_t start, int64_t least)
{
    int64_t took = whorl_now() - start;

    check(took >= least);
    check(took < WHORL_SECONDS(10));
}

static intptr_t wait_in_each_way(void *arg)
{
    int *ends = arg;
    char byte;
    int64_t start = whorl_now();
    whorl_op op = whorl_op_read(ends[0], &byte, 1);
    whorl_op chain[] = {whorl_op_nop(), whorl_op_read(ends[0], &byte, 1)};

    check_equal(whorl_sleep(SHORT), 0);
    check_took(start, SHORT);

    start = whorl_now();
    op.timeout = SHORT;
    check_equal(whorl_op_await(&op), -ETIMEDOUT);
    check_took(start, SHORT);

    start = whorl_now();
    chain[1].timeout = SHORT;
    check_equal(whorl_link_ops(chain, 2), -ETIMEDOUT);
    check_took(start, SHORT);
    return 0;
}

static int wait_in_a_namespace(void)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        return 1;
    check_equal(whorl_run(wait_in_each_way, ends), 0);
    return failed_checks() != 0;
}

/* The offset holds for processes that begin in the namespace: a child of the caller. */
static int enter_and_wait(void *arg)
{
    const char *offset = arg;
    int status = 1;
    int fd;
    pid_t pid;

    if (unshare(CLONE_NEWTIME) != 0)
        return NOT_PERMITTED;
    fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, offset, strlen(offset)) < 0)
        return NOT_PERMITTED;
    close(fd);
    pid = fork();
    if (pid == 0)
        _exit(wait_in_a_namespace());
    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        return 1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void wait_at(char *offset)
{
    struct child child;

    assert_int_equal(child_run(enter_and_wait, offset, &child), 0);
    if (WIFEXITED(child.status) && WEXITSTATUS(child.status) == NOT_PERMITTED)
        skip_because("no time namespace can be made here: that needs root and Linux 5.6");
    assert_true(child_exited(&child, 0));
}

static void time_passes_as_told_where_the_clock_is_ahead(void **state)
{
    (void)state;
    wait_at("monotonic 100000 0");
}

static void time_passes_as_told_where_the_clock_is_behind(void **state)
{
    (void)state;
    wait_at("monotonic -100 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(time_passes_as_told_where_the_clock_is_ahead),
        behaviour(time_passes_as_told_where_the_clock_is_behind),
    };

    return run_behaviours("clock", tests);
}
