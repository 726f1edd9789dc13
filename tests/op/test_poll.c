/*
 * Polls of sockets that have no room, whose peers have sent their end, or in whose error queue
 * something lies: they end for what is asked, and for nothing else.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "feature_sets.h"

#include <errno.h>
#include <fcntl.h>
#include <op/make.h>
#include <op/op.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <whorl.h>

enum { KINDS = 2 }; /* TCP, and unix */

static const char data[65536];

static void fill(int fd)
{
    while (send(fd, data, sizeof data, MSG_DONTWAIT) > 0)
        continue;
    check_equal(errno, EAGAIN);
}

/* ends[0] has no room, and ends[1] has sent its end. */
static pair full_pair(int kind)
{
    pair both = kind == 0 ? tcp_pair() : unix_pair();
    check_equal(shutdown(both.ends[1], SHUT_WR), 0);
    fill(both.ends[0]);
    return both;
}

/* Takes what is there, so that there is room, some time later. */
static void take_all(int fd)
{
    static char buf[sizeof data];
    ssize_t got = 1;
    while (got > 0) {
        got = recv(fd, buf, sizeof buf, MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN) /* TCP may have some on its way */
            got = whorl_sleep(WHORL_MS(2)) == 0 ? recv(fd, buf, sizeof buf, MSG_DONTWAIT) : 0;
    }
}

static intptr_t poll_out(void *fd)
{
    return whorl_poll(*(int *)fd, POLLOUT);
}

static bool still_waits(whorl_task *task)
{
    check_equal(whorl_sleep(WHORL_MS(3)), 0);
    return !whorl_is_done(task);
}

/* --- Ends of the wait --- */

static intptr_t wait_for_room(void *arg)
{
    (void)arg;
    for (int kind = 0; kind < KINDS; kind++) {
        pair both = full_pair(kind);
        for (int turn = 0; turn < 3; turn++) {
            whorl_task *poller = whorl_spawn(poll_out, &both.ends[0]);
            check(still_waits(poller));
            take_all(both.ends[1]);
            check_equal(whorl_join(poller) & ~POLLRDHUP, POLLOUT);
            check_equal(whorl_poll(both.ends[0], POLLOUT), POLLOUT | POLLRDHUP);
            fill(both.ends[0]);
        }
        check_equal(whorl_poll(both.ends[0], POLLOUT | POLLRDHUP), POLLRDHUP);
        check_equal(whorl_poll(both.ends[0], POLLIN), POLLIN | POLLRDHUP);
        close_pair(&both);
    }
    return 0;
}

static void room_is_waited_for_though_the_peer_has_sent_its_end(void **state)
{
    (void)state;
    run_checks_on_all_features(wait_for_room, NULL);
}

static intptr_t wait_in_vain(void *arg)
{
    (void)arg;
    for (int kind = 0; kind < KINDS; kind++) {
        pair both = full_pair(kind);
        whorl_timeout limit;
        int64_t begin = whorl_now();
        whorl_timeout_begin(&limit, WHORL_MS(5));
        check_equal(whorl_timeout_end(&limit, whorl_poll(both.ends[0], POLLOUT)), -ETIMEDOUT);
        for (int i = 0; i < 2; i++) {
            whorl_op op = whorl_op_poll(both.ends[0], POLLOUT);
            op.timeout = WHORL_MS(5);
            check_equal(whorl_op_await(&op), -ETIMEDOUT);
            check(whorl_now() - begin >= WHORL_MS(10 + 5 * i));
        }
        whorl_task *poller = whorl_spawn(poll_out, &both.ends[0]);
        check(still_waits(poller));
        check_equal(whorl_cancel(poller), 0);
        check_equal(whorl_join(poller), -ECANCELED);
        poller = whorl_spawn(poll_out, &both.ends[0]);
        check(still_waits(poller));
        check_equal(whorl_close(both.ends[0]), 0);
        both.ends[0] = -1;
        check_equal(whorl_join(poller), -ECANCELED);
        close_pair(&both);
    }
    return 0;
}

static void timeouts_cancels_and_closes_end_the_wait(void **state)
{
    (void)state;
    run_checks_on_all_features(wait_in_vain, NULL);
}

static intptr_t wait_for_the_other_end(void *arg)
{
    (void)arg;
    for (int kind = 0; kind < KINDS; kind++) {
        pair both = full_pair(kind);
        whorl_task *poller = whorl_spawn(poll_out, &both.ends[0]);
        check(still_waits(poller));
        check_equal(close(both.ends[1]), 0); /* with bytes unread: a reset, of TCP */
        both.ends[1] = -1;
        intptr_t events = whorl_join(poller);
        check(events > 0 && (events & POLLHUP));
        close_pair(&both);
    }
    return 0;
}

static void a_hangup_ends_the_wait(void **state)
{
    (void)state;
    run_checks_on_all_features(wait_for_the_other_end, NULL);
}

static intptr_t poll_none(void *fd)
{
    return whorl_poll(*(int *)fd, 0);
}

static intptr_t wait_for_nothing_else(void *arg)
{
    (void)arg;
    for (int kind = 0; kind < KINDS; kind++) {
        pair both = kind == 0 ? tcp_pair() : unix_pair();
        check_equal(shutdown(both.ends[1], SHUT_WR), 0);
        whorl_task *poller = whorl_spawn(poll_none, &both.ends[0]);
        check(still_waits(poller));
        check_equal(send(both.ends[0], "x", 1, 0), 1);
        check(still_waits(poller));
        check_equal(recv(both.ends[1], &(char){0}, 1, 0), 1);
        check_equal(shutdown(both.ends[0], SHUT_WR), 0);
        check_equal(whorl_join(poller) & ~POLLRDHUP, POLLHUP);
        close_pair(&both);
    }
    return 0;
}

static void a_poll_for_nothing_waits_for_the_end_of_both_directions(void **state)
{
    (void)state;
    run_checks_on_all_features(wait_for_nothing_else, NULL);
}

/* --- Beside others --- */

static intptr_t wait_for_any(void *arg)
{
    (void)arg;
    for (int kind = 0; kind < KINDS; kind++) {
        pair both = full_pair(kind), other = unix_pair();
        whorl_op ops[] = {whorl_op_poll(both.ends[0], POLLOUT),
                          whorl_op_poll(other.ends[0], POLLIN)};
        for (int i = 0; i < 2; i++)
            check_equal(whorl_op_start(&ops[i]), 0);
        check_equal(whorl_sleep(WHORL_MS(2)), 0);
        check_equal(send(other.ends[1], "x", 1, 0), 1);
        check_equal(whorl_op_await(&ops[1]), POLLIN);
        take_all(both.ends[1]);
        check_equal(whorl_op_await(&ops[0]) & ~POLLRDHUP, POLLOUT);
        close_pair(&both);
        close_pair(&other);
    }
    return 0;
}

static void several_wait_beside_each_other(void **state)
{
    (void)state;
    run_checks_on_all_features(wait_for_any, NULL);
}

static intptr_t poll_in_a_chain(void *arg)
{
    (void)arg;
    pair both = full_pair(0);
    whorl_op chain[] = {whorl_op_poll(both.ends[0], POLLOUT), whorl_op_nop()};
    check_equal(whorl_link_ops(chain, 2), 0);
    check_equal(chain[0].result, POLLRDHUP);
    close_pair(&both);
    return 0;
}

static void in_a_chain_the_peers_end_is_told_unasked(void **state)
{
    (void)state;
    run_checks(poll_in_a_chain, NULL);
}

/* --- Races --- */

enum { ROUNDS = 300 };

/* Room comes, or a cancel, or a timeout, whichever is first; no event is lost, and nothing is with
 * the kernel when the poll has returned. */
static intptr_t race(void *arg)
{
    random_source *random = arg;
    for (int round = 0; round < ROUNDS; round++) {
        pair both = full_pair(round % KINDS);
        whorl_op op = whorl_op_poll(both.ends[0], POLLOUT);
        unsigned what = (unsigned)(random_next(random) % 3);
        if (what == 0)
            op.timeout = WHORL_US(random_next(random) % 300);
        check_equal(whorl_op_start(&op), 0);
        for (unsigned turns = (unsigned)(random_next(random) % 4); turns > 0; turns--)
            check_equal(whorl_yield(), 0);
        take_all(both.ends[1]);
        if (what == 1)
            (void)whorl_op_cancel(&op);
        int result = whorl_op_await(&op);
        int refusal = what == 0 ? -ETIMEDOUT : -ECANCELED;
        check(result == POLLOUT || result == (POLLOUT | POLLRDHUP) ||
              (what < 2 && result == refusal));
        close_pair(&both);
    }
    return 0;
}

static void room_races_with_cancels_and_timeouts(void **state)
{
    (void)state;
    random_source random = random_from_seed(1);
    run_checks(race, &random);
}

/* --- Error queues --- */

static intptr_t poll_room(void *fd)
{
    whorl_op op = make_room_poll(*(int *)fd, true);
    return op_await(loop_here, &op);
}

static intptr_t wait_beside_errors(void *arg)
{
    (void)arg;
    pair both = tcp_pair();
    leave_mark_in_error_queue(&both, 0);
    fill(both.ends[0]);
    check_equal(whorl_poll(both.ends[0], POLLOUT), POLLERR);
    whorl_task *poller = whorl_spawn(poll_room, &both.ends[0]);
    check(still_waits(poller));
    take_all(both.ends[1]);
    check(whorl_join(poller) & POLLOUT);
    close_pair(&both);
    return 0;
}

/* The peer breaks off, with bytes that it has not read. */
static intptr_t break_off_beside_errors(void *arg)
{
    (void)arg;
    pair both = tcp_pair();
    leave_mark_in_error_queue(&both, 0);
    fill(both.ends[0]);
    whorl_task *poller = whorl_spawn(poll_room, &both.ends[0]);
    check(still_waits(poller));
    close(both.ends[1]);
    both.ends[1] = -1;
    check(whorl_join(poller) & POLLERR);
    close_pair(&both);
    return 0;
}

static void what_lies_in_the_error_queue_is_no_room(void **state)
{
    (void)state;
    run_checks(wait_beside_errors, NULL);
}

static void a_reset_ends_the_wait_for_room_all_the_same(void **state)
{
    (void)state;
    run_checks(break_off_beside_errors, NULL);
}

static intptr_t poll_new_room(void *fd)
{
    whorl_op op = make_room_poll(*(int *)fd, false);
    return op_await(loop_here, &op);
}

/* A pipe has no error queue: that nobody reads it is told by an error alone. */
static intptr_t lose_the_reader(void *arg)
{
    (void)arg;
    pair both = pipe_pair();
    check_equal(fcntl(both.ends[1], F_SETFL, O_WRONLY | O_NONBLOCK), 0);
    while (write(both.ends[1], data, sizeof data) > 0)
        continue;
    whorl_task *poller = whorl_spawn(poll_new_room, &both.ends[1]);
    check(still_waits(poller));
    close(both.ends[0]);
    both.ends[0] = -1;
    check_equal(whorl_join(poller), POLLERR);
    check_equal(poll_new_room(&both.ends[1]), POLLERR);
    close_pair(&both);
    return 0;
}

static void a_pipe_without_a_reader_ends_the_wait_for_room(void **state)
{
    (void)state;
    run_checks(lose_the_reader, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(room_is_waited_for_though_the_peer_has_sent_its_end),
        behaviour(timeouts_cancels_and_closes_end_the_wait),
        behaviour(a_hangup_ends_the_wait),
        behaviour(a_poll_for_nothing_waits_for_the_end_of_both_directions),
        behaviour(several_wait_beside_each_other),
        behaviour(in_a_chain_the_peers_end_is_told_unasked),
        behaviour(room_races_with_cancels_and_timeouts),
        behaviour(what_lies_in_the_error_queue_is_no_room),
        behaviour(a_reset_ends_the_wait_for_room_all_the_same),
        behaviour(a_pipe_without_a_reader_ends_the_wait_for_room),
    };
    return run_behaviours("polls", tests);
}
