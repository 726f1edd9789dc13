/* The address of a peer that may have gone: see whorl/address.h. */
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <whorl/address.h>

static bool ask(int fd, void *peer, socklen_t size)
{
    return getsockopt(fd, SOL_SOCKET, SO_PEERNAME, peer, &size) == 0;
}

/* SO_PEERNAME tells of those that have gone, too, but not how long an address is: it refuses to
 * give more than there is (EINVAL). */
static int last_known(int fd, struct sockaddr *addr, socklen_t *len)
{
    struct sockaddr_in6 peer;
    socklen_t size = sizeof peer;
    bool is_known = ask(fd, &peer, size);
    if (!is_known && errno == EINVAL) {
        size = sizeof(struct sockaddr_in);
        is_known = ask(fd, &peer, size);
    }
    if (!is_known)
        return -errno;
    memcpy(addr, &peer, *len < size ? *len : size);
    *len = size;
    return 0;
}

int whorl_peer_address(int fd, struct sockaddr *addr, socklen_t *len)
{
    if (!addr || !len || *len > INT_MAX)
        return -EINVAL;
    if (getpeername(fd, addr, len) == 0)
        return 0;
    return errno == ENOTCONN ? last_known(fd, addr, len) : -errno;
}
