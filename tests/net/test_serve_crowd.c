/*
 * Servers under many connections: their limit, and the limit of descriptors. Where many descriptors
 * are needed, server and clients are programs of their own.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "core/child.h"
#include "net/serving.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>

/* --- The limit --- */

struct crowd {
    size_t live;
    size_t most;
    size_t served;
};

static intptr_t count_and_echo(whorl_stream *stream, void *arg)
{
    struct crowd *crowd = arg;
    if (++crowd->live > crowd->most)
        crowd->most = crowd->live;
    intptr_t result = echo(stream, NULL);
    crowd->live--;
    crowd->served++;
    return result;
}

static intptr_t visit(void *arg)
{
    const serving *server = arg;
    whorl_stream *client = client_of(server);
    assert_echoed(client, "hello");
    assert_true(whorl_listener_live(server->listener) <= 10);
    return whorl_stream_close(client);
}

static void visit_by(size_t count, serving *server)
{
    whorl_group group;
    whorl_group_init(&group);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(whorl_group_spawn(&group, visit, server), 0);
    assert_int_equal(whorl_group_wait(&group, 0), 0);
}

static size_t descriptors_for(size_t wanted)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur < wanted + 100 ? (size_t)limit.rlim_cur - 100 : wanted;
}

static struct arrivals {
    int order[400];
    int count;
} arrivals;

static intptr_t note_number(whorl_stream *stream, void *arg)
{
    int number;
    (void)arg;
    if (whorl_stream_read_exactly(stream, &number, sizeof number) == sizeof number)
        arrivals.order[arrivals.count++] = number;
    return 0;
}

static void bursts_are_served_in_their_order(void **state)
{
    (void)state;
    static const int bursts[] = {40, 200};
    serving server;
    int fds[240], sent = 0;
    arrivals.count = 0;
    serve_here(&server, note_number, NULL, NULL);
    for (int i = 0; i < 2; i++) {
        for (int end = sent + bursts[i]; sent < end; sent++) {
            fds[sent] = connect_to(server.listener);
            assert_int_equal(write(fds[sent], &sent, sizeof sent), sizeof sent);
        }
        while (arrivals.count < sent)
            assert_int_equal(whorl_sleep(WHORL_MS(5)), 0);
    }
    for (int i = 0; i < sent; i++) {
        assert_int_equal(arrivals.order[i], i);
        close(fds[i]);
    }
    assert_int_equal(end_serving(&server), 0);
}

static void no_more_than_the_limit_are_served_at_a_time(void **state)
{
    (void)state;
    size_t count = descriptors_for(1010) - 10;
    serving server;
    struct crowd crowd = {0};
    serve_plainly(&server, count_and_echo, &crowd, 10);
    visit_by(count, &server);
    assert_int_equal(end_serving(&server), 0);
    assert_int_equal(crowd.served, count);
    assert_int_equal(crowd.most, 10);
    assert_int_equal(crowd.live, 0);
}

static void a_limit_of_one_serves_all_in_turn(void **state)
{
    (void)state;
    serving server;
    struct crowd crowd = {0};
    serve_plainly(&server, count_and_echo, &crowd, 1);
    visit_by(100, &server);
    assert_int_equal(end_serving(&server), 0);
    assert_int_equal(crowd.served, 100);
    assert_int_equal(crowd.most, 1);
}

/* Also by a server that may not take all that could come: else each would need a turn of the loop,
 * and turns are long where many are served. */
static void those_that_wait_are_accepted_many_in_a_turn(void **state)
{
    (void)state;
    enum { COUNT = 64 };
    serving server = {.handler = count_and_echo};
    struct crowd crowd = {0};
    whorl_serve_options options = {.limit = COUNT};
    server.arg = &crowd;
    server.options = &options;
    assert_int_equal(whorl_listen_tcp("127.0.0.1", "0", NULL, &server.listener), 0);
    int clients[COUNT];
    for (int i = 0; i < COUNT; i++)
        clients[i] = connect_to(server.listener);
    begin_serving(&server);
    int turns = 0;
    for (; crowd.live < COUNT && turns < 2 * COUNT; turns++)
        assert_int_equal(whorl_yield(), 0);
    assert_in_range(turns, 0, COUNT / 2);
    for (int i = 0; i < COUNT; i++)
        close(clients[i]);
    assert_int_equal(end_serving(&server), 0);
    assert_int_equal(crowd.served, COUNT);
}

/* Two sockets may take one connection each for the last place. */
static void a_limit_of_one_holds_for_several_sockets(void **state)
{
    (void)state;
    serving server = {.handler = count_and_echo};
    struct crowd crowd = {0};
    whorl_serve_options options = {.limit = 1};
    server.arg = &crowd;
    server.options = &options;
    assert_int_equal(whorl_listen_tcp(NULL, NULL, NULL, &server.listener), 0);
    begin_serving(&server);
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    v4.sin_port = v6.sin6_port = htons((uint16_t)whorl_listener_port(server.listener));
    size_t count = 0;
    for (int i = 0; i < 30; i++) {
        whorl_stream *clients[2] = {NULL};
        for (int which = 0; which < 2; which++) {
            int fd = whorl_socket(which ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            int error = fd < 0  ? fd
                        : which ? whorl_connect(fd, (struct sockaddr *)&v6, sizeof v6)
                                : whorl_connect(fd, (struct sockaddr *)&v4, sizeof v4);
            if (!error)
                assert_int_equal(whorl_stream_open(fd, NULL, &clients[which]), 0);
            else if (fd >= 0)
                close(fd);
        }
        int first = i % 2;
        for (int which = 0; which < 2; which++) {
            whorl_stream *client = clients[which ? !first : first];
            if (!client)
                continue;
            /* Either may have the place: one is served when the other has gone. */
            whorl_stream_puts(client, "x");
            count++;
        }
        for (int which = 0; which < 2; which++)
            if (clients[which])
                assert_int_equal(whorl_stream_end(clients[which]), 0);
        for (int which = 0; which < 2; which++) {
            if (!clients[which])
                continue;
            assert_reads_to_end(clients[which], "x");
            assert_int_equal(whorl_stream_close(clients[which]), 0);
        }
    }
    assert_int_equal(end_serving(&server), 0);
    assert_int_equal(crowd.served, count);
    assert_int_equal(crowd.most, 1);
}

/* --- A program that serves --- */

/* Serves until its order's pipe ends. */
struct service {
    rlim_t descriptors;
    size_t limit;
    const char *host; /* NULL: all of the machine's, by two sockets */
    int port[2];
    int order[2];
    pid_t child;
    struct sockaddr_in address;
};

static intptr_t serve_on_order(void *arg)
{
    const struct service *service = arg;
    serving server = {.handler = echo};
    whorl_serve_options options = {.limit = service->limit, .grace = -1};
    server.options = &options;
    check_equal(whorl_listen_tcp(service->host, NULL, NULL, &server.listener), 0);
    server.task = whorl_spawn(serving_body, &server);
    check_equal(whorl_yield(), 0);
    int before = open_descriptors();
    int port = whorl_listener_port(server.listener);
    check_equal(whorl_write(service->port[1], &port, sizeof port), sizeof port);
    /* Each byte asks whether all has been given back that was taken. */
    char byte;
    while (whorl_read(service->order[0], &byte, 1) == 1) {
        while (whorl_listener_live(server.listener) > 0)
            check_equal(whorl_sleep(WHORL_MS(1)), 0);
        check_equal(open_descriptors(), before);
        check_equal(whorl_write(service->port[1], &port, sizeof port), sizeof port);
    }
    check_equal(whorl_listener_stop(server.listener), 0);
    check_equal(whorl_join(server.task), 0);
    return whorl_listener_close(server.listener);
}

static int service_main(void *arg)
{
    const struct service *service = arg;
    struct rlimit limit = {service->descriptors, service->descriptors};
    check_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    close(service->order[1]);
    close(service->port[0]);
    return (int)whorl_run(serve_on_order, arg);
}

static void await_service(const struct service *service, int *port)
{
    assert_int_equal(read(service->port[0], port, sizeof *port), sizeof *port);
}

static void start_service(struct service *service, const char *host, size_t limit,
                          rlim_t descriptors)
{
    *service = (struct service){.descriptors = descriptors, .limit = limit, .host = host};
    assert_int_equal(pipe(service->port) | pipe(service->order), 0);
    fflush(NULL);
    service->child = fork();
    if (service->child == 0) {
        alarm(CHILD_SECONDS);
        finish_child(service_main(service));
    }
    close(service->port[1]);
    close(service->order[0]);
    int port = 0;
    await_service(service, &port);
    service->address = (struct sockaddr_in){.sin_family = AF_INET,
                                            .sin_port = htons((uint16_t)port),
                                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* All clients have gone: the service has given back all that they had. */
static void check_service_is_idle(const struct service *service)
{
    int port;
    assert_int_equal(write(service->order[1], "?", 1), 1);
    await_service(service, &port);
}

static void end_service(const struct service *service)
{
    int status = -1;
    close(service->order[1]);
    close(service->port[0]);
    assert_int_equal(waitpid(service->child, &status, 0), service->child);
    assert_int_equal(status, 0);
}

static int connect_plainly(const struct service *service)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(
        connect(fd, (const struct sockaddr *)&service->address, sizeof service->address), 0);
    return fd;
}

enum { PATIENCE = UNDER_THREAD_SANITIZER ? 300 : 30 }; /* seconds */

/* Whether the client is served; false: it was turned away, and did not have to wait. */
static bool is_served(int fd)
{
    char byte = 'x';
    send(fd, &byte, 1, MSG_NOSIGNAL);
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&ready, 1, PATIENCE * 1000), 1);
    return recv(fd, &byte, 1, 0) == 1;
}

static void clients_beyond_the_descriptors_are_turned_away(void **state)
{
    (void)state;
    enum { DESCRIPTORS = 256, CLIENTS = 400, ROUNDS = 3 };
    static int clients[CLIENTS];
    struct service service;
    start_service(&service, "127.0.0.1", 100000, DESCRIPTORS);
    for (int round = 0; round < ROUNDS; round++) {
        int served = 0;
        for (int i = 0; i < CLIENTS; i++) {
            clients[i] = connect_plainly(&service);
            if (is_served(clients[i])) {
                served++;
            } else {
                close(clients[i]);
                clients[i] = -1;
            }
        }
        assert_in_range(served, DESCRIPTORS / 2, DESCRIPTORS - 5);
        /* When some come free, as many are served again. */
        int freed = 0;
        for (int i = 0; i < CLIENTS && freed < 50; i++) {
            if (clients[i] >= 0) {
                close(clients[i]);
                clients[i] = -1;
                freed++;
            }
        }
        int again = 0;
        for (int i = 0; i < CLIENTS && again < freed; i++) {
            if (clients[i] >= 0)
                continue;
            clients[i] = connect_plainly(&service);
            if (is_served(clients[i])) {
                again++;
            } else {
                /* It was asked before the last descriptor was free. */
                close(clients[i]);
                clients[i--] = -1;
                poll(NULL, 0, 1);
            }
        }
        assert_int_equal(again, freed);
        for (int i = 0; i < CLIENTS; i++)
            if (clients[i] >= 0)
                close(clients[i]);
        check_service_is_idle(&service);
    }
    end_service(&service);
}

/* Gives how many were served the last time. */
static int serve_crowds_at_once(const char *host, size_t limit)
{
    enum { DESCRIPTORS = 128, CLIENTS = 400, CROWDS = 4 };
    static int clients[CLIENTS];
    struct service service;
    start_service(&service, host, limit, DESCRIPTORS);
    int served = 0;
    for (int crowd = 0; crowd < CROWDS; crowd++) {
        int count = crowd % 2 == 0 ? CLIENTS : DESCRIPTORS + 10;
        for (int i = 0; i < count; i++)
            clients[i] = connect_plainly(&service);
        served = 0;
        for (int i = 0; i < count; i++)
            served += is_served(clients[i]);
        assert_in_range(served, DESCRIPTORS / 2, DESCRIPTORS - 5);
        for (int i = 0; i < count; i++)
            close(clients[i]);
        check_service_is_idle(&service);
    }
    end_service(&service);
    return served;
}

/* A limit below what the queues hold has the server accept one by one; one that is hardly above
 * what there are descriptors for, few at a time. */
static void a_crowd_at_once_is_served_or_turned_away(void **state)
{
    (void)state;
    serve_crowds_at_once("127.0.0.1", 100000);
    int most = serve_crowds_at_once("127.0.0.1", 1000);
    for (int more = 1; more < 8; more++)
        assert_int_equal(serve_crowds_at_once("127.0.0.1", (size_t)(most + more)), most);
    serve_crowds_at_once(NULL, 100000);
    most = serve_crowds_at_once(NULL, 1000);
    for (int more = 1; more < 8; more += 2)
        assert_int_equal(serve_crowds_at_once(NULL, (size_t)(most + more)), most);
}

static void as_many_as_descriptors_allow_are_served_at_a_time(void **state)
{
    (void)state;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit limit = {before.rlim_max, before.rlim_max};
    if (limit.rlim_cur > 20000)
        limit.rlim_cur = 20000;
    size_t most = limit.rlim_cur / 2;
    size_t crowd = CROWD_OF(UNDER_SANITIZER ? 1000 : 9000), count = most < crowd ? most : crowd;
    int *clients = malloc(count * sizeof *clients);
    assert_non_null(clients);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    struct service service;
    start_service(&service, "127.0.0.1", 100000, count + 32);
    for (size_t i = 0; i < count; i++)
        clients[i] = connect_plainly(&service);
    size_t served = 0;
    for (size_t i = 0; i < count; i++)
        served += is_served(clients[i]);
    assert_int_equal(served, count);
    for (size_t i = 0; i < count; i++)
        assert_true(is_served(clients[i]));
    for (size_t i = 0; i < count; i++)
        close(clients[i]);
    check_service_is_idle(&service);
    end_service(&service);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    free(clients);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(no_more_than_the_limit_are_served_at_a_time),
        as_task(a_limit_of_one_serves_all_in_turn),
        as_task(bursts_are_served_in_their_order),
        as_task(those_that_wait_are_accepted_many_in_a_turn),
        as_task(a_limit_of_one_holds_for_several_sockets),
        behaviour(clients_beyond_the_descriptors_are_turned_away),
        behaviour(a_crowd_at_once_is_served_or_turned_away),
        behaviour(as_many_as_descriptors_allow_are_served_at_a_time),
    };
    return run_behaviours("serve_crowd", tests);
}
