/*
 * Registered files and buffers, for the ops that need more than one of them: vectors within a
 * registered buffer, and splices from and to slots.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "feature_sets.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { ROOM = 8192 };

static char room[ROOM] __attribute__((aligned(4096)));
static char outside[8];

static int await(whorl_op op)
{
    return whorl_op_await(&op);
}

static bool has_vectors(void)
{
    return whorl_features() & WHORL_FEATURE_OP_READV_FIXED;
}

/* --- Vectors --- */

static void without_vectors(int fd, const struct iovec *pieces)
{
    check_equal(await(whorl_op_readv_fixed(fd, pieces, 2, 0, 0)), -EOPNOTSUPP);
    check_equal(await(whorl_op_writev_fixed(fd, pieces, 2, 0, 0)), -EOPNOTSUPP);
    whorl_op op = whorl_op_readv_fixed(fd, pieces, 2, 0, 0);
    check_equal(whorl_link_ops(&op, 1), -EOPNOTSUPP);
}

static void with_vectors(int fd, const struct iovec *pieces)
{
    check_equal(await(whorl_op_readv_fixed(fd, pieces, 2, 3, 0)), 5);
    check_equal(memcmp(room, "34", 2), 0);
    check_equal(memcmp(room + 5000, "567", 3), 0);
    check_equal(await(whorl_op_readv_fixed(fd, pieces, 2, 9, 0)), 1);
    memcpy(room, "ab", 2);
    memcpy(room + 5000, "cde", 3);
    whorl_op chain[] = {
        whorl_op_writev_fixed(fd, pieces, 2, 8, 0),
        whorl_op_fdatasync(fd),
        whorl_op_readv_fixed(fd, pieces, 2, 0, 0),
    };
    check_equal(whorl_link_ops(chain, 3), 0);
    check_equal(chain[0].result, 5);
    check_equal(memcmp(room + 5000, "234", 3), 0);
    whorl_op batch[] = {
        whorl_op_readv_fixed(fd, pieces, 1, 8, 0),
        whorl_op_readv_fixed(fd, pieces + 1, 1, 10, 0),
    };
    check_equal(whorl_gather_ops(batch, 2), 0);
    check_equal(memcmp(room, "ab", 2), 0);
    check_equal(memcmp(room + 5000, "cde", 3), 0);

    const struct iovec wrong[] = {{room, 2}, {outside, 2}};
    check_equal(await(whorl_op_readv_fixed(fd, wrong, 2, 0, 0)), -EFAULT);
    check_equal(await(whorl_op_writev_fixed(fd, wrong, 2, 0, 0)), -EFAULT);
    check_equal(await(whorl_op_readv_fixed(fd, pieces, 2, 0, 1)), -EFAULT);
    check_equal(await(whorl_op_readv_fixed(fd, pieces, 2, 0, UINT32_MAX)), -EFAULT);
    check_equal(await(whorl_op_readv_fixed(fd, pieces, 2, -1, 0)), -EINVAL);
    check_equal(await(whorl_op_readv_fixed(-1, pieces, 2, 0, 0)), -EBADF);
    check_equal(outside[0], 0);
}

static intptr_t use_vectors(void *arg)
{
    (void)arg;
    const struct iovec whole = {room, ROOM}, pieces[] = {{room, 2}, {room + 5000, 3}};
    int fd = digits_file(O_RDWR);
    check_equal(whorl_register_buffers(&whole, 1), 0);
    if (has_vectors())
        with_vectors(fd, pieces);
    else
        without_vectors(fd, pieces);
    return close(fd);
}

static void vectors_lie_within_a_registered_buffer(void **state)
{
    (void)state;
    run_checks_on_all_features(use_vectors, NULL);
}

/* --- Splices --- */

static whorl_op to_slot(whorl_op op)
{
    op.flags |= WHORL_OP_FIXED_FILE;
    return op;
}

static intptr_t splice_slots(void *arg)
{
    (void)arg;
    int fd = digits_file(O_RDWR);
    pair from = pipe_pair(), to = pipe_pair();
    const int slots[] = {fd, from.ends[0], to.ends[1]};
    check_equal(whorl_register_files(slots, 3), 0);
    unsigned fixed = WHORL_SPLICE_FIXED_IN;
    check_equal(await(to_slot(whorl_op_splice(0, 2, 2, -1, 3, fixed))), 3);
    check_unread(to.ends[0], "234");
    check_equal(await(whorl_op_splice(0, -1, to.ends[1], -1, 2, fixed)), 2);
    check_unread(to.ends[0], "01");
    check_equal(lseek(fd, 0, SEEK_CUR), 2);
    check_equal(await(to_slot(whorl_op_splice(fd, 8, 2, -1, 8, 0))), 2);
    check_unread(to.ends[0], "89");
    check_equal(write(from.ends[1], "abc", 3), 3);
    check_equal(await(to_slot(whorl_op_tee(1, 2, 8, fixed))), 3);
    check_unread(to.ends[0], "abc");
    check_equal(await(to_slot(whorl_op_splice(1, -1, 0, 7, 8, fixed))), 3);
    check_equal(pread(fd, room, 10, 0), 10);
    check_equal(memcmp(room, "0123456abc", 10), 0);
    check_equal(await(whorl_op_splice(3, -1, to.ends[1], -1, 2, fixed)), -EBADF);
    check_equal(await(to_slot(whorl_op_splice(fd, 0, 3, -1, 2, 0))), -EBADF);
    close_pair(&from);
    close_pair(&to);
    return close(fd);
}

static void splices_use_slots_on_either_side(void **state)
{
    (void)state;
    run_checks_on_all_features(splice_slots, NULL);
}

/* A whole file goes to a pipe and on to another file, in one submission. */
static intptr_t splice_in_chains(void *arg)
{
    (void)arg;
    int fd = digits_file(O_RDWR);
    int copy = open(path_of("copy").text, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    pair both = pipe_pair();
    whorl_op chain[] = {
        whorl_op_splice(fd, 0, both.ends[1], -1, 10, 0),
        whorl_op_splice(both.ends[0], -1, copy, 0, 10, 0),
        whorl_op_fsync(copy),
    };
    check_equal(whorl_link_ops(chain, 3), 0);
    char text[16] = {0};
    check_equal(pread(copy, text, 15, 0), 10);
    check_text(text, "0123456789");
    /* One that moves less than asked ends the chain. */
    chain[0] = whorl_op_splice(fd, 5, both.ends[1], -1, 10, 0);
    chain[1] = whorl_op_splice(both.ends[0], -1, copy, 0, 10, 0);
    chain[2] = whorl_op_fsync(copy);
    check_equal(whorl_link_ops(chain, 3), -ECANCELED);
    check_equal(chain[0].result, 5);
    check_equal(chain[1].result, -ECANCELED);
    close_pair(&both);
    check_equal(close(copy), 0);
    return close(fd);
}

static void splices_go_in_chains(void **state)
{
    (void)state;
    run_checks_on_all_features(splice_in_chains, NULL);
}

/* Slot 1 is not descriptor 1: a close of that leaves the splice alone. */
static intptr_t close_beside_slots(void *arg)
{
    (void)arg;
    pair from = pipe_pair(), to = pipe_pair();
    const int slots[] = {-1, from.ends[0], to.ends[1]};
    check_equal(whorl_register_files(slots, 3), 0);
    whorl_op op = to_slot(whorl_op_splice(1, -1, 2, -1, 8, WHORL_SPLICE_FIXED_IN));
    check_equal(whorl_op_start(&op), 0);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    for (int fd = 1; fd < 3; fd++) {
        int spare = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        check_equal(whorl_close(fd), 0);
        check_equal(dup2(spare, fd), fd);
        check_equal(close(spare), 0);
    }
    check_equal(write(from.ends[1], "abc", 3), 3);
    check_equal(whorl_op_await(&op), 3);
    close_pair(&from);
    close_pair(&to);
    return 0;
}

static void a_close_does_not_take_a_splice_of_slots_for_its_own(void **state)
{
    (void)state;
    run_checks(close_beside_slots, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(vectors_lie_within_a_registered_buffer),
        behaviour(splices_use_slots_on_either_side),
        behaviour(splices_go_in_chains),
        behaviour(a_close_does_not_take_a_splice_of_slots_for_its_own),
    };
    return run_behaviours("register more", tests);
}
