/*
 * A server that sends back what it receives: each connection has a task of its own that reads like
 * a blocking program.
 *
 * With --connections N it serves N of them, waits until all have ended, and ends with status 0;
 * without, it runs until it is killed, or interrupted: then it accepts no more, and connections
 * have ten seconds to end.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <whorl.h>

enum { MOST_CONNECTIONS = 1000000 };

struct server {
    whorl_listener *listener;
    const char *port;
    size_t connections; /* to serve; 0: without end */
    size_t begun;
};

static const char help[] =
    "Usage: tcp_echo [--connections N] [PORT]\n"
    "Listens on 127.0.0.1, prints the port, and sends back what each connection sends.\n"
    "\n"
    "  PORT              0 to 65535; 0, the default, takes one that is free\n"
    "  --connections N   end when N connections have come and gone; default: never\n"
    "  --help            print this\n";

static int complain(const char *what, intptr_t error)
{
    fprintf(stderr, "tcp_echo: %s: %s\n", what, strerror((int)-error));
    return (int)error;
}

/* Sends back what is there, and again, until the peer ends. */
static intptr_t echo(whorl_stream *stream)
{
    for (;;) {
        whorl_slice slice;
        ssize_t got = whorl_stream_peek(stream, 1, &slice);
        if (got <= 0)
            return got;
        ssize_t put = whorl_stream_write(stream, slice.data, slice.len);
        if (put < 0)
            return put;
        whorl_stream_consume(stream, (size_t)put);
    }
}

/* A connection's task. If it fails, the server says so, and goes on with the others. */
static intptr_t serve_connection(whorl_stream *stream, void *arg)
{
    struct server *server = arg;
    size_t number = ++server->begun;
    if (server->connections > 0 && number >= server->connections)
        whorl_listener_stop(server->listener);
    return server->connections > 0 && number > server->connections ? 0 : echo(stream);
}

/* Listens, and says where. */
static int start_listening(struct server *server)
{
    int error = whorl_listen_tcp("127.0.0.1", server->port, NULL, &server->listener);
    if (error)
        return error;
    printf("listening on 127.0.0.1 port %d\n", whorl_listener_port(server->listener));
    return fflush(stdout) == 0 ? 0 : -errno;
}

static intptr_t serve(void *arg)
{
    struct server *server = arg;
    int result = start_listening(server);
    if (result < 0)
        return complain("cannot listen", result);
    whorl_serve_options options = {
        .limit = MOST_CONNECTIONS,
        .grace = server->connections > 0 ? WHORL_FOREVER : WHORL_SECONDS(10),
    };
    result = whorl_serve_with(server->listener, serve_connection, server, &options);
    if (result < 0 && result != -ECANCELED)
        complain("cannot accept connections", result);
    whorl_listener_close(server->listener);
    return result == -ECANCELED ? 0 : result;
}

/* The number that text holds, from least to most; -1 if it holds none. */
static long number(const char *text, long least, long most)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    int whole = end != text && *end == '\0' && errno == 0;
    return whole && value >= least && value <= most ? value : -1;
}

static int misused(const char *what, const char *text)
{
    fprintf(stderr, "tcp_echo: %s, not \"%s\"; --help tells more\n", what, text);
    return 2;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"connections", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    long connections = 0;
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'h')
            return fputs(help, stdout) < 0 || fflush(stdout) != 0;
        if (option != 'c')
            return 2;
        connections = number(optarg, 1, MOST_CONNECTIONS);
        if (connections < 0)
            return misused("--connections wants a number from 1 to 1000000", optarg);
    }
    if (optind < argc && number(argv[optind], 0, 65535) < 0)
        return misused("PORT is a number from 0 to 65535", argv[optind]);
    if (argc - optind > 1)
        return misused("there is one PORT", argv[optind + 1]);
    struct server server = {.port = argv[optind], .connections = (size_t)connections};
    return whorl_run(serve, &server) < 0;
}
