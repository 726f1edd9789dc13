/*
 * The echo server `epoll`: nonblocking sockets, edge-triggered, one thread.
 *
 * Edge-triggered, since level-triggered asks every socket again at each epoll_wait. A receive that
 * did not fill the buffer has emptied the socket, so there is no second one just to see EAGAIN
 * (epoll(7)); after a hang-up the receive goes on to the end. A connection is either receiving, or
 * owes bytes that the socket did not take and waits for EPOLLOUT.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "echo.h"
#include "fail.h"

enum { EVENTS_MAX = 1024 };

typedef struct connection {
    int fd;
    bool is_hung_up;
    size_t owed; /* bytes of `bytes` still to send, from `sent` on */
    size_t sent;
    char bytes[];
} connection;

typedef struct server {
    int listener;
    int epoll;
    size_t room;
} server;

/* 1: all that was owed is sent; 0: the socket is full; -1: the connection is broken. */
static int send_owed(connection *from)
{
    while (from->owed > 0) {
        ssize_t did = send(from->fd, from->bytes + from->sent, from->owed, MSG_NOSIGNAL);
        if (did < 0 && errno == EINTR)
            continue;
        if (did < 0)
            return errno == EAGAIN ? 0 : -1;
        from->sent += (size_t)did;
        from->owed -= (size_t)did;
    }
    return 1;
}

/* Echoes until there is nothing to read or no room to send. False when the connection has ended. */
static bool echo_ready(const server *in, connection *from)
{
    for (;;) {
        int sent = send_owed(from);
        if (sent <= 0)
            return sent == 0;
        ssize_t got = recv(from->fd, from->bytes, in->room, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno == EAGAIN;
        if (got == 0)
            return false;
        from->owed = (size_t)got;
        from->sent = 0;
        if ((size_t)got < in->room && !from->is_hung_up)
            return send_owed(from) >= 0;
    }
}

static int add_connection(const server *in, int fd)
{
    connection *made = malloc(sizeof *made + in->room);
    if (made == NULL)
        return fail("no memory for a connection");
    *made = (connection){.fd = fd};
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = made};
    if (epoll_ctl(in->epoll, EPOLL_CTL_ADD, fd, &event) == 0)
        return 0;
    return fail_call("adding a connection to the epoll set", errno);
}

static int accept_ready(const server *in)
{
    for (;;) {
        int fd = accept4(in->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && errno == EAGAIN)
            return 0;
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (fd < 0)
            return fail_call("accepting a connection", errno);
        if (add_connection(in, fd) != 0)
            return -1;
    }
}

static int handle(const server *in, const struct epoll_event *event)
{
    connection *from = event->data.ptr;
    if (from == NULL)
        return accept_ready(in);
    if ((event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
        from->is_hung_up = true;
    if (echo_ready(in, from))
        return 0;
    close(from->fd);
    free(from);
    return 0;
}

int echo_serve_epoll(int listener, const options *given)
{
    server in = {.listener = listener, .room = echo_buffer_size(given)};
    in.epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN};
    int one = 1;
    if (in.epoll < 0 || epoll_ctl(in.epoll, EPOLL_CTL_ADD, listener, &event) != 0)
        return fail_call("making the epoll set", errno);
    if (ioctl(listener, FIONBIO, &one) != 0)
        return fail_call("making the listening socket nonblocking", errno);
    static struct epoll_event events[EVENTS_MAX];
    for (;;) {
        int n = epoll_wait(in.epoll, events, EVENTS_MAX, -1);
        if (n < 0 && errno != EINTR)
            return fail_call("epoll_wait", errno);
        for (int i = 0; i < n; i++)
            if (handle(&in, &events[i]) != 0)
                return -1;
    }
}
