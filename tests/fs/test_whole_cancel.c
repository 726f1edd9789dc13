/*
 * Whole files when the caller is cancelled, at every one of its waits: there is the old content and
 * nothing else, or the call has succeeded. Descriptors and memory are given back.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fs/small_disk.h"
#include "nth_wait.h"

#include <errno.h>
#include <fcntl.h>
#include <fs/copy.h>
#include <fs/replacement.h>
#include <fs/whole_file.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OLD_BYTES ((size_t)100 * 1024)
#define NEW_BYTES ((size_t)(17 << 20) + 12345) /* a copy of it takes two steps */
#define LARGE ((size_t)(6 << 20) + 12345)

enum { WAITS_MOST = 1000 };

static char old_content[OLD_BYTES], new_content[NEW_BYTES];
static test_path from, to, here;

struct call {
    const char *name;
    intptr_t (*run)(void *call);
    size_t bytes;   /* of the new content */
    unsigned flags; /* WHORL_FILE_* and REPLACEMENT_NAMED */
    unsigned ways;  /* of copies */
};

static intptr_t write_it(void *arg)
{
    const struct call *call = arg;
    whorl_write_options options = {.flags = call->flags & ~REPLACEMENT_NAMED};
    return write_file_with(to.text, new_content, call->bytes, &options, call->flags);
}

static intptr_t copy_it(void *arg)
{
    const struct call *call = arg;
    return copy_file_with(from.text, to.text, call->flags, call->ways);
}

static const struct call calls[] = {
    {"a small file", write_it, 1000, 0, 0},
    {"a small file with a name of its own", write_it, 1000, REPLACEMENT_NAMED, 0},
    {"a large file", write_it, LARGE, 0, 0},
    {"a large file with a name of its own", write_it, LARGE, REPLACEMENT_NAMED, 0},
    {"a file not synced", write_it, 1000, WHORL_FILE_UNSYNCED, 0},
    {"a new file", write_it, 1000, WHORL_FILE_EXCLUSIVE, 0},
    {"a new file with a name of its own", write_it, 1000, WHORL_FILE_EXCLUSIVE | REPLACEMENT_NAMED,
     0},
    {"a copy", copy_it, NEW_BYTES, 0, COPY_ANY_WAY},
    {"a copy that reads", copy_it, NEW_BYTES, 0, COPY_READ_WRITE},
    {"a copy with a name of its own", copy_it, NEW_BYTES, REPLACEMENT_NAMED, COPY_SPLICE},
    {"a copy to a new name", copy_it, NEW_BYTES, WHORL_FILE_EXCLUSIVE, COPY_ANY_WAY},
};

static bool is_as_said(const struct call *call, intptr_t result)
{
    int names = 2;
    bool good = true;
    if (result == 0) {
        good = file_holds_bytes(to.text, new_content, call->bytes);
    } else if (check_equal(result, -ECANCELED) && (call->flags & WHORL_FILE_EXCLUSIVE)) {
        good = check(access(to.text, F_OK) != 0);
        names = 1;
    } else {
        good = file_holds_bytes(to.text, old_content, OLD_BYTES);
    }
    return check_equal(names_in(here.text), names) && good;
}

/* Returns whether the cancel came in time. */
static bool try_call(const struct call *call, int n, int turns)
{
    bool in_time;
    unlink(to.text);
    if (!(call->flags & WHORL_FILE_EXCLUSIVE))
        write_whole(to.text, old_content, OLD_BYTES);
    int open_before = open_descriptors();
    intptr_t result = cancel_at_wait(call->run, (void *)call, n, turns, &in_time);
    if (!is_as_said(call, result) || !check_equal(open_descriptors(), open_before))
        check_failed("%s, cancelled %d turns after wait %d, gave %jd", call->name, turns, n,
                     (intmax_t)result);
    return in_time;
}

/* At each wait once, then at some with a delay. */
static intptr_t cancel_everywhere(void *arg)
{
    (void)arg;
    random_source random = random_from_seed(1);
    for (size_t i = 0; i < count_of(calls); i++) {
        int n = 0;
        while (n < WAITS_MOST && try_call(&calls[i], n, 0))
            n++;
        check(n >= 2 && n < WAITS_MOST);
        for (long round = 0; round < test_rounds(UNDER_SANITIZER ? 3 : 10); round++)
            try_call(&calls[i], 1 + (int)random_below(&random, (uint64_t)n),
                     (int)random_below(&random, 5));
        printf("%s: cancelled at each of %d waits\n", calls[i].name, n - 1);
    }
    return 0;
}

static void a_write_or_copy_cancelled_at_any_wait_leaves_the_old_file_or_the_new(void **state)
{
    (void)state;
    here = path_of("");
    from = path_of("from");
    to = path_of("to");
    fill_pattern(old_content, OLD_BYTES, 1);
    fill_pattern(new_content, NEW_BYTES, 2);
    write_whole(from.text, new_content, NEW_BYTES);
    run_checks(cancel_everywhere, NULL);
}

/* --- Reading --- */

struct reading {
    char *data;
    size_t size;
};

static intptr_t read_it(void *arg)
{
    struct reading *reading = arg;
    return whorl_read_file(from.text, &reading->data, &reading->size, 0);
}

static intptr_t read_it_into(void *arg)
{
    (void)arg;
    static char room[NEW_BYTES];
    ssize_t got = whorl_read_file_into(from.text, room, sizeof room);
    if (got >= 0)
        check_equal(memcmp(room, new_content, NEW_BYTES), 0);
    return got;
}

static intptr_t cancel_reading(void *arg)
{
    (void)arg;
    bool in_time = true;
    int n = 0;
    for (; in_time && n < WAITS_MOST; n++) {
        struct reading reading = {NULL, 99};
        bool ignored;
        int open_before = open_descriptors();
        intptr_t result = cancel_at_wait(read_it, &reading, n, 0, &in_time);
        if (result == 0)
            check(reading.size == NEW_BYTES && memcmp(reading.data, new_content, NEW_BYTES) == 0);
        else
            check(result == -ECANCELED && !reading.data && reading.size == 99);
        free(reading.data);
        check_equal(open_descriptors(), open_before);
        result = cancel_at_wait(read_it_into, NULL, n, 0, &ignored);
        check(result == -ECANCELED || result == (intptr_t)NEW_BYTES);
        check_equal(open_descriptors(), open_before);
    }
    printf("a read: cancelled at each of %d waits\n", n - 2);
    check(n > 10 && n < WAITS_MOST);
    return 0;
}

static void a_read_cancelled_at_any_wait_gives_everything_back(void **state)
{
    (void)state;
    from = path_of("from");
    fill_pattern(new_content, NEW_BYTES, 2);
    write_whole(from.text, new_content, NEW_BYTES);
    run_checks(cancel_reading, NULL);
}

/* --- Before, and by time --- */

static intptr_t call_interrupted(void *arg)
{
    (void)arg;
    char *data = NULL, byte[1];
    whorl_timeout scope;
    check_equal(whorl_timeout_begin(&scope, 0), 0);
    check_equal(whorl_read_file(to.text, &data, NULL, 0), -ECANCELED);
    check_equal(whorl_read_file_into(to.text, byte, 1), -ECANCELED);
    check_equal(whorl_write_file(to.text, "new", 3, NULL), -ECANCELED);
    check_equal(whorl_copy_file(from.text, to.text, 0), -ECANCELED);
    check_equal(whorl_timeout_end(&scope, -ECANCELED), -ETIMEDOUT);
    check(file_holds_bytes(to.text, "old", 3));
    check_equal(names_in(here.text), 2);
    check_equal(whorl_timeout_begin(&scope, WHORL_SECONDS(1000)), 0);
    check_equal(whorl_write_file(to.text, "new", 3, NULL), 0);
    check_equal(whorl_timeout_end(&scope, 7), 7);
    check(file_holds_bytes(to.text, "new", 3));
    return 0;
}

static void an_interrupted_caller_touches_no_file(void **state)
{
    (void)state;
    here = path_of("");
    from = path_of("from");
    to = path_of("to");
    write_whole(from.text, "from", 4);
    write_whole(to.text, "old", 3);
    run_checks(call_interrupted, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_write_or_copy_cancelled_at_any_wait_leaves_the_old_file_or_the_new),
        behaviour(a_read_cancelled_at_any_wait_gives_everything_back),
        behaviour(an_interrupted_caller_touches_no_file),
    };
    return run_behaviours("whole_cancel", tests);
}
