/* One attempt to connect: its socket, and what its result says. See connect.h. */
#include <errno.h>
#include <net/connect.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

static in_port_t port_of(const whorl_address *address)
{
    return address->any.sa_family == AF_INET ? address->in4.sin_port : address->in6.sin6_port;
}

/* NULL: there is none of the family. */
static const whorl_address *local_of(const struct connect_plan *plan, int family)
{
    for (unsigned i = 0; i < plan->local_count; i++)
        if (plan->locals[i].any.sa_family == family)
            return &plan->locals[i];
    return NULL;
}

/* A port that was given is shared by the attempts, which differ in where they go; one that is to be
 * free is chosen when that is known, so that connections to different places may share it. */
static int bind_to(int fd, const whorl_address *local)
{
    const int on = 1;
    if (port_of(local))
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    else
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    return bind(fd, &local->any, local->len) == 0 ? 0 : -errno;
}

int attempt_open(const struct connect_plan *plan, const whorl_address *address)
{
    int family = address->any.sa_family;
    const whorl_address *local = local_of(plan, family);
    if (!local && plan->local_count > 0)
        return -EADDRNOTAVAIL;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
    if (fd < 0)
        return -errno;
    const int on = 1;
    if (!plan->nagle)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    int error = local ? bind_to(fd, local) : 0;
    if (!error)
        return fd;
    close(fd);
    return error;
}

bool attempt_met_itself(int fd)
{
    whorl_address own = {.len = sizeof own.in6}, peer = {.len = sizeof peer.in6};
    return getsockname(fd, &own.any, &own.len) == 0 && getpeername(fd, &peer.any, &peer.len) == 0 &&
           own.len == peer.len && memcmp(&own.any, &peer.any, own.len) == 0;
}

/* How far an attempt with this error has come. */
static int reach_of(int error)
{
    switch (error) {
    case 0:
        return -1;
    case -EAFNOSUPPORT:
    case -EADDRNOTAVAIL:
    case -ENETUNREACH:
        return 0;
    case -ETIMEDOUT:
        return 2;
    case -ECONNREFUSED:
    case -ECONNRESET:
        return 3;
    default:
        return 1;
    }
}

int attempt_worse(int first, int second)
{
    return reach_of(second) > reach_of(first) ? second : first;
}
