/*
 * Hosts that are addresses, in the forms that getaddrinfo(3) takes: those of inet_pton(3), IPv4
 * also as inet_aton(3) reads it ("127.1"), and IPv6 with a scope, which is an interface or its
 * number. Where IPv4 is wanted, an IPv6 address that maps one ("::ffff:1.2.3.4") stands for it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/interface.h>
#include <net/resolve.h>
#include <stdlib.h>
#include <string.h>

static int read_in4(const char *host, whorl_address *address)
{
    address->in4.sin_family = AF_INET;
    address->len = sizeof address->in4;
    /* inet_aton passes over what follows a space. */
    bool is_clean = strspn(host, "0123456789abcdefABCDEFxX.") == strlen(host);
    return is_clean && inet_aton(host, &address->in4.sin_addr) ? 1 : -ENOENT;
}

static bool is_of_one_interface(const struct in6_addr *address)
{
    return IN6_IS_ADDR_LINKLOCAL(address) || IN6_IS_ADDR_MC_LINKLOCAL(address) ||
           IN6_IS_ADDR_MC_NODELOCAL(address);
}

/* Reads a scope: a number, of which 0 is none, or for an address of one interface its name. 0;
 * -ENOENT: there is no such; or -errno: nobody could look. */
static int read_scope(const char *text, struct sockaddr_in6 *in6)
{
    const struct in6_addr *address = &in6->sin6_addr;
    int error = -ENODEV;
    if (is_of_one_interface(address))
        error = interface_find(text, &in6->sin6_scope_id);
    if (!error)
        return 0;
    if (*text < '0' || *text > '9')
        return error == -ENODEV ? -ENOENT : error;
    char *end;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    in6->sin6_scope_id = (uint32_t)number;
    return !*end && !errno && number <= UINT32_MAX ? 0 : -ENOENT;
}

static int read_in6(const char *host, whorl_address *address)
{
    char text[INET6_ADDRSTRLEN];
    size_t length = strcspn(host, "%");
    if (length >= sizeof text)
        return -ENOENT;
    memcpy(text, host, length);
    text[length] = '\0';
    address->in6.sin6_family = AF_INET6;
    address->len = sizeof address->in6;
    if (inet_pton(AF_INET6, text, &address->in6.sin6_addr) != 1)
        return -ENOENT;
    if (!host[length])
        return 1;
    int error = read_scope(host + length + 1, &address->in6);
    return error ? error : 1;
}

static void unmap(whorl_address *address)
{
    struct in_addr mapped;
    memcpy(&mapped, &address->in6.sin6_addr.s6_addr[12], sizeof mapped);
    memset(address, 0, sizeof *address);
    address->in4.sin_family = AF_INET;
    address->in4.sin_addr = mapped;
    address->len = sizeof address->in4;
}

int number_read(const char *host, int family, whorl_address *address)
{
    memset(address, 0, sizeof *address);
    int count = strchr(host, ':') ? read_in6(host, address) : read_in4(host, address);
    bool is_in6 = address->any.sa_family == AF_INET6;
    if (count > 0 && family == AF_INET && is_in6 && IN6_IS_ADDR_V4MAPPED(&address->in6.sin6_addr))
        unmap(address);
    bool is_other = family != AF_UNSPEC && address->any.sa_family != family;
    return count > 0 && is_other ? -ENODATA : count;
}
