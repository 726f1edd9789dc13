/*
 * Reading and writing: at the position, at an offset, one buffer or a vector. Effects are looked
 * at with plain system calls; each body runs on every set of features.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "feature_sets.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MOST_BYTES = 0x7ffff000, MOST_VECTORS = 1024 };

static bool file_holds(const char *expected)
{
    char text[64] = {0};
    check(read_whole(path_of("digits").text, text, sizeof text - 1) >= 0);
    return strcmp(text, expected) == 0;
}

/* --- One buffer --- */

static intptr_t use_the_position(void *arg)
{
    (void)arg;
    char buf[16] = {0};
    int fd = digits_file(O_RDWR);
    check_equal(whorl_read(fd, buf, 4), 4);
    check_text(buf, "0123");
    check_equal(lseek(fd, 0, SEEK_CUR), 4);
    check_equal(whorl_write(fd, "abc", 3), 3);
    check_equal(lseek(fd, 0, SEEK_CUR), 7);
    check(file_holds("0123abc789"));
    check_equal(whorl_read(fd, buf, sizeof buf), 3);
    check_equal(memcmp(buf, "789", 3), 0);
    check_equal(whorl_read(fd, buf, sizeof buf), 0);
    return close(fd);
}

static void read_and_write_move_the_position(void **state)
{
    (void)state;
    run_checks_on_all_features(use_the_position, NULL);
}

static intptr_t use_an_offset(void *arg)
{
    (void)arg;
    char buf[16] = {0};
    int fd = digits_file(O_RDWR);
    check_equal(lseek(fd, 2, SEEK_SET), 2);
    check_equal(whorl_pread(fd, buf, 3, 6), 3);
    check_text(buf, "678");
    check_equal(whorl_pread(fd, buf, 3, 9), 1);
    check_equal(whorl_pread(fd, buf, 3, 10), 0);
    check_equal(whorl_pread(fd, buf, 3, INT64_C(1) << 40), 0);
    check_equal(whorl_pwrite(fd, "xy", 2, 0), 2);
    check_equal(whorl_pwrite(fd, "z", 1, 10), 1);
    check_equal(lseek(fd, 0, SEEK_CUR), 2);
    check(file_holds("xy23456789z"));
    return close(fd);
}

static void pread_and_pwrite_leave_the_position(void **state)
{
    (void)state;
    run_checks_on_all_features(use_an_offset, NULL);
}

static intptr_t append(void *arg)
{
    (void)arg;
    int fd = digits_file(O_WRONLY | O_APPEND);
    check_equal(whorl_write(fd, "a", 1), 1);
    check_equal(whorl_write(fd, "b", 1), 1);
    check(file_holds("0123456789ab"));
    return close(fd);
}

static void write_appends_where_asked(void **state)
{
    (void)state;
    run_checks_on_all_features(append, NULL);
}

static intptr_t wait_on_a_pipe(void *arg)
{
    const pair *both = arg;
    char buf[16] = {0};
    check_equal(whorl_read(both->ends[0], buf, sizeof buf), 5);
    check_text(buf, "hello");
    return 0;
}

static intptr_t read_before_the_write(void *arg)
{
    (void)arg;
    pair both = pipe_pair();
    whorl_task *reader = whorl_spawn(wait_on_a_pipe, &both);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    check_equal(whorl_is_done(reader), 0);
    check_equal(whorl_write(both.ends[1], "hello", 5), 5);
    check_equal(whorl_join(reader), 0);
    char buf[1];
    check_equal(close(both.ends[1]), 0);
    both.ends[1] = -1;
    check_equal(whorl_read(both.ends[0], buf, 1), 0);
    close_pair(&both);
    return 0;
}

static void read_waits_until_there_is_something(void **state)
{
    (void)state;
    run_checks_on_all_features(read_before_the_write, NULL);
}

/* --- Vectors --- */

static intptr_t use_vectors(void *arg)
{
    (void)arg;
    char first[3] = {0}, second[5] = {0};
    struct iovec in[] = {{first, 2}, {NULL, 0}, {second, 4}};
    struct iovec out[] = {{(void *)"AB", 2}, {(void *)"", 0}, {(void *)"CDE", 3}};
    int fd = digits_file(O_RDWR);
    check_equal(whorl_readv(fd, in, 3), 6);
    check_text(first, "01");
    check_text(second, "2345");
    check_equal(lseek(fd, 0, SEEK_CUR), 6);
    check_equal(whorl_preadv(fd, in, 3, 7), 3);
    check_text(first, "78");
    check_text(second, "9345");
    check_equal(whorl_pwritev(fd, out, 3, 1), 5);
    check_equal(lseek(fd, 0, SEEK_CUR), 6);
    check(file_holds("0ABCDE6789"));
    check_equal(whorl_writev(fd, out, 3), 5);
    check_equal(lseek(fd, 0, SEEK_CUR), 11);
    check(file_holds("0ABCDEABCDE"));
    return close(fd);
}

static void vectors_are_read_and_written_in_order(void **state)
{
    (void)state;
    run_checks_on_all_features(use_vectors, NULL);
}

static intptr_t use_many_vectors(void *arg)
{
    (void)arg;
    static char bytes[MOST_VECTORS + 1], back[MOST_VECTORS + 1];
    static struct iovec out[MOST_VECTORS + 1], in[MOST_VECTORS + 1];
    memset(back, 0, sizeof back);
    for (int i = 0; i <= MOST_VECTORS; i++) {
        bytes[i] = (char)(i * 7);
        out[i] = (struct iovec){&bytes[i], 1};
        in[i] = (struct iovec){&back[i], 1};
    }
    int fd = digits_file(O_RDWR);
    check_equal(whorl_pwritev(fd, out, MOST_VECTORS, 0), MOST_VECTORS);
    check_equal(whorl_preadv(fd, in, MOST_VECTORS, 0), MOST_VECTORS);
    check_equal(memcmp(bytes, back, MOST_VECTORS), 0);
    for (int bad = -1; bad <= MOST_VECTORS + 1; bad += MOST_VECTORS + 2) {
        check_equal(whorl_readv(fd, in, bad), -EINVAL);
        check_equal(whorl_writev(fd, out, bad), -EINVAL);
        check_equal(whorl_preadv(fd, in, bad, 0), -EINVAL);
        check_equal(whorl_pwritev(fd, out, bad, 0), -EINVAL);
    }
    check_equal(whorl_readv(fd, in, INT32_MIN), -EINVAL);
    check_equal(lseek(fd, 0, SEEK_END), MOST_VECTORS);
    return close(fd);
}

static void vectors_are_bounded_in_number(void **state)
{
    (void)state;
    run_checks_on_all_features(use_many_vectors, NULL);
}

static intptr_t use_bad_vectors(void *arg)
{
    (void)arg;
    char byte;
    struct iovec endless[] = {{&byte, SIZE_MAX}};
    int fd = digits_file(O_RDWR);
    check_equal(whorl_readv(fd, NULL, 1), -EFAULT);
    check_equal(whorl_writev(fd, NULL, 1), -EFAULT);
    check_equal(whorl_preadv(fd, NULL, 1, 0), -EFAULT);
    check_equal(whorl_pwritev(fd, NULL, 1, 0), -EFAULT);
    check_equal(whorl_readv(fd, endless, 1), -EINVAL);
    check_equal(whorl_pwritev(fd, endless, 1, 0), -EINVAL);
    check_equal(whorl_readv(fd, NULL, 0), 0);
    check_equal(whorl_writev(fd, NULL, 0), 0);
    check_equal(whorl_preadv(fd, NULL, 0, 0), 0);
    check_equal(whorl_pwritev(fd, NULL, 0, 0), 0);
    check(file_holds("0123456789"));
    return close(fd);
}

static void bad_vectors_are_refused(void **state)
{
    (void)state;
    run_checks_on_all_features(use_bad_vectors, NULL);
}

/* --- Errors, for each of the eight calls --- */

static void check_each_transfer(int fd, off_t offset, int reading, int writing)
{
    char byte = '!';
    struct iovec one = {&byte, 1};
    check_equal(whorl_pread(fd, &byte, 1, offset), reading);
    check_equal(whorl_preadv(fd, &one, 1, offset), reading);
    check_equal(whorl_pwrite(fd, &byte, 1, offset), writing);
    check_equal(whorl_pwritev(fd, &one, 1, offset), writing);
}

static void check_each_stream_transfer(int fd, int reading, int writing)
{
    char byte = '!';
    struct iovec one = {&byte, 1};
    check_equal(whorl_read(fd, &byte, 1), reading);
    check_equal(whorl_readv(fd, &one, 1), reading);
    check_equal(whorl_write(fd, &byte, 1), writing);
    check_equal(whorl_writev(fd, &one, 1), writing);
}

static intptr_t transfer_on_bad_descriptors(void *arg)
{
    (void)arg;
    check_each_stream_transfer(-1, -EBADF, -EBADF);
    check_each_transfer(-1, 0, -EBADF, -EBADF);
    check_each_stream_transfer(INT32_MAX, -EBADF, -EBADF);
    check_each_transfer(INT32_MAX, 0, -EBADF, -EBADF);

    int fd = digits_file(O_RDONLY);
    check_each_transfer(fd, 0, 1, -EBADF);
    check_each_stream_transfer(fd, 1, -EBADF);
    check_equal(close(fd), 0);
    fd = digits_file(O_WRONLY);
    check_each_transfer(fd, 0, -EBADF, 1);
    check_each_stream_transfer(fd, -EBADF, 1);
    check_equal(close(fd), 0);

    fd = open(path_of("").text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    check_each_transfer(fd, 0, -EISDIR, -EBADF);
    check_each_stream_transfer(fd, -EISDIR, -EBADF);
    check_equal(close(fd), 0);
    return 0;
}

static void transfers_refuse_bad_descriptors(void **state)
{
    (void)state;
    run_checks_on_all_features(transfer_on_bad_descriptors, NULL);
}

static intptr_t transfer_at_bad_offsets(void *arg)
{
    (void)arg;
    int fd = digits_file(O_RDWR);
    check_each_transfer(fd, -1, -EINVAL, -EINVAL);
    check_each_transfer(fd, INT64_MIN, -EINVAL, -EINVAL);
    check_equal(lseek(fd, 0, SEEK_CUR), 0);
    check(file_holds("0123456789"));
    check_equal(pwrite(fd, "x", 1, INT64_MAX), -1);
    check_equal(whorl_pwrite(fd, "x", 1, INT64_MAX), -errno);
    return close(fd);
}

static void transfers_refuse_bad_offsets(void **state)
{
    (void)state;
    run_checks_on_all_features(transfer_at_bad_offsets, NULL);
}

static intptr_t transfer_bad_memory(void *arg)
{
    (void)arg;
    int fd = digits_file(O_RDWR);
    check_equal(whorl_read(fd, NULL, 1), -EFAULT);
    check_equal(whorl_write(fd, NULL, 1), -EFAULT);
    check_equal(whorl_pread(fd, NULL, 1, 0), -EFAULT);
    check_equal(whorl_pwrite(fd, NULL, 1, 0), -EFAULT);
    check_equal(close(fd), 0);
    fd = open("/dev/full", O_RDWR | O_CLOEXEC);
    check_equal(whorl_write(fd, "x", 1), -ENOSPC);
    return close(fd);
}

static void transfers_pass_on_the_kernels_error(void **state)
{
    (void)state;
    run_checks_on_all_features(transfer_bad_memory, NULL);
}

/* --- Lengths --- */

static intptr_t transfer_nothing(void *arg)
{
    (void)arg;
    char byte = '!';
    int fd = digits_file(O_RDWR);
    check_equal(whorl_read(fd, &byte, 0), 0);
    check_equal(whorl_write(fd, &byte, 0), 0);
    check_equal(whorl_pread(fd, &byte, 0, 3), 0);
    check_equal(whorl_pwrite(fd, &byte, 0, 30), 0);
    check_equal(byte, '!');
    check(file_holds("0123456789"));
    check_equal(whorl_read(-1, &byte, 0), -EBADF);
    return close(fd);
}

static void a_length_of_zero_moves_nothing(void **state)
{
    (void)state;
    run_checks_on_all_features(transfer_nothing, NULL);
}

static intptr_t transfer_too_much(void *arg)
{
    (void)arg;
    size_t room = (size_t)5 << 30;
    char *reserved =
        mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (!check(reserved != MAP_FAILED))
        return -1;
    check_equal(mprotect(reserved, 4096, PROT_READ | PROT_WRITE), 0);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    check_equal(whorl_write(null, reserved, room), MOST_BYTES);
    check_equal(whorl_pwrite(null, reserved, room, 0), MOST_BYTES);
    check_equal(whorl_read(null, reserved, room), 0);
    int fd = digits_file(O_RDONLY);
    check_equal(whorl_read(fd, reserved, room), 10);
    check_equal(whorl_pread(fd, reserved, room, 4), 6);
    check_equal(close(fd), 0);
    check_equal(close(null), 0);
    return munmap(reserved, room);
}

static void a_huge_length_is_cut(void **state)
{
    (void)state;
    run_checks_on_all_features(transfer_too_much, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(read_and_write_move_the_position),
        behaviour(pread_and_pwrite_leave_the_position),
        behaviour(write_appends_where_asked),
        behaviour(read_waits_until_there_is_something),
        behaviour(vectors_are_read_and_written_in_order),
        behaviour(vectors_are_bounded_in_number),
        behaviour(bad_vectors_are_refused),
        behaviour(transfers_refuse_bad_descriptors),
        behaviour(transfers_refuse_bad_offsets),
        behaviour(transfers_pass_on_the_kernels_error),
        behaviour(a_length_of_zero_moves_nothing),
        behaviour(a_huge_length_is_cut),
    };
    return run_behaviours("read_write", tests);
}
