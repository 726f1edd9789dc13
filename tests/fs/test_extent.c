/*
 * A file's extent and its way to the disk: ftruncate, fallocate, fsync, fdatasync. Effects are
 * looked at with plain system calls; each body runs on every set of features.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "feature_sets.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A new file of 10 bytes 'x', opened with `flags`. */
static int file_of_ten(int flags)
{
    test_path path = path_of("ten");
    write_whole(path.text, "xxxxxxxxxx", 10);
    return open(path.text, flags | O_CLOEXEC);
}

static off_t size_of(int fd)
{
    struct stat status;
    return check_equal(fstat(fd, &status), 0) ? status.st_size : -1;
}

/* --- fsync, fdatasync --- */

static intptr_t sync_files(void *arg)
{
    (void)arg;
    int fd = file_of_ten(O_RDWR);
    check_equal(whorl_fsync(fd), 0);
    check_equal(whorl_fdatasync(fd), 0);
    check_equal(close(fd), 0);
    check_equal(whorl_fsync(fd), -EBADF);
    check_equal(whorl_fdatasync(fd), -EBADF);
    check_equal(whorl_fsync(-1), -EBADF);
    check_equal(whorl_fdatasync(-1), -EBADF);
    pair both = pipe_pair();
    check_equal(whorl_fsync(both.ends[1]), -EINVAL);
    check_equal(whorl_fdatasync(both.ends[1]), -EINVAL);
    close_pair(&both);
    return 0;
}

static void sync_answers_as_its_page_says(void **state)
{
    (void)state;
    run_checks_on_all_features(sync_files, NULL);
}

/* --- ftruncate --- */

static intptr_t truncate_files(void *arg)
{
    (void)arg;
    char text[32] = {0};
    int fd = file_of_ten(O_RDWR);
    check_equal(whorl_ftruncate(fd, 4), 0);
    check_equal(size_of(fd), 4);
    check_equal(whorl_ftruncate(fd, 8), 0);
    check_equal(size_of(fd), 8);
    check_equal(pread(fd, text, sizeof text, 0), 8);
    check_equal(memcmp(text, "xxxx\0\0\0\0", 8), 0);
    check_equal(whorl_ftruncate(fd, 0), 0);
    check_equal(size_of(fd), 0);
    return close(fd);
}

static void ftruncate_cuts_and_extends(void **state)
{
    (void)state;
    run_checks_on_all_features(truncate_files, NULL);
}

static intptr_t truncate_wrongly(void *arg)
{
    (void)arg;
    int fd = file_of_ten(O_RDWR);
    check_equal(whorl_ftruncate(fd, -1), -EINVAL);
    check_equal(whorl_ftruncate(fd, INT64_MIN), -EINVAL);
    check_equal(ftruncate(fd, INT64_MAX), -1);
    check_equal(whorl_ftruncate(fd, INT64_MAX), -errno);
    check_equal(size_of(fd), 10);
    check_equal(close(fd), 0);
    check_equal(whorl_ftruncate(fd, 0), -EBADF);
    check_equal(whorl_ftruncate(-1, 0), -EBADF);
    fd = file_of_ten(O_RDONLY);
    check_equal(whorl_ftruncate(fd, 0), -EINVAL);
    check_equal(size_of(fd), 10);
    check_equal(close(fd), 0);
    pair both = pipe_pair();
    check_equal(whorl_ftruncate(both.ends[1], 0), -EINVAL);
    close_pair(&both);
    return 0;
}

static void ftruncate_gives_the_errors_of_its_page(void **state)
{
    (void)state;
    run_checks_on_all_features(truncate_wrongly, NULL);
}

/* --- fallocate --- */

static intptr_t allocate_space(void *arg)
{
    (void)arg;
    char text[32] = {0};
    int fd = file_of_ten(O_RDWR);
    check_equal(whorl_fallocate(fd, 0, 0, 20), 0);
    check_equal(size_of(fd), 20);
    check_equal(whorl_fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 1 << 16), 0);
    check_equal(size_of(fd), 20);
    check_equal(whorl_fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2, 3), 0);
    check_equal(pread(fd, text, sizeof text, 0), 20);
    check_equal(memcmp(text, "xx\0\0\0xxxxx\0\0\0\0\0\0\0\0\0\0", 20), 0);
    return close(fd);
}

static void fallocate_makes_room_and_holes(void **state)
{
    (void)state;
    int fd = file_of_ten(O_RDWR);
    int plain = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2, 3);
    int why = errno;
    close(fd);
    if (plain != 0)
        skip_because("the temporary directory's file system cannot: %s", strerror(why));
    run_checks_on_all_features(allocate_space, NULL);
}

static intptr_t allocate_wrongly(void *arg)
{
    (void)arg;
    int fd = file_of_ten(O_RDWR);
    check_equal(whorl_fallocate(fd, 0, 0, 0), -EINVAL);
    check_equal(whorl_fallocate(fd, 0, 0, -1), -EINVAL);
    check_equal(whorl_fallocate(fd, 0, -1, 1), -EINVAL);
    check_equal(whorl_fallocate(fd, 0, INT64_MAX, 1), -EFBIG);
    check_equal(whorl_fallocate(fd, 1 << 30, 0, 1), -EOPNOTSUPP);
    check_equal(whorl_fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 1), -EOPNOTSUPP);
    check_equal(size_of(fd), 10);
    check_equal(close(fd), 0);
    check_equal(whorl_fallocate(fd, 0, 0, 1), -EBADF);
    check_equal(whorl_fallocate(-1, 0, 0, 1), -EBADF);
    fd = file_of_ten(O_RDONLY);
    check_equal(whorl_fallocate(fd, 0, 0, 1), -EBADF);
    check_equal(close(fd), 0);
    pair both = pipe_pair();
    check_equal(whorl_fallocate(both.ends[1], 0, 0, 1), -ESPIPE);
    close_pair(&both);
    return 0;
}

static void fallocate_gives_the_errors_of_its_page(void **state)
{
    (void)state;
    run_checks_on_all_features(allocate_wrongly, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(sync_answers_as_its_page_says),
        behaviour(ftruncate_cuts_and_extends),
        behaviour(ftruncate_gives_the_errors_of_its_page),
        behaviour(fallocate_makes_room_and_holes),
        behaviour(fallocate_gives_the_errors_of_its_page),
    };
    return run_behaviours("extent", tests);
}
