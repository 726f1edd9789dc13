/*
 * Listening for TCP: a socket for each address of the host.
 *
 * IPv6 and IPv4 have sockets of their own (IPV6_V6ONLY), whatever net.ipv6.bindv6only says: so each
 * works without the other, and a client's address is of its own kind; but where the host is an
 * address of IPv4 that is written as one of IPv6.
 */
#include <net/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>
#include <whorl/fs.h>
#include <whorl/net.h>
#include <whorl/resolve.h>

#define PORT_ATTEMPTS 64 /* to find a port that is free at all addresses */

static int set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value) == 0 ? 0 : -errno;
}

/* Connections inherit TCP_NODELAY; small writes are collected by the streams. */
static int set_up(int fd, const whorl_address *address, const whorl_listener_options *options)
{
    int error = set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (!error && options && options->reuse_port)
        error = set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (!error && address->any.sa_family == AF_INET6) {
        bool is_of_ipv4 = IN6_IS_ADDR_V4MAPPED(&address->in6.sin6_addr);
        error = set(fd, IPPROTO_IPV6, IPV6_V6ONLY, !is_of_ipv4);
    }
    return error ? error : set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

/* A socket that listens at the address, for the listener. 0 or -errno. */
static int open_at(whorl_listener *listener, const whorl_address *address,
                   const whorl_listener_options *options)
{
    int fd = whorl_socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
    if (fd < 0)
        return fd;
    int backlog = listener_backlog(options);
    int error = set_up(fd, address, options);
    if (!error)
        error = whorl_bind(fd, &address->any, address->len);
    if (!error)
        error = whorl_listen(fd, backlog);
    if (error)
        whorl_close(fd);
    else
        listener_add(listener, fd, backlog);
    return error;
}

static in_port_t *port_of(whorl_address *address)
{
    return address->any.sa_family == AF_INET6 ? &address->in6.sin6_port : &address->in4.sin_port;
}

/* The machine has no such address, or none of its kind: others of the host may do. */
static bool is_elsewhere(int error)
{
    return error == -EADDRNOTAVAIL || error == -EAFNOSUPPORT;
}

/* Opens a socket at each address; those without a port get that of the first. 0 or -errno. */
static int open_all(whorl_listener *listener, const whorl_address *addresses, size_t count,
                    const whorl_listener_options *options)
{
    int elsewhere = -EADDRNOTAVAIL;
    for (size_t i = 0; i < count; i++) {
        whorl_address address = addresses[i];
        in_port_t *port = port_of(&address);
        if (*port == 0 && listener->count > 0)
            *port = htons((uint16_t)whorl_listener_port(listener));
        int error = open_at(listener, &address, options);
        if (is_elsewhere(error))
            elsewhere = error;
        else if (error)
            return error;
    }
    return listener->count > 0 ? 0 : elsewhere;
}

static int attempt(const whorl_address *addresses, size_t count,
                   const whorl_listener_options *options, whorl_listener **result)
{
    int error = listener_make((unsigned)count, result);
    return error ? error : open_all(*result, addresses, count, options);
}

/* Where any port will do, one that is taken at another address is kept until a better one is found:
 * so each attempt has another. */
static int listen_at(whorl_address *addresses, size_t count, const whorl_listener_options *options,
                     whorl_listener **result)
{
    whorl_listener *tried[PORT_ATTEMPTS];
    size_t most = *port_of(&addresses[0]) == 0 ? PORT_ATTEMPTS : 1;
    size_t attempts = 0;
    int error;
    do {
        tried[attempts] = NULL;
        error = attempt(addresses, count, options, &tried[attempts++]);
    } while (error == -EADDRINUSE && attempts < most);
    if (!error)
        *result = tried[--attempts];
    while (attempts > 0) {
        whorl_listener *unfit = tried[--attempts];
        if (unfit)
            listener_drop(unfit);
    }
    return error;
}

int whorl_listen_tcp(const char *host, const char *service, const whorl_listener_options *options,
                     whorl_listener **listener)
{
    if (!listener)
        return -EINVAL;
    *listener = NULL;
    int error = listener_check(options);
    if (error)
        return error;
    whorl_resolve_options names = {
        .family = options ? options->family : 0,
        .passive = 1,
    };
    whorl_address addresses[WHORL_ADDRESSES_MAX];
    int count = whorl_resolve(host, service, &names, addresses, WHORL_ADDRESSES_MAX);
    return count < 0 ? count : listen_at(addresses, (size_t)count, options, listener);
}
