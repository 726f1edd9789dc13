/* Broadcast and multicast: options of the socket, of each family that it serves. See datagram.h. */
#include <arpa/inet.h>
#include <net/datagram.h>
#include <net/interface.h>
#include <netinet/in.h>
#include <string.h>

static int set(const whorl_datagram *datagram, int level, int option, const void *value,
               socklen_t len)
{
    return setsockopt(datagram->fd, level, option, value, len) == 0 ? 0 : -errno;
}

/* The same option, under its name for each family: an IPv6 socket may send to IPv4 too. */
static int set_both(const whorl_datagram *datagram, int option6, int option4, int value)
{
    int error = datagram_check(datagram);
    if (error)
        return error;
    if (datagram->family == AF_UNIX)
        return -EAFNOSUPPORT;
    if (datagram->family == AF_INET6)
        error = set(datagram, IPPROTO_IPV6, option6, &value, sizeof value);
    return error ? error : set(datagram, IPPROTO_IP, option4, &value, sizeof value);
}

/* The number of an interface; 0: none was named. */
static int interface_number(const char *interface, unsigned *number)
{
    *number = 0;
    return interface ? interface_find(interface, number) : 0;
}

int whorl_datagram_set_broadcast(whorl_datagram *datagram, int on)
{
    int error = datagram_check(datagram);
    if (error)
        return error;
    int value = on != 0;
    return set(datagram, SOL_SOCKET, SO_BROADCAST, &value, sizeof value);
}

/* --- Groups --- */

static int parse_group(const char *text, struct sockaddr_storage *group)
{
    struct sockaddr_in *in4 = (struct sockaddr_in *)group;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)group;
    memset(group, 0, sizeof *group);
    if (inet_pton(AF_INET, text, &in4->sin_addr) == 1) {
        group->ss_family = AF_INET;
        return IN_MULTICAST(ntohl(in4->sin_addr.s_addr)) ? 0 : -EINVAL;
    }
    if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1) {
        group->ss_family = AF_INET6;
        return IN6_IS_ADDR_MULTICAST(&in6->sin6_addr) ? 0 : -EINVAL;
    }
    return -EINVAL;
}

static int change_group(const whorl_datagram *datagram, int option, const char *group,
                        const char *interface)
{
    if (!group)
        return -EINVAL;
    int error = datagram_check(datagram);
    struct group_req request = {0};
    if (!error)
        error = parse_group(group, &request.gr_group);
    if (error)
        return error;
    int family = request.gr_group.ss_family, own = datagram_peers_family(datagram);
    if (datagram->family == AF_UNIX || (own != AF_UNSPEC && own != family))
        return -EAFNOSUPPORT;
    unsigned number;
    error = interface_number(interface, &number);
    if (error)
        return error;
    request.gr_interface = number;
    return set(datagram, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6, option, &request,
               sizeof request);
}

int whorl_datagram_join(whorl_datagram *datagram, const char *group, const char *interface)
{
    return change_group(datagram, MCAST_JOIN_GROUP, group, interface);
}

int whorl_datagram_leave(whorl_datagram *datagram, const char *group, const char *interface)
{
    return change_group(datagram, MCAST_LEAVE_GROUP, group, interface);
}

/* --- Sending to groups --- */

int whorl_datagram_set_multicast_loop(whorl_datagram *datagram, int on)
{
    return set_both(datagram, IPV6_MULTICAST_LOOP, IP_MULTICAST_LOOP, on != 0);
}

/* -1 would mean the default to the kernel. */
int whorl_datagram_set_multicast_hops(whorl_datagram *datagram, int hops)
{
    int error = datagram_check(datagram);
    if (!error && (hops < 0 || hops > 255))
        error = -EINVAL;
    return error ? error : set_both(datagram, IPV6_MULTICAST_HOPS, IP_MULTICAST_TTL, hops);
}

int whorl_datagram_set_multicast_interface(whorl_datagram *datagram, const char *interface)
{
    int error = datagram_check(datagram);
    if (!error && datagram->family == AF_UNIX)
        error = -EAFNOSUPPORT;
    unsigned number;
    if (!error)
        error = interface_number(interface, &number);
    if (error)
        return error;
    struct ip_mreqn request = {.imr_ifindex = (int)number};
    if (datagram->family == AF_INET6)
        error = set(datagram, IPPROTO_IPV6, IPV6_MULTICAST_IF, &number, sizeof number);
    return error ? error : set(datagram, IPPROTO_IP, IP_MULTICAST_IF, &request, sizeof request);
}
