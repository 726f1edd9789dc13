/*
 * Copies whose files do what files seldom do: one with holes shrinks at each of the steps by which
 * they are looked for, one grows as fast as it is copied, one takes no bytes and gives no error.
 * This program stands between the engine and lseek(2), fstat(2), pwrite(2) and copy_file_range(2)
 * (the linker's --wrap).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <fs/copy.h>
#include <fs/whole_file.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIZE = 4 << 20, REST = 10, STEPS_MOST = 20, GROWN_MOST = 96 << 20 };

static int until_cut = -1; /* looks for data or holes; < 0: it stays as it is */
static bool takes_nothing;
static bool grows;                  /* by as much as is copied, or looked for */
static bool grows_once_it_was_seen; /* by SIZE */
static bool fails_to_be_seen_again; /* after that */
static test_path from, to;

off_t __real_lseek(int fd, off_t offset, int whence);
/* Not for ever, so that this comes to an end whatever the engine does. */
static void grow(size_t len)
{
    static char more[SIZE];
    int fd = open(from.text, O_WRONLY | O_APPEND | O_CLOEXEC);
    memset(more, '+', sizeof more);
    for (; __real_lseek(fd, 0, SEEK_END) < GROWN_MOST && len > 0; len -= len < SIZE ? len : SIZE)
        check(write(fd, more, len < SIZE ? len : SIZE) > 0);
    close(fd);
}

off_t __wrap_lseek(int fd, off_t offset, int whence);
off_t __wrap_lseek(int fd, off_t offset, int whence)
{
    if (whence == SEEK_DATA || whence == SEEK_HOLE || whence == SEEK_END)
        if (until_cut >= 0 && until_cut-- == 0)
            check_equal(truncate(from.text, REST), 0);
    if (grows && whence == SEEK_DATA)
        grow(SIZE);
    return __real_lseek(fd, offset, whence);
}

ssize_t __real_pwrite(int fd, const void *data, size_t len, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *data, size_t len, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *data, size_t len, off_t offset)
{
    if (grows)
        grow(len);
    return takes_nothing ? 0 : __real_pwrite(fd, data, len, offset);
}

ssize_t __real_copy_file_range(int in, off_t *in_at, int out, off_t *out_at, size_t len,
                               unsigned flags);
ssize_t __wrap_copy_file_range(int in, off_t *in_at, int out, off_t *out_at, size_t len,
                               unsigned flags);
ssize_t __wrap_copy_file_range(int in, off_t *in_at, int out, off_t *out_at, size_t len,
                               unsigned flags)
{
    ssize_t moved = __real_copy_file_range(in, in_at, out, out_at, len, flags);
    if (grows && moved > 0)
        grow((size_t)moved);
    return moved;
}

int __real_fstat(int fd, struct stat *status);
int __wrap_fstat(int fd, struct stat *status);
int __wrap_fstat(int fd, struct stat *status)
{
    if (fails_to_be_seen_again && !grows_once_it_was_seen) {
        errno = EIO;
        return -1;
    }
    int result = __real_fstat(fd, status);
    if (grows_once_it_was_seen)
        grow(SIZE);
    grows_once_it_was_seen = false;
    return result;
}

/* Bytes in the middle of holes. */
static void make_sparse(void)
{
    int fd = open(from.text, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    check_equal(ftruncate(fd, SIZE), 0);
    for (off_t at = 0; at < SIZE; at += SIZE / 4)
        check_equal(pwrite(fd, "data", 4, at + 100), 4);
    close(fd);
}

static intptr_t cut_at_each_step(void *arg)
{
    (void)arg;
    int steps = 0;
    bool is_cut = true;
    for (; is_cut && steps < STEPS_MOST && failed_checks() == 0; steps++) {
        struct stat status;
        make_sparse();
        until_cut = steps;
        check_equal(whorl_copy_file(from.text, to.text, WHORL_FILE_UNSYNCED), 0);
        is_cut = until_cut < 0;
        until_cut = -1;
        check_equal(stat(to.text, &status), 0);
        check(status.st_size <= SIZE && (is_cut || status.st_size == SIZE));
    }
    printf("cut short at each of %d steps\n", steps - 1);
    return 0;
}

static void a_sparse_file_that_shrinks_is_copied_up_to_its_end(void **state)
{
    (void)state;
    from = path_of("from");
    to = path_of("to");
    run_checks(cut_at_each_step, NULL);
}

static intptr_t cut_in_a_tree(void *arg)
{
    (void)arg;
    test_path tree = path_of("tree"), copy = path_of("copy"), file = path_of("copy/file");
    whorl_tree_report report;
    struct stat status;
    check_equal(mkdir(tree.text, 0700), 0);
    from = path_of("tree/file");
    make_sparse();
    until_cut = 3;
    check_equal(whorl_copy_tree(tree.text, copy.text, 0, &report), 0);
    check_equal(until_cut, -1);
    check_equal(stat(file.text, &status), 0);
    check_equal(report.bytes, status.st_size);
    check(status.st_size < SIZE);
    return 0;
}

static void the_report_counts_what_is_left_of_a_file_that_shrinks(void **state)
{
    (void)state;
    run_checks(cut_in_a_tree, NULL);
}

/* --- Files that grow --- */

static off_t size_of(const char *path)
{
    struct stat status = {0};
    check_equal(stat(path, &status), 0);
    return status.st_size;
}

static intptr_t copy_what_grows(void *arg)
{
    static const unsigned ways[] = {COPY_RANGE | COPY_READ_WRITE, COPY_READ_WRITE};
    static char data[SIZE];
    (void)arg;
    for (size_t i = 0; i < count_of(ways); i++) {
        memset(data, 'x', SIZE);
        write_whole(from.text, data, SIZE);
        grows = true;
        check_equal(copy_file_with(from.text, to.text, WHORL_FILE_UNSYNCED, ways[i]), 0);
        grows = false;
        check(size_of(from.text) > SIZE);
        check_equal(size_of(to.text), SIZE);
        make_sparse();
        grows = true;
        check_equal(copy_file_with(from.text, to.text, WHORL_FILE_UNSYNCED, ways[i]), 0);
        grows = false;
        check_equal(size_of(to.text), SIZE);
    }
    return 0;
}

static void a_file_that_grows_as_fast_as_it_is_copied_is_copied_up_to_its_first_size(void **state)
{
    (void)state;
    from = path_of("from");
    to = path_of("to");
    run_checks(copy_what_grows, NULL);
}

static intptr_t copy_what_was_empty(void *arg)
{
    (void)arg;
    write_whole(from.text, "", 0);
    grows = grows_once_it_was_seen = true;
    check_equal(copy_file_with(from.text, to.text, WHORL_FILE_UNSYNCED, COPY_READ_WRITE), 0);
    grows = false;
    check(!grows_once_it_was_seen);
    check(size_of(to.text) < GROWN_MOST);
    printf("%jd bytes were copied\n", (intmax_t)size_of(to.text));
    write_whole(from.text, "", 0);
    check_equal(unlink(to.text), 0);
    grows = grows_once_it_was_seen = fails_to_be_seen_again = true;
    check_equal(copy_file_with(from.text, to.text, WHORL_FILE_UNSYNCED, COPY_READ_WRITE), -EIO);
    grows = fails_to_be_seen_again = false;
    check_equal(access(to.text, F_OK), -1);
    return 0;
}

static void one_that_was_empty_at_first_is_copied_up_to_a_size_too(void **state)
{
    (void)state;
    from = path_of("from");
    to = path_of("to");
    run_checks(copy_what_was_empty, NULL);
}

static intptr_t copy_a_tree_that_grows(void *arg)
{
    test_path tree = path_of("tree"), copy = path_of("copy"), file = path_of("copy/file");
    whorl_tree_report report;
    (void)arg;
    check_equal(mkdir(tree.text, 0700), 0);
    from = path_of("tree/file");
    make_sparse();
    grows = true;
    check_equal(whorl_copy_tree(tree.text, copy.text, 0, &report), 0);
    grows = false;
    check_equal(size_of(file.text), SIZE);
    check_equal(report.bytes, SIZE);
    return 0;
}

static void a_file_of_a_tree_that_grows_comes_to_an_end(void **state)
{
    (void)state;
    run_checks(copy_a_tree_that_grows, NULL);
}

/* --- One that takes nothing --- */

static intptr_t copy_to_what_takes_nothing(void *arg)
{
    (void)arg;
    write_whole(from.text, "new", 3);
    write_whole(to.text, "old", 3);
    takes_nothing = true;
    check_equal(copy_file_with(from.text, to.text, 0, COPY_READ_WRITE), -EIO);
    takes_nothing = false;
    char held[4] = "";
    check_equal(read_whole(to.text, held, 3), 3);
    check_text(held, "old");
    return 0;
}

static void a_file_that_takes_nothing_gives_EIO(void **state)
{
    (void)state;
    from = path_of("from");
    to = path_of("to");
    run_checks(copy_to_what_takes_nothing, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_sparse_file_that_shrinks_is_copied_up_to_its_end),
        behaviour(the_report_counts_what_is_left_of_a_file_that_shrinks),
        behaviour(a_file_that_grows_as_fast_as_it_is_copied_is_copied_up_to_its_first_size),
        behaviour(one_that_was_empty_at_first_is_copied_up_to_a_size_too),
        behaviour(a_file_of_a_tree_that_grows_comes_to_an_end),
        behaviour(a_file_that_takes_nothing_gives_EIO),
    };
    return run_behaviours("copy_faults", tests);
}
