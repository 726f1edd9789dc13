/*
 * The echo server `whorl-stream`: a task for each connection, which echoes what a stream shows it,
 * without a copy of its own. Default configuration, plain calls.
 */
#include <errno.h>
#include <whorl.h>

#include "echo.h"
#include "fail.h"

static intptr_t serve_connection(void *arg)
{
    whorl_stream *stream = arg;
    whorl_slice slice;
    ssize_t result;
    while ((result = whorl_stream_peek(stream, 1, &slice)) > 0) {
        if (whorl_stream_write(stream, slice.data, slice.len) != (ssize_t)slice.len)
            break;
        whorl_stream_consume(stream, slice.len);
    }
    return whorl_stream_close(stream);
}

static int start(int fd)
{
    whorl_stream *stream;
    int error = whorl_stream_open(fd, NULL, &stream);
    if (error < 0)
        return error;
    whorl_task *task = whorl_spawn(serve_connection, stream);
    return task != NULL ? whorl_release(task) : -ENOMEM;
}

static intptr_t accept_all(void *arg)
{
    const int *listener = arg;
    for (;;) {
        int fd = whorl_accept4(*listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd == -ECONNABORTED || fd == -EINTR)
            continue;
        int error = fd < 0 ? fd : start(fd);
        if (error < 0)
            return error;
    }
}

int echo_serve_stream(int listener, const options *given)
{
    (void)given;
    return fail_call("the run of whorl", (long)whorl_run(accept_all, &listener));
}
