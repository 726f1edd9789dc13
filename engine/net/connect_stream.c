/* Streams over connections that are made for them. */
#include <net/stream.h>
#include <whorl/connect.h>
#include <whorl/fs.h>

/* A stream over what a connect has given. */
static int open_over(int fd, const whorl_stream_options *options, whorl_stream **stream)
{
    *stream = NULL;
    if (fd < 0)
        return fd;
    int error = stream_open_socket(loop_here, fd, options, stream);
    if (error)
        whorl_close(fd);
    return error;
}

int whorl_stream_connect_tcp(const char *host, const char *service,
                             const whorl_connect_options *options,
                             const whorl_stream_options *stream_options, whorl_stream **stream)
{
    if (!stream)
        return -EINVAL;
    return open_over(whorl_tcp_connect(host, service, options), stream_options, stream);
}

int whorl_stream_connect_unix(const char *path, const whorl_connect_options *options,
                              const whorl_stream_options *stream_options, whorl_stream **stream)
{
    if (!stream)
        return -EINVAL;
    return open_over(whorl_unix_connect(path, options), stream_options, stream);
}
