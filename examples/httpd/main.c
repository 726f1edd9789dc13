/*
 * httpd: serves the files of a directory over HTTP/1.1.
 *
 * Each connection has a task of its own (connection.c). The first signal ends the server in peace:
 * those that wait for a request are ended, and requests that run have --grace to come to their end.
 * The second one cancels them.
 *
 * Exit status: 0 it was asked to end; 1 it could not serve; 2 the arguments make no sense.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "../service/options.h"
#include "../service/service.h"
#include "httpd.h"

enum { EXIT_SERVED = 0, EXIT_FAILED = 1, EXIT_REFUSED = 2, DAY = 86400, URI_MOST = 8192 };

/* Descriptors that are kept for requests, or half of all, if that is less. */
enum { FOR_REQUESTS = 4096 };

/* --- The command line --- */

static const char usage[] =
    "Usage: httpd [OPTION]... [DIRECTORY]\n"
    "Serves the files below DIRECTORY, by default the current one, over HTTP/1.1.\n\n";

static const char notes[] =
    "\nBYTES take the suffixes K, M and G. Links that lead out of DIRECTORY are not followed,\n"
    "nor are absolute ones.\n"
    "What a kill or a loss of power leaves, by a name that begins with " WHORL_TEMPORARY_PREFIX
    ", is never\nserved, and may be removed.\n"
    "A request for whose file no descriptor is left beside the connections' waits 10 seconds for\n"
    "one, and gets 503 then.\n"
    "SIGTERM and SIGINT (ctrl-C) end it when the requests have ended that run; a second one\n"
    "ends these too. An access log that nobody takes holds it up for 2 seconds.\n"
    "\nExit status: 0 it was asked to end; 1 it could not serve; 2 the arguments make no sense.\n";

static const struct options defaults = {
    .directory = ".",
    .address = "127.0.0.1",
    .port = 8080,
    .max_connections = 10000,
    .max_header = 16384,
    .max_body = (size_t)1 << 30,
    .header_timeout = WHORL_SECONDS(15),
    .body_timeout = WHORL_SECONDS(30),
    .send_timeout = WHORL_SECONDS(30),
    .keep_alive = WHORL_SECONDS(60),
    .grace = WHORL_SECONDS(10),
};

/* 0: go on; -1: refused, with a sentence on stderr. */
static int parse_options(int argc, char **argv, struct options *out)
{
    const struct option_entry entries[] = {
        {"address", OPTION_TEXT, &out->address, 0, 0, "HOST",
         "listen at this name or address (default 127.0.0.1; \"*\": all)"},
        {"port", OPTION_NUMBER, &out->port, 0, 65535, "PORT",
         "listen at this port (default 8080; 0: one that is free)"},
        {"upload", OPTION_FLAG, &out->upload, 0, 0, NULL, "let clients store files, by PUT"},
        {"no-listing", OPTION_FLAG, &out->no_listing, 0, 0, NULL,
         "do not list directories without index.html"},
        {"access-log", OPTION_TEXT, &out->access_log, 0, 0, "FILE",
         "add a line for each request, in the common log format; -: stderr"},
        {"max-connections", OPTION_NUMBER, &out->max_connections, 1, 1000000, "N",
         "serve N connections at a time; more wait (default 10000)"},
        {"max-uri", OPTION_BYTES, &out->max_uri, 16, 32768, "BYTES",
         "of a request's target (default 8K, or less with --max-header)"},
        {"max-header", OPTION_BYTES, &out->max_header, 64, 65536, "BYTES",
         "of a request's head, target included (default 16K)"},
        {"max-body", OPTION_BYTES, &out->max_body, 0, 0x1p62, "BYTES",
         "of a file that is put (default 1G)"},
        {"header-timeout", OPTION_SECONDS, &out->header_timeout, 0, DAY, "S",
         "a request's head comes within S seconds (default 15; 0: no limit)"},
        {"body-timeout", OPTION_SECONDS, &out->body_timeout, 0, DAY, "S",
         "its body comes with a KiB a second, never S seconds late (default 30; 0: no limit)"},
        {"send-timeout", OPTION_SECONDS, &out->send_timeout, 0, DAY, "S",
         "a client takes something within S seconds (default 30; 0: no limit)"},
        {"keep-alive", OPTION_SECONDS, &out->keep_alive, 0, DAY, "S",
         "wait S seconds for a connection's next request (default 60; 0: close)"},
        {"grace", OPTION_SECONDS, &out->grace, 0, DAY, "S",
         "when stopping, let requests take S seconds to their end (default 10)"},
    };
    const struct option_table table = {usage, notes, entries, sizeof entries / sizeof *entries};
    *out = defaults;
    if (options_take(&table, argc, argv) != 0)
        return -1;
    if (argc - optind > 1)
        return options_refuse("there is one DIRECTORY, not also \"%s\"", argv[optind + 1]);
    if (optind < argc)
        out->directory = argv[optind];
    if (out->max_uri == 0)
        out->max_uri = out->max_header < URI_MOST ? out->max_header : URI_MOST;
    if (out->max_uri > out->max_header)
        return options_refuse("--max-header is less than --max-uri, and holds it");
    return 0;
}

/* --- The server --- */

static int complain(const char *what, int error)
{
    service_tell("%s: %s", what, strerror(-error));
    return error;
}

static void end_idle(void *arg)
{
    struct server *self = arg;
    self->stopping = true;
    connection_end_idle(self);
}

static int serve(struct server *self)
{
    const struct service service = {
        .listener = self->listener,
        .handler = connection_serve,
        .stopping = end_idle,
        .arg = self,
        .options = {.limit = self->options.max_connections,
                    .grace = self->options.grace > 0 ? self->options.grace : -1,
                    .stream = {.idle_timeout = self->options.send_timeout}},
    };
    int error = service_serve(&service);
    return error != 0 ? complain("it had to stop", error) : 0;
}

static int listen_and_serve(struct server *self)
{
    char port[8];
    const char *address = self->options.address;
    const char *host = strcmp(address, "*") == 0 ? NULL : address;
    snprintf(port, sizeof port, "%zu", self->options.port);
    int error = whorl_listen_tcp(host, port, NULL, &self->listener);
    if (error != 0) {
        service_tell("cannot listen at %s, port %s: %s", address, port,
                     whorl_resolve_explain(error));
        return error;
    }
    printf(strchr(address, ':') ? "serving %s at http://[%s]:%d/\n"
                                : "serving %s at http://%s:%d/\n",
           self->options.directory, address, whorl_listener_port(self->listener));
    error = fflush(stdout) == 0 ? serve(self) : complain("cannot say where it listens", -errno);
    whorl_listener_close(self->listener);
    return error;
}

static intptr_t run(void *arg)
{
    struct server *self = arg;
    self->root = whorl_open(self->options.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (self->root < 0)
        return complain(self->options.directory, self->root);
    int error = access_log_open(self);
    if (error != 0)
        complain(self->options.access_log, error);
    else
        error = listen_and_serve(self);
    access_log_close(self);
    whorl_close(self->root);
    return error;
}

int main(int argc, char **argv)
{
    static struct server server = {.log = {.fd = -1}};
    whorl_event_init(&server.log.wanted);
    whorl_mutex_init(&server.replacing);
    if (parse_options(argc, argv, &server.options) != 0)
        return EXIT_REFUSED;
    service_begin();
    server.descriptors = FOR_REQUESTS;
    server.options.max_connections =
        service_connections(server.options.max_connections, 1, &server.descriptors);
    whorl_config config = {.sigint = WHORL_SIGINT_LEAVE};
    return whorl_run_with(&config, run, &server) < 0 ? EXIT_FAILED : EXIT_SERVED;
}
