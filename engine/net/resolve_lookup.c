/* Looking names up with getaddrinfo(3), which blocks: on threads alone. */
#include <errno.h>
#include <net/resolve.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

static bool is_among(const struct found *found, const whorl_address *address)
{
    for (unsigned i = 0; i < found->count; i++)
        if (found->addresses[i].len == address->len &&
            memcmp(&found->addresses[i].any, &address->any, address->len) == 0)
            return true;
    return false;
}

/* Each once: /etc/hosts and name servers may tell of one twice. */
static void add(struct found *found, const struct addrinfo *info)
{
    whorl_address address = {.len = info->ai_addrlen};
    bool is_internet = info->ai_family == AF_INET || info->ai_family == AF_INET6;
    if (!is_internet || found->count == WHORL_ADDRESSES_MAX || address.len > sizeof address.in6)
        return;
    memcpy(&address.any, info->ai_addr, address.len);
    if (!is_among(found, &address))
        found->addresses[found->count++] = address;
}

/* The number of addresses, or -errno. */
static int look_up(const struct question *question, struct found *found)
{
    struct addrinfo hints = {.ai_family = question->family,
                             .ai_socktype = question->socktype,
                             .ai_flags = question->passive ? AI_PASSIVE : 0};
    const char *host = question->has_host ? question->host : NULL;
    const char *service = question->service[0] ? question->service : NULL;
    struct addrinfo *list = NULL;
    errno = 0;
    int error = getaddrinfo(host, service, &hints, &list);
    if (error)
        return resolve_error(error, errno);
    found->count = 0;
    for (const struct addrinfo *info = list; info; info = info->ai_next)
        add(found, info);
    freeaddrinfo(list);
    return found->count > 0 ? (int)found->count : -ENODATA;
}

int lookup_run(const struct question *question, struct found **result)
{
    struct found all;
    int count = look_up(question, &all);
    if (count < 0)
        return count;
    size_t size = offsetof(struct found, addresses) + all.count * sizeof all.addresses[0];
    *result = malloc(size);
    if (!*result)
        return -ENOMEM;
    memcpy(*result, &all, size);
    return count;
}
