/*
 * Opening and closing descriptors: what open(2), openat(2) and close(2) promise, and their errors.
 * Most cases are a table that is put to the plain call and to whorl's; the two must agree.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "feature_sets.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- The same as the plain call --- */

typedef struct open_case {
    const char *name; /* below the temporary directory */
    int flags;
    int expected; /* -errno, or 0 for a descriptor */
} open_case;

static const open_case open_cases[] = {
    {"file", O_RDONLY, 0},
    {"file", O_RDWR | O_APPEND, 0},
    {"file", O_WRONLY | O_TRUNC, 0},
    {"", O_RDONLY | O_DIRECTORY, 0},
    {"file", O_PATH, 0},
    {"fifo", O_RDONLY | O_NONBLOCK, 0},
    {"", O_RDWR | O_TMPFILE, 0},
    {"missing", O_RDONLY, -ENOENT},
    {"missing/deeper", O_RDWR | O_CREAT, -ENOENT},
    {"file", O_RDWR | O_CREAT | O_EXCL, -EEXIST},
    {"file/deeper", O_RDONLY, -ENOTDIR},
    {"file", O_RDONLY | O_DIRECTORY, -ENOTDIR},
    {"", O_WRONLY, -EISDIR},
    {"", O_RDWR | O_CREAT, -EISDIR},
    {"symlink", O_RDONLY | O_NOFOLLOW, -ELOOP},
    {"fifo", O_WRONLY | O_NONBLOCK, -ENXIO},
    {"", O_RDONLY | O_TMPFILE, -EINVAL},
};

static int outcome_of(int fd)
{
    if (fd < 0)
        return fd;
    check_equal(close(fd), 0);
    return 0;
}

static intptr_t put_table_to_both(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < count_of(open_cases); i++) {
        const open_case *one = &open_cases[i];
        test_path path = path_of(one->name);
        int plain = open(path.text, one->flags, 0600);
        int plain_outcome = plain < 0 ? -errno : outcome_of(plain);
        int outcome = outcome_of(whorl_open(path.text, one->flags, 0600));
        int outcome_at = outcome_of(whorl_openat(-1, path.text, one->flags, 0600));
        if (outcome != one->expected || outcome_at != outcome || outcome != plain_outcome)
            check_failed("case %zu, \"%s\": open(2) %d, whorl_open %d, whorl_openat %d, not %d", i,
                         one->name, plain_outcome, outcome, outcome_at, one->expected);
    }
    return 0;
}

static void open_agrees_with_the_plain_call(void **state)
{
    (void)state;
    write_whole(path_of("file").text, "text", 4);
    assert_int_equal(mkfifo(path_of("fifo").text, 0600), 0);
    assert_int_equal(symlink("file", path_of("symlink").text), 0);
    run_checks_on_all_features(put_table_to_both, NULL);
}

/* --- Effects --- */

static intptr_t create_with_mode(void *arg)
{
    (void)arg;
    test_path path = path_of("created");
    int fd = whorl_open(path.text, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0767);
    struct stat status;
    if (!check(fd >= 0) || !check_equal(fstat(fd, &status), 0))
        return -1;
    check_equal(status.st_mode, S_IFREG | 0745);
    check_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    check_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
    check_equal(whorl_close(fd), 0);
    check(!is_open(fd));

    fd = whorl_open(path.text, O_RDONLY);
    check_equal(fcntl(fd, F_GETFD), 0);
    check_equal(whorl_close(fd), 0);
    return unlink(path.text);
}

static void open_creates_with_mode_and_umask(void **state)
{
    (void)state;
    mode_t mask = umask(022);
    run_checks_on_all_features(create_with_mode, NULL);
    umask(mask);
}

static intptr_t truncate_by_open(void *arg)
{
    (void)arg;
    char text[8];
    test_path path = path_of("full");
    write_whole(path.text, "text", 4);
    int fd = whorl_open(path.text, O_WRONLY | O_TRUNC);
    check_equal(whorl_close(fd), 0);
    check_equal(read_whole(path.text, text, sizeof text), 0);
    return 0;
}

static void open_truncates(void **state)
{
    (void)state;
    run_checks_on_all_features(truncate_by_open, NULL);
}

static intptr_t open_below_a_directory(void *arg)
{
    (void)arg;
    int dirfd = whorl_open(path_of("").text, O_RDONLY | O_DIRECTORY);
    int fd = whorl_openat(dirfd, "inner", O_WRONLY | O_CREAT, 0600);
    check(fd >= 0);
    check_equal(access(path_of("inner").text, F_OK), 0);
    check_equal(whorl_close(fd), 0);
    check_equal(whorl_openat(dirfd, "other", O_RDONLY), -ENOENT);
    check_equal(whorl_close(dirfd), 0);
    check_equal(whorl_openat(dirfd, "inner", O_RDONLY), -EBADF);
    check_equal(whorl_openat(-1, "inner", O_RDONLY), -EBADF);
    return unlink(path_of("inner").text);
}

static void openat_starts_at_its_directory(void **state)
{
    (void)state;
    run_checks_on_all_features(open_below_a_directory, NULL);
}

/* --- Errors of their own --- */

static intptr_t open_bad_paths(void *arg)
{
    (void)arg;
    static char endless[5000];
    memset(endless, 'n', sizeof endless - 1);
    check_equal(whorl_open(NULL, O_RDONLY), -EFAULT);
    check_equal(whorl_openat(AT_FDCWD, NULL, O_RDWR | O_CREAT, 0600), -EFAULT);
    check_equal(whorl_open("", O_RDONLY), -ENOENT);
    check_equal(whorl_open(endless, O_RDONLY), -ENAMETOOLONG);
    return 0;
}

static void open_refuses_bad_paths(void **state)
{
    (void)state;
    run_checks_on_all_features(open_bad_paths, NULL);
}

static intptr_t open_at_the_limit(void *arg)
{
    (void)arg;
    struct rlimit limit;
    check_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    int lowest = dup(0); /* the next free number, and so the limit that forbids it */
    check_equal(close(lowest), 0);
    struct rlimit full = {(rlim_t)lowest, limit.rlim_max};
    check_equal(setrlimit(RLIMIT_NOFILE, &full), 0);
    check_equal(whorl_open("/dev/null", O_RDONLY), -EMFILE);
    check_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    int fd = whorl_open("/dev/null", O_RDONLY);
    check_equal(fd, lowest);
    return whorl_close(fd);
}

static void open_tells_of_the_descriptor_limit(void **state)
{
    (void)state;
    run_checks_on_all_features(open_at_the_limit, NULL);
}

static intptr_t close_what_is_not_open(void *arg)
{
    (void)arg;
    check_equal(whorl_close(-1), -EBADF);
    check_equal(whorl_close(INT32_MAX), -EBADF);
    check_equal(whorl_close(INT32_MIN), -EBADF);
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    check_equal(whorl_close(fd), 0);
    check_equal(whorl_close(fd), -EBADF);
    return 0;
}

static void close_refuses_what_is_not_open(void **state)
{
    (void)state;
    run_checks_on_all_features(close_what_is_not_open, NULL);
}

static intptr_t close_while_cancelled(void *arg)
{
    (void)arg;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_close(fd), 0);
    check(!is_open(fd));
    check_equal(whorl_close(fd), -EBADF);
    check_equal(whorl_uncancel(), 1);
    return 0;
}

static void close_works_in_a_cancelled_task(void **state)
{
    (void)state;
    run_checks_on_all_features(close_while_cancelled, NULL);
}

static intptr_t gather_closes(void *arg)
{
    (void)arg;
    pair both = pipe_pair();
    whorl_op closes[2] = {whorl_op_close(both.ends[0]), whorl_op_close(both.ends[1])};
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_gather_ops(closes, 2), 0);
    check_equal(whorl_uncancel(), 1);
    both = pipe_pair();
    whorl_op behind[3] = {whorl_op_nop(), whorl_op_close(both.ends[0]),
                          whorl_op_close(both.ends[1])};
    behind[0].timeout = 0;
    check_equal(whorl_gather_ops(behind, 3), -ETIMEDOUT);
    for (int i = 0; i < 2; i++) {
        check_equal(closes[i].result, 0);
        check_equal(behind[1 + i].result, 0);
        check(!is_open(both.ends[i])); /* which are those of the first pair too */
    }
    return 0;
}

static void close_works_in_a_gather_that_has_failed(void **state)
{
    (void)state;
    run_checks_on_all_features(gather_closes, NULL);
}

/* --- A number that is used again --- */

enum { OTHERS = 600 };

static intptr_t close_it(void *arg)
{
    return whorl_close(*(int *)arg);
}

/* The kernel has closed the number as soon as the ops before it are submitted, which may be before
 * the closer hears of it. */
static void submit_until_closed(whorl_op *others, int fd)
{
    for (int i = 0; i < OTHERS && is_open(fd); i++) {
        others[i] = whorl_op_nop();
        check_equal(whorl_op_start(&others[i]), 0);
    }
    check(!is_open(fd));
}

/* With and without an op in flight that the closer has to end first. */
static void use_the_number_again_once(whorl_op *others, bool awaited)
{
    char byte = 0;
    pair source = pipe_pair(), old = pipe_pair();
    int fd = old.ends[0];
    whorl_op waiting = whorl_op_read(fd, &byte, 1);
    check_equal(write(source.ends[1], "x", 1), 1);
    if (awaited)
        check_equal(whorl_op_start(&waiting), 0);
    check_equal(whorl_yield(), 0);
    whorl_task *closer = whorl_spawn(close_it, &fd);
    if (awaited)
        check_equal(whorl_op_await(&waiting), -ECANCELED);
    check_equal(whorl_yield(), 0);
    submit_until_closed(others, fd);
    check_equal(fcntl(source.ends[0], F_DUPFD_CLOEXEC, fd), fd);
    check_equal(whorl_read(fd, &byte, 1), 1);
    check_equal(byte, 'x');
    check_equal(whorl_close(fd), 0);
    check(!is_open(fd));
    check_equal(whorl_join(closer), 0);
    check_equal(close(old.ends[1]), 0);
    close_pair(&source);
}

static intptr_t use_the_number_again(void *arg)
{
    use_the_number_again_once(arg, false);
    use_the_number_again_once(arg, true);
    return 0;
}

static void a_number_may_be_used_again_once_it_is_closed(void **state)
{
    (void)state;
    static whorl_op others[OTHERS];
    run_checks_with(&(whorl_config){.entries = 2}, use_the_number_again, others);
    run_checks(use_the_number_again, others);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(open_agrees_with_the_plain_call),
        behaviour(open_creates_with_mode_and_umask),
        behaviour(open_truncates),
        behaviour(openat_starts_at_its_directory),
        behaviour(open_refuses_bad_paths),
        behaviour(open_tells_of_the_descriptor_limit),
        behaviour(close_refuses_what_is_not_open),
        behaviour(close_works_in_a_cancelled_task),
        behaviour(close_works_in_a_gather_that_has_failed),
        behaviour(a_number_may_be_used_again_once_it_is_closed),
    };
    return run_behaviours("open", tests);
}
