/* Listeners: making and closing, and what they tell about themselves. See net/listener.h. */
#include <assert.h>
#include <fcntl.h>
#include <net/listener.h>
#include <net/serve.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <whorl/fs.h>

#define MODES 07777

static whorl_listener *listener_of(struct leftover *leftover)
{
    return (whorl_listener *)((char *)leftover - offsetof(whorl_listener, leftover));
}

static int *fd_of(struct listener_socket *socket)
{
    return &socket->ops[0].accepting.op.fd;
}

/* But for its own memory. */
static void give_up(whorl_listener *listener)
{
    assert(listener->taken_count == 0 && !timer_is_armed(&listener->retry));
    free(listener->taken);
}

/* --- At the run's end --- */

static void stop_left(struct leftover *leftover)
{
    whorl_listener *listener = listener_of(leftover);
    listener->closing = true;
    accept_disarm(listener);
}

static void end_left(struct leftover *leftover)
{
    whorl_listener *listener = listener_of(leftover);
    if (listener->server)
        connections_drop(listener->server);
    unix_name_remove(&listener->name);
    accept_close_taken(listener);
    spare_give(listener);
    for (unsigned i = 0; i < listener->count; i++)
        if (*fd_of(&listener->sockets[i]) >= 0)
            close(*fd_of(&listener->sockets[i]));
    listener->count = 0;
    give_up(listener);
    leftover_bury(listener->loop, leftover, listener);
}

/* --- Making --- */

int listener_check(const whorl_listener_options *options)
{
    if (!options)
        return 0;
    int family = options->family;
    bool known = family == AF_UNSPEC || family == AF_INET || family == AF_INET6;
    return known && options->backlog >= 0 && !(options->mode & ~(mode_t)MODES) ? 0 : -EINVAL;
}

int listener_make(unsigned room, whorl_listener **result)
{
    struct loop *loop = loop_here;
    whorl_listener *listener = calloc(1, sizeof *listener + room * sizeof listener->sockets[0]);
    if (!listener)
        return -ENOMEM;
    listener->loop = loop;
    listener->room = room;
    listener->spare = -1;
    listener->leftover = (struct leftover){.stop = stop_left, .end = end_left};
    leftover_add(loop, &listener->leftover);
    *result = listener;
    return 0;
}

void listener_add(whorl_listener *listener, int fd, int backlog)
{
    assert(listener->count < listener->room);
    accept_prepare(listener, &listener->sockets[listener->count++], fd);
    listener->backlogs += backlog > 0 ? (size_t)backlog : 1; /* a queue of 0 holds one, too */
}

/* Its ops are at rest. */
static void close_sockets(whorl_listener *listener)
{
    while (listener->count > 0) {
        struct listener_socket *socket = &listener->sockets[--listener->count];
        whorl_close(*fd_of(socket));
    }
}

void listener_quiet(whorl_listener *listener)
{
    struct loop *loop = listener->loop;
    accept_disarm(listener);
    for (unsigned i = 0; i < listener->count; i++)
        for (unsigned j = 0; j < ACCEPTS_MAX; j++)
            multishot_join(loop, loop->current, &listener->sockets[i].ops[j].accepting, OP_PATIENT);
}

void listener_silence(whorl_listener *listener)
{
    listener_quiet(listener);
    accept_close_taken(listener);
    unix_name_remove(&listener->name);
    close_sockets(listener);
}

void listener_drop(whorl_listener *listener)
{
    unix_name_remove(&listener->name);
    close_sockets(listener);
    leftover_remove(&listener->leftover);
    give_up(listener);
    free(listener);
}

static int socket_number(int fd, int option, int *value)
{
    socklen_t len = sizeof *value;
    return getsockopt(fd, SOL_SOCKET, option, value, &len) == 0 ? 0 : -errno;
}

/* The most that a queue may hold now. */
static int system_backlog(void)
{
    char text[16];
    int fd = open("/proc/sys/net/core/somaxconn", O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        close(fd);
    text[len > 0 ? len : 0] = '\0';
    int most = atoi(text);
    return most > 0 ? most : BACKLOG_DEFAULT;
}

/* What the queue of a socket that listens can hold: of TCP it is told (tcp_get_info of Linux, in
 * tcpi_sacked). */
static int backlog_of(int fd)
{
    struct tcp_info info;
    socklen_t len = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 && info.tcpi_state == TCP_LISTEN)
        return (int)info.tcpi_sacked;
    return system_backlog();
}

int whorl_listener_from_fd(int fd, whorl_listener **listener)
{
    if (!listener)
        return -EINVAL;
    *listener = NULL;
    if (!loop_here)
        return -EPERM;
    int listens = 0;
    int type = 0;
    int error = socket_number(fd, SO_ACCEPTCONN, &listens);
    if (!error)
        error = socket_number(fd, SO_TYPE, &type);
    if (!error && (!listens || type != SOCK_STREAM))
        error = -EINVAL;
    if (!error)
        error = listener_make(1, listener);
    if (error)
        return error;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    listener_add(*listener, fd, backlog_of(fd));
    (*listener)->takes_once = true;
    return 0;
}

/* --- Closing --- */

int listener_place_error(const whorl_listener *listener)
{
    if (!listener)
        return -EINVAL;
    return loop_here && listener->loop == loop_here ? 0 : -EPERM;
}

int whorl_listener_close(whorl_listener *listener)
{
    int error = listener_place_error(listener);
    if (error)
        return error;
    if (listener->closing || listener->server)
        return -EBUSY;
    listener->closing = true;
    accept_dismiss(listener, -ECANCELED);
    listener_silence(listener);
    spare_give(listener);
    listener_drop(listener);
    return 0;
}

/* --- Addresses --- */

int whorl_listener_address(const whorl_listener *listener, unsigned index, struct sockaddr *addr,
                           socklen_t *len)
{
    int error = listener_place_error(listener);
    if (error)
        return error;
    if (!addr || !len)
        return -EINVAL;
    if (index >= listener->count)
        return -ENOENT;
    int fd = listener->sockets[index].ops[0].accepting.op.fd;
    return getsockname(fd, addr, len) == 0 ? 0 : -errno;
}

int whorl_listener_port(const whorl_listener *listener)
{
    union {
        struct sockaddr any;
        struct sockaddr_in in4;
        struct sockaddr_in6 in6;
        struct sockaddr_storage room;
    } address;
    socklen_t len = sizeof address;
    int error = whorl_listener_address(listener, 0, &address.any, &len);
    if (error)
        return error;
    if (address.any.sa_family == AF_INET)
        return ntohs(address.in4.sin_port);
    return address.any.sa_family == AF_INET6 ? ntohs(address.in6.sin6_port) : -ENOTSUP;
}
