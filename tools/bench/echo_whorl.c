/*
 * The echo server `whorl`: a task for each connection, which receives and sends as if it were
 * alone. Default configuration, plain calls.
 */
#include <errno.h>
#include <stdlib.h>
#include <whorl.h>

#include "echo.h"
#include "fail.h"

typedef struct server {
    int listener;
    size_t room;
} server;

typedef struct connection {
    int fd;
    size_t room;
    char bytes[];
} connection;

static int send_all(int fd, const char *bytes, size_t count)
{
    for (size_t sent = 0; sent < count;) {
        ssize_t did = whorl_send(fd, bytes + sent, count - sent, 0);
        if (did < 0)
            return -1;
        sent += (size_t)did;
    }
    return 0;
}

static intptr_t serve_connection(void *arg)
{
    connection *mine = arg;
    for (;;) {
        ssize_t got = whorl_recv(mine->fd, mine->bytes, mine->room, 0);
        if (got <= 0 || send_all(mine->fd, mine->bytes, (size_t)got) != 0)
            break;
    }
    int closed = whorl_close(mine->fd);
    free(mine);
    return closed;
}

static int start(int fd, size_t room)
{
    connection *made = malloc(sizeof *made + room);
    if (made == NULL)
        return -ENOMEM;
    made->fd = fd;
    made->room = room;
    whorl_task *task = whorl_spawn(serve_connection, made);
    if (task != NULL)
        return whorl_release(task);
    free(made);
    return -ENOMEM;
}

static intptr_t accept_all(void *arg)
{
    const server *in = arg;
    for (;;) {
        int fd = whorl_accept4(in->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd == -ECONNABORTED || fd == -EINTR)
            continue;
        if (fd < 0)
            return fd;
        int error = start(fd, in->room);
        if (error < 0)
            return error;
    }
}

int echo_serve_whorl(int listener, const options *given)
{
    server in = {listener, echo_buffer_size(given)};
    return fail_call("the run of whorl", (long)whorl_run(accept_all, &in));
}
