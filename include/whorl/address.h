/* Addresses of sockets and of their peers, and as text: for logs and for people. */
#ifndef WHORL_ADDRESS_H
#define WHORL_ADDRESS_H

#include <sys/socket.h>
#include <whorl/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Room for the text of any address, with its zero byte. */
#define WHORL_ADDRESS_TEXT_MAX 440

/* Writes an address, as accept(2), getpeername(2) or recvmsg(2) give it, into `text`, which has
 * `room` bytes:
 *
 *   IPv4   "127.0.0.1:80"
 *   IPv6   "[::1]:80"; with a scope, which is an interface's number, "[fe80::1%2]:80"
 *   unix   its path, "/run/log"; "@name" if it is abstract; "(unnamed)" if it is neither, as of a
 *          client that has not bound. Control characters and backslashes come as \x and two digits:
 *          the text is one line.
 *
 * Returns the text's length without its zero byte. On an error the text is empty, if room is not 0.
 * Does not wait. From: any thread, also outside a task.
 *   -EAFNOSUPPORT  another family, or len is too small for this one
 *   -ENOSPC        the text does not fit
 *   -EINVAL        text is NULL while room is not 0, or addr is NULL while len is not 0 */
WHORL_API int whorl_address_text(const struct sockaddr *addr, socklen_t len, char *text,
                                 size_t room);

/* The address of a connected socket's peer, as getpeername(2) gives it; and also of a TCP peer that
 * has broken off since (SO_PEERNAME of socket(7)), as a server's log may have to tell. *len is
 * addr's room, and becomes the address's length; of one that is longer than the room as much is
 * there as fits. Does not wait. From: any thread, also outside a task. Returns 0.
 *   -ENOTCONN  it has no peer, and had none; of a TCP socket whose connect has failed, or is under
 *              way, the address that it was to may be given instead
 *   -EINVAL    addr or len is NULL, or *len is above INT_MAX
 *   -EBADF, -ENOTSOCK */
WHORL_API int whorl_peer_address(int fd, struct sockaddr *addr, socklen_t *len);

#ifdef __cplusplus
}
#endif

#endif
