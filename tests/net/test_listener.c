/* Listeners over TCP: where they listen, what they refuse, and what they accept. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "as_task.h"
#include "feature_sets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

union address {
    struct sockaddr any;
    struct sockaddr_in in4;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
    struct sockaddr_storage room;
};

static whorl_listener *listen_here(const whorl_listener_options *options)
{
    whorl_listener *listener;
    assert_int_equal(whorl_listen_tcp("127.0.0.1", "0", options, &listener), 0);
    return listener;
}

/* A client of socket number `index` of the listener: its descriptor, connected, or -errno. */
static int client_of(const whorl_listener *listener, unsigned index)
{
    union address address;
    socklen_t len = sizeof address;
    assert_int_equal(whorl_listener_address(listener, index, &address.any, &len), 0);
    int fd = whorl_socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    int error = whorl_connect(fd, &address.any, len);
    if (error)
        close(fd);
    return error ? error : fd;
}

/* The two are ends of one connection. */
static void assert_connected(int one, int other)
{
    char byte = 'a';
    assert_int_equal(whorl_send(one, &byte, 1, 0), 1);
    byte = 'b';
    assert_int_equal(whorl_recv(other, &byte, 1, 0), 1);
    assert_int_equal(byte, 'a');
}

static int local_port(int fd)
{
    union address address;
    socklen_t len = sizeof address;
    assert_int_equal(getsockname(fd, &address.any, &len), 0);
    return ntohs(address.in4.sin_port);
}

static bool has_ipv6(void)
{
    struct sockaddr_in6 loopback = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool has = fd >= 0 && bind(fd, (struct sockaddr *)&loopback, sizeof loopback) == 0;
    if (fd >= 0)
        close(fd);
    return has;
}

/* --- Where it listens --- */

static void a_listener_accepts_what_connects(void **state)
{
    (void)state;
    whorl_listener *listener = listen_here(NULL);
    int port = whorl_listener_port(listener);
    assert_in_range(port, 1, 65535);
    for (int i = 0; i < 5; i++) {
        int client = client_of(listener, 0);
        int fd = whorl_listener_accept(listener);
        assert_true(fd >= 0);
        assert_connected(client, fd);
        assert_connected(fd, client);
        assert_int_equal(local_port(fd), port);
        assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
        close(fd);
        close(client);
    }
    assert_int_equal(whorl_listener_close(listener), 0);
}

static void a_name_is_each_of_its_addresses_with_one_port(void **state)
{
    (void)state;
    whorl_listener *listener;
    assert_int_equal(whorl_listen_tcp("localhost", NULL, NULL, &listener), 0);
    whorl_resolve_options options = {.passive = 1};
    whorl_address expected[WHORL_ADDRESSES_MAX];
    int count = whorl_resolve("localhost", NULL, &options, expected, WHORL_ADDRESSES_MAX);
    unsigned sockets = 0;
    bool found4 = false, found6 = false;
    union address address;
    socklen_t len = sizeof address;
    for (unsigned i = 0; whorl_listener_address(listener, i, &address.any, &len) == 0; i++) {
        bool is6 = address.any.sa_family == AF_INET6;
        assert_int_equal(ntohs(is6 ? address.in6.sin6_port : address.in4.sin_port),
                         whorl_listener_port(listener));
        found4 |= !is6 && address.in4.sin_addr.s_addr == htonl(INADDR_LOOPBACK);
        found6 |= is6 && IN6_IS_ADDR_LOOPBACK(&address.in6.sin6_addr);
        int client = client_of(listener, i);
        int fd = whorl_listener_accept(listener);
        assert_connected(client, fd);
        close(fd);
        close(client);
        len = sizeof address;
        sockets++;
    }
    for (int i = 0; i < count; i++)
        assert_true(expected[i].any.sa_family == AF_INET ? found4 : found6 || !has_ipv6());
    assert_in_range(sockets, 1, count);
    assert_int_equal(whorl_listener_close(listener), 0);
}

static void no_host_is_every_address_of_both_families(void **state)
{
    (void)state;
    whorl_listener *listener;
    assert_int_equal(whorl_listen_tcp(NULL, "0", NULL, &listener), 0);
    union address address = {.in4 = {.sin_family = AF_INET,
                                     .sin_port = htons((uint16_t)whorl_listener_port(listener)),
                                     .sin_addr.s_addr = htonl(0x7f000009)}};
    int client = whorl_socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(whorl_connect(client, &address.any, sizeof address.in4), 0);
    int fd = whorl_listener_accept(listener);
    socklen_t len = sizeof address;
    assert_int_equal(getpeername(fd, &address.any, &len), 0);
    assert_int_equal(address.any.sa_family, AF_INET);
    close(fd);
    close(client);
    if (has_ipv6()) {
        address.in6 =
            (struct sockaddr_in6){.sin6_family = AF_INET6,
                                  .sin6_port = htons((uint16_t)whorl_listener_port(listener)),
                                  .sin6_addr = IN6ADDR_LOOPBACK_INIT};
        client = whorl_socket(AF_INET6, SOCK_STREAM, 0);
        assert_int_equal(whorl_connect(client, &address.any, sizeof address.in6), 0);
        fd = whorl_listener_accept(listener);
        assert_connected(client, fd);
        close(fd);
        close(client);
    }
    assert_int_equal(whorl_listener_close(listener), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(a_listener_accepts_what_connects),
        as_task(a_name_is_each_of_its_addresses_with_one_port),
        as_task(no_host_is_every_address_of_both_families),
    };
    return run_behaviours("listener", tests);
}
