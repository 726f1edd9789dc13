/* Sending what is in files. */
#ifndef HTTPD_SENDING_H
#define HTTPD_SENDING_H

#include "connection.h"
#include "range.h"

/* Sends a part of a file that is open, behind what was written to the stream, and counts it in
 * self->sent. 0 or -errno: the connection is to be closed. */
int sending_file(struct connection *self, int fd, struct range part);

#endif
