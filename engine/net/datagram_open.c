/* Datagram sockets: opened, bound and connected. See datagram.h. */
#include <net/datagram.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>
#include <whorl/resolve.h>

static int set_option(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value) == 0 ? 0 : -errno;
}

static int set_options(int fd, const whorl_datagram_options *options)
{
    if (!options)
        return 0;
    int error = options->reuse_port ? set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1) : 0;
    if (!error && options->broadcast)
        error = set_option(fd, SOL_SOCKET, SO_BROADCAST, 1);
    return error;
}

/* 0, or why nothing can be opened: before anything is. */
static int open_check(whorl_datagram **datagram)
{
    if (!datagram)
        return -EINVAL;
    *datagram = NULL;
    return loop_here ? 0 : -EPERM;
}

/* Makes the socket's object; on an error the descriptor is closed. */
static int make_or_close(int fd, int family, const whorl_datagram_options *options,
                         whorl_datagram **datagram)
{
    int error = datagram_make(fd, family, options, datagram);
    if (error)
        close(fd);
    return error;
}

/* --- UDP --- */

/* Whether one socket is to serve both families. */
enum families { ONE_FAMILY, BOTH_FAMILIES };

/* A bound descriptor, or -errno. */
static int open_at(const whorl_address *address, enum families families,
                   const whorl_datagram_options *options)
{
    int family = address->any.sa_family;
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int error = set_options(fd, options);
    if (!error && family == AF_INET6) {
        bool is_of_ipv4 = IN6_IS_ADDR_V4MAPPED(&address->in6.sin6_addr);
        error = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, families == ONE_FAMILY && !is_of_ipv4);
    }
    if (!error && bind(fd, &address->any, address->len) != 0)
        error = -errno;
    if (error) {
        close(fd);
        return error;
    }
    return fd;
}

/* Whether another address of the host may do. */
static bool is_elsewhere(int error)
{
    return error == -EADDRNOTAVAIL || error == -EAFNOSUPPORT;
}

int whorl_datagram_open(const char *host, const char *service,
                        const whorl_datagram_options *options, whorl_datagram **datagram)
{
    int error = open_check(datagram);
    if (error)
        return error;
    whorl_resolve_options how = {.family = options ? options->family : 0,
                                 .socktype = SOCK_DGRAM,
                                 .passive = 1,
                                 .timeout = options ? options->timeout : 0};
    whorl_address addresses[WHORL_ADDRESSES_MAX];
    int count = whorl_resolve(host, service, &how, addresses, WHORL_ADDRESSES_MAX);
    if (count < 0)
        return count;
    enum families families = !host && how.family == 0 ? BOTH_FAMILIES : ONE_FAMILY;
    int fd = -EADDRNOTAVAIL;
    int family = AF_UNSPEC;
    for (int i = 0; i < count && is_elsewhere(fd); i++) {
        family = addresses[i].any.sa_family;
        fd = open_at(&addresses[i], families, options);
    }
    return fd < 0 ? fd : make_or_close(fd, family, options, datagram);
}

int datagram_peers_family(const whorl_datagram *datagram)
{
    int only = 0;
    socklen_t len = sizeof only;
    if (datagram->family == AF_INET6)
        getsockopt(datagram->fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &len);
    return datagram->family == AF_INET || only ? datagram->family : AF_UNSPEC;
}

/* Not inline: the lookup is on the caller's stack, which gcc 12 does not trust to outlive a
 * park. */
static __attribute__((noinline)) int resolve_for(whorl_datagram *datagram, const char *host,
                                                 const char *service, whorl_address *addresses)
{
    whorl_resolve_options how = {.family = datagram_peers_family(datagram), .socktype = SOCK_DGRAM};
    struct datagram_lookup lookup = {.task = datagram->loop->current, .next = datagram->lookups};
    datagram->lookups = &lookup;
    int count = whorl_resolve(host, service, &how, addresses, WHORL_ADDRESSES_MAX);
    struct datagram_lookup **link = &datagram->lookups;
    while (*link != &lookup)
        link = &(*link)->next;
    *link = lookup.next;
    return count;
}

void datagram_end_lookups(whorl_datagram *datagram)
{
    for (struct datagram_lookup *lookup = datagram->lookups; lookup; lookup = lookup->next)
        if (lookup->task->wait && lookup->task->wait->cancel)
            lookup->task->wait->cancel(lookup->task);
}

static int connect_to_first(whorl_datagram *datagram, const char *host, const char *service)
{
    whorl_address addresses[WHORL_ADDRESSES_MAX];
    int count = resolve_for(datagram, host, service, addresses);
    if (count < 0 || datagram->closing)
        return count < 0 ? count : -ECANCELED;
    int error = 0;
    for (int i = 0; i < count; i++) {
        if (connect(datagram->fd, &addresses[i].any, addresses[i].len) == 0)
            return 0;
        error = -errno;
    }
    return error;
}

int whorl_datagram_connect(whorl_datagram *datagram, const char *host, const char *service)
{
    struct datagram_call call;
    int error = datagram_begin(datagram, &call);
    if (error)
        return error;
    error = datagram->family == AF_UNIX ? -EAFNOSUPPORT : connect_to_first(datagram, host, service);
    return (int)datagram_end(datagram, &call, error);
}

int whorl_datagram_connect_to(whorl_datagram *datagram, const struct sockaddr *addr, socklen_t len)
{
    if (!addr)
        return -EINVAL;
    int error = datagram_check(datagram);
    if (error)
        return error;
    return connect(datagram->fd, addr, len) == 0 ? 0 : -errno;
}

/* --- unix --- */

int whorl_datagram_open_unix(const char *path, const whorl_datagram_options *options,
                             whorl_datagram **datagram)
{
    int error = open_check(datagram);
    struct unix_name name;
    if (!error)
        error = unix_name_set(&name, path);
    if (error)
        return error;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    whorl_datagram *made;
    error = make_or_close(fd, AF_UNIX, options, &made);
    if (error)
        return error;
    made->name = name;
    error = set_options(fd, options);
    if (!error)
        error = unix_name_bind(&made->name, fd, 0);
    if (error)
        whorl_datagram_close(made);
    else
        *datagram = made;
    return error;
}

/* --- A descriptor --- */

/* The value of an option of SOL_SOCKET, or -errno. */
static int option_of(int fd, int option)
{
    int value = 0;
    socklen_t len = sizeof value;
    return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 ? value : -errno;
}

int whorl_datagram_from_fd(int fd, const whorl_datagram_options *options, whorl_datagram **datagram)
{
    int error = open_check(datagram);
    if (error)
        return error;
    int type = option_of(fd, SO_TYPE);
    int family = option_of(fd, SO_DOMAIN);
    if (type < 0 || family < 0)
        return type < 0 ? type : family;
    if (type != SOCK_DGRAM)
        return -EPROTOTYPE;
    if (family != AF_INET && family != AF_INET6 && family != AF_UNIX)
        return -EAFNOSUPPORT;
    error = datagram_make(fd, family, options, datagram);
    if (!error && options && options->broadcast)
        set_option(fd, SOL_SOCKET, SO_BROADCAST, 1); /* which no socket refuses */
    return error;
}
