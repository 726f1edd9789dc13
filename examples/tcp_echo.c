/*
 * A server that sends back what it receives: one task listens, and each connection has a task of
 * its own that reads like a blocking program.
 *
 * With --connections N it accepts N of them, waits until all have ended, and ends with status 0;
 * without, it runs until it is killed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <whorl.h>

enum { BACKLOG = 512, MOST_CONNECTIONS = 1000000 };

struct server {
    in_port_t port;
    size_t connections; /* to accept; 0: without end */
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

/* Sends all of buf; one send may take only a part of it. */
static int send_all(int fd, const char *buf, size_t len)
{
    while (len > 0) {
        ssize_t sent = whorl_send(fd, buf, len, 0);
        if (sent < 0)
            return (int)sent;
        buf += sent;
        len -= (size_t)sent;
    }
    return 0;
}

static int echo(int fd)
{
    char buf[4096];
    for (;;) {
        ssize_t got = whorl_recv(fd, buf, sizeof buf, 0);
        if (got <= 0)
            return (int)got;
        int sent = send_all(fd, buf, (size_t)got);
        if (sent < 0)
            return sent;
    }
}

/* A connection's task, from its first byte to the descriptor's close. A peer that breaks off is
 * worth a line, and no reason to stop serving the others. */
static intptr_t serve_connection(void *arg)
{
    int fd = (int)(intptr_t)arg;
    int echoed = echo(fd);
    int closed = whorl_close(fd);
    if (echoed < 0 && echoed != -ECANCELED)
        complain("a connection broke off", echoed);
    return echoed < 0 ? echoed : closed;
}

/* A peer that left before its turn does not stop a server, nor does a moment without descriptors.
 */
static int accept_connection(int listener)
{
    for (;;) {
        int fd = whorl_accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd == -EMFILE || fd == -ENFILE) {
            int slept = whorl_sleep(WHORL_MS(100));
            if (slept < 0)
                return slept;
        } else if (fd != -ECONNABORTED) {
            return fd;
        }
    }
}

/* Puts the task of the next connection at *task. */
static int accept_one(int listener, whorl_task **task)
{
    int fd = accept_connection(listener);
    if (fd < 0)
        return complain("cannot accept a connection", fd);
    *task = whorl_spawn(serve_connection, (void *)(intptr_t)fd);
    if (*task)
        return 0;
    complain("cannot serve a connection", -ENOMEM);
    int closed = whorl_close(fd);
    return closed < 0 ? closed : -ENOMEM;
}

static int serve_without_end(int listener)
{
    for (;;) {
        whorl_task *task;
        int result = accept_one(listener, &task);
        if (result == 0)
            result = whorl_release(task);
        if (result < 0)
            return result;
    }
}

static int serve_some(int listener, size_t connections)
{
    int result = 0;
    size_t accepted = 0;
    whorl_task **tasks = calloc(connections, sizeof *tasks);
    if (!tasks)
        return complain("cannot keep account of the connections", -ENOMEM);
    while (accepted < connections && result == 0) {
        result = accept_one(listener, &tasks[accepted]);
        if (result == 0)
            accepted++;
    }
    for (size_t i = 0; i < accepted; i++)
        (void)whorl_join(tasks[i]); /* each has said itself what went wrong */
    free(tasks);
    return result;
}

/* Binds, listens, and says where. */
static int start_listening(int listener, in_port_t port)
{
    struct sockaddr_in addr = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t len = sizeof addr;
    int one = 1;
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0)
        return -errno;
    int result = whorl_bind(listener, (const struct sockaddr *)&addr, len);
    if (result == 0)
        result = whorl_listen(listener, BACKLOG);
    if (result < 0)
        return result;
    if (getsockname(listener, (struct sockaddr *)&addr, &len) < 0)
        return -errno;
    printf("listening on 127.0.0.1 port %u\n", (unsigned)ntohs(addr.sin_port));
    return fflush(stdout) == 0 ? 0 : -errno;
}

static intptr_t serve(void *arg)
{
    const struct server *server = arg;
    int listener = whorl_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0)
        return complain("cannot make a socket", listener);
    int result = start_listening(listener, server->port);
    if (result < 0)
        complain("cannot listen", result);
    else if (server->connections > 0)
        result = serve_some(listener, server->connections);
    else
        result = serve_without_end(listener);
    int closed = whorl_close(listener);
    return result < 0 ? result : closed;
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
    long port = optind < argc ? number(argv[optind], 0, 65535) : 0;
    if (port < 0)
        return misused("PORT is a number from 0 to 65535", argv[optind]);
    if (argc - optind > 1)
        return misused("there is one PORT", argv[optind + 1]);
    struct server server = {(in_port_t)port, (size_t)connections};
    return whorl_run(serve, &server) < 0;
}
