/*
 * Hosts that are addresses, in the forms that getaddrinfo(3) takes: those of inet_pton(3), IPv4 also
 * as inet_aton(3) reads it ("127.1"), and IPv6 with a scope, which is an interface or its number.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
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

/* The number of a scope; 0: there is no such. */
static uint32_t scope_of(const char *text)
{
    uint32_t index = if_nametoindex(text);
    if (index != 0 || *text < '0' || *text > '9')
        return index;
    char *end;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    return *end || errno || number > UINT32_MAX ? 0 : (uint32_t)number;
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
    address->in6.sin6_scope_id = scope_of(host + length + 1);
    return address->in6.sin6_scope_id ? 1 : -ENOENT;
}

int number_read(const char *host, int family, whorl_address *address)
{
    memset(address, 0, sizeof *address);
    int count = strchr(host, ':') ? read_in6(host, address) : read_in4(host, address);
    bool is_other = family != AF_UNSPEC && address->any.sa_family != family;
    return count > 0 && is_other ? -ENODATA : count;
}
