/* Listeners over TCP: where they listen. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "core/child.h"
#include "net/listeners.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/listener.h>
#include <sched.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

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

/* --- Ports --- */

static void a_port_that_is_named_is_the_port(void **state)
{
    (void)state;
    whorl_listener *first = listen_here(NULL);
    int port = whorl_listener_port(first);
    assert_int_equal(whorl_listener_close(first), 0);
    char service[8];
    snprintf(service, sizeof service, "%d", port);
    whorl_listener *second;
    assert_int_equal(whorl_listen_tcp("127.0.0.1", service, NULL, &second), 0);
    assert_int_equal(whorl_listener_port(second), port);
    assert_int_equal(whorl_listener_close(second), 0);
}

static void a_restart_need_not_wait_for_former_connections(void **state)
{
    (void)state;
    whorl_listener *first = listen_here(NULL);
    char service[8];
    snprintf(service, sizeof service, "%d", whorl_listener_port(first));
    int client = client_of(first, 0);
    int fd = whorl_listener_accept(first);
    /* The side that closes first keeps the port, in TIME_WAIT. */
    assert_int_equal(whorl_close(fd), 0);
    char byte;
    assert_int_equal(whorl_recv(client, &byte, 1, 0), 0);
    assert_int_equal(whorl_close(client), 0);
    assert_int_equal(whorl_listener_close(first), 0);
    whorl_listener *second;
    assert_int_equal(whorl_listen_tcp("127.0.0.1", service, NULL, &second), 0);
    assert_accepts(second, client_of(second, 0));
    assert_int_equal(whorl_listener_close(second), 0);
}

static void one_family_is_listened_to_alone(void **state)
{
    (void)state;
    whorl_listener *listener;
    whorl_listener_options options = {.family = AF_INET};
    assert_int_equal(whorl_listen_tcp(NULL, NULL, &options, &listener), 0);
    union address address;
    socklen_t len = sizeof address;
    assert_int_equal(whorl_listener_address(listener, 0, &address.any, &len), 0);
    assert_int_equal(address.any.sa_family, AF_INET);
    assert_int_equal(whorl_listener_address(listener, 1, &address.any, &len), -ENOENT);
    assert_int_equal(whorl_listener_close(listener), 0);
}

static void an_address_of_ipv4_in_ipv6_is_listened_at(void **state)
{
    (void)state;
    if (!has_ipv6())
        skip_because("there is no IPv6 here");
    whorl_listener *listener;
    assert_int_equal(whorl_listen_tcp("::ffff:127.0.0.1", NULL, NULL, &listener), 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)whorl_listener_port(listener)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int client = whorl_socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(whorl_connect(client, (struct sockaddr *)&address, sizeof address), 0);
    assert_accepts(listener, client);
    assert_int_equal(whorl_listener_close(listener), 0);
}

/* --- Sharing a port --- */

static void listeners_of_one_program_share_a_port(void **state)
{
    (void)state;
    whorl_listener_options options = {.reuse_port = 1};
    whorl_listener *first = listen_here(&options);
    char service[8];
    snprintf(service, sizeof service, "%d", whorl_listener_port(first));
    whorl_listener *second;
    assert_int_equal(whorl_listen_tcp("127.0.0.1", service, NULL, &second), -EADDRINUSE);
    assert_int_equal(whorl_listen_tcp("127.0.0.1", service, &options, &second), 0);
    int counts[2] = {0};
    whorl_listener *both[] = {first, second};
    /* The kernel chooses by a hash: none would get nothing of 64 but once in 2^63 runs. */
    for (int i = 0; i < 64; i++) {
        int client = client_of(first, 0);
        struct pollfd ready[2];
        for (int which = 0; which < 2; which++) {
            ready[which] = (struct pollfd){.events = POLLIN};
            ready[which].fd = both[which]->sockets[0].ops[0].accepting.op.fd;
        }
        assert_int_equal(poll(ready, 2, 1000), 1);
        int which = ready[1].revents ? 1 : 0;
        counts[which]++;
        assert_accepts(both[which], client);
    }
    assert_int_not_equal(counts[0], 0);
    assert_int_not_equal(counts[1], 0);
    assert_int_equal(whorl_listener_close(first), 0);
    assert_int_equal(whorl_listener_close(second), 0);
}

/* Another program, which listens at a port of its own choice until it is told to end. */
struct neighbour {
    int port[2];
    int end[2];
};

static int be_neighbour(void *arg)
{
    struct neighbour *pipes = arg;
    int one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    check_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    check_equal(listen(fd, 1), 0);
    check_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    check_equal(write(pipes->port[1], &address.sin_port, sizeof address.sin_port),
                sizeof address.sin_port);
    close(pipes->end[1]);
    char byte;
    return (int)read(pipes->end[0], &byte, 1);
}

static intptr_t share_with_neighbour(void *arg)
{
    const in_port_t *port = arg;
    char service[8];
    snprintf(service, sizeof service, "%d", ntohs(*port));
    whorl_listener *listener;
    check_equal(whorl_listen_tcp("127.0.0.1", service, NULL, &listener), -EADDRINUSE);
    whorl_listener_options options = {.reuse_port = 1};
    check_equal(whorl_listen_tcp("127.0.0.1", service, &options, &listener), 0);
    return whorl_listener_close(listener);
}

static void listeners_of_two_programs_share_a_port(void **state)
{
    (void)state;
    struct neighbour pipes;
    assert_int_equal(pipe(pipes.port), 0);
    assert_int_equal(pipe(pipes.end), 0);
    pid_t child = fork();
    if (child == 0) {
        alarm(CHILD_SECONDS);
        finish_child(be_neighbour(&pipes));
    }
    in_port_t port = 0;
    assert_int_equal(read(pipes.port[0], &port, sizeof port), sizeof port);
    run_checks(share_with_neighbour, &port);
    for (int i = 0; i < 2; i++) {
        close(pipes.port[i]);
        close(pipes.end[i]);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* --- In a network of its own --- */

/* Returns 0, or a reason why there is none. */
static const char *enter_network(void)
{
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0 && unshare(CLONE_NEWNET) != 0)
        return "no network namespace can be made";
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int error = ioctl(fd, SIOCSIFFLAGS, &lo);
    close(fd);
    return error ? "the loopback device cannot be started" : NULL;
}

/* Whether the text could be written to the file. */
static bool set_figure(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        close(fd);
    return done;
}

enum { CANNOT = 77 };

static void run_in_network(int (*body)(void *arg))
{
    struct child child;
    assert_int_equal(child_run(body, NULL, &child), 0);
    if (WIFEXITED(child.status) && WEXITSTATUS(child.status) == CANNOT)
        skip_because("%s", child.text);
    assert_true(child_exited(&child, 0));
}

static int cannot(const char *why)
{
    fputs(why, stderr);
    return CANNOT;
}

static intptr_t listen_on_two_ports(void *arg)
{
    (void)arg;
    whorl_listener *taken, *listener;
    whorl_listener_options options = {.family = AF_INET};
    for (const char *port = "40000"; port; port = strcmp(port, "40000") == 0 ? "40001" : NULL) {
        check_equal(whorl_listen_tcp(NULL, port, &options, &taken), 0);
        check_equal(whorl_listen_tcp(NULL, NULL, NULL, &listener), 0);
        check_equal(whorl_listener_port(listener), strcmp(port, "40000") == 0 ? 40001 : 40000);
        check_equal(listener->count, 2);
        check_equal(whorl_listener_close(listener), 0);
        check_equal(whorl_listener_close(taken), 0);
    }
    whorl_listener *other;
    check_equal(whorl_listen_tcp(NULL, "40000", &options, &taken), 0);
    check_equal(whorl_listen_tcp(NULL, "40001", &options, &other), 0);
    check_equal(whorl_listen_tcp(NULL, NULL, NULL, &listener), -EADDRINUSE);
    check(listener == NULL);
    check_equal(whorl_listener_close(taken), 0);
    return whorl_listener_close(other);
}

static int in_network_of_two_ports(void *arg)
{
    const char *why = enter_network();
    if (why)
        return cannot(why);
    if (!set_figure("/proc/sys/net/ipv4/ip_local_port_range", "40000 40001"))
        return cannot("the range of free ports cannot be set");
    if (!has_ipv6())
        return cannot("there is no IPv6");
    return (int)whorl_run(listen_on_two_ports, arg);
}

static void a_free_port_is_free_at_every_address(void **state)
{
    (void)state;
    run_in_network(in_network_of_two_ports);
}

static intptr_t listen_without_ipv6(void *arg)
{
    (void)arg;
    whorl_listener *listener;
    check_equal(whorl_listen_tcp(NULL, NULL, NULL, &listener), 0);
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t)whorl_listener_port(listener));
    int client = whorl_socket(AF_INET, SOCK_STREAM, 0);
    check_equal(whorl_connect(client, (struct sockaddr *)&address, sizeof address), 0);
    int fd = whorl_listener_accept(listener);
    check(fd >= 0);
    close(fd);
    close(client);
    check_equal(whorl_listener_close(listener), 0);
    check_equal(whorl_listen_tcp("::1", NULL, NULL, &listener), -EADDRNOTAVAIL);
    return 0;
}

static int in_network_without_ipv6(void *arg)
{
    const char *why = enter_network();
    if (why)
        return cannot(why);
    if (!set_figure("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1"))
        return cannot("IPv6 cannot be disabled");
    return (int)whorl_run(listen_without_ipv6, arg);
}

static void where_ipv6_is_disabled_the_rest_is_listened_at(void **state)
{
    (void)state;
    run_in_network(in_network_without_ipv6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(a_listener_accepts_what_connects),
        as_task(a_name_is_each_of_its_addresses_with_one_port),
        as_task(no_host_is_every_address_of_both_families),
        as_task(a_port_that_is_named_is_the_port),
        as_task(a_restart_need_not_wait_for_former_connections),
        as_task(one_family_is_listened_to_alone),
        as_task(an_address_of_ipv4_in_ipv6_is_listened_at),
        as_task(listeners_of_one_program_share_a_port),
        behaviour(listeners_of_two_programs_share_a_port),
        behaviour(a_free_port_is_free_at_every_address),
        behaviour(where_ipv6_is_disabled_the_rest_is_listened_at),
    };
    return run_behaviours("listener", tests);
}
