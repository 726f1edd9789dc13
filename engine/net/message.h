/* What calls for messages share. */
#ifndef NET_MESSAGE_H
#define NET_MESSAGE_H

#include <sys/socket.h>

/* Sends a datagram from a socket of unix: as whorl_sendmsg does, which asks what the socket is. */
ssize_t message_send_unix(int fd, const struct msghdr *message, int flags);

/* The flags with which the kernel receives no more than one message: over SOCK_SEQPACKET, asked for
 * all, it would join one to the next (Linux 6.18). */
int message_receive_flags(int fd, int flags);

#endif
