/*
 * What whorl_close does to operations that are in flight: it ends those on its descriptor, whoever
 * waits for them, and no others. The calls that it ends tell -ECANCELED though their tasks are not
 * cancelled.
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
#include <sys/eventfd.h>
#include <unistd.h>

typedef struct waiter {
    int fd;
    int result;
    int after; /* what the next waiting call gave: 0, as the task is not cancelled */
    intptr_t (*wait)(int fd);
} waiter;

static intptr_t wait_in_read(int fd)
{
    char byte;
    return whorl_read(fd, &byte, 1);
}

static intptr_t wait_in_recv(int fd)
{
    char byte;
    return whorl_recv(fd, &byte, 1, 0);
}

static intptr_t wait_in_accept(int fd)
{
    return whorl_accept(fd, NULL, NULL);
}

static intptr_t wait_in_poll(int fd)
{
    return whorl_poll(fd, POLLPRI);
}

static intptr_t wait_in_call(void *arg)
{
    waiter *one = arg;
    one->result = (int)one->wait(one->fd);
    check_equal(whorl_cancelling(whorl_self()), 0);
    one->after = whorl_yield();
    return 0;
}

/* Puts three tasks into each of the given calls on fd, closes it, and checks how they ended. */
static void close_under_waiters(int fd, intptr_t (*const *calls)(int), size_t count, bool settled)
{
    enum { EACH = 3, MOST = 12 };
    waiter waiters[MOST];
    whorl_task *tasks[MOST];
    size_t total = count * EACH;
    for (size_t i = 0; i < total; i++) {
        waiters[i] = (waiter){.fd = fd, .result = 1, .after = 1, .wait = calls[i % count]};
        tasks[i] = whorl_spawn(wait_in_call, &waiters[i]);
    }
    check_equal(settled ? whorl_sleep(WHORL_MS(1)) : whorl_yield(), 0);
    check_equal(whorl_close(fd), 0);
    check(!is_open(fd));
    for (size_t i = 0; i < total; i++) {
        check_equal(whorl_join(tasks[i]), 0);
        check_equal(waiters[i].result, -ECANCELED);
        check_equal(waiters[i].after, 0);
    }
}

static intptr_t close_pipes_and_sockets(void *arg)
{
    (void)arg;
    static intptr_t (*const pipe_calls[])(int) = {wait_in_read, wait_in_poll};
    static intptr_t (*const socket_calls[])(int) = {wait_in_recv, wait_in_read, wait_in_poll};
    static intptr_t (*const listener_calls[])(int) = {wait_in_accept, wait_in_poll};
    for (int settled = 0; settled < 2; settled++) {
        pair both = pipe_pair();
        close_under_waiters(both.ends[0], pipe_calls, count_of(pipe_calls), settled);
        check_equal(close(both.ends[1]), 0);
        both = tcp_pair();
        close_under_waiters(both.ends[0], socket_calls, count_of(socket_calls), settled);
        char byte;
        check_equal(recv(both.ends[1], &byte, 1, 0), 0); /* the peer sees a real end */
        check_equal(close(both.ends[1]), 0);
        struct sockaddr_in address;
        int listener = tcp_listener(&address, 1);
        close_under_waiters(listener, listener_calls, count_of(listener_calls), settled);
    }
    return 0;
}

static void close_ends_what_waits_on_its_descriptor(void **state)
{
    (void)state;
    run_checks(close_pipes_and_sockets, NULL);
}

static intptr_t close_under_started_ops(void *arg)
{
    (void)arg;
    char bytes[3];
    pair both = unix_pair();
    whorl_op ops[3];
    for (int i = 0; i < 3; i++) {
        ops[i] = whorl_op_recv(both.ends[0], &bytes[i], 1, 0);
        check_equal(whorl_op_start(&ops[i]), 0);
    }
    check_equal(whorl_close(both.ends[0]), 0);
    both.ends[0] = -1;
    for (int i = 0; i < 3; i++)
        check_equal(whorl_op_await(&ops[i]), -ECANCELED);
    close_pair(&both);
    return 0;
}

static void close_ends_ops_that_nobody_awaits_yet(void **state)
{
    (void)state;
    run_checks(close_under_started_ops, NULL);
}

static intptr_t close_in_a_cancelled_task(void *arg)
{
    pair *both = arg;
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_close(both->ends[0]), 0);
    both->ends[0] = -1;
    return 0;
}

static intptr_t close_cancelled_under_a_waiter(void *arg)
{
    (void)arg;
    pair both = unix_pair();
    waiter one = {.fd = both.ends[0], .wait = wait_in_recv};
    whorl_task *task = whorl_spawn(wait_in_call, &one);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    whorl_task *closer = whorl_spawn(close_in_a_cancelled_task, &both);
    check_equal(whorl_join(closer), 0);
    check_equal(whorl_join(task), 0);
    check_equal(one.result, -ECANCELED);
    close_pair(&both);
    return 0;
}

static void a_cancelled_close_still_ends_what_waits(void **state)
{
    (void)state;
    run_checks(close_cancelled_under_a_waiter, NULL);
}

/* --- Only its own --- */

enum { OTHERS = 5000 };

static intptr_t close_among_others(void *arg)
{
    whorl_op *others = arg;
    int event = eventfd(0, EFD_CLOEXEC);
    for (int i = 0; i < OTHERS; i++) {
        others[i] = whorl_op_poll(event, POLLIN);
        check_equal(whorl_op_start(&others[i]), 0);
    }
    static intptr_t (*const calls[])(int) = {wait_in_read, wait_in_poll};
    for (int round = 0; round < 3; round++) {
        pair both = pipe_pair();
        close_under_waiters(both.ends[0], calls, count_of(calls), round % 2);
        check_equal(close(both.ends[1]), 0);
    }
    check_equal(eventfd_write(event, 1), 0);
    int woken = 0;
    for (int i = 0; i < OTHERS; i++)
        woken += whorl_op_await(&others[i]) == POLLIN;
    check_equal(woken, OTHERS);
    return whorl_close(event);
}

static void close_leaves_five_thousand_others_in_flight(void **state)
{
    (void)state;
    whorl_op *others = test_calloc(OTHERS, sizeof *others);
    run_checks(close_among_others, others);
    test_free(others);
}

/* --- Ends that cross --- */

static intptr_t close_what_is_ready(void *arg)
{
    (void)arg;
    for (int round = 0; round < 200; round++) {
        pair both = unix_pair();
        waiter one = {.fd = both.ends[0], .wait = wait_in_recv};
        whorl_task *task = whorl_spawn(wait_in_call, &one);
        for (int i = 0; i < round % 3; i++)
            check_equal(whorl_yield(), 0);
        check_equal(send(both.ends[1], "x", 1, 0), 1);
        check_equal(whorl_close(both.ends[0]), 0);
        both.ends[0] = -1;
        check_equal(whorl_join(task), 0);
        bool never_ran = one.result == -EBADF && round % 3 == 0;
        if (one.result != 1 && one.result != -ECANCELED && !never_ran)
            check_failed("round %d: the recv gave %d", round, one.result);
        close_pair(&both);
    }
    return 0;
}

static void a_call_that_did_its_work_before_the_close_keeps_its_result(void **state)
{
    (void)state;
    run_checks(close_what_is_ready, NULL);
}

/* Does not take the first -ECANCELED for an end, and tries again on the same number. */
static intptr_t read_stubbornly(void *arg)
{
    const pair *both = arg;
    char byte;
    int result = 0;
    for (int tries = 0; tries < 3; tries++) {
        result = (int)whorl_read(both->ends[0], &byte, 1);
        if (result != -ECANCELED)
            break;
    }
    check(result == -ECANCELED || result == -EBADF);
    return 0;
}

static intptr_t close_under_a_stubborn_reader(void *arg)
{
    (void)arg;
    enum { READERS = 3 };
    pair both = pipe_pair();
    whorl_task *tasks[READERS];
    for (int i = 0; i < READERS; i++)
        tasks[i] = whorl_spawn(read_stubbornly, &both);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    check_equal(whorl_close(both.ends[0]), 0);
    check(!is_open(both.ends[0]));
    check_equal(whorl_sleep(WHORL_MS(20)), 0);
    for (int i = 0; i < READERS; i++) {
        if (!check_equal(whorl_is_done(tasks[i]), 1)) /* it reads from what has been closed */
            check_equal(whorl_cancel(tasks[i]), 0);
        whorl_join(tasks[i]);
    }
    both.ends[0] = -1;
    close_pair(&both);
    return 0;
}

static void a_reader_that_tries_again_does_not_outlive_the_close(void **state)
{
    (void)state;
    run_checks(close_under_a_stubborn_reader, NULL);
}

static intptr_t close_it(void *arg)
{
    return whorl_close(*(int *)arg);
}

static intptr_t close_twice_at_once(void *arg)
{
    (void)arg;
    pair both = unix_pair();
    waiter one = {.fd = both.ends[0], .wait = wait_in_recv};
    whorl_task *task = whorl_spawn(wait_in_call, &one);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    whorl_task *first = whorl_spawn(close_it, &both.ends[0]);
    whorl_task *second = whorl_spawn(close_it, &both.ends[0]);
    intptr_t results[] = {whorl_join(first), whorl_join(second)};
    check((results[0] == 0 && results[1] == -EBADF) || (results[0] == -EBADF && results[1] == 0));
    check_equal(whorl_join(task), 0);
    check_equal(one.result, -ECANCELED);
    check_equal(close(both.ends[1]), 0);
    return 0;
}

static void two_closes_at_once_are_one_close_and_a_bad_descriptor(void **state)
{
    (void)state;
    run_checks(close_twice_at_once, NULL);
}

static intptr_t gather_in_task(void *arg)
{
    whorl_op *ops = arg;
    check_equal(whorl_gather_ops(ops, 2), -ECANCELED);
    check_equal(whorl_cancelling(whorl_self()), 0);
    return 0;
}

static intptr_t close_under_a_gather(void *arg)
{
    (void)arg;
    char bytes[2];
    pair closed = unix_pair(), kept = unix_pair();
    whorl_op ops[2] = {whorl_op_recv(closed.ends[0], &bytes[0], 1, 0),
                       whorl_op_recv(kept.ends[0], &bytes[1], 1, 0)};
    whorl_task *task = whorl_spawn(gather_in_task, ops);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    check_equal(whorl_close(closed.ends[0]), 0);
    closed.ends[0] = -1;
    check_equal(whorl_join(task), 0);
    check_equal(ops[0].result, -ECANCELED);
    check_equal(ops[1].result, -ECANCELED); /* the first failure ends the others */
    close_pair(&closed);
    close_pair(&kept);
    return 0;
}

static void close_fails_a_gather_that_uses_the_descriptor(void **state)
{
    (void)state;
    run_checks(close_under_a_gather, NULL);
}

/* AT_FDCWD stands for a directory, but is no descriptor. The opens are at all stages by then. */
static intptr_t close_the_working_directory(void *arg)
{
    (void)arg;
    enum { OPENS = 50 };
    test_path path = path_of("opened");
    whorl_op ops[OPENS];
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < OPENS; i++) {
            ops[i] = whorl_op_openat(AT_FDCWD, path.text, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
            check_equal(whorl_op_start(&ops[i]), 0);
        }
        if (round % 2)
            check_equal(whorl_yield(), 0);
        check_equal(whorl_close(AT_FDCWD), -EBADF);
        for (int i = 0; i < OPENS; i++)
            if (check(whorl_op_await(&ops[i]) >= 0))
                check_equal(close(ops[i].result), 0);
        check_equal(unlink(path.text), 0);
    }
    return 0;
}

static void close_of_no_descriptor_ends_no_op_on_a_path(void **state)
{
    (void)state;
    run_checks(close_the_working_directory, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(close_ends_what_waits_on_its_descriptor),
        behaviour(close_ends_ops_that_nobody_awaits_yet),
        behaviour(a_cancelled_close_still_ends_what_waits),
        behaviour(close_leaves_five_thousand_others_in_flight),
        behaviour(a_call_that_did_its_work_before_the_close_keeps_its_result),
        behaviour(a_reader_that_tries_again_does_not_outlive_the_close),
        behaviour(two_closes_at_once_are_one_close_and_a_bad_descriptor),
        behaviour(close_fails_a_gather_that_uses_the_descriptor),
        behaviour(close_of_no_descriptor_ends_no_op_on_a_path),
    };
    return run_behaviours("close", tests);
}
