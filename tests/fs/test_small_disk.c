/*
 * Plain writes on bad days: the disk is full, it breaks, the file is another's. A write gives the
 * count of what it wrote, and the next says why there was no more.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fs/small_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 300 * 1000 };

static char piece[PIECE];

/* Writes pieces until one is refused; each before was taken whole, but for the last, perhaps.
 * Returns the error, and the bytes written in *total. */
static ssize_t write_until_refused(int fd, off_t *total)
{
    ssize_t put;
    bool was_short = false;
    while ((put = whorl_write(fd, piece, PIECE)) > 0) {
        check(!was_short || put < PIECE);
        was_short = put < PIECE;
        *total += put;
    }
    return put;
}

static intptr_t write_to_the_brim(void *root)
{
    (void)root;
    struct stat status;
    off_t total = 0;
    fill_pattern(piece, PIECE, 1);
    int fd = whorl_open("brim", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    check(fd >= 0);
    check_equal(write_until_refused(fd, &total), -ENOSPC);
    check_equal(fstat(fd, &status), 0);
    check_equal(status.st_size, total);
    check(total > 2 * PIECE);
    static char held[PIECE];
    for (off_t at = 0; at < total; at += PIECE) {
        ssize_t here = total - at < PIECE ? total - at : PIECE;
        check_equal(whorl_pread(fd, held, PIECE, at), here);
        check_equal(memcmp(held, piece, (size_t)here), 0);
    }
    return whorl_close(fd);
}

/* An append's position is the file's end. */
static intptr_t append_to_the_brim(void *root)
{
    (void)root;
    off_t total = 0;
    int fd = whorl_open("log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    check(fd >= 0);
    check_equal(write_until_refused(fd, &total), -ENOSPC);
    check_equal(lseek(fd, 0, SEEK_CUR), total);
    check_equal(lseek(fd, 0, SEEK_END), total);
    return whorl_close(fd);
}

static void an_append_on_a_full_disk_gives_its_count_and_then_ENOSPC(void **state)
{
    (void)state;
    run_on_small_disk(DISK_TMPFS, DISK_BYTES, append_to_the_brim);
    run_on_small_disk(DISK_EXT4, DISK_BYTES, append_to_the_brim);
}

static void a_write_on_a_full_disk_gives_its_count_and_then_ENOSPC(void **state)
{
    (void)state;
    run_on_small_disk(DISK_TMPFS, DISK_BYTES, write_to_the_brim);
    run_on_small_disk(DISK_EXT4, DISK_BYTES, write_to_the_brim);
}

static intptr_t write_by_other_calls(void *root)
{
    (void)root;
    int fd = whorl_open("full", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    check_equal(whorl_pwrite(fd, piece, 10, 0), 10);
    fill_disk("filler");
    struct iovec iov[] = {{piece, 100000}, {piece, PIECE}};
    check_equal(whorl_fallocate(fd, 0, 1 << 20, 1 << 20), -ENOSPC);
    check_equal(whorl_pwrite(fd, piece, PIECE, 1 << 20), -ENOSPC);
    check_equal(whorl_pwritev(fd, iov, 2, 1 << 20), -ENOSPC);
    whorl_op ops[] = {whorl_op_pwrite(fd, piece, PIECE, 1 << 20), whorl_op_fsync(fd)};
    check_equal(whorl_link_ops(ops, 2), -ENOSPC);
    check_equal(ops[0].result, -ENOSPC);
    check_equal(ops[1].result, -ECANCELED);
    check_equal(whorl_ftruncate(fd, 1 << 20), 0); /* a hole takes no block */
    check_equal(whorl_pwrite(fd, "x", 1, 0), 1);  /* nor does what has one */
    check_equal(whorl_unlink("filler"), 0);
    check_equal(whorl_pwrite(fd, piece, PIECE, 1 << 20), PIECE);
    check_equal(whorl_pwritev(fd, iov, 2, 1 << 20), 100000 + PIECE);
    check_equal(whorl_fsync(fd), 0);
    return whorl_close(fd);
}

static void every_write_on_a_full_disk_gives_ENOSPC_until_there_is_room(void **state)
{
    (void)state;
    run_on_small_disk(DISK_TMPFS, DISK_BYTES, write_by_other_calls);
    run_on_small_disk(DISK_EXT4, DISK_BYTES, write_by_other_calls);
}

/* --- A device that fails --- */

static intptr_t write_to_a_broken_disk(void *root)
{
    (void)root;
    fill_pattern(piece, PIECE, 1);
    int fd = whorl_open("lost", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    check_equal(whorl_write(fd, piece, PIECE), PIECE);
    check_equal(whorl_fsync(fd), 0);
    disk_break();
    check_equal(whorl_write(fd, piece, PIECE), PIECE);
    check_equal(whorl_fsync(fd), -EIO);
    return whorl_close(fd);
}

static void an_fsync_on_a_broken_disk_gives_EIO(void **state)
{
    (void)state;
    run_on_small_disk(DISK_EXT4, DISK_BYTES, write_to_a_broken_disk);
}

/* --- Another user --- */

static intptr_t touch_what_is_roots(void *arg)
{
    (void)arg;
    check_equal(whorl_open("secret", O_RDONLY | O_CLOEXEC), -EACCES);
    check_equal(whorl_open("secret", O_WRONLY | O_CLOEXEC), -EACCES);
    check_equal(whorl_open("private/new", O_WRONLY | O_CREAT | O_CLOEXEC, 0600), -EACCES);
    check_equal(whorl_unlink("private/new"), -EACCES);
    check_equal(whorl_unlink("secret"), -EPERM); /* the directory is sticky */
    check_equal(whorl_rename("secret", "mine"), -EPERM);
    return 0;
}

static void another_user_is_refused(void **state)
{
    (void)state;
    write_whole(path_of("secret").text, "secret", 6);
    assert_int_equal(chmod(path_of("secret").text, 0600), 0);
    assert_int_equal(mkdir(path_of("private").text, 0700), 0);
    run_checks_as_nobody(touch_what_is_roots, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_write_on_a_full_disk_gives_its_count_and_then_ENOSPC),
        behaviour(an_append_on_a_full_disk_gives_its_count_and_then_ENOSPC),
        behaviour(every_write_on_a_full_disk_gives_ENOSPC_until_there_is_room),
        behaviour(an_fsync_on_a_broken_disk_gives_EIO),
        behaviour(another_user_is_refused),
    };
    return run_behaviours("small_disk", tests);
}
