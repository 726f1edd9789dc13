/*
 * The descriptors that requests hold, of those that are not for connections. As many as a request
 * may come to need are set aside for it before it opens anything; where so many are not left it
 * waits for a while, and is refused then: those that hold them may wait for it in turn.
 */
#include "httpd.h"

/* For 10 seconds. */
enum { LOOKS = 200 };
#define PAUSE WHORL_MS(50)

/* A file; a directory, and who reads it; or a directory, the new file, and a look at what is there
 * or at where the path leads now. */
enum { FOR_FILE = 1, FOR_DIRECTORY = 2, FOR_UPLOAD = 3 };

size_t descriptors_needed(const struct connection *self, const struct path *path)
{
    if (self->request.parser.method == HTTP_PUT)
        return FOR_UPLOAD;
    return path->directory ? FOR_DIRECTORY : FOR_FILE;
}

/* One request may try at any time. */
static bool are_left(const struct server *server, size_t count)
{
    size_t taken = server->descriptors_taken;
    return taken + count <= server->descriptors || taken == 0;
}

int descriptors_take(struct server *server, size_t count)
{
    for (int looks = 0; !are_left(server, count); looks++) {
        int error = looks < LOOKS ? whorl_sleep(PAUSE) : 503;
        if (error != 0)
            return error;
    }
    server->descriptors_taken += count;
    return 0;
}

void descriptors_give(struct server *server, size_t count)
{
    server->descriptors_taken -= count;
}
