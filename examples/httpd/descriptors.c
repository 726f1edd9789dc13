/*
 * The descriptors that requests need beside their connections': as many as a request may come to
 * need are set aside for it before it opens anything, and it waits until they are there. Else,
 * where clients that take slowly hold many files open, the others would be refused.
 *
 * One request at a time takes some, in the order in which they came: so one that needs several gets
 * them, and no two wait for what the other has.
 */
#include "httpd.h"

/* A file; a directory, and who reads it; or a directory, the new file, and a look at what is there
 * or at where the path leads now. */
enum { FOR_FILE = 1, FOR_DIRECTORY = 2, FOR_UPLOAD = 3 };

void descriptors_begin(struct server *server, size_t count)
{
    whorl_mutex_init(&server->taking);
    whorl_semaphore_init(&server->descriptors, (intptr_t)(count > FOR_UPLOAD ? count : FOR_UPLOAD));
}

unsigned descriptors_needed(const struct connection *self, const struct path *path)
{
    if (self->request.parser.method == HTTP_PUT)
        return FOR_UPLOAD;
    return path->directory ? FOR_DIRECTORY : FOR_FILE;
}

int descriptors_take(struct server *server, unsigned count)
{
    unsigned taken = 0;
    int error = whorl_mutex_lock(&server->taking);
    if (error != 0)
        return error;
    while (error == 0 && taken < count) {
        error = whorl_semaphore_acquire(&server->descriptors);
        taken += error == 0;
    }
    whorl_mutex_unlock(&server->taking);
    if (error != 0)
        descriptors_give(server, taken);
    return error;
}

void descriptors_give(struct server *server, unsigned count)
{
    for (; count > 0; count--)
        whorl_semaphore_release(&server->descriptors);
}
