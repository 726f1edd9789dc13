/* The end of a listener on which tasks accept: by a close, or the end of its run. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "net/acceptors.h"
#include "run/landing.h"

#include <net/listener.h>

static void a_close_ends_accepts_that_wait(void **state)
{
    (void)state;
    struct acceptor acceptors[3];
    int order = 0;
    whorl_listener *listener = listen_here(NULL);
    start_acceptors(acceptors, 3, listener, &order);
    assert_int_equal(whorl_listener_close(listener), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(whorl_join(acceptors[i].task), -ECANCELED);
        assert_int_equal(acceptors[i].place, i);
    }
}

static intptr_t close_it(void *arg)
{
    return whorl_listener_close(arg);
}

static void a_second_close_meanwhile_does_nothing(void **state)
{
    (void)state;
    whorl_listener *listener = listen_here(NULL);
    assert_int_equal(timed_accept(listener, WHORL_MS(1)), -ETIMEDOUT);
    whorl_task *task = whorl_spawn(close_it, listener);
    assert_int_equal(whorl_yield(), 0);
    /* It waits for the end of the op. */
    assert_true(listener->closing);
    assert_int_equal(whorl_listener_close(listener), -EBUSY);
    assert_int_equal(whorl_listener_accept(listener), -ECANCELED);
    assert_int_equal(whorl_join(task), 0);
}

static void what_was_taken_ahead_is_closed_with_the_listener(void **state)
{
    (void)state;
    whorl_listener *listener = listen_here(NULL);
    assert_int_equal(timed_accept(listener, WHORL_MS(1)), -ETIMEDOUT);
    int client = client_of(listener, 0);
    while (listener->taken_count == 0)
        assert_int_equal(whorl_yield(), 0);
    assert_int_equal(whorl_listener_close(listener), 0);
    assert_turned_away(client);
}

static intptr_t leave_one_open(void *arg)
{
    int *client = arg;
    whorl_listener *listener;
    check_equal(whorl_listen_tcp("127.0.0.1", NULL, NULL, &listener), 0);
    check_equal(timed_accept(listener, WHORL_MS(1)), -ETIMEDOUT);
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    check_equal(whorl_listener_address(listener, 0, (struct sockaddr *)&address, &len), 0);
    *client = whorl_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check_equal(whorl_connect(*client, (struct sockaddr *)&address, len), 0);
    while (listener->taken_count == 0)
        whorl_yield();
    check_equal(whorl_listen_tcp("127.0.0.1", NULL, NULL, &listener), 0);
    return 0;
}

static void the_runs_end_closes_a_listener_that_is_left_open(void **state)
{
    (void)state;
    int client;
    run_checks(leave_one_open, &client);
    char byte;
    ssize_t got = recv(client, &byte, 1, 0);
    assert_true(got == 0 || errno == ECONNRESET);
    close(client); /* the harness counts the other descriptors */
}

static intptr_t accept_for_ever(void *arg)
{
    return whorl_listener_accept(arg);
}

static intptr_t leave_a_waiter(void *arg)
{
    (void)arg;
    whorl_listener *listener;
    check_equal(whorl_listen_tcp("127.0.0.1", NULL, NULL, &listener), 0);
    whorl_release(whorl_spawn(accept_for_ever, listener));
    return whorl_yield();
}

static void the_runs_end_cancels_who_waits_to_accept(void **state)
{
    (void)state;
    run_checks(leave_a_waiter, NULL);
}

/* --- A run that is left --- */

struct left {
    int clients[2];
    int yields; /* between the connect and the jump */
    bool serves;
};

static intptr_t accept_for_nobody(void *listener)
{
    int fd = whorl_listener_accept(listener);
    if (fd >= 0)
        close(fd);
    return fd;
}

static intptr_t handle_nobody(whorl_stream *stream, void *arg)
{
    (void)arg;
    return whorl_stream_abort(stream);
}

static intptr_t serve_nobody(void *listener)
{
    return whorl_serve(listener, handle_nobody, NULL, 2);
}

static intptr_t leave_who_accepts(void *arg)
{
    const struct left *left = arg;
    whorl_listener *listener;
    check_equal(whorl_listen_tcp("127.0.0.1", NULL, NULL, &listener), 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)whorl_listener_port(listener)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    whorl_release(whorl_spawn(left->serves ? serve_nobody : accept_for_nobody, listener));
    for (int i = 0; i < 3; i++)
        check_equal(whorl_yield(), 0);
    for (int i = 0; i < 2; i++)
        check_equal(connect(left->clients[i], (struct sockaddr *)&address, sizeof address), 0);
    for (int i = 0; i < left->yields; i++)
        check_equal(whorl_yield(), 0);
    return leave(NULL);
}

static void a_run_that_is_left_leaves_no_connection_open(void **state)
{
    (void)state;
    skip_without_longjmp();
    for (int yields = 0; yields < 4; yields++)
        for (int serves = 0; serves < 2; serves++) {
            struct left left = {.yields = yields, .serves = serves != 0};
            for (int i = 0; i < 2; i++)
                left.clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            int before = open_descriptors();
            assert_int_equal(run_and_land(NULL, leave_who_accepts, &left), -ECANCELED);
            assert_int_equal(open_descriptors(), before);
            for (int i = 0; i < 2; i++)
                close(left.clients[i]);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(a_close_ends_accepts_that_wait),
        as_task(a_second_close_meanwhile_does_nothing),
        as_task(what_was_taken_ahead_is_closed_with_the_listener),
        behaviour(the_runs_end_closes_a_listener_that_is_left_open),
        behaviour(the_runs_end_cancels_who_waits_to_accept),
        behaviour(a_run_that_is_left_leaves_no_connection_open),
    };
    return run_behaviours("accept_end", tests);
}
