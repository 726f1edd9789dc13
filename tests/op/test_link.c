/*
 * whorl_link_ops: ops that run in order, as one chain in the kernel, which stops where one fails,
 * falls short, times out or is cancelled. The ops after that point have had no effect.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int new_file(int flags)
{
    return open(path_of("file").text, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | flags, 0600);
}

static whorl_op hard(whorl_op op)
{
    op.flags |= WHORL_OP_HARDLINK;
    return op;
}

static whorl_op within(whorl_op op, int64_t timeout)
{
    op.timeout = timeout;
    return op;
}

/* --- In order --- */

static intptr_t write_sync_close(void *arg)
{
    (void)arg;
    char text[8] = {0};
    int fd = new_file(0);
    whorl_op ops[3] = {whorl_op_write(fd, "text", 4), hard(whorl_op_fsync(fd)), whorl_op_close(fd)};
    check_equal(whorl_link_ops(ops, 3), 0);
    check_equal(ops[0].result, 4);
    check_equal(ops[1].result, 0);
    check_equal(ops[2].result, 0);
    check(!is_open(fd));
    check_equal(read_whole(path_of("file").text, text, sizeof text), 4);
    check_text(text, "text");
    return 0;
}

static void a_chain_writes_syncs_and_closes(void **state)
{
    (void)state;
    run_checks(write_sync_close, NULL);
}

enum { PAIRS = 100 };

static intptr_t write_and_read_in_turn(void *arg)
{
    (void)arg;
    static whorl_op ops[2 * PAIRS];
    static uint32_t values[PAIRS], seen[PAIRS];
    int fd = new_file(0);
    for (int round = 0; round < 5; round++) {
        for (uint32_t i = 0; i < PAIRS; i++) {
            values[i] = (uint32_t)round * 1000 + i + 1;
            ops[2 * i] = whorl_op_pwrite(fd, &values[i], sizeof values[i], 0);
            ops[2 * i + 1] = whorl_op_pread(fd, &seen[i], sizeof seen[i], 0);
        }
        check_equal(whorl_link_ops(ops, 2 * PAIRS), 0);
        check_equal(memcmp(values, seen, sizeof values), 0);
    }
    return close(fd);
}

static void each_op_of_a_chain_sees_what_those_before_it_did(void **state)
{
    (void)state;
    run_checks(write_and_read_in_turn, NULL);
}

static intptr_t chain_of_its_own(void *arg)
{
    const uint32_t *number = arg;
    pair both = unix_pair();
    uint32_t back = 0;
    for (int round = 0; round < 20; round++) {
        whorl_op ops[3] = {whorl_op_nop(),
                           whorl_op_send(both.ends[0], number, sizeof *number, MSG_WAITALL),
                           whorl_op_recv(both.ends[1], &back, sizeof back, MSG_WAITALL)};
        check_equal(whorl_link_ops(ops, 3), 0);
        check_equal(back, *number);
        back = 0;
    }
    close_pair(&both);
    return 0;
}

static intptr_t link_side_by_side(void *arg)
{
    (void)arg;
    enum { TASKS = 50 };
    whorl_task *tasks[TASKS];
    uint32_t numbers[TASKS];
    for (uint32_t i = 0; i < TASKS; i++) {
        numbers[i] = i + 1;
        tasks[i] = whorl_spawn(chain_of_its_own, &numbers[i]);
    }
    for (int i = 0; i < TASKS; i++)
        check_equal(whorl_join(tasks[i]), 0);
    return 0;
}

static void chains_of_many_tasks_do_not_mix(void **state)
{
    (void)state;
    run_checks(link_side_by_side, NULL);
    whorl_config config = {.entries = 4, .completions = 8};
    run_checks_with(&config, link_side_by_side, NULL);
}

/* --- Where it stops --- */

static intptr_t fail_in_a_chain(void *arg)
{
    (void)arg;
    int fd = new_file(0);
    whorl_op ops[4] = {whorl_op_write(fd, "a", 1), whorl_op_fsync(-1), whorl_op_write(fd, "b", 1),
                       whorl_op_close(fd)};
    check_equal(whorl_link_ops(ops, 4), -EBADF);
    check_equal(ops[0].result, 1);
    check_equal(ops[1].result, -EBADF);
    check_equal(ops[2].result, -ECANCELED);
    check_equal(ops[3].result, -ECANCELED);
    check_equal(lseek(fd, 0, SEEK_END), 1);
    return close(fd); /* the chain has not */
}

static void a_failure_stops_the_rest(void **state)
{
    (void)state;
    run_checks(fail_in_a_chain, NULL);
}

static intptr_t fail_in_a_hard_chain(void *arg)
{
    (void)arg;
    int fd = new_file(0);
    whorl_op ops[4] = {hard(whorl_op_fsync(-1)), hard(whorl_op_write(fd, "a", 1)),
                       hard(whorl_op_read(fd, NULL, 1)), whorl_op_close(fd)};
    check_equal(whorl_link_ops(ops, 4), -EBADF); /* the first in the chain's order */
    check_equal(ops[0].result, -EBADF);
    check_equal(ops[1].result, 1);
    check(ops[2].result == -EFAULT || ops[2].result == 0); /* at the end of the file */
    check_equal(ops[3].result, 0);
    check(!is_open(fd));
    return 0;
}

static void a_hard_link_goes_on_after_a_failure(void **state)
{
    (void)state;
    run_checks(fail_in_a_hard_chain, NULL);
}

static intptr_t fall_short_in_a_chain(void *arg)
{
    (void)arg;
    char buf[100];
    int fd = new_file(0);
    check_equal(write(fd, "0123456789", 10), 10);
    whorl_op ops[2] = {whorl_op_pread(fd, buf, sizeof buf, 0), whorl_op_pwrite(fd, "x", 1, 20)};
    int result = whorl_link_ops(ops, 2);
    check_equal(result, -ECANCELED); /* of the second: the first gave a result */
    check_equal(ops[0].result, 10);
    check_equal(ops[1].result, -ECANCELED);
    check_equal(lseek(fd, 0, SEEK_END), 10);

    ops[0] = hard(whorl_op_pread(fd, buf, sizeof buf, 0));
    ops[1] = whorl_op_pwrite(fd, "x", 1, 20);
    check_equal(whorl_link_ops(ops, 2), 0);
    check_equal(ops[0].result, 10);
    check_equal(ops[1].result, 1);
    check_equal(close(fd), 0);

    pair both = unix_pair();
    check_equal(send(both.ends[1], "abc", 3, 0), 3);
    check_equal(shutdown(both.ends[1], SHUT_WR), 0);
    whorl_op stream[2] = {whorl_op_recv(both.ends[0], buf, 10, MSG_WAITALL),
                          whorl_op_send(both.ends[0], "x", 1, 0)};
    check_equal(whorl_link_ops(stream, 2), -ECANCELED);
    check_equal(stream[0].result, 3);
    check_equal(stream[1].result, -ECANCELED);
    check_equal(recv(both.ends[1], buf, 1, MSG_DONTWAIT), -1);
    close_pair(&both);
    return 0;
}

static void a_short_transfer_stops_the_rest(void **state)
{
    (void)state;
    run_checks(fall_short_in_a_chain, NULL);
}

static intptr_t fall_short_before_a_timeout(void *arg)
{
    (void)arg;
    char buf[100];
    int fd = new_file(0);
    check_equal(write(fd, "0123456789", 10), 10);
    for (int64_t timeout = 0; timeout < 2; timeout++) {
        whorl_op ops[3] = {whorl_op_pread(fd, buf, sizeof buf, 0),
                           within(whorl_op_pwrite(fd, "x", 1, 20), timeout), whorl_op_nop()};
        check_equal(whorl_link_ops(ops, 3), -ECANCELED);
        check_equal(ops[0].result, 10);
        check_equal(ops[1].result, -ECANCELED); /* its time did not matter any more */
        check_equal(ops[2].result, -ECANCELED);
    }
    check_equal(lseek(fd, 0, SEEK_END), 10);
    return close(fd);
}

static void what_a_short_transfer_stopped_did_not_time_out(void **state)
{
    (void)state;
    run_checks(fall_short_before_a_timeout, NULL);
}

static intptr_t time_out_in_a_chain(void *arg)
{
    (void)arg;
    char byte;
    for (int place = 0; place < 3; place++) {
        pair both = unix_pair();
        whorl_op ops[3] = {whorl_op_nop(), whorl_op_nop(), whorl_op_send(both.ends[0], "x", 1, 0)};
        ops[place] = within(whorl_op_recv(both.ends[0], &byte, 1, 0), WHORL_MS(10));
        int64_t start = whorl_now();
        check_equal(whorl_link_ops(ops, 3), -ETIMEDOUT);
        check(whorl_now() - start >= WHORL_MS(10));
        for (int i = 0; i < 3; i++)
            check_equal(ops[i].result, i < place ? 0 : i > place ? -ECANCELED : -ETIMEDOUT);
        check_equal(recv(both.ends[1], &byte, 1, MSG_DONTWAIT), -1);
        check_equal(send(both.ends[1], "y", 1, 0), 1); /* nothing waits for it any more */
        check_equal(recv(both.ends[0], &byte, 1, MSG_DONTWAIT), 1);
        close_pair(&both);
    }
    return 0;
}

static void a_timeout_stops_the_rest(void **state)
{
    (void)state;
    run_checks(time_out_in_a_chain, NULL);
}

static intptr_t keep_within_time(void *arg)
{
    (void)arg;
    char bytes[2];
    pair both = unix_pair();
    for (int round = 0; round < 50; round++) {
        whorl_op ops[4] = {
            within(whorl_op_send(both.ends[1], "ab", 2, MSG_WAITALL), WHORL_FOREVER),
            within(whorl_op_recv(both.ends[0], bytes, 2, MSG_WAITALL), WHORL_SECONDS(60)),
            within(whorl_op_nop(), WHORL_FOREVER - 1),
            within(hard(whorl_op_nop()), WHORL_SECONDS(60))};
        check_equal(whorl_link_ops(ops, 4), 0);
        check_equal(ops[0].result, 2);
        check_equal(ops[1].result, 2);
    }
    close_pair(&both);
    return 0;
}

static void timeouts_that_do_not_fire_leave_a_chain_alone(void **state)
{
    (void)state;
    run_checks(keep_within_time, NULL);
}

/* --- Cancel --- */

typedef struct chain {
    pair both;
    int listener;
    int fd; /* the chain's last op closes it */
    whorl_op ops[5];
} chain;

/* send, recv that waits, accept, send, close: nothing after the recv may happen but the close. */
static intptr_t link_and_wait(void *arg)
{
    chain *one = arg;
    static char byte;
    one->ops[0] = whorl_op_send(one->both.ends[0], "1", 1, 0);
    one->ops[1] = whorl_op_recv(one->both.ends[0], &byte, 1, 0);
    one->ops[2] = whorl_op_accept(one->listener, NULL, NULL, SOCK_CLOEXEC);
    one->ops[3] = whorl_op_send(one->both.ends[0], "2", 1, 0);
    one->ops[4] = whorl_op_close(one->fd);
    return whorl_link_ops(one->ops, 5);
}

static void check_stopped(chain *one, int place)
{
    char bytes[2];
    bool first = one->ops[0].result == 1;
    check(first || (place == 0 && one->ops[0].result == -ECANCELED));
    for (int i = 1; i < 4; i++)
        check_equal(one->ops[i].result, -ECANCELED);
    check_equal(one->ops[4].result, 0);
    check_equal(recv(one->both.ends[1], bytes, 2, MSG_DONTWAIT), first ? 1 : -1);
    check(!is_open(one->fd));
}

static intptr_t cancel_a_chain(void *arg)
{
    (void)arg;
    struct sockaddr_in address;
    for (int moment = 0; moment < 4; moment++) {
        chain one = {.both = unix_pair(), .listener = tcp_listener(&address, 1), .fd = dup(0)};
        whorl_task *task = whorl_spawn(link_and_wait, &one);
        for (int i = 0; i < moment; i++)
            check_equal(i == 2 ? whorl_sleep(WHORL_MS(2)) : whorl_yield(), 0);
        check_equal(whorl_cancel(task), 0);
        check_equal(whorl_join(task), -ECANCELED);
        if (moment > 0)
            check_stopped(&one, moment == 3);
        else
            check_equal(close(one.fd), 0);
        close_pair(&one.both);
        check_equal(close(one.listener), 0);
    }
    return 0;
}

static void a_cancel_of_the_caller_stops_the_chain_where_it_stands(void **state)
{
    (void)state;
    run_checks(cancel_a_chain, NULL);
}

/* Asks for a member to end: the recv that waits, or the accept whose turn has not come. */
static intptr_t cancel_a_member(void *arg)
{
    (void)arg;
    struct sockaddr_in address;
    for (int place = 1; place <= 2; place++) {
        chain one = {.both = unix_pair(), .listener = tcp_listener(&address, 1), .fd = dup(0)};
        whorl_task *task = whorl_spawn(link_and_wait, &one);
        check_equal(whorl_sleep(WHORL_MS(2)), 0);
        check_equal(whorl_op_cancel(&one.ops[place]), 0);
        check_equal(whorl_sleep(WHORL_MS(2)), 0);
        if (place == 2 && whorl_is_done(task) == 0)
            check_equal(send(one.both.ends[1], "x", 1, 0), 1);
        check_equal(whorl_join(task), -ECANCELED);
        check_equal(one.ops[0].result, 1);
        check(one.ops[1].result == -ECANCELED || (place == 2 && one.ops[1].result == 1));
        for (int i = 2; i < 4; i++)
            check_equal(one.ops[i].result, -ECANCELED);
        check_equal(one.ops[4].result, 0);
        check(!is_open(one.fd));
        close_pair(&one.both);
        check_equal(close(one.listener), 0);
    }
    return 0;
}

static void a_cancel_of_a_member_is_heard_when_its_turn_comes(void **state)
{
    (void)state;
    run_checks(cancel_a_member, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_chain_writes_syncs_and_closes),
        behaviour(each_op_of_a_chain_sees_what_those_before_it_did),
        behaviour(chains_of_many_tasks_do_not_mix),
        behaviour(a_failure_stops_the_rest),
        behaviour(a_hard_link_goes_on_after_a_failure),
        behaviour(a_short_transfer_stops_the_rest),
        behaviour(what_a_short_transfer_stopped_did_not_time_out),
        behaviour(a_timeout_stops_the_rest),
        behaviour(timeouts_that_do_not_fire_leave_a_chain_alone),
        behaviour(a_cancel_of_the_caller_stops_the_chain_where_it_stands),
        behaviour(a_cancel_of_a_member_is_heard_when_its_turn_comes),
    };
    return run_behaviours("link", tests);
}
