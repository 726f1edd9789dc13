/*
 * Groups of tests that fail: each is run by cmocka in a child process, whose output and status are
 * looked at. What a failing test leaks is no news, so the leak sanitizer does not look.
 */
#ifndef TESTS_RUN_GROUP_H
#define TESTS_RUN_GROUP_H

#include "core/child.h"

#include <stdlib.h>
#include <whorl/test.h>

struct group {
    const struct CMUnitTest *tests;
    size_t count;
    CMFixtureFunction setup;
};

#if UNDER_ADDRESS_SANITIZER
#include <sanitizer/lsan_interface.h>
static inline void keep_leaks_quiet(void)
{
    __lsan_disable();
}
#else
static inline void keep_leaks_quiet(void)
{
}
#endif

/* The exit status is how many have failed. */
static inline int run_group(void *arg)
{
    const struct group *group = arg;
    keep_leaks_quiet();
    dup2(STDERR_FILENO, STDOUT_FILENO);
    return _cmocka_run_group_tests("group", group->tests, group->count, group->setup, NULL);
}

static inline void watch_group(struct group group, struct child *child)
{
    assert_int_equal(child_run(run_group, &group, child), 0);
}

/* Runs the tests of an array. */
#define watch_tests(tests, child) watch_group((struct group){(tests), count_of(tests), NULL}, child)

/* Whether the child has said so. */
static inline bool has_said(const struct child *child, const char *text)
{
    if (strstr(child->text, text))
        return true;
    printf("not said: \"%s\"; but:\n%s\n", text, child->text);
    return false;
}

static inline bool has_verdict(const struct child *child, const char *verdict, const char *test)
{
    char line[256];
    snprintf(line, sizeof line, "[%s] %s\n", verdict, test);
    return has_said(child, line);
}

#define has_passed(child, test) has_verdict(child, "       OK ", #test)
#define has_failed(child, test) has_verdict(child, "  FAILED  ", #test)
#define was_skipped(child, test) has_verdict(child, "  SKIPPED ", #test)
#define was_in_error(child, test) has_verdict(child, "  ERROR   ", #test)

#endif
