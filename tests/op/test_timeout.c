/*
 * op.timeout: one that fires and one that does not. An op that timed out has had no effect; one
 * that had its effect gives its result.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static whorl_op within(whorl_op op, int64_t timeout)
{
    op.timeout = timeout;
    return op;
}

/* --- One that fires --- */

static void check_fires(whorl_op op)
{
    int64_t start = whorl_now();
    whorl_op timed = within(op, WHORL_MS(10));
    check_equal(whorl_op_await(&timed), -ETIMEDOUT);
    check(whorl_now() - start >= WHORL_MS(10));
}

static intptr_t let_timeouts_fire(void *arg)
{
    (void)arg;
    char bytes[4];
    struct sockaddr_in address;
    pair sockets = unix_pair(), ends = pipe_pair();
    int listener = tcp_listener(&address, 1);
    check_fires(whorl_op_recv(sockets.ends[0], bytes, 1, 0));
    check_fires(whorl_op_recv(sockets.ends[0], bytes, 4, MSG_WAITALL));
    check_fires(whorl_op_accept(listener, NULL, NULL, SOCK_CLOEXEC));
    check_fires(whorl_op_poll(ends.ends[0], POLLIN));
    check_fires(whorl_op_read(ends.ends[0], bytes, 1));
    check(fill_descriptor(ends.ends[1]) > 0);
    int full = unread_in(ends.ends[0]);
    check_fires(whorl_op_write(ends.ends[1], "x", 1));
    check_fires(whorl_op_poll(ends.ends[1], POLLOUT));
    check_equal(unread_in(ends.ends[0]), full);

    check_equal(send(sockets.ends[1], "abc", 3, 0), 3); /* nothing waits for it any more */
    check_equal(unread_in(sockets.ends[0]), 3);
    whorl_op partial = within(whorl_op_recv(sockets.ends[0], bytes, 4, MSG_WAITALL), WHORL_MS(10));
    check_equal(whorl_op_await(&partial), 3);
    check_equal(memcmp(bytes, "abc", 3), 0);
    close_pair(&sockets);
    close_pair(&ends);
    return close(listener);
}

static void a_timeout_fires_and_the_op_had_no_effect(void **state)
{
    (void)state;
    run_checks(let_timeouts_fire, NULL);
}

static intptr_t fire_while_away(void *arg)
{
    (void)arg;
    char byte;
    pair both = unix_pair();
    whorl_op op = within(whorl_op_recv(both.ends[0], &byte, 1, 0), WHORL_MS(5));
    check_equal(whorl_op_start(&op), 0);
    check_equal(whorl_sleep(WHORL_MS(15)), 0);
    check_equal(send(both.ends[1], "x", 1, 0), 1); /* too late: time counts from the start */
    check_equal(whorl_op_await(&op), -ETIMEDOUT);
    check_equal(unread_in(both.ends[0]), 1);
    close_pair(&both);
    return 0;
}

static void a_timeout_counts_from_the_start_of_the_op(void **state)
{
    (void)state;
    run_checks(fire_while_away, NULL);
}

static intptr_t expire_at_once(void *arg)
{
    (void)arg;
    static const int64_t expired[] = {0, -1, INT64_MIN};
    char byte;
    pair both = unix_pair();
    test_path made = path_of("made");
    check_equal(send(both.ends[1], "x", 1, 0), 1);
    for (size_t i = 0; i < count_of(expired); i++) {
        whorl_op op = within(whorl_op_recv(both.ends[0], &byte, 1, 0), expired[i]);
        check_equal(whorl_op_await(&op), -ETIMEDOUT);
        op = within(whorl_op_recv(both.ends[0], &byte, 1, 0), expired[i]);
        check_equal(whorl_op_start(&op), 0);
        check_equal(whorl_op_await(&op), -ETIMEDOUT);
        op = within(whorl_op_mkdirat(-1, made.text, 0700), expired[i]);
        check_equal(whorl_op_await(&op), -ETIMEDOUT);
        op = within(whorl_op_mkdirat(-1, made.text, 0700), expired[i]);
        check_equal(whorl_gather_ops(&op, 1), -ETIMEDOUT);
        whorl_op chain[2] = {within(whorl_op_mkdirat(-1, made.text, 0700), expired[i]),
                             whorl_op_mkdirat(-1, made.text, 0700)};
        check_equal(whorl_link_ops(chain, 2), -ETIMEDOUT);
        check_equal(chain[1].result, -ECANCELED);
    }
    check_equal(unread_in(both.ends[0]), 1);
    check_equal(access(made.text, F_OK), -1);
    close_pair(&both);
    return 0;
}

static void a_timeout_of_zero_or_less_has_expired(void **state)
{
    (void)state;
    run_checks(expire_at_once, NULL);
}

/* --- One that does not --- */

static intptr_t finish_in_time(void *arg)
{
    (void)arg;
    static const int64_t timeouts[] = {WHORL_SECONDS(60), WHORL_SECONDS(100000000),
                                       WHORL_FOREVER - 1, WHORL_FOREVER};
    char byte;
    pair both = unix_pair();
    for (size_t i = 0; i < count_of(timeouts); i++) {
        for (int wait = 0; wait < 2; wait++) {
            whorl_op op = within(whorl_op_recv(both.ends[0], &byte, 1, 0), timeouts[i]);
            check_equal(whorl_op_start(&op), 0);
            check_equal(wait ? whorl_sleep(WHORL_MS(2)) : 0, 0);
            check_equal(send(both.ends[1], "x", 1, 0), 1);
            check_equal(whorl_op_await(&op), 1);
        }
        whorl_op nop = within(whorl_op_nop(), timeouts[i]);
        check_equal(whorl_op_await(&nop), 0);
        whorl_op failing = within(whorl_op_fsync(-1), timeouts[i]);
        check_equal(whorl_op_await(&failing), -EBADF);
    }
    close_pair(&both);
    return 0;
}

static void a_timeout_that_does_not_fire_changes_nothing(void **state)
{
    (void)state;
    run_checks(finish_in_time, NULL);
}

static intptr_t recv_timed(void *arg)
{
    char byte;
    whorl_op op = within(whorl_op_recv(*(int *)arg, &byte, 1, 0), WHORL_SECONDS(60));
    return whorl_op_await(&op);
}

static intptr_t cancel_before_it_fires(void *arg)
{
    (void)arg;
    pair both = unix_pair();
    for (int wait = 0; wait < 2; wait++) {
        whorl_task *task = whorl_spawn(recv_timed, &both.ends[0]);
        check_equal(wait ? whorl_sleep(WHORL_MS(2)) : whorl_yield(), 0);
        check_equal(whorl_cancel(task), 0);
        check_equal(whorl_join(task), -ECANCELED);
    }
    close_pair(&both);
    return 0;
}

static void a_cancel_before_the_timeout_is_a_cancel(void **state)
{
    (void)state;
    run_checks(cancel_before_it_fires, NULL);
}

static intptr_t use_an_op_again(void *arg)
{
    (void)arg;
    char byte;
    pair both = unix_pair();
    whorl_op op = within(whorl_op_recv(both.ends[0], &byte, 1, 0), WHORL_MS(2));
    check_equal(whorl_op_await(&op), -ETIMEDOUT);
    op.timeout = WHORL_SECONDS(60);
    check_equal(whorl_op_start(&op), 0);
    check_equal(whorl_sleep(WHORL_MS(5)), 0);
    check_equal(send(both.ends[1], "x", 1, 0), 1);
    check_equal(whorl_op_await(&op), 1);
    op.timeout = WHORL_MS(2);
    check_equal(whorl_op_start(&op), 0);
    check_equal(whorl_op_await(&op), -ETIMEDOUT);
    close_pair(&both);
    return 0;
}

static void an_op_that_timed_out_may_be_started_again(void **state)
{
    (void)state;
    run_checks(use_an_op_again, NULL);
}

/* --- Races --- */

enum { RACING = 100 };

/* Each op may run out while its byte is on the way: it has the byte, or the pair has. */
static intptr_t race_with_completion(void *arg)
{
    random_source *random = arg;
    static whorl_op ops[RACING];
    static pair pairs[RACING];
    static char bytes[RACING];
    int fired = 0, done = 0;
    for (int i = 0; i < RACING; i++) {
        pairs[i] = unix_pair();
        ops[i] = within(whorl_op_recv(pairs[i].ends[0], &bytes[i], 1, 0),
                        (int64_t)random_below(random, 2000000));
        check_equal(whorl_op_start(&ops[i]), 0);
    }
    for (int i = 0; i < RACING; i++) {
        check_equal(send(pairs[i].ends[1], "x", 1, 0), 1);
        check_equal(random_below(random, 4) ? 0 : whorl_sleep(WHORL_US(10)), 0);
    }
    for (int i = 0; i < RACING; i++) {
        int result = whorl_op_await(&ops[i]);
        check(result == 1 || result == -ETIMEDOUT);
        check_equal(unread_in(pairs[i].ends[0]), result == 1 ? 0 : 1);
        fired += result == -ETIMEDOUT;
        done += result == 1;
        close_pair(&pairs[i]);
    }
    return fired + done == RACING ? 0 : -1;
}

static void a_timeout_that_races_with_completion_loses_nothing(void **state)
{
    (void)state;
    random_source random = random_from_seed(31);
    for (long round = 0; round < test_rounds(20); round++)
        run_checks(race_with_completion, &random);
}

static intptr_t time_many_files(void *arg)
{
    random_source *random = arg;
    static whorl_op ops[RACING];
    static char bytes[RACING];
    write_whole(path_of("file").text, "x", 1);
    int fd = open(path_of("file").text, O_RDONLY | O_CLOEXEC);
    memset(bytes, 0, sizeof bytes);
    for (int i = 0; i < RACING; i++) {
        ops[i] = within(whorl_op_pread(fd, &bytes[i], 1, 0), (int64_t)random_below(random, 100000));
        check_equal(whorl_op_start(&ops[i]), 0);
    }
    for (int i = 0; i < RACING; i++) {
        int result = whorl_op_await(&ops[i]);
        check(result == 1 || result == -ETIMEDOUT);
        check_equal(bytes[i], result == 1 ? 'x' : 0);
    }
    return close(fd);
}

static void a_timeout_on_an_op_that_is_ready_loses_nothing(void **state)
{
    (void)state;
    random_source random = random_from_seed(32);
    whorl_config config = {.entries = 16, .completions = 32};
    for (long round = 0; round < test_rounds(20); round++)
        run_checks_with(round % 2 ? &config : NULL, time_many_files, &random);
}

static intptr_t time_out_behind_a_blocked_one(void *arg)
{
    (void)arg;
    char bytes[2];
    pair both = unix_pair();
    whorl_op ops[2] = {whorl_op_recv(both.ends[0], &bytes[0], 1, 0),
                       whorl_op_recv(both.ends[0], &bytes[1], 1, 0)};
    ops[1].timeout = WHORL_MS(5);
    check_equal(whorl_link_ops(ops, 2), -ETIMEDOUT);
    check_equal(ops[0].result, -ECANCELED);
    check_equal(ops[1].result, -ETIMEDOUT);
    check_equal(send(both.ends[1], "ab", 2, 0), 2);
    check_equal(recv(both.ends[0], bytes, 2, MSG_DONTWAIT), 2);
    close_pair(&both);
    return 0;
}

static void a_timeout_of_an_op_that_has_not_begun_ends_its_chain(void **state)
{
    (void)state;
    run_checks(time_out_behind_a_blocked_one, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_timeout_fires_and_the_op_had_no_effect),
        behaviour(a_timeout_counts_from_the_start_of_the_op),
        behaviour(a_timeout_of_zero_or_less_has_expired),
        behaviour(a_timeout_that_does_not_fire_changes_nothing),
        behaviour(a_cancel_before_the_timeout_is_a_cancel),
        behaviour(an_op_that_timed_out_may_be_started_again),
        behaviour(a_timeout_that_races_with_completion_loses_nothing),
        behaviour(a_timeout_on_an_op_that_is_ready_loses_nothing),
        behaviour(a_timeout_of_an_op_that_has_not_begun_ends_its_chain),
    };
    return run_behaviours("timeout", tests);
}
