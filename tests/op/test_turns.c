/*
 * Operations on files take turns where there are more than config.file_ops: in the order of
 * starting, and nothing that may wait for a peer among them.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "op/plug.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

enum { DEPTH = 40, IDLE = 300 };

static const whorl_config one_place = {.file_ops = 1};

static bool is_in_flight(const whorl_op *op)
{
    return op->result == INT32_MIN;
}

/* Starts an op; until it has ended it says so. */
static void start(whorl_op *op, whorl_op made)
{
    *op = made;
    op->result = INT32_MIN;
    check_equal(whorl_op_start(op), 0);
}

static int open_file(const char *name)
{
    test_path path = path_of(name);
    write_whole(path.text, "0123456789", 10);
    return open(path.text, O_RDWR | O_CLOEXEC);
}

/* --- Order --- */

/* Each directory lies in the one before: out of order, or two at a time, one would fail. */
static intptr_t make_nested(void *arg)
{
    (void)arg;
    static whorl_op ops[DEPTH];
    static char paths[DEPTH][512];
    plug hold;
    plug_put(&hold, "hold");
    test_path path = path_of("d");
    for (int i = 0; i < DEPTH; i++, strcat(path.text, "/d"))
        strcpy(paths[i], path.text);
    for (int i = 0; i < DEPTH; i++)
        start(&ops[i], whorl_op_mkdirat(AT_FDCWD, paths[i], 0700));
    let_turn();
    check_equal(turns_awaited(), DEPTH);
    check_equal(places_taken(), 1);
    check_equal(whorl_in_flight(whorl_self()), DEPTH + 1);
    for (int i = 0; i < DEPTH; i++)
        check(is_in_flight(&ops[i]));
    plug_pull(&hold);
    for (int i = 0; i < DEPTH; i++)
        check_equal(whorl_op_await(&ops[i]), 0);
    check_equal(places_taken(), 0);
    for (int i = DEPTH - 1; i >= 0; i--)
        check_equal(rmdir(paths[i]), 0);
    return 0;
}

static void ops_beyond_the_places_start_in_the_order_of_starting(void **state)
{
    (void)state;
    run_checks_with(&one_place, make_nested, NULL);
}

/* --- Who takes turns --- */

static intptr_t start_every_kind(void *arg)
{
    (void)arg;
    char buf[4], name[sizeof "turn"] = "turn";
    struct iovec vector = {buf, 2};
    int fd = open_file("file");
    test_path path = path_of("sub");
    struct statx seen;
    whorl_op ops[] = {
        whorl_op_pread(fd, buf, 2, 0),
        whorl_op_read(fd, buf, 2),
        whorl_op_write(fd, name, 2),
        whorl_op_preadv(fd, &vector, 1, 0),
        whorl_op_pwritev(fd, &vector, 1, 0),
        whorl_op_fsync(fd),
        whorl_op_ftruncate(fd, 5),
        whorl_op_fallocate(fd, 0, 0, 10),
        whorl_op_statx(fd, "", AT_EMPTY_PATH, STATX_SIZE, &seen),
        whorl_op_mkdirat(AT_FDCWD, path.text, 0700),
        whorl_op_unlinkat(AT_FDCWD, path.text, AT_REMOVEDIR),
    };
    plug hold;
    plug_put(&hold, "hold");
    for (size_t i = 0; i < count_of(ops); i++)
        start(&ops[i], ops[i]);
    let_turn();
    check_equal(turns_awaited(), count_of(ops));
    plug_pull(&hold);
    for (size_t i = 0; i < count_of(ops); i++)
        check(whorl_op_await(&ops[i]) >= 0);
    return whorl_close(fd);
}

static void everything_that_works_on_files_takes_turns(void **state)
{
    (void)state;
    run_checks_with(&one_place, start_every_kind, NULL);
}

static void check_pair(pair *both)
{
    char buf[2];
    check_equal(whorl_write(both->ends[1], "ab", 2), 2);
    check_equal(whorl_read(both->ends[0], buf, 2), 2);
    struct iovec vector = {buf, 2};
    check_equal(whorl_writev(both->ends[1], &vector, 1), 2);
    check_equal(whorl_readv(both->ends[0], &vector, 1), 2);
    check_equal(memcmp(buf, "ab", 2), 0);
}

/* While somebody waits for his turn. */
static intptr_t use_peers(void *arg)
{
    (void)arg;
    char buf[2];
    int fd = open_file("file");
    plug hold;
    whorl_op read;
    plug_put(&hold, "hold");
    start(&read, whorl_op_pread(fd, buf, 2, 0));

    pair pipes = pipe_pair(), sockets = unix_pair();
    check_pair(&pipes);
    check_pair(&sockets);
    check_equal(whorl_send(sockets.ends[0], "x", 1, 0), 1);
    check_equal(whorl_recv(sockets.ends[1], buf, 1, 0), 1);
    whorl_op poll = whorl_op_poll(sockets.ends[0], POLLOUT);
    check_equal(whorl_op_await(&poll), POLLOUT);
    uint64_t count = 1;
    int event = eventfd(0, EFD_CLOEXEC);
    check_equal(whorl_write(event, &count, sizeof count), sizeof count);
    check_equal(whorl_read(event, &count, sizeof count), sizeof count);
    int other = open_file("other");
    check_equal(whorl_close(other), 0);
    check_equal(whorl_close(event), 0);
    check_equal(whorl_read(-1, buf, 1), -EBADF);
    whorl_op nop = whorl_op_nop();
    check_equal(whorl_op_await(&nop), 0);

    check(is_in_flight(&read));
    plug_pull(&hold);
    check_equal(whorl_op_await(&read), 2);
    close_pair(&pipes);
    close_pair(&sockets);
    return whorl_close(fd);
}

static void sockets_pipes_and_closes_go_on_while_files_wait(void **state)
{
    (void)state;
    run_checks_with(&one_place, use_peers, NULL);
}

static intptr_t use_slots(void *arg)
{
    (void)arg;
    char buf[2];
    pair pipes = pipe_pair();
    int slots[] = {open_file("file"), pipes.ends[0], -1};
    check_equal(whorl_register_files(slots, 3), 0);
    plug hold;
    whorl_op ops[2];
    plug_put(&hold, "hold");
    for (int slot = 0; slot < 2; slot++) {
        whorl_op read = whorl_op_read(slot, buf, 2);
        read.flags = WHORL_OP_FIXED_FILE;
        start(&ops[slot], read);
    }
    check_equal(whorl_write(pipes.ends[1], "ab", 2), 2);
    check_equal(whorl_op_await(&ops[1]), 2);
    check(is_in_flight(&ops[0]));
    plug_pull(&hold);
    check_equal(whorl_op_await(&ops[0]), 2);
    close_pair(&pipes);
    close(slots[0]);
    return whorl_unregister_files();
}

static void a_registered_file_takes_turns_and_a_registered_pipe_does_not(void **state)
{
    (void)state;
    run_checks_with(&one_place, use_slots, NULL);
}

/* --- Those who wait for ever --- */

static whorl_op idle[IDLE];
static char idle_byte;

/* The readers of a pipe into which nobody writes, and then much work on files. */
static intptr_t work_beside_idle_readers(void *arg)
{
    (void)arg;
    pair pipes = pipe_pair();
    int fd = open_file("file");
    char buf[8];
    for (int i = 0; i < IDLE; i++)
        start(&idle[i], whorl_op_read(pipes.ends[0], &idle_byte, 1));
    let_turn();
    check_equal(places_taken(), loop_here->file_ops_most / 2);
    check_equal(turns_awaited(), 0);
    whorl_op ops[64];
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < count_of(ops); i++)
            ops[i] = i % 2 ? whorl_op_pwrite(fd, "abcdefgh", 8, 0) : whorl_op_pread(fd, buf, 8, 0);
        check_equal(whorl_gather_ops(ops, count_of(ops)), 0);
        check(places_taken() <= loop_here->file_ops_most);
    }
    check_equal(whorl_write(pipes.ends[1], "x", 1), 1);
    int woken = 0;
    while (woken == 0) {
        check_equal(whorl_yield(), 0);
        for (int i = 0; i < IDLE; i++)
            woken += idle[i].result == 1;
    }
    check_equal(woken, 1);
    check_equal(whorl_close(pipes.ends[0]), 0);
    for (int i = 0; i < IDLE; i++)
        check_equal(whorl_op_await(&idle[i]), idle[i].result == 1 ? 1 : -ECANCELED);
    check_equal(places_taken(), 0);
    close(pipes.ends[1]);
    return whorl_close(fd);
}

static void hundreds_of_idle_pipes_hold_up_no_file(void **state)
{
    (void)state;
    for (unsigned places = 2; places <= 16; places *= 2)
        run_checks_with(&(whorl_config){.file_ops = places}, work_beside_idle_readers, NULL);
    run_checks(work_beside_idle_readers, NULL);
}

/* --- Configuration --- */

static intptr_t count_places(void *arg)
{
    (void)arg;
    return loop_here->file_ops_most;
}

static void places_and_workers_are_within_bounds(void **state)
{
    (void)state;
    const whorl_config bad[] = {{.file_ops = WHORL_FILE_OPS_MAX + 1},
                                {.workers = WHORL_THREADS_MAX + 1},
                                {.peer_workers = WHORL_THREADS_MAX + 1}};
    for (size_t i = 0; i < count_of(bad); i++)
        assert_int_equal(whorl_run_with(&bad[i], count_places, NULL), -EINVAL);
    whorl_config most = {.file_ops = WHORL_FILE_OPS_MAX,
                         .workers = WHORL_THREADS_MAX,
                         .peer_workers = WHORL_THREADS_MAX};
    assert_int_equal(run_with(&most, count_places, NULL), WHORL_FILE_OPS_MAX);
    assert_int_equal(run(count_places, NULL), 256);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(ops_beyond_the_places_start_in_the_order_of_starting),
        behaviour(everything_that_works_on_files_takes_turns),
        behaviour(sockets_pipes_and_closes_go_on_while_files_wait),
        behaviour(a_registered_file_takes_turns_and_a_registered_pipe_does_not),
        behaviour(hundreds_of_idle_pipes_hold_up_no_file),
        behaviour(places_and_workers_are_within_bounds),
    };
    return run_behaviours("op/turns", tests);
}
