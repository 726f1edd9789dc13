/*
 * The load generator: one thread, epoll, one message in flight on each connection.
 *
 * A message starts with eight bytes that only this connection sends at this time, and goes on with
 * a pattern; what comes back is compared byte for byte. Its latency runs from just before the send
 * to just after the receive that completed it. One clock reading serves a message: the end of one
 * is the start of the next.
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

enum { EVENTS_MAX = 256, SCRATCH = 65536, STAMP = sizeof(uint64_t), CONNECT_BATCH = 512 };
enum { WARM_LIMIT_SECONDS = 30, END_LIMIT_MS = 1000 };

typedef struct connection {
    int fd;
    uint64_t stamp;
    size_t sent;     /* bytes of the message */
    size_t received; /* bytes of the echo */
    int64_t started; /* ns */
    bool is_warm;    /* one message has come back */
} connection;

typedef struct load {
    const options *given;
    int epoll;
    char *message; /* the pattern; its first bytes are the stamp of who sends now */
    connection *connections;
    echo_load *out;
    uint64_t warm; /* connections on which a message has come back */
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
    if (!from->is_warm)
        in->warm++;
    from->is_warm = true;
    if (in->is_measuring) {
        in->out->messages++;
        histogram_add(&in->out->latency, now - from->started);
    }
    return start_message(in, from, now);
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

static int run_until(load *in, int64_t deadline)
{
    struct epoll_event events[EVENTS_MAX];
    for (int64_t now = clock_now(); now < deadline; now = clock_now()) {
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

/* Connects all, and starts a message on each. A pause now and then lets the server accept. */
static int connect_all(load *in, const endpoint *server)
{
    for (uint64_t i = 0; i < in->given->connections; i++) {
        connection *to = &in->connections[i];
        if (connect_one(in, to, server) != 0 || start_message(in, to, clock_now()) != 0)
            return -1;
        if (i % CONNECT_BATCH == CONNECT_BATCH - 1 && run_until(in, clock_now() + 1000000) != 0)
            return -1;
    }
    return 0;
}

/* Until every connection has echoed once, and then for a fifth of the time to be measured. */
static int warm_up(load *in)
{
    int64_t limit = clock_now() + WARM_LIMIT_SECONDS * NS_PER_SECOND;
    while (in->warm < in->given->connections) {
        if (clock_now() > limit)
            return fail("only %llu of %llu connections had an echo within %d seconds",
                        (unsigned long long)in->warm, (unsigned long long)in->given->connections,
                        WARM_LIMIT_SECONDS);
        if (run_until(in, clock_now() + NS_PER_SECOND / 100) != 0)
            return -1;
    }
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
