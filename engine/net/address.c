/* Addresses as text: see whorl/address.h. The text is made whole, and then copied if it fits. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <whorl/address.h>

#define UNIX_ROOM sizeof(((struct sockaddr_un *)NULL)->sun_path)
#define ESCAPED 4 /* bytes of \x and two digits */

_Static_assert(1 + UNIX_ROOM * ESCAPED < WHORL_ADDRESS_TEXT_MAX, "every address has room");

static const char unnamed[] = "(unnamed)";

static int ipv4_text(const struct sockaddr_in *addr, char *text)
{
    char host[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &addr->sin_addr, host, sizeof host);
    return snprintf(text, WHORL_ADDRESS_TEXT_MAX, "%s:%u", host, ntohs(addr->sin_port));
}

static int ipv6_text(const struct sockaddr_in6 *addr, char *text)
{
    char host[INET6_ADDRSTRLEN];
    char scope[sizeof "%4294967295"] = "";
    inet_ntop(AF_INET6, &addr->sin6_addr, host, sizeof host);
    if (addr->sin6_scope_id != 0)
        snprintf(scope, sizeof scope, "%%%u", addr->sin6_scope_id);
    return snprintf(text, WHORL_ADDRESS_TEXT_MAX, "[%s%s]:%u", host, scope, ntohs(addr->sin6_port));
}

static bool breaks_line(unsigned char byte)
{
    return byte < 0x20 || byte == 0x7f || byte == '\\';
}

static char *escape(char *to, const char *name, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)name[i];
        if (breaks_line(byte))
            to += sprintf(to, "\\x%02x", byte);
        else
            *to++ = (char)byte;
    }
    *to = '\0';
    return to;
}

/* A path may or may not be counted with its zero byte; an abstract name is all that is counted. */
static int unix_text(const struct sockaddr_un *addr, size_t len, char *text)
{
    size_t size = len - offsetof(struct sockaddr_un, sun_path);
    if (size > UNIX_ROOM)
        size = UNIX_ROOM;
    char *to = text;
    if (size == 0)
        return (int)strlen(strcpy(text, unnamed));
    if (addr->sun_path[0] != '\0')
        return (int)(escape(to, addr->sun_path, strnlen(addr->sun_path, size)) - text);
    *to++ = '@';
    return (int)(escape(to, addr->sun_path + 1, size - 1) - text);
}

static int make_text(const struct sockaddr *addr, size_t len, char *text)
{
    if (len == 0)
        return (int)strlen(strcpy(text, unnamed));
    if (len < sizeof addr->sa_family)
        return -EAFNOSUPPORT;
    if (addr->sa_family == AF_INET && len >= sizeof(struct sockaddr_in))
        return ipv4_text((const struct sockaddr_in *)addr, text);
    if (addr->sa_family == AF_INET6 && len >= sizeof(struct sockaddr_in6))
        return ipv6_text((const struct sockaddr_in6 *)addr, text);
    if (addr->sa_family == AF_UNIX)
        return unix_text((const struct sockaddr_un *)addr, len, text);
    return -EAFNOSUPPORT;
}

int whorl_address_text(const struct sockaddr *addr, socklen_t len, char *text, size_t room)
{
    if ((!addr && len > 0) || (!text && room > 0))
        return -EINVAL;
    char whole[WHORL_ADDRESS_TEXT_MAX];
    int count = make_text(addr, len, whole);
    assert(count < (int)sizeof whole);
    if (room > 0)
        text[0] = '\0';
    if (count < 0)
        return count;
    if ((size_t)count >= room)
        return -ENOSPC;
    memcpy(text, whole, (size_t)count + 1);
    return count;
}
