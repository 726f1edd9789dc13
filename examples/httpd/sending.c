/* See sending.h. A client that takes nothing for --send-timeout, which is the stream's, is given up.
 * A file that has become shorter breaks the promise that its length was, and the connection. */
#include "sending.h"

#include <errno.h>

int sending_file(struct connection *self, int fd, struct range part)
{
    off_t at = part.from;
    while (part.len > 0) {
        ssize_t sent = whorl_stream_sendfile(self->stream, fd, &at, (size_t)part.len);
        if (sent <= 0)
            return sent < 0 ? (int)sent : -EPIPE;
        part.len -= sent;
        self->sent += sent;
    }
    return 0;
}
