/* Listeners and their clients, in the tasks of a test that runs as one. */
#ifndef TESTS_NET_LISTENERS_H
#define TESTS_NET_LISTENERS_H

#include "as_task.h"

#include <errno.h>
#include <netinet/in.h>
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

static inline whorl_listener *listen_here(const whorl_listener_options *options)
{
    whorl_listener *listener;
    assert_int_equal(whorl_listen_tcp("127.0.0.1", "0", options, &listener), 0);
    return listener;
}

/* A client of socket number `index` of the listener: its descriptor, connected, or -errno. */
static inline int client_of(const whorl_listener *listener, unsigned index)
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
static inline void assert_connected(int one, int other)
{
    char byte = 'a';
    assert_int_equal(whorl_send(one, &byte, 1, 0), 1);
    byte = 'b';
    assert_int_equal(whorl_recv(other, &byte, 1, 0), 1);
    assert_int_equal(byte, 'a');
}

static inline int local_port(int fd)
{
    union address address;
    socklen_t len = sizeof address;
    assert_int_equal(getsockname(fd, &address.any, &len), 0);
    return ntohs(address.in4.sin_port);
}

static inline bool has_ipv6(void)
{
    struct sockaddr_in6 loopback = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool has = fd >= 0 && bind(fd, (struct sockaddr *)&loopback, sizeof loopback) == 0;
    if (fd >= 0)
        close(fd);
    return has;
}

/* The connection on which `client` waits is the next that the listener gives. */
static inline void assert_accepts(whorl_listener *listener, int client)
{
    int fd = whorl_listener_accept(listener);
    assert_true(fd >= 0);
    assert_connected(client, fd);
    close(fd);
    close(client);
}

#endif
