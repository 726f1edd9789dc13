/*
 * Whole files when there is no memory: each allocation of a call is refused in its turn, also those
 * for the threads that it needs. The call gives -ENOMEM, the old file is intact, nothing lies
 * beside it, and with memory again the call works. This program stands between the engine and
 * malloc (the linker's --wrap).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fs/small_disk.h"
#include "refused_memory.h"

#include <errno.h>
#include <fs/copy.h>
#include <fs/whole_file.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

enum { REFUSALS_MOST = 100, SIZE = 300 * 1000 };

static char content[SIZE];
static test_path from, to;

/* --- The calls --- */

static int read_it(void)
{
    char *data = NULL;
    size_t size = 77;
    int result = whorl_read_file(from.text, &data, &size, 0);
    if (result == 0)
        check(size == SIZE && memcmp(data, content, SIZE) == 0);
    else
        check(!data && size == 77);
    free(data);
    return result;
}

static int write_it(void)
{
    return whorl_write_file(to.text, content, SIZE, NULL);
}

static int copy_it(void)
{
    return whorl_copy_file(from.text, to.text, WHORL_FILE_KEEP_XATTRS);
}

static int (*const calls[])(void) = {read_it, write_it, copy_it};

/* A run for each, so that it has no threads yet. */
struct attempt {
    int (*call)(void);
    int refused; /* the allocation, from 0 */
    bool was_reached;
    int result;
};

static intptr_t try_call(void *arg)
{
    struct attempt *attempt = arg;
    refuse_memory_call(attempt->refused);
    attempt->result = attempt->call();
    attempt->was_reached = refuse_no_more_memory();
    if (attempt->result != 0) {
        check_equal(attempt->result, -ENOMEM);
        check(file_holds_bytes(to.text, "old", 3));
        check_equal(attempt->call(), 0);
    }
    return 0;
}

static void each_allocation_that_fails_gives_ENOMEM_and_no_more(void **state)
{
    (void)state;
    from = path_of("from");
    to = path_of("to");
    fill_pattern(content, SIZE, 4);
    write_whole(from.text, content, SIZE);
    setxattr(from.text, "user.any", "", 0, 0); /* where there are such */
    for (size_t i = 0; i < count_of(calls); i++) {
        struct attempt attempt = {.call = calls[i]};
        int failures = 0;
        do {
            write_whole(to.text, "old", 3);
            run_checks(try_call, &attempt);
            assert_int_equal(names_in(path_of("").text), 2);
            failures += attempt.result != 0;
        } while (attempt.was_reached && ++attempt.refused < REFUSALS_MOST);
        printf("call %zu: %d allocations refused, %d times -ENOMEM\n", i, attempt.refused,
               failures);
        assert_in_range(failures, 1, REFUSALS_MOST - 1);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(each_allocation_that_fails_gives_ENOMEM_and_no_more),
    };
    return run_behaviours("whole_memory", tests);
}
