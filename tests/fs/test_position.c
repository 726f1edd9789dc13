/*
 * The position of a file after a write that came to less than asked: it has moved by what was
 * written, as after write(2). A file that may not grow cuts the write short, without any disk.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "feature_sets.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 65536 }; /* of any machine */

static char bytes[3 * PAGE];

/* A file of two pages that cannot grow, with its position at `at`. */
static int full_file(off_t at)
{
    int fd = memfd_create("full", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    check(fd >= 0);
    check_equal(ftruncate(fd, 2 * PAGE), 0);
    check_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), 0);
    check_equal(lseek(fd, at, SEEK_SET), at);
    return fd;
}

static intptr_t write_at_the_position(void *arg)
{
    (void)arg;
    int fd = full_file(PAGE);
    check_equal(whorl_write(fd, bytes, 2 * PAGE), PAGE);
    check_equal(lseek(fd, 0, SEEK_CUR), 2 * PAGE);
    check_equal(whorl_write(fd, bytes, 1), -EPERM);
    check_equal(lseek(fd, 0, SEEK_CUR), 2 * PAGE);
    return close(fd);
}

static void a_short_write_moves_the_position_by_its_count(void **state)
{
    (void)state;
    run_checks_on_all_features(write_at_the_position, NULL);
}

static intptr_t write_vectors(void *arg)
{
    (void)arg;
    int fd = full_file(0);
    struct iovec iov[] = {{bytes, PAGE / 2}, {bytes, PAGE}, {bytes, PAGE}};
    check_equal(whorl_writev(fd, iov, 3), 2 * PAGE);
    check_equal(lseek(fd, 0, SEEK_CUR), 2 * PAGE);
    check_equal(lseek(fd, 0, SEEK_SET), 0);
    check_equal(whorl_writev(fd, iov, 2), PAGE + PAGE / 2);
    check_equal(lseek(fd, 0, SEEK_CUR), PAGE + PAGE / 2);
    return close(fd);
}

static void a_short_vectored_write_moves_it_too(void **state)
{
    (void)state;
    run_checks_on_all_features(write_vectors, NULL);
}

static intptr_t write_at_offsets(void *arg)
{
    (void)arg;
    int fd = full_file(7);
    struct iovec iov[] = {{bytes, PAGE}, {bytes, PAGE}};
    check_equal(whorl_pwrite(fd, bytes, 2 * PAGE, PAGE), PAGE);
    check_equal(whorl_pwritev(fd, iov, 2, PAGE), PAGE);
    check_equal(lseek(fd, 0, SEEK_CUR), 7);
    return close(fd);
}

static void a_short_write_at_an_offset_leaves_it(void **state)
{
    (void)state;
    run_checks_on_all_features(write_at_offsets, NULL);
}

static intptr_t write_little_to_a_pipe(void *arg)
{
    (void)arg;
    pair both = pipe_pair();
    check_equal(fcntl(both.ends[1], F_SETFL, O_NONBLOCK), 0);
    check_equal(fcntl(both.ends[1], F_SETPIPE_SZ, PAGE), PAGE);
    ssize_t put = whorl_write(both.ends[1], bytes, 2 * PAGE);
    check(put > 0 && put <= PAGE);
    close_pair(&both);
    return 0;
}

static void a_short_write_to_a_pipe_is_just_short(void **state)
{
    (void)state;
    run_checks_on_all_features(write_little_to_a_pipe, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_short_write_moves_the_position_by_its_count),
        behaviour(a_short_vectored_write_moves_it_too),
        behaviour(a_short_write_at_an_offset_leaves_it),
        behaviour(a_short_write_to_a_pipe_is_just_short),
    };
    return run_behaviours("position", tests);
}
