/*
 * whorl_read_file and whorl_read_file_into: every size, files without one, limits, files that
 * change under the reader, and what is no file.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "feature_sets.h"
#include "fs/small_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST (5 * 1024 * 1024 + 3)

static char pattern[MOST];
static char room[MOST];

/* Around the first room, a page, the pieces that are read at once, and several of those. */
static const size_t sizes[] = {0,
                               1,
                               4095,
                               4096,
                               16383,
                               16384,
                               16385,
                               (1 << 20) - 1,
                               1 << 20,
                               (1 << 20) + 1,
                               4 * (1 << 20) + 7,
                               MOST};

static const char *file_of(size_t size)
{
    static test_path path;
    path = path_of("file");
    if (pattern[0] == 0)
        fill_pattern(pattern, sizeof pattern, 7);
    write_whole(path.text, pattern, size);
    return path.text;
}

/* --- What is there --- */

static intptr_t read_sizes(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < count_of(sizes); i++) {
        const char *path = file_of(sizes[i]);
        char *data = NULL;
        size_t size = 12345;
        if (!check_equal(whorl_read_file(path, &data, &size, 0), 0))
            return 0;
        check_equal(size, sizes[i]);
        check_equal(memcmp(data, pattern, size), 0);
        check_equal(data[size], 0);
        free(data);
        check_equal(whorl_read_file_into(path, room, sizeof room), (ssize_t)sizes[i]);
        check_equal(memcmp(room, pattern, sizes[i]), 0);
    }
    return 0;
}

static void a_file_of_any_size_is_read_whole_with_a_zero_behind_it(void **state)
{
    (void)state;
    run_checks_on_all_features(read_sizes, NULL);
}

static intptr_t read_proc(void *arg)
{
    (void)arg;
    char *data;
    size_t size;
    check_equal(whorl_read_file("/proc/self/status", &data, NULL, 0), 0);
    check(strstr(data, "\nPid:\t") != NULL);
    free(data);
    /* More than the first room holds: a line for each of many mappings. */
    check_equal(whorl_read_file("/proc/kallsyms", &data, &size, 0), 0);
    check(size > 100000 && strlen(data) == size && data[size - 1] == '\n');
    free(data);
    return 0;
}

static void a_file_without_a_size_is_read_to_its_end(void **state)
{
    (void)state;
    run_checks(read_proc, NULL);
}

/* A pipe by its name in /proc, which opens it anew. */
static intptr_t read_pipe(void *arg)
{
    (void)arg;
    pair both = pipe_pair();
    char name[64], *data;
    size_t size;
    snprintf(name, sizeof name, "/proc/self/fd/%d", both.ends[0]);
    check_equal(write(both.ends[1], "through a pipe", 14), 14);
    check_equal(close(both.ends[1]), 0);
    both.ends[1] = -1;
    check_equal(whorl_read_file(name, &data, &size, 0), 0);
    check_equal(size, 14);
    check_text(data, "through a pipe");
    free(data);
    close_pair(&both);
    return 0;
}

static void a_pipe_is_read_to_its_end(void **state)
{
    (void)state;
    run_checks(read_pipe, NULL);
}

static intptr_t write_pattern(void *arg)
{
    int fd = *(int *)arg;
    size_t done = 0;
    while (done < MOST) {
        ssize_t put = whorl_write(fd, pattern + done, MOST - done);
        if (put < 0)
            return put;
        done += (size_t)put;
    }
    return whorl_close(fd);
}

/* Reads a pipe with more than goes into one read, by `into` or whorl_read_file. */
static void read_long_pipe(bool into)
{
    pair both = pipe_pair();
    char name[64], *data = room;
    size_t size = 0;
    fill_pattern(pattern, sizeof pattern, 7);
    memset(room, 0, sizeof room);
    snprintf(name, sizeof name, "/proc/self/fd/%d", both.ends[0]);
    whorl_task *writer = whorl_spawn(write_pattern, &both.ends[1]);
    if (into)
        check_equal(whorl_read_file_into(name, room, sizeof room), MOST);
    else
        check_equal(whorl_read_file(name, &data, &size, 0), 0);
    check_equal(whorl_join(writer), 0);
    both.ends[1] = -1;
    check(into || size == MOST);
    check_equal(memcmp(data, pattern, into ? MOST : size), 0);
    if (!into)
        free(data);
    close_pair(&both);
}

static intptr_t read_long_pipes(void *arg)
{
    (void)arg;
    read_long_pipe(false);
    read_long_pipe(true);
    return 0;
}

static void the_bytes_of_a_long_pipe_come_in_their_order(void **state)
{
    (void)state;
    run_checks(read_long_pipes, NULL);
}

/* --- Limits --- */

static intptr_t read_within_limits(void *arg)
{
    (void)arg;
    for (size_t i = 1; i < count_of(sizes); i++) {
        const char *path = file_of(sizes[i]);
        char *data = NULL;
        size_t size = 99;
        check_equal(whorl_read_file(path, &data, &size, sizes[i] - 1), sizes[i] == 1 ? 0 : -EFBIG);
        if (sizes[i] == 1)
            free(data); /* a limit of 0 is none */
        else
            check(data == NULL && size == 99);
        check_equal(whorl_read_file(path, &data, &size, sizes[i]), 0);
        check_equal(size, sizes[i]);
        free(data);
        check_equal(whorl_read_file_into(path, room, sizes[i]), (ssize_t)sizes[i]);
        memset(room, 0, sizes[i]);
        check_equal(whorl_read_file_into(path, room, sizes[i] - 1), -EFBIG);
        check_equal(memcmp(room, pattern, sizes[i] - 1), 0);
        check_equal(room[sizes[i] - 1], 0);
    }
    check_equal(whorl_read_file_into(file_of(0), NULL, 0), 0);
    check_equal(whorl_read_file_into(file_of(1), NULL, 0), -EFBIG);
    return 0;
}

static void a_file_above_the_limit_gives_EFBIG(void **state)
{
    (void)state;
    run_checks(read_within_limits, NULL);
}

/* Its size alone tells, without a byte read or a block of memory. */
static intptr_t read_far_too_much(void *arg)
{
    (void)arg;
    test_path path = path_of("sparse");
    int fd = open(path.text, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    check_equal(ftruncate(fd, INT64_C(5) << 30), 0);
    check_equal(close(fd), 0);
    char *data = NULL;
    check_equal(whorl_read_file(path.text, &data, NULL, UINT64_C(4) << 30), -EFBIG);
    check_equal(whorl_read_file_into(path.text, room, sizeof room), -EFBIG);
    check_equal(truncate(path.text, INT64_C(1) << 42), 0);
    check_equal(whorl_read_file(path.text, &data, NULL, SIZE_MAX), -ENOMEM);
    check(data == NULL);
    return 0;
}

static void sizes_above_32_bits_are_judged_rightly(void **state)
{
    (void)state;
    if (UNDER_SANITIZER)
        skip_because("a sanitizer's malloc ends the program for 4 TiB");
    run_checks(read_far_too_much, NULL);
}

/* --- Files that change --- */

struct changer {
    const char *path;
    off_t small;
    volatile bool over;
};

/* Cuts the file and lets it grow again, over and over. */
static intptr_t change(void *arg)
{
    struct changer *changer = arg;
    while (!changer->over) {
        check_equal(truncate(changer->path, changer->small), 0);
        whorl_yield();
        int fd = open(changer->path, O_WRONLY | O_CLOEXEC);
        check_equal(pwrite(fd, pattern, MOST, 0), MOST);
        close(fd);
        whorl_yield();
    }
    return 0;
}

/* What is read is a beginning of the pattern, or has zeros where it was cut and grew again. */
static bool is_some_state(const char *data, size_t size, size_t small)
{
    size_t same = 0;
    while (same < size && data[same] == pattern[same])
        same++;
    if (!check(size >= small && size <= MOST && same >= (size < small ? size : small)))
        return false;
    for (size_t i = same; i < size; i++)
        if (data[i] != 0 && data[i] != pattern[i])
            return check_failed("byte %zu is of no state of the file", i);
    return true;
}

static intptr_t read_while_it_changes(void *arg)
{
    (void)arg;
    struct changer changer = {.path = file_of(MOST), .small = 3 * (1 << 19) + 11};
    whorl_task *task = whorl_spawn(change, &changer);
    for (long i = 0; i < test_rounds(UNDER_SANITIZER ? 10 : 40); i++) {
        char *data = NULL;
        size_t size = 0;
        if (!check_equal(whorl_read_file(changer.path, &data, &size, 0), 0))
            break;
        is_some_state(data, size, (size_t)changer.small);
        check_equal(data[size], 0);
        free(data);
        check(whorl_read_file_into(changer.path, room, sizeof room) >= changer.small);
    }
    changer.over = true;
    return whorl_join(task);
}

static void a_file_that_shrinks_or_grows_while_read_gives_what_is_there(void **state)
{
    (void)state;
    run_checks(read_while_it_changes, NULL);
}

/* --- What is no file --- */

static intptr_t read_no_file(void *arg)
{
    (void)arg;
    char *data = NULL;
    size_t size = 5;
    test_path here = path_of(""), none = path_of("none"), link = path_of("link");
    check_equal(symlink("none", link.text), 0);
    check_equal(whorl_read_file(here.text, &data, &size, 0), -EISDIR);
    check_equal(whorl_read_file_into(here.text, room, 10), -EISDIR);
    check_equal(whorl_read_file_into(here.text, NULL, 0), -EISDIR);
    check_equal(whorl_read_file(none.text, &data, &size, 0), -ENOENT);
    check_equal(whorl_read_file_into(none.text, room, 10), -ENOENT);
    check_equal(whorl_read_file(link.text, &data, &size, 0), -ENOENT);
    check_equal(whorl_read_file(NULL, &data, &size, 0), -EINVAL);
    check_equal(whorl_read_file(none.text, NULL, &size, 0), -EINVAL);
    check_equal(whorl_read_file_into(NULL, room, 10), -EINVAL);
    check_equal(whorl_read_file_into(none.text, NULL, 10), -EINVAL);
    check(data == NULL && size == 5);
    return unlink(link.text);
}

static void what_is_no_file_gives_its_error_and_leaves_the_results_alone(void **state)
{
    (void)state;
    run_checks(read_no_file, NULL);
    char *data;
    assert_int_equal(whorl_read_file("/dev/null", &data, NULL, 0), -EPERM);
    assert_int_equal(whorl_read_file_into("/dev/null", room, 1), -EPERM);
}

static intptr_t read_what_is_forbidden(void *arg)
{
    (void)arg;
    char *data = NULL;
    check_equal(whorl_read_file("secret", &data, NULL, 0), -EACCES);
    check_equal(whorl_read_file_into("secret", room, 10), -EACCES);
    check_equal(whorl_read_file("private/any", &data, NULL, 0), -EACCES);
    return 0;
}

static void a_file_of_another_user_gives_EACCES(void **state)
{
    (void)state;
    write_whole(path_of("secret").text, "secret", 6);
    assert_int_equal(chmod(path_of("secret").text, 0600), 0);
    assert_int_equal(mkdir(path_of("private").text, 0700), 0);
    run_checks_as_nobody(read_what_is_forbidden, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_file_of_any_size_is_read_whole_with_a_zero_behind_it),
        behaviour(a_file_without_a_size_is_read_to_its_end),
        behaviour(a_pipe_is_read_to_its_end),
        behaviour(the_bytes_of_a_long_pipe_come_in_their_order),
        behaviour(a_file_above_the_limit_gives_EFBIG),
        behaviour(sizes_above_32_bits_are_judged_rightly),
        behaviour(a_file_that_shrinks_or_grows_while_read_gives_what_is_there),
        behaviour(what_is_no_file_gives_its_error_and_leaves_the_results_alone),
        behaviour(a_file_of_another_user_gives_EACCES),
    };
    return run_behaviours("read_file", tests);
}
