/*
 * The load generator: one thread, epoll, one message in flight on each connection.
 *
 * A message starts with eight bytes that only this connection sends at this time, and goes on with
 * a pattern; what comes back is compared byte for byte. Its latency runs from just before the send
 * to just after the receive that completed it. One clock reading serves a message: the end of one
 * is the start of the next.
 *
 * Connections are made in batches. Each sends one message and rests when that has come back, and a
 * batch waits for the one before it; so no more than a batch waits to be accepted, and no server
 * has to accept beside traffic. A server that takes one connection a turn, as one-shot accepts do,
 * would need longer for the last ones the more of the others are busy; and what no longer fits into
 * its queue the kernel sends again, a second later. When all rest, all start.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "echo.h"
#include "fail.h"

enum { EVENTS_MAX = 256, SCRATCH = 65536, STAMP = sizeof(uint64_t), CONNECT_BATCH = 128 };
enum { SILENCE_LIMIT_SECONDS = 30, END_LIMIT_MS = 1000 };

typedef struct connection {
    int fd;
    uint64_t stamp;
    size_t sent;     /* bytes of the message */
    size_t received; /* bytes of the echo */
    int64_t started; /* ns */
} connection;

typedef struct load {
    const options *given;
    int epoll;
    char *message; /* the pattern; its first bytes are the stamp of who sends now */
    connection *connections;
    echo_load *out;
    uint64_t echoes; /* messages that have come back */
    bool is_connecting;
    bool is_measuring;
    pid_t server; /* 0 when it is no process of ours */
} load;

/* A broken connection may mean that the server's process is about to end. */
static bool has_server_ended(const load *in)
{
    for (int ms = 0; in->server != 0 && ms < END_LIMIT_MS; ms++) {
        siginfo_t seen = {0};
        if (waitid(P_PID, (id_t)in->server, &seen, WEXITED | WNOHANG | WNOWAIT) != 0)
            return false;
        if (seen.si_pid != 0)
            return true;
        usleep(1000);
    }
    return false;
}

static int fail_broken(const load *in, const char *what, int error)
{
    if (has_server_ended(in))
        return -1;
    if (error != 0)
        return fail_call(what, error);
    return fail("%s", what);
}

static uint64_t next_stamp(const load *in, const connection *from)
{
    uint64_t mixed = from->stamp * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return mixed ^ (uint64_t)(from - in->connections);
}

static size_t stamp_length(const load *in)
{
    return in->given->size < STAMP ? in->given->size : STAMP;
}

/* Sends what the socket takes of the message; the rest goes when EPOLLOUT comes. */
static int send_rest(load *in, connection *from)
{
    memcpy(in->message, &from->stamp, stamp_length(in));
    while (from->sent < in->given->size) {
        ssize_t did = send(from->fd, in->message + from->sent, in->given->size - from->sent,
                           MSG_NOSIGNAL | MSG_DONTWAIT);
        if (did < 0 && errno == EAGAIN)
            return 0;
        if (did < 0 && errno != EINTR)
            return fail_broken(in, "sending to the echo server", errno);
        from->sent += did > 0 ? (size_t)did : 0;
    }
    return 0;
}

static int start_message(load *in, connection *from, int64_t now)
{
    from->stamp = next_stamp(in, from);
    from->sent = from->received = 0;
    from->started = now;
    return send_rest(in, from);
}

/* Compares `count` received bytes with the message from `at` on. */
static bool is_echo(const load *in, const connection *from, const char *bytes, size_t count)
{
    size_t at = from->received, stamped = stamp_length(in);
    if (count > from->sent - at)
        return false;
    size_t head = at < stamped ? stamped - at : 0;
    head = head < count ? head : count;
    return memcmp(bytes, (const char *)&from->stamp + at, head) == 0 &&
           memcmp(bytes + head, in->message + at + head, count - head) == 0;
}

static int end_message(load *in, connection *from)
{
    int64_t now = clock_now();
    in->echoes++;
    if (in->is_measuring) {
        in->out->messages++;
        histogram_add(&in->out->latency, now - from->started);
    }
    return in->is_connecting ? 0 : start_message(in, from, now);
}

/* A receive that does not fill the scratch buffer has emptied the socket. */
static int receive(load *in, connection *from)
{
    static char scratch[SCRATCH];
    ssize_t got;
    do {
        got = recv(from->fd, scratch, sizeof scratch, MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN)
            return 0;
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_broken(in, "receiving from the echo server", errno);
        if (got == 0)
            return fail_broken(in, "the echo server closed a connection in the middle of the run",
                               0);
        if (!is_echo(in, from, scratch, (size_t)got))
            return fail("the echo server sent back other bytes than it was sent");
        from->received += (size_t)got;
        if (from->received == in->given->size && end_message(in, from) != 0)
            return -1;
    } while (got < 0 || (size_t)got == sizeof scratch);
    return 0;
}

/* Waits for events, but not beyond the deadline, and handles them. */
static int turn(load *in, int64_t now, int64_t deadline)
{
    struct epoll_event events[EVENTS_MAX];
    int wait = (int)((deadline - now) / 1000000 + 1);
    int n = epoll_wait(in->epoll, events, EVENTS_MAX, wait);
    if (n < 0 && errno != EINTR)
        return fail_call("epoll_wait", errno);
    for (int i = 0; i < n; i++) {
        connection *from = events[i].data.ptr;
        if (from->sent < in->given->size && send_rest(in, from) != 0)
            return -1;
        if ((events[i].events & ~(uint32_t)EPOLLOUT) != 0 && receive(in, from) != 0)
            return -1;
    }
    return 0;
}

static int run_until(load *in, int64_t deadline)
{
    for (int64_t now = clock_now(); now < deadline; now = clock_now())
        if (turn(in, now, deadline) != 0)
            return -1;
    return 0;
}

/* Until `count` messages have come back since the start; some must in every SILENCE_LIMIT. */
static int await_echoes(load *in, uint64_t count)
{
    uint64_t before = in->echoes;
    int64_t now = clock_now(), last = now;
    for (; in->echoes < count; now = clock_now()) {
        if (in->echoes != before)
            last = now;
        before = in->echoes;
        int64_t limit = last + SILENCE_LIMIT_SECONDS * NS_PER_SECOND;
        if (now > limit)
            return fail("only %llu of %llu messages came back, and none for %d seconds",
                        (unsigned long long)in->echoes, (unsigned long long)count,
                        SILENCE_LIMIT_SECONDS);
        if (turn(in, now, limit) != 0)
            return -1;
    }
    return 0;
}

static int connect_one(load *in, connection *to, const endpoint *server)
{
    int one = 1;
    to->fd = socket(server->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (to->fd < 0)
        return fail_call("opening a socket for the load", errno);
    setsockopt(to->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    /* A server of ours ends with the run: no thousands of sockets in TIME_WAIT for the next one. */
    struct linger none = {.l_onoff = 1};
    if (in->server != 0)
        setsockopt(to->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    if (connect(to->fd, (const struct sockaddr *)&server->address, server->length) != 0)
        return fail_broken(in, "connecting to the echo server", errno);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = to};
    if (epoll_ctl(in->epoll, EPOLL_CTL_ADD, to->fd, &event) != 0)
        return fail_call("adding a connection to the epoll set", errno);
    return 0;
}

/* Connects all, batch by batch; then each has had a message back, and rests. */
static int connect_all(load *in, const endpoint *server)
{
    uint64_t count = in->given->connections;
    in->is_connecting = true;
    for (uint64_t i = 0; i < count; i++) {
        connection *to = &in->connections[i];
        if (connect_one(in, to, server) != 0 || start_message(in, to, clock_now()) != 0)
            return -1;
        bool ends_batch = i % CONNECT_BATCH == CONNECT_BATCH - 1 || i == count - 1;
        if (ends_batch && await_echoes(in, i + 1) != 0)
            return -1;
    }
    in->is_connecting = false;
    return 0;
}

/* Until as many messages have come back as there are connections, all at work, and then for a fifth
 * of the time to be measured. */
static int warm_up(load *in)
{
    uint64_t count = in->given->connections;
    for (uint64_t i = 0; i < count; i++)
        if (start_message(in, &in->connections[i], clock_now()) != 0)
            return -1;
    if (await_echoes(in, in->echoes + count) != 0)
        return -1;
    return run_until(in, clock_now() + (int64_t)in->given->seconds / 5);
}

/* The server's CPU time; -1 for a server elsewhere. 0, or -1 when it cannot be read. */
static int read_server_cpu(const load *in, int64_t *out)
{
    *out = in->server != 0 ? clock_cpu_of(in->server) : -1;
    if (in->server == 0 || *out >= 0)
        return 0;
    return fail_broken(in, "the CPU time of the server's process cannot be read", 0);
}

static int measure(load *in)
{
    int64_t before, after;
    in->is_measuring = true;
    if (read_server_cpu(in, &before) != 0)
        return -1;
    int64_t start = clock_now();
    if (run_until(in, start + (int64_t)in->given->seconds) != 0)
        return -1;
    in->out->elapsed = clock_now() - start;
    if (read_server_cpu(in, &after) != 0)
        return -1;
    in->out->server_cpu = in->server != 0 ? after - before : -1;
    if (in->out->messages == 0)
        return fail("no message came back within the measured time: give more --seconds");
    return 0;
}

static void give_back(load *in)
{
    for (uint64_t i = 0; in->connections != NULL && i < in->given->connections; i++)
        if (in->connections[i].fd > 0)
            close(in->connections[i].fd);
    if (in->epoll >= 0)
        close(in->epoll);
    free(in->connections);
    free(in->message);
}

int echo_load_run(const endpoint *server, const options *given, pid_t server_pid, echo_load *out)
{
    size_t room = given->size < STAMP ? STAMP : given->size;
    load in = {.given = given, .out = out, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    in.server = server_pid;
    in.message = malloc(room);
    in.connections = calloc(given->connections, sizeof *in.connections);
    memset(out, 0, sizeof *out);
    int failed = -1;
    if (in.epoll < 0 || in.message == NULL || in.connections == NULL) {
        fail("no memory or descriptors for %llu connections",
             (unsigned long long)given->connections);
    } else {
        for (size_t i = 0; i < room; i++)
            in.message[i] = (char)(i * 131 + (i >> 8));
        failed = connect_all(&in, server) != 0 || warm_up(&in) != 0 || measure(&in) != 0;
    }
    give_back(&in);
    return failed == 0 ? 0 : -1;
}
