/*
 * Writes above the limit on a file's size (RLIMIT_FSIZE): the count of what was written, then
 * -EFBIG, and no SIGXFSZ, wherever the kernel does the writing. The program's own dealings with the
 * signal are as before once the run has ended. Each case runs in a forked child, where the signal
 * has its default effect: one that got through would kill it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fs/small_disk.h"

#include "core/child.h"

#include <fcntl.h>
#include <signal.h>
#include <whorl/trial.h>

enum { LIMIT = 65536 };

struct limited {
    const char *path;
    uint64_t without;
    int flags;
};

static char piece[2 * LIMIT];

static intptr_t write_above_the_limit(void *arg)
{
    const struct limited *limited = arg;
    struct iovec one = {piece, LIMIT};
    _Alignas(4096) static char aligned[LIMIT];
    int fd = whorl_open(limited->path, O_RDWR | O_CREAT | O_CLOEXEC | limited->flags, 0600);
    if (fd == -EINVAL && limited->flags)
        return 0; /* no O_DIRECT on this file system */
    check(fd >= 0);
    check_equal(whorl_pwrite(fd, aligned, LIMIT, LIMIT / 2), LIMIT / 2);
    check_equal(whorl_pwrite(fd, aligned, LIMIT, LIMIT), -EFBIG);
    one.iov_base = aligned;
    check_equal(whorl_pwritev(fd, &one, 1, 2 * LIMIT), -EFBIG);
    check_equal(whorl_ftruncate(fd, LIMIT + 1), -EFBIG);
    check_equal(whorl_fallocate(fd, 0, 0, LIMIT + 1), -EFBIG);
    check_equal(whorl_ftruncate(fd, LIMIT), 0);
    return whorl_close(fd);
}

static int run_limited(void *arg)
{
    const struct limited *limited = arg;
    whorl_config config = {.without = limited->without};
    limit_file_size(LIMIT);
    int result = (int)whorl_run_with(&config, write_above_the_limit, arg);
    unlink(limited->path);
    return result;
}

/* XFS takes buffered writes there and then. */
static int run_limited_on_xfs(const char *root)
{
    (void)root;
    return run_limited(&(struct limited){.path = "limited"});
}

/* The signal is raised on the thread that submits where the kernel writes there and then, and by
 * what stands in for ftruncate. It does not get through, not even when the run ends. */
static void a_limit_on_the_size_of_files_gives_EFBIG_and_no_signal(void **state)
{
    (void)state;
    test_path path = path_of("limited");
    run_in_child(run_limited, &(struct limited){.path = path.text});
    run_in_child(run_limited, &(struct limited){.path = path.text, .flags = O_DIRECT});
    run_in_child(run_limited,
                 &(struct limited){.path = path.text, .without = WHORL_FEATURE_OP_FTRUNCATE});
}

static void nor_does_one_where_buffered_writes_do_not_wait(void **state)
{
    (void)state;
    on_small_disk(DISK_XFS, DISK_XFS_BYTES, run_limited_on_xfs);
}

/* --- The position --- */

enum { LOW_LIMIT = 100 };

static intptr_t write_up_to_the_limit(void *arg)
{
    int fd = whorl_open(arg, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    check(fd >= 0);
    check_equal(whorl_write(fd, piece, LOW_LIMIT - 1), LOW_LIMIT - 1);
    check_equal(whorl_write(fd, piece, LOW_LIMIT), 1);
    check_equal(lseek(fd, 0, SEEK_CUR), LOW_LIMIT);
    check_equal(whorl_write(fd, piece, LOW_LIMIT), -EFBIG);
    return whorl_close(fd);
}

static int run_below_a_low_limit(void *arg)
{
    limit_file_size(LOW_LIMIT);
    int result = (int)whorl_run(write_up_to_the_limit, arg);
    unlink(arg);
    return result;
}

/* Nothing that finds out what the kernel does may itself need larger files. */
static void a_limit_below_a_page_moves_the_position_by_what_was_written(void **state)
{
    (void)state;
    run_in_child(run_below_a_low_limit, path_of("limited").text);
}

/* --- The program's own --- */

static volatile sig_atomic_t caught;

static void count_signal(int number)
{
    (void)number;
    caught++;
}

static intptr_t write_one_byte_too_many(void *arg)
{
    int fd = whorl_open(arg, O_RDWR | O_CREAT | O_CLOEXEC | O_DIRECT, 0600);
    _Alignas(4096) static char aligned[LIMIT];
    if (fd != -EINVAL)
        check_equal(whorl_pwrite(fd, aligned, LIMIT, LIMIT), -EFBIG);
    check_equal(whorl_ftruncate(fd, LIMIT + 1), fd < 0 ? -EBADF : -EFBIG);
    if (fd >= 0)
        check_equal(whorl_close(fd), 0);
    return 0;
}

static int keep_one_that_was_pending(void *arg)
{
    const struct limited *limited = arg;
    whorl_config config = {.without = WHORL_FEATURE_OP_FTRUNCATE};
    sigset_t mask, pending;
    limit_file_size(LIMIT);
    signal(SIGXFSZ, count_signal);
    check_equal(whorl_run_with(&config, write_one_byte_too_many, (void *)limited->path), 0);
    check_equal(caught, 0);
    sigemptyset(&mask);
    sigaddset(&mask, SIGXFSZ);
    check_equal(sigprocmask(SIG_BLOCK, &mask, NULL), 0);
    check_equal(raise(SIGXFSZ), 0);
    check_equal(whorl_run_with(&config, write_one_byte_too_many, (void *)limited->path), 0);
    check_equal(sigpending(&pending), 0);
    check(sigismember(&pending, SIGXFSZ));
    check_equal(caught, 0);
    check_equal(sigprocmask(SIG_UNBLOCK, &mask, NULL), 0);
    check_equal(caught, 1);
    unlink(limited->path);
    return 0;
}

static void a_signal_that_was_pending_before_the_run_stays(void **state)
{
    (void)state;
    test_path path = path_of("limited");
    run_in_child(keep_one_that_was_pending, &(struct limited){.path = path.text});
}

static int raise_in_a_trial(void *arg)
{
    (void)arg;
    whorl_trial trial;
    struct sigaction after;
    signal(SIGXFSZ, SIG_DFL);
    whorl_trial_begin(&trial);
    raise(SIGXFSZ);
    check_equal(whorl_trial_end(&trial), 0);
    check_equal(sigaction(SIGXFSZ, NULL, &after), 0);
    check(after.sa_handler == SIG_DFL);
    signal(SIGXFSZ, count_signal);
    whorl_trial_begin(&trial);
    raise(SIGXFSZ);
    check_equal(whorl_trial_end(&trial), 0);
    check_equal(caught, 1);
    return 0;
}

static void a_trial_takes_the_signal_unless_the_program_does(void **state)
{
    (void)state;
    run_in_child(raise_in_a_trial, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_limit_on_the_size_of_files_gives_EFBIG_and_no_signal),
        behaviour(nor_does_one_where_buffered_writes_do_not_wait),
        behaviour(a_limit_below_a_page_moves_the_position_by_what_was_written),
        behaviour(a_signal_that_was_pending_before_the_run_stays),
        behaviour(a_trial_takes_the_signal_unless_the_program_does),
    };
    return run_behaviours("size_limit", tests);
}
