/* Accepting: who gets a connection, and what becomes of those that nobody takes. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "core/child.h"
#include "net/acceptors.h"

#include <net/listener.h>
#include <poll.h>
#include <sys/resource.h>

static bool is_armed(const whorl_listener *listener)
{
    return multishot_is_armed(&listener->sockets[0].ops[0].accepting);
}

static bool takes_many(const whorl_listener *listener)
{
    return is_armed(listener) && (listener->sockets[0].ops[0].accepting.op.flags & RING_MULTISHOT);
}

/* --- Turns --- */

static void tasks_accept_in_the_order_in_which_they_came(void **state)
{
    (void)state;
    enum { COUNT = 8 };
    struct acceptor acceptors[COUNT];
    int order = 0;
    whorl_listener *listener = listen_here(NULL);
    start_acceptors(acceptors, COUNT, listener, &order);
    for (int i = 0; i < COUNT; i++) {
        int client = client_of(listener, 0);
        intptr_t fd = whorl_join(acceptors[i].task);
        assert_true(fd >= 0);
        assert_int_equal(acceptors[i].place, i);
        assert_connected(client, (int)fd);
        close((int)fd);
        close(client);
    }
    assert_int_equal(whorl_listener_close(listener), 0);
}

struct share {
    whorl_listener *listener;
    int count;
};

static intptr_t accept_until_cancelled(void *arg)
{
    struct share *share = arg;
    int fd;
    while ((fd = whorl_listener_accept(share->listener)) >= 0) {
        close(fd);
        share->count++;
        /* What a program does with it takes a moment. */
        if (whorl_yield() < 0)
            break;
    }
    return 0;
}

static void two_tasks_that_accept_share_what_comes(void **state)
{
    (void)state;
    enum { COUNT = 200 };
    whorl_listener *listener = listen_here(NULL);
    struct share shares[2] = {{.listener = listener}, {.listener = listener}};
    whorl_task *tasks[2];
    for (int i = 0; i < 2; i++)
        tasks[i] = whorl_spawn(accept_until_cancelled, &shares[i]);
    for (int i = 0; i < COUNT; i++)
        assert_turned_away(client_of(listener, 0));
    for (int i = 0; i < 2; i++) {
        whorl_cancel(tasks[i]);
        assert_int_equal(whorl_join(tasks[i]), 0);
        assert_in_range(shares[i].count, COUNT / 4, COUNT * 3 / 4);
    }
    assert_int_equal(shares[0].count + shares[1].count, COUNT);
    assert_int_equal(whorl_listener_close(listener), 0);
}

/* --- Cancel --- */

static void a_cancelled_accept_leaves_the_connection_to_the_next(void **state)
{
    (void)state;
    whorl_listener *listener = listen_here(NULL);
    assert_int_equal(timed_accept(listener, WHORL_MS(5)), -ETIMEDOUT);
    assert_true(is_armed(listener));
    /* The op, which went on, takes this one. */
    int client = client_of(listener, 0);
    while (listener->taken_count == 0)
        assert_int_equal(whorl_yield(), 0);
    assert_accepts(listener, client);
    assert_accepts(listener, client_of(listener, 0));
    assert_int_equal(whorl_listener_close(listener), 0);
}

static void no_connection_is_lost_to_cancels_that_race(void **state)
{
    (void)state;
    random_source random = random_from_seed(1);
    whorl_listener *listener = listen_here(NULL);
    long accepted = 0, cancelled = 0, rounds = test_rounds(300);
    for (long i = 0; i < rounds; i++) {
        struct acceptor acceptor;
        int order = 0;
        start_acceptors(&acceptor, 1, listener, &order);
        int client = client_of(listener, 0);
        for (uint64_t yields = random_below(&random, 5); yields > 0; yields--)
            assert_int_equal(whorl_yield(), 0);
        whorl_cancel(acceptor.task);
        intptr_t fd = whorl_join(acceptor.task);
        if (fd < 0) {
            assert_int_equal(fd, -ECANCELED);
            cancelled++;
            fd = whorl_listener_accept(listener);
            assert_true(fd >= 0);
        }
        assert_connected(client, (int)fd);
        close((int)fd);
        close(client);
        accepted++;
    }
    assert_int_equal(accepted, rounds);
    assert_int_equal(listener->taken_count, 0);
    assert_int_equal(timed_accept(listener, WHORL_MS(1)), -ETIMEDOUT);
    assert_int_equal(whorl_listener_close(listener), 0);
    (void)cancelled;
}

static void a_cancelled_acceptor_does_not_take_a_turn(void **state)
{
    (void)state;
    struct acceptor acceptors[3];
    int order = 0;
    whorl_listener *listener = listen_here(NULL);
    start_acceptors(acceptors, 3, listener, &order);
    whorl_cancel(acceptors[0].task);
    assert_int_equal(whorl_join(acceptors[0].task), -ECANCELED);
    for (int i = 1; i < 3; i++) {
        int client = client_of(listener, 0);
        intptr_t fd = whorl_join(acceptors[i].task);
        assert_connected(client, (int)fd);
        close((int)fd);
        close(client);
    }
    assert_int_equal(whorl_listener_close(listener), 0);
}

/* What was armed for them is not: but for one op, their connections stay in the queue. */
static void of_many_cancelled_accepts_one_goes_on(void **state)
{
    (void)state;
    enum { COUNT = 5 };
    struct acceptor acceptors[COUNT];
    int clients[COUNT];
    int order = 0;
    whorl_listener *listener = listen_here(NULL);
    start_acceptors(acceptors, COUNT, listener, &order);
    for (int i = 0; i < COUNT; i++)
        whorl_cancel(acceptors[i].task);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(whorl_join(acceptors[i].task), -ECANCELED);
    assert_int_equal(whorl_yield(), 0);
    for (int i = 0; i < COUNT; i++)
        clients[i] = client_of(listener, 0);
    while (listener->taken_count == 0)
        assert_int_equal(whorl_yield(), 0);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(whorl_yield(), 0);
    assert_int_equal(listener->taken_count, 1);
    for (int i = 0; i < COUNT; i++)
        assert_accepts(listener, clients[i]);
    assert_int_equal(whorl_listener_close(listener), 0);
}

static intptr_t wait_beside_a_listener(void *arg)
{
    (void)arg;
    whorl_timeout limit;
    whorl_event event;
    whorl_listener *listener;
    check_equal(whorl_listen_tcp("127.0.0.1", "0", NULL, &listener), 0);
    check_equal(whorl_timeout_begin(&limit, WHORL_MS(5)), 0);
    int fd = whorl_listener_accept(listener);
    check_equal(whorl_timeout_end(&limit, fd), -ETIMEDOUT);
    whorl_event_init(&event);
    return whorl_event_wait(&event);
}

/* Though its op is still there for who may come. */
static void a_deadlock_is_seen_beside_a_listener_at_which_nobody_waits(void **state)
{
    (void)state;
    assert_int_equal(run(wait_beside_a_listener, NULL), -EDEADLK);
}

/* --- Taking many --- */

static void as_many_as_may_wait_are_taken_by_one_request(void **state)
{
    (void)state;
    enum { COUNT = 20 };
    struct acceptor acceptors[COUNT];
    int order = 0;
    whorl_listener_options options = {.backlog = 4};
    whorl_listener *listener = listen_here(&options);
    start_acceptors(acceptors, 7, listener, &order);
    assert_true(is_armed(listener));
    assert_false(takes_many(listener));
    start_acceptors(acceptors + 7, COUNT - 7, listener, &order);
    int clients[COUNT];
    for (int i = 0; i < COUNT; i++) {
        clients[i] = client_of(listener, 0);
        intptr_t fd = whorl_join(acceptors[i].task);
        assert_connected(clients[i], (int)fd);
        close((int)fd);
        /* Many at a time from the second on, until less is wanted than may wait. */
        if (i == 2)
            assert_true(takes_many(listener));
        close(clients[i]);
    }
    assert_false(takes_many(listener));
    assert_int_equal(whorl_listener_close(listener), 0);
}

static intptr_t serve_nobody(whorl_stream *stream, void *arg)
{
    (void)stream;
    (void)arg;
    return 0;
}

static intptr_t serve_with_defaults(void *listener)
{
    return whorl_serve(listener, serve_nobody, NULL, 0);
}

/* Whether a server at it, which is closed then, takes many at a time. */
static bool has_server_take_many(whorl_listener *listener)
{
    whorl_task *server = whorl_spawn(serve_with_defaults, listener);
    for (int turn = 0; turn < 3; turn++)
        assert_int_equal(whorl_yield(), 0);
    assert_true(is_armed(listener));
    bool many = takes_many(listener);
    assert_int_equal(whorl_listener_stop(listener), 0);
    assert_int_equal(whorl_join(server), 0);
    assert_int_equal(whorl_listener_close(listener), 0);
    return many;
}

static void a_server_with_all_defaults_takes_many(void **state)
{
    (void)state;
    whorl_listener *listener;
    assert_int_equal(whorl_listen_tcp(NULL, "0", NULL, &listener), 0);
    assert_true(has_server_take_many(listener));
}

/* A multishot op at it would take all that come, and others none. */
static void of_a_socket_that_others_may_have_each_is_taken_by_itself(void **state)
{
    (void)state;
    whorl_listener *listener;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(listen(fd, 4), 0); /* at a port that is free */
    assert_int_equal(whorl_listener_from_fd(fd, &listener), 0);
    assert_false(has_server_take_many(listener));
}

/* listen(2) takes a backlog of 0, and the kernel's queue holds one then. */
static void no_backlog_is_no_leave_to_take_all(void **state)
{
    (void)state;
    enum { COUNT = 20 };
    struct acceptor acceptor;
    int order = 0;
    union address address = {.in4 = {.sin_family = AF_INET}};
    socklen_t len = sizeof address.in4;
    address.in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    whorl_listener *listener;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, &address.any, len), 0);
    assert_int_equal(listen(fd, 0), 0);
    assert_int_equal(getsockname(fd, &address.any, &len), 0);
    assert_int_equal(whorl_listener_from_fd(fd, &listener), 0);
    start_acceptors(&acceptor, 1, listener, &order);
    int clients[COUNT];
    for (int i = 0; i < COUNT; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_int_equal(connect(clients[i], &address.any, len), -1);
        assert_int_equal(errno, EINPROGRESS);
        for (int turn = 0; turn < 3; turn++)
            assert_int_equal(whorl_yield(), 0);
        assert_int_equal(listener->taken_count, 0);
    }
    intptr_t taken = whorl_join(acceptor.task);
    assert_true(taken >= 0);
    close((int)taken);
    for (int i = 0; i < COUNT; i++)
        close(clients[i]);
    assert_int_equal(whorl_listener_close(listener), 0);
}

static void a_crowd_that_is_not_wanted_stays_in_the_kernels_queue(void **state)
{
    (void)state;
    enum { COUNT = 100 };
    whorl_listener *listener = listen_here(NULL);
    int clients[COUNT];
    for (int i = 0; i < COUNT; i++)
        clients[i] = client_of(listener, 0);
    for (int i = 0; i < COUNT; i++) {
        assert_accepts(listener, clients[i]);
        assert_in_range(listener->taken_count, 0, 1);
    }
    assert_int_equal(whorl_listener_close(listener), 0);
}

static void a_kernel_without_multishot_accept_takes_them_one_by_one(void **state)
{
    (void)state;
    enum { COUNT = 20 };
    struct acceptor acceptors[COUNT];
    int order = 0;
    whorl_listener_options options = {.backlog = 4};
    whorl_listener *listener = listen_here(&options);
    listener->takes_once = true;
    start_acceptors(acceptors, COUNT, listener, &order);
    assert_false(takes_many(listener));
    for (int i = 0; i < COUNT; i++) {
        int client = client_of(listener, 0);
        intptr_t fd = whorl_join(acceptors[i].task);
        assert_connected(client, (int)fd);
        close((int)fd);
        close(client);
    }
    assert_int_equal(whorl_listener_close(listener), 0);
}

/* --- Bad days --- */

static void peers_that_break_off_in_the_queue_harm_nobody(void **state)
{
    (void)state;
    whorl_listener *listener = listen_here(NULL);
    struct linger at_once = {.l_onoff = 1};
    for (int i = 0; i < 5; i++) {
        int client = client_of(listener, 0);
        setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close(client);
    }
    int last = client_of(listener, 0);
    char byte = 'x';
    assert_int_equal(whorl_send(last, &byte, 1, 0), 1);
    int alive = -1;
    for (int i = 0; i < 6 && alive < 0; i++) {
        int fd = whorl_listener_accept(listener);
        assert_true(fd >= 0);
        ssize_t got = whorl_recv(fd, &byte, 1, 0);
        if (got == 1)
            alive = fd;
        else
            close(fd);
    }
    assert_true(alive >= 0);
    close(alive);
    close(last);
    assert_int_equal(whorl_listener_close(listener), 0);
}

static void a_socket_that_listens_no_more_is_an_error_for_all(void **state)
{
    (void)state;
    struct acceptor acceptors[3];
    int order = 0;
    whorl_listener *listener = listen_here(NULL);
    start_acceptors(acceptors, 3, listener, &order);
    assert_int_equal(shutdown(listener->sockets[0].ops[0].accepting.op.fd, SHUT_RD), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(whorl_join(acceptors[i].task), -EINVAL);
    assert_int_equal(whorl_listener_accept(listener), -EINVAL);
    assert_int_equal(whorl_listener_close(listener), 0);
}

static intptr_t free_one_later(void *arg)
{
    int error = whorl_sleep(WHORL_MS(30));
    close(*(int *)arg);
    return error;
}

static intptr_t accept_without_descriptors(void *arg)
{
    (void)arg;
    whorl_listener *listener;
    check_equal(whorl_listen_tcp("127.0.0.1", NULL, NULL, &listener), 0);
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    check_equal(whorl_listener_address(listener, 0, (struct sockaddr *)&address, &len), 0);
    int client = whorl_socket(AF_INET, SOCK_STREAM, 0);
    check_equal(whorl_connect(client, (struct sockaddr *)&address, len), 0);
    int last = client, next;
    while ((next = dup(client)) >= 0)
        last = next;
    check_equal(errno, EMFILE);
    whorl_task *task = whorl_spawn(free_one_later, &last);
    int fd = whorl_listener_accept(listener);
    check_equal(fd, last);
    check_equal(whorl_join(task), 0);
    close(fd);
    return whorl_listener_close(listener);
}

static int with_few_descriptors(void *arg)
{
    struct rlimit limit = {64, 64};
    check_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    return (int)whorl_run(accept_without_descriptors, arg);
}

static void without_descriptors_an_accept_waits_for_one(void **state)
{
    (void)state;
    run_in_child(with_few_descriptors, NULL);
}

static rlim_t limit_descriptors_to(rlim_t count)
{
    struct rlimit limit;
    check_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = count;
    check_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    return before;
}

static void connect_client(int client, const whorl_listener *listener)
{
    union address address;
    socklen_t len = sizeof address;
    check_equal(whorl_listener_address(listener, 0, &address.any, &len), 0);
    check_equal(whorl_connect(client, &address.any, len), 0);
}

static intptr_t accept_under_a_lower_limit(void *arg)
{
    (void)arg;
    whorl_listener *listener;
    int order = 0, clients[2];
    check_equal(whorl_listen_tcp("127.0.0.1", NULL, NULL, &listener), 0);
    struct acceptor acceptor = {.listener = listener, .order = &order};
    for (int i = 0; i < 2; i++)
        clients[i] = whorl_socket(AF_INET, SOCK_STREAM, 0);
    acceptor.task = whorl_spawn(accept_one, &acceptor);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    rlim_t before = limit_descriptors_to(0);
    connect_client(clients[0], listener);
    check(whorl_join(acceptor.task) >= 0);
    connect_client(clients[1], listener);
    check_equal(timed_accept(listener, WHORL_MS(20)), -ETIMEDOUT);
    limit_descriptors_to(before);
    check(whorl_listener_accept(listener) >= 0);
    return whorl_listener_close(listener);
}

static void a_lower_limit_of_descriptors_holds_for_what_is_asked_later(void **state)
{
    (void)state;
    run_checks_in_child(NULL, accept_under_a_lower_limit, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(tasks_accept_in_the_order_in_which_they_came),
        as_task(two_tasks_that_accept_share_what_comes),
        as_task(a_cancelled_accept_leaves_the_connection_to_the_next),
        as_task(no_connection_is_lost_to_cancels_that_race),
        as_task(a_cancelled_acceptor_does_not_take_a_turn),
        as_task(of_many_cancelled_accepts_one_goes_on),
        behaviour(a_deadlock_is_seen_beside_a_listener_at_which_nobody_waits),
        as_task(as_many_as_may_wait_are_taken_by_one_request),
        as_task(a_server_with_all_defaults_takes_many),
        as_task(of_a_socket_that_others_may_have_each_is_taken_by_itself),
        as_task(no_backlog_is_no_leave_to_take_all),
        as_task(a_crowd_that_is_not_wanted_stays_in_the_kernels_queue),
        as_task(a_kernel_without_multishot_accept_takes_them_one_by_one),
        as_task(peers_that_break_off_in_the_queue_harm_nobody),
        as_task(a_socket_that_listens_no_more_is_an_error_for_all),
        behaviour(without_descriptors_an_accept_waits_for_one),
        behaviour(a_lower_limit_of_descriptors_holds_for_what_is_asked_later),
    };
    return run_behaviours("accept", tests);
}
