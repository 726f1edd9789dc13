/*
 * A TCP proxy: it listens at one place, and passes each connection on to another, byte for byte and
 * both ways, until both sides have ended.
 *
 * One task waits for signals, one serves (whorl_serve), and each connection has one with two
 * children that move its bytes (connection.c, pump.c).
 *
 * SIGTERM or SIGINT: no more is accepted, and what is open may end by itself for --grace; a second
 * one ends that time. Status 0: it was stopped; 1: it could not begin or go on; 2: the arguments
 * make no sense.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "../service/options.h"
#include "../service/service.h"
#include "proxy.h"

/* A connection's: two sockets, and a pipe for each direction. */
enum { DESCRIPTORS_EACH = 6 };

static const char usage[] =
    "Usage: proxy [OPTION]... LISTEN TARGET...\n"
    "Listens at LISTEN, prints where, and passes each connection on to the first TARGET that\n"
    "takes it. LISTEN and TARGET are HOST:PORT, [IPV6]:PORT, or a unix socket: a path with a /\n"
    "in it, or @NAME for an abstract one. Of LISTEN, no HOST is all of this machine's addresses,\n"
    "and port 0 one that is free.\n"
    "\n";

static const char notes[] =
    "\n"
    "SIGTERM and ctrl-C stop it: no more is accepted, and open connections may end until the\n"
    "grace is over, or until a second signal. Then it tells what it has counted.\n"
    "Exit status: 0 it was stopped; 1 it could not begin or go on; 2 the arguments make no sense.\n"
    "\n"
    "Try it: proxy --verbose 127.0.0.1:8080 example.org:80, and elsewhere\n"
    "curl -H 'Host: example.org' http://127.0.0.1:8080/\n";

static void tell_of_stop(void *arg)
{
    const struct proxy *self = arg;
    size_t open = whorl_listener_live(self->listener);
    if (open > 0)
        service_tell("stopping: connections that are open (%zu) may go on for %.10g s", open,
                     (double)self->grace / 1e9);
}

static int serve_until_stop(struct proxy *self)
{
    const struct service service = {
        .listener = self->listener,
        .handler = connection_serve,
        .stopping = tell_of_stop,
        .arg = self,
        .options = {.limit = self->limit, .grace = self->grace > 0 ? self->grace : -1},
    };
    return service_serve(&service);
}

/* What people would want to know next. */
static void sum_up(const struct proxy *self)
{
    printf("%" PRIu64 " connections: %" PRIu64 " found no target, %" PRIu64 " were cut short; "
           "%" PRIu64 " bytes there, %" PRIu64 " back\n",
           self->connections, self->unserved, self->broken, self->bytes[0], self->bytes[1]);
    if (fflush(stdout) != 0)
        service_tell("cannot print what was counted: %s", strerror(errno));
}

static intptr_t serve(void *arg)
{
    struct proxy *self = arg;
    int error = place_listen(&self->listen, &self->listener);
    if (error) {
        service_tell("cannot listen on %s: %s", self->listen.text,
                     place_explain(&self->listen, error));
        return error;
    }
    error = service_say_where(self->listener);
    if (!error)
        error = serve_until_stop(self);
    whorl_listener_close(self->listener);
    if (error)
        service_tell("cannot go on: %s", strerror(-error));
    else
        sum_up(self);
    return error;
}

static int take_places(struct proxy *self, int count, char **words)
{
    if (count < 2)
        return options_refuse("name a place to listen at, and one to connect to");
    if (count - 1 > PROXY_TARGETS_MAX)
        return options_refuse("there may be %d targets, not %d", PROXY_TARGETS_MAX, count - 1);
    self->target_count = (size_t)count - 1;
    for (int i = 0; i < count; i++)
        if (place_parse(words[i], i == 0 ? &self->listen : &self->targets[i - 1]) < 0)
            return options_refuse("\"%s\" is neither HOST:PORT nor a PATH nor @NAME", words[i]);
    return 0;
}

static int take_arguments(struct proxy *self, int argc, char **argv)
{
    const struct option_entry entries[] = {
        {"limit", OPTION_NUMBER, &self->limit, 1, 1000000, "N",
         "connections at a time; more wait to be accepted (default 1000)"},
        {"connect-timeout", OPTION_SECONDS, &self->connect_timeout, 0.001, 86400, "S",
         "seconds for each target to take a connection (default 5)"},
        {"idle-timeout", OPTION_SECONDS, &self->idle_timeout, 0, 86400 * 30, "S",
         "end a connection that moves nothing, either way, for S seconds; 0: never (default 600)"},
        {"grace", OPTION_SECONDS, &self->grace, 0, 86400, "S",
         "seconds that connections may go on after a stop (default 10)"},
        {"verbose", OPTION_FLAG, &self->is_verbose, 0, 0, NULL, "tell of each connection"},
    };
    const struct option_table table = {usage, notes, entries, sizeof entries / sizeof *entries};
    if (options_take(&table, argc, argv) != 0)
        return -1;
    if (self->idle_timeout == 0)
        self->idle_timeout = WHORL_FOREVER;
    return take_places(self, argc - optind, argv + optind);
}

int main(int argc, char **argv)
{
    static struct proxy proxy = {
        .limit = 1000,
        .connect_timeout = WHORL_SECONDS(5),
        .idle_timeout = WHORL_SECONDS(600),
        .grace = WHORL_SECONDS(10),
    };
    if (take_arguments(&proxy, argc, argv) != 0)
        return 2;
    service_begin();
    proxy.limit = service_connections(proxy.limit, DESCRIPTORS_EACH, NULL);
    whorl_config config = {.sigint = WHORL_SIGINT_LEAVE};
    return whorl_run_with(&config, serve, &proxy) < 0;
}
