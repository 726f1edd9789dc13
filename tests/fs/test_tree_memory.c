/*
 * Trees without memory: every allocation is refused in turn. The call gives -ENOMEM, and what it
 * has not done it does the next time; nothing is lost.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fs/trees.h"
#include "refused_memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

static whorl_tree_report report;

/* Refuses allocation 0, 1, ... of `fn` until it succeeds without one. `again` sets up the next. */
static long refuse_each(int (*fn)(void), void (*again)(void))
{
    for (long which = 0;; which++) {
        int descriptors = open_descriptors();
        refuse_memory_call(which);
        int result = fn();
        if (!refuse_no_more_memory()) {
            check_equal(result, 0);
            return which;
        }
        /* Without memory for a second thread the first does it all. */
        check(result == -ENOMEM || result == 0);
        check_equal(report.error, result);
        check_equal(report.errors, result < 0);
        check(open_descriptors() - descriptors <= 1); /* the loop's own, once */
        again();
    }
}

static int copy(void)
{
    return whorl_copy_tree(path_of("from").text, path_of("to").text, WHORL_TREE_XATTRS, &report);
}

static int remove_it(void)
{
    return whorl_remove_tree(path_of("to").text, WHORL_TREE_MAY_MISS, &report);
}

static void take_copy_away(void)
{
    if (exists(path_of("to").text)) {
        check(trees_are_same(path_of("from").text, path_of("to").text, AT_MOST));
        check_equal(remove_it(), 0);
    }
}

static void nothing(void)
{
}

static intptr_t refuse_all(void *arg)
{
    (void)arg;
    make_directory(path_of("from").text);
    for (int i = 0; i < 10; i++) {
        char name[32];
        snprintf(name, sizeof name, "from/sub%d", i);
        make_directory(path_of(name).text);
        snprintf(name, sizeof name, "from/sub%d/file", i);
        write_whole(path_of(name).text, "text", 4);
        setxattr(path_of(name).text, "user.kind", "file", 4, 0);
    }
    long copies = refuse_each(copy, take_copy_away);
    check(trees_are_same(path_of("from").text, path_of("to").text, 0));
    long removals = refuse_each(remove_it, nothing);
    check(!exists(path_of("to").text));
    print_message("%ld and %ld allocations refused\n", copies, removals);
    return 0;
}

static void without_memory_nothing_is_lost(void **state)
{
    (void)state;
    run_checks(refuse_all, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(without_memory_nothing_is_lost),
    };
    return run_behaviours("tree memory", tests);
}
