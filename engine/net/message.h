/* What calls for messages share. */
#ifndef NET_MESSAGE_H
#define NET_MESSAGE_H

#include <sys/socket.h>

/* Sends a datagram from a socket of unix: as whorl_sendmsg does, which asks what the socket is. */
ssize_t message_send_unix(int fd, const struct msghdr *message, int flags);

#endif
