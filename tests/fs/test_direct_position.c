/*
 * The position of a file with O_DIRECT, which the kernel moves only where the device's work is done
 * within the submission: it moves as with read(2) and write(2), for calls, for ops that are in
 * flight at the same time, and in chains.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "feature_sets.h"
#include "fs/small_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 4096, BLOCKS = 6 };

_Alignas(BLOCK) static char bytes[BLOCKS * BLOCK];

static char *block(int index)
{
    return bytes + (ptrdiff_t)index * BLOCK;
}

/* A file of `blocks` blocks that begin with 'a', 'b', ..., on the disk, at its beginning; -1 where
 * the file system has no O_DIRECT. It has no name any more. */
static int direct_file(int blocks, int flags)
{
    test_path path = path_of("direct");
    int fd = open(path.text, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_DIRECT | flags, 0600);
    if (fd < 0) {
        check_equal(errno, EINVAL);
        return -1;
    }
    check_equal(unlink(path.text), 0);
    for (int i = 0; i < blocks; i++) {
        memset(block(0), 'a' + i, BLOCK);
        check_equal(write(fd, block(0), BLOCK), BLOCK);
    }
    check_equal(fsync(fd), 0);
    check_equal(lseek(fd, 0, SEEK_SET), 0);
    memset(bytes, 0, sizeof bytes);
    return fd;
}

static off_t position_of(int fd)
{
    return lseek(fd, 0, SEEK_CUR);
}

static intptr_t read_to_the_end(void *arg)
{
    (void)arg;
    int fd = direct_file(3, 0);
    if (fd < 0)
        return 0;
    for (int i = 0; i < 3; i++) {
        check_equal(whorl_read(fd, block(0), BLOCK), BLOCK);
        check_equal(*block(0), 'a' + i);
        check_equal(position_of(fd), (i + 1) * BLOCK);
    }
    check_equal(whorl_read(fd, block(0), BLOCK), 0);
    check_equal(position_of(fd), 3 * BLOCK);
    check_equal(lseek(fd, 2 * BLOCK, SEEK_SET), 2 * BLOCK);
    check_equal(whorl_read(fd, block(0), 3 * BLOCK), BLOCK);
    check_equal(position_of(fd), 3 * BLOCK);
    return close(fd);
}

static void reads_go_on_where_the_last_one_ended(void **state)
{
    (void)state;
    run_checks_on_all_features(read_to_the_end, NULL);
}

static intptr_t write_over_and_on(void *arg)
{
    (void)arg;
    int fd = direct_file(2, 0);
    if (fd < 0)
        return 0;
    for (int i = 0; i < 3; i++) {
        memset(block(0), 'x' + i, BLOCK);
        check_equal(whorl_write(fd, block(0), BLOCK), BLOCK);
        check_equal(position_of(fd), (i + 1) * BLOCK);
    }
    check_equal(pread(fd, bytes, 3 * BLOCK, 0), 3 * BLOCK);
    for (int i = 0; i < 3; i++)
        check_equal(*block(i), 'x' + i);
    return close(fd);
}

static void writes_go_on_where_the_last_one_ended(void **state)
{
    (void)state;
    run_checks_on_all_features(write_over_and_on, NULL);
}

static intptr_t move_vectors(void *arg)
{
    (void)arg;
    int fd = direct_file(4, 0);
    if (fd < 0)
        return 0;
    struct iovec iov[] = {{block(0), BLOCK}, {block(1), BLOCK}};
    check_equal(whorl_readv(fd, iov, 2), 2 * BLOCK);
    check_equal(position_of(fd), 2 * BLOCK);
    check_equal(whorl_preadv2(fd, iov, 2, -1, 0), 2 * BLOCK);
    check_equal(*block(0), 'c');
    check_equal(position_of(fd), 4 * BLOCK);
    check_equal(lseek(fd, BLOCK, SEEK_SET), BLOCK);
    check_equal(whorl_writev(fd, iov, 2), 2 * BLOCK);
    check_equal(position_of(fd), 3 * BLOCK);
    check_equal(whorl_readv(fd, NULL, 2), -EFAULT);
    check_equal(whorl_readv(fd, iov, -1), -EINVAL);
    check_equal(position_of(fd), 3 * BLOCK);
    return close(fd);
}

static void vectors_do_too(void **state)
{
    (void)state;
    run_checks_on_all_features(move_vectors, NULL);
}

static intptr_t append_blocks(void *arg)
{
    (void)arg;
    int fd = direct_file(1, O_APPEND);
    if (fd < 0)
        return 0;
    for (int i = 2; i < 4; i++) {
        check_equal(whorl_write(fd, block(0), BLOCK), BLOCK);
        check_equal(position_of(fd), i * BLOCK);
    }
    check_equal(lseek(fd, 0, SEEK_SET), 0);
    check_equal(whorl_read(fd, block(0), BLOCK), BLOCK);
    check_equal(*block(0), 'a');
    check_equal(position_of(fd), BLOCK);
    return close(fd);
}

static void an_append_moves_it_to_the_end(void **state)
{
    (void)state;
    run_checks_on_all_features(append_blocks, NULL);
}

/* The same ops twice: the offset that they were given is forgotten when they have ended. */
static intptr_t read_at_once(void *arg)
{
    (void)arg;
    int fd = direct_file(BLOCKS - 1, 0);
    if (fd < 0)
        return 0;
    whorl_op ops[BLOCKS];
    for (int i = 0; i < BLOCKS; i++)
        ops[i] = whorl_op_read(fd, block(i), BLOCK);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < BLOCKS; i++)
            check_equal(whorl_op_start(&ops[i]), 0);
        for (int i = 0; i < BLOCKS; i++)
            check_equal(whorl_op_await(&ops[i]), i < BLOCKS - 1 ? BLOCK : 0);
        for (int i = 0; i < BLOCKS - 1; i++)
            check_equal(*block(i), 'a' + i);
        check_equal(position_of(fd), (BLOCKS - 1) * BLOCK);
        check_equal(lseek(fd, 0, SEEK_SET), 0);
        memset(bytes, 0, sizeof bytes);
    }
    return close(fd);
}

static void reads_in_flight_at_once_share_no_bytes(void **state)
{
    (void)state;
    run_checks_on_all_features(read_at_once, NULL);
}

/* With one place for all: the last ones are cancelled while they wait for their turn. */
static intptr_t cancel_those_that_wait(void *arg)
{
    (void)arg;
    int fd = direct_file(BLOCKS, 0);
    if (fd < 0)
        return 0;
    whorl_op ops[BLOCKS];
    for (int i = 0; i < BLOCKS; i++) {
        ops[i] = whorl_op_read(fd, block(i), BLOCK);
        check_equal(whorl_op_start(&ops[i]), 0);
    }
    for (int i = BLOCKS / 2; i < BLOCKS; i++)
        check_equal(whorl_op_cancel(&ops[i]), 0);
    for (int i = 0; i < BLOCKS; i++)
        check_equal(whorl_op_await(&ops[i]), i < BLOCKS / 2 ? BLOCK : -ECANCELED);
    for (int i = 0; i < BLOCKS / 2; i++)
        check_equal(*block(i), 'a' + i);
    check_equal(position_of(fd), BLOCKS / 2 * BLOCK);
    return close(fd);
}

static void what_is_cancelled_before_its_turn_gives_its_bytes_back(void **state)
{
    (void)state;
    run_checks_with(&(whorl_config){.file_ops = 1}, cancel_those_that_wait, NULL);
}

static intptr_t read_in_chains(void *arg)
{
    (void)arg;
    int fd = direct_file(3, 0);
    if (fd < 0)
        return 0;
    whorl_op whole[] = {whorl_op_read(fd, block(0), BLOCK), whorl_op_read(fd, block(1), BLOCK)};
    check_equal(whorl_link_ops(whole, 2), 0);
    check(*block(0) == 'a' && *block(1) == 'b');
    check_equal(position_of(fd), 2 * BLOCK);
    whorl_op torn[] = {whorl_op_read(fd, block(0), 2 * BLOCK), whorl_op_read(fd, block(2), BLOCK)};
    check_equal(whorl_link_ops(torn, 2), -ECANCELED);
    check_equal(torn[0].result, BLOCK);
    check_equal(position_of(fd), 3 * BLOCK);
    return close(fd);
}

static void nor_do_members_of_a_chain_and_one_that_is_cut_short_moves_it_back(void **state)
{
    (void)state;
    run_checks_on_all_features(read_in_chains, NULL);
}

/* Cancelled before the kernel has heard of it. */
static intptr_t cancel_a_read(void *arg)
{
    (void)arg;
    int fd = direct_file(2, 0);
    if (fd < 0)
        return 0;
    whorl_op op = whorl_op_read(fd, block(0), BLOCK);
    check_equal(whorl_op_start(&op), 0);
    check_equal(whorl_op_cancel(&op), 0);
    int got = whorl_op_await(&op);
    check(got == BLOCK || got == -ECANCELED);
    check_equal(position_of(fd), got == BLOCK ? BLOCK : 0);
    return close(fd);
}

static void one_that_is_cancelled_moves_it_only_if_it_has_read(void **state)
{
    (void)state;
    for (int round = 0; round < test_rounds(20); round++)
        run_checks_on_all_features(cancel_a_read, NULL);
}

static intptr_t fail_and_pass(void *arg)
{
    (void)arg;
    int ends[2];
    check_equal(pipe2(ends, O_CLOEXEC | O_DIRECT), 0);
    check_equal(whorl_write(ends[1], bytes, BLOCK), BLOCK);
    check_equal(whorl_read(ends[0], bytes, BLOCK), BLOCK);
    check(close(ends[0]) == 0 && close(ends[1]) == 0);
    int fd = direct_file(1, 0);
    if (fd < 0)
        return 0;
    check_equal(whorl_read(fd, NULL, BLOCK), -EFAULT);
    check_equal(position_of(fd), 0);
    return close(fd);
}

static void errors_leave_it_and_pipes_of_packets_have_none(void **state)
{
    (void)state;
    run_checks_on_all_features(fail_and_pass, NULL);
}

/* A device, whose position cannot go beyond its end. */
static intptr_t read_to_the_end_of_the_device(void *root)
{
    struct stat status;
    check_equal(stat(root, &status), 0);
    check_equal(mknod("device", S_IFBLK | 0600, status.st_dev), 0);
    int fd = open("device", O_RDONLY | O_DIRECT | O_CLOEXEC);
    check(fd >= 0);
    off_t end = lseek(fd, 0, SEEK_END);
    check_equal(lseek(fd, end - 3 * BLOCK, SEEK_SET), end - 3 * BLOCK);
    check_equal(whorl_read(fd, bytes, BLOCK), BLOCK);
    check_equal(position_of(fd), end - 2 * BLOCK);
    check_equal(whorl_read(fd, bytes, 3 * BLOCK), 2 * BLOCK);
    check_equal(position_of(fd), end);
    check_equal(whorl_read(fd, bytes, BLOCK), 0);
    check_equal(position_of(fd), end);
    return close(fd);
}

static void a_device_is_read_to_its_end(void **state)
{
    (void)state;
    run_on_small_disk(DISK_EXT4, DISK_BYTES, read_to_the_end_of_the_device);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(reads_go_on_where_the_last_one_ended),
        behaviour(writes_go_on_where_the_last_one_ended),
        behaviour(vectors_do_too),
        behaviour(an_append_moves_it_to_the_end),
        behaviour(reads_in_flight_at_once_share_no_bytes),
        behaviour(nor_do_members_of_a_chain_and_one_that_is_cut_short_moves_it_back),
        behaviour(what_is_cancelled_before_its_turn_gives_its_bytes_back),
        behaviour(one_that_is_cancelled_moves_it_only_if_it_has_read),
        behaviour(errors_leave_it_and_pipes_of_packets_have_none),
        behaviour(a_device_is_read_to_its_end),
    };
    return run_behaviours("direct_position", tests);
}
