/*
 * See endpoint.h. Called before anything is measured; the only place that resolves names and that
 * opens listening sockets, so that each subject serves on the same kind of socket.
 */
#include "endpoint.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fail.h"

/* Splits text into host and port; 0, or -1 if it has no such form. */
static int split(const char *text, char host[256], const char **port)
{
    const char *colon = strrchr(text, ':');
    *port = colon != NULL ? colon + 1 : text;
    const char *first = colon != NULL ? text : ENDPOINT_HOST;
    size_t length = colon != NULL ? (size_t)(colon - text) : strlen(first);
    if (length >= 2 && first[0] == '[' && first[length - 1] == ']') {
        first++;
        length -= 2;
    } else if (memchr(first, ':', length) != NULL) {
        return -1;
    }
    if (length == 0 || length > 255)
        return -1;
    memcpy(host, first, length);
    host[length] = '\0';
    return 0;
}

int endpoint_parse(const char *option, const char *text, uint64_t lowest, endpoint *out)
{
    char host[256];
    const char *port;
    if (split(text, host, &port) != 0)
        return fail("--%s is \"%s\", which is no address: write PORT, HOST:PORT or [IPV6]:PORT",
                    option, text);
    char *end;
    errno = 0;
    unsigned long number = strtoul(port, &end, 10);
    if (port[0] < '0' || port[0] > '9' || *end != '\0' || number > 65535 || number < lowest)
        return fail("--%s has the port \"%s\", which is none: give a number from %u to 65535",
                    option, port, (unsigned)lowest);
    struct addrinfo wanted = {.ai_socktype = SOCK_STREAM}, *found;
    int error = getaddrinfo(host, port, &wanted, &found);
    if (error != 0)
        return fail("--%s names the host \"%s\", which has no address (%s): give one that has, "
                    "such as 127.0.0.1",
                    option, host, gai_strerror(error));
    memcpy(&out->address, found->ai_addr, found->ai_addrlen);
    out->length = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

unsigned endpoint_port(const endpoint *from)
{
    if (from->address.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)&from->address)->sin6_port);
    return ntohs(((const struct sockaddr_in *)&from->address)->sin_port);
}

static int listen_at(int fd, endpoint *at)
{
    int one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (bind(fd, (const struct sockaddr *)&at->address, at->length) != 0)
        return fail_call("binding the server's address", errno);
    if (listen(fd, 4096) != 0)
        return fail_call("listening", errno);
    if (getsockname(fd, (struct sockaddr *)&at->address, &at->length) != 0)
        return fail_call("reading the server's address", errno);
    return 0;
}

int endpoint_listen(endpoint *at)
{
    int fd = socket(at->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail_call("opening the server's socket", errno);
    if (listen_at(fd, at) == 0)
        return fd;
    close(fd);
    return -1;
}
