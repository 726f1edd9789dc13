/*
 * One connection, in a task of its own: a target is found for it, two tasks in a group move its
 * bytes, one in each direction, and it is counted and told of.
 *
 * It ends when both directions have: each passes the end of its giving side on to its taking side,
 * so that a client may go on reading when it has sent all. A failure of either ends both, but for
 * what a side that takes no more had sent before; and both sides are then reset: neither is left to
 * believe that it has seen the end of what was sent.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../service/service.h"
#include "proxy.h"
#include "pump.h"

struct connection {
    struct proxy *proxy;
    uint64_t number; /* counts from 1 */
    int client;
    int server; /* -1: none yet */
    struct activity activity;
};

/* Both sides, as pumps and whoever waits for answers want them. What cannot be set is no TCP
 * socket, and need not be. */
static void prepare(int fd)
{
    int one = 1;
    (void)fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    (void)setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &one, sizeof one); /* urgent bytes count too */
}

/* Failures of the proxy itself, and not of a connection: what to do about it; or NULL. */
static const char *own_hint(int error)
{
    if (error == -EMFILE || error == -ENFILE)
        return "the proxy has none left: lower --limit, or raise ulimit -Hn";
    return error == -ENOMEM ? "the proxy has none left: lower --limit" : NULL;
}

/* The targets in their order; the first that answers is taken. 0, or what the last one gave. */
static int find_target(struct connection *self)
{
    const struct proxy *proxy = self->proxy;
    int error = 0;
    for (size_t i = 0; i < proxy->target_count; i++) {
        const struct place *target = &proxy->targets[i];
        self->server = place_connect(target, proxy->connect_timeout);
        if (self->server >= 0) {
            if (proxy->is_verbose)
                service_tell("connection %" PRIu64 ": to %s", self->number, target->text);
            return 0;
        }
        error = self->server;
        if (error == -ECANCELED)
            return error;
        const char *hint = own_hint(error);
        const char *next = i + 1 < proxy->target_count ? "the next target is tried"
                           : hint != NULL              ? hint
                                                       : "see that it is up and answers";
        service_tell("connection %" PRIu64 ": cannot connect to %s: %s; %s", self->number,
                     target->text, place_explain(target, error), next);
    }
    return error;
}

/* Moves bytes both ways until both have ended. 0, or the first failure of either. */
static int move_both_ways(struct connection *self, struct pump *there, struct pump *back)
{
    whorl_group both;
    there->to = back->from = self->server;
    self->activity =
        (struct activity){.idle_limit = self->proxy->idle_timeout, .last = whorl_now()};
    whorl_group_init(&both);
    int result = whorl_group_spawn(&both, pump_run, there);
    if (result == 0)
        result = whorl_group_spawn(&both, pump_run, back);
    result = whorl_group_wait(&both, result);
    if (result == 0)
        result = self->activity.broken;
    self->proxy->bytes[0] += there->bytes;
    self->proxy->bytes[1] += back->bytes;
    if (self->proxy->is_verbose || own_hint(result) != NULL)
        service_tell("connection %" PRIu64 ": %" PRIu64 " bytes there, %" PRIu64 " back, %s",
                     self->number, there->bytes, back->bytes,
                     result == 0            ? "ended"
                     : result == -ECANCELED ? "cut by the stop"
                     : result == -ETIMEDOUT ? "idle for too long"
                                            : strerror(-result));
    return result;
}

/* A reset, which only TCP knows, overtakes what was sent before it: so that has half a minute, or
 * until nothing of it arrives for five seconds. */
static void let_arrive(int fd)
{
    int least = INT_MAX, idle = 0;
    for (int i = 0; i < 3000 && idle < 500; i++, idle++) {
        int left = service_tcp_state(fd) >= 0 ? service_unsent(fd) : 0;
        if (left < least)
            idle = 0;
        least = left < least ? left : least;
        if (left == 0 || whorl_sleep(WHORL_MS(10)) < 0)
            return;
    }
}

/* What is needed between the sides comes before the target is asked. */
static int find_both(struct connection *self, struct pump *there, struct pump *back)
{
    if (pipe2(there->pipe, O_CLOEXEC | O_NONBLOCK) == 0 &&
        pipe2(back->pipe, O_CLOEXEC | O_NONBLOCK) == 0)
        return find_target(self);
    return service_tell("connection %" PRIu64 ": cannot be served: %s; lower --limit, or raise "
                        "ulimit -Hn",
                        self->number, strerror(errno));
}

static void close_pipe(const struct pump *pump)
{
    for (int i = 0; i < 2; i++)
        if (pump->pipe[i] >= 0)
            whorl_close(pump->pipe[i]);
}

static int serve(struct connection *self)
{
    struct pump there = {self->client, -1, {-1, -1}, .activity = &self->activity};
    struct pump back = {-1, self->client, {-1, -1}, .activity = &self->activity};
    prepare(self->client);
    int error = find_both(self, &there, &back);
    if (error) {
        self->proxy->unserved++;
    } else {
        prepare(self->server);
        error = move_both_ways(self, &there, &back);
        if (error)
            self->proxy->broken++;
    }
    close_pipe(&there);
    close_pipe(&back);
    if (self->server >= 0 && (error == -ECONNRESET || error == -EPIPE)) {
        let_arrive(self->client);
        let_arrive(self->server);
    }
    return error;
}

/* After a failure by a reset, which a unix socket does not know. */
static void close_side(int fd, int result)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    if (fd < 0)
        return;
    if (result < 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    whorl_close(fd);
}

/* The stream is not used: bytes are moved by descriptor. A connection that fails is no failure of
 * the proxy. */
intptr_t connection_serve(whorl_stream *stream, void *arg)
{
    struct proxy *proxy = arg;
    struct connection self = {.proxy = proxy, .number = ++proxy->connections, .server = -1};
    if (proxy->is_verbose && whorl_listener_live(proxy->listener) == proxy->limit)
        service_tell("there are %zu connections: more wait to be accepted until one ends",
                     proxy->limit);
    int result = whorl_stream_detach(stream, &self.client);
    if (result < 0)
        return result;
    result = serve(&self);
    close_side(self.client, result);
    close_side(self.server, result);
    return 0;
}
