/* Listening at a path, or an abstract name. */
#include <net/listener.h>
#include <unistd.h>
#include <whorl/net.h>

/* Gives the listener a socket that listens at its name. 0 or -errno. */
static int open_at_name(whorl_listener *listener, const whorl_listener_options *options)
{
    int fd = whorl_socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    listener_add(listener, fd, listener_backlog(options));
    int error = unix_name_bind(&listener->name, fd, options ? options->mode : 0);
    return error ? error : whorl_listen(fd, listener_backlog(options));
}

int whorl_listen_unix(const char *path, const whorl_listener_options *options,
                      whorl_listener **listener)
{
    if (!listener)
        return -EINVAL;
    *listener = NULL;
    struct unix_name name;
    int error = path ? listener_check(options) : -EINVAL;
    if (!error)
        error = unix_name_set(&name, path);
    if (!error && !loop_here)
        error = -EPERM;
    if (!error)
        error = listener_make(1, listener);
    if (error)
        return error;
    (*listener)->name = name;
    error = open_at_name(*listener, options);
    if (error) {
        listener_drop(*listener);
        *listener = NULL;
    }
    return error;
}
