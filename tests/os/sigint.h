/*
 * What the tests of SIGINT share: its disposition, and children that live or die of it.
 */
#ifndef TESTS_OS_SIGINT_H
#define TESTS_OS_SIGINT_H

#include "core/child.h"
#include "os/threads.h"

#include <signal.h>

static atomic_int started;

static inline void remember(int signal_number)
{
    (void)signal_number;
    atomic_fetch_add(&started, 1);
}

static inline struct sigaction disposition(void)
{
    struct sigaction current;
    check_equal(sigaction(SIGINT, NULL, &current), 0);
    return current;
}

static inline void give_disposition(void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    sigemptyset(&action.sa_mask);
    check_equal(sigaction(SIGINT, &action, NULL), 0);
}

/* The body dies of it, in a child, where it has its default effect at first. */
static inline void expect_death(int (*body)(void *arg), void *arg)
{
    struct child child;
    assert_int_equal(child_run(body, arg, &child), 0);
    if (!WIFSIGNALED(child.status))
        fail_msg("the child was not killed; status %x, stderr:\n%s", child.status, child.text);
    assert_int_equal(WTERMSIG(child.status), SIGINT);
}

#endif
