/*
 * --listen and --connect: one half of the echo workload alone; and what is judged before either.
 * What is refused here is refused before a socket is opened or a process started.
 */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "echo.h"
#include "fail.h"

enum { DESCRIPTORS_BESIDE = 32, SIZE_MAX_BYTES = 1 << 20 };

static const struct {
    const char *name;
    echo_serve *serve;
} servers[] = {
    {"whorl", echo_serve_whorl},
    {"whorl-stream", echo_serve_stream},
    {"liburing-oneshot", echo_serve_oneshot},
    {"liburing", echo_serve_liburing},
    {"epoll", echo_serve_epoll},
    {"threads", echo_serve_threads},
};

static echo_serve *find_server(const char *name)
{
    for (size_t i = 0; i < sizeof servers / sizeof servers[0]; i++)
        if (name == NULL || strcmp(servers[i].name, name) == 0)
            return servers[i].serve;
    return NULL;
}

static int check_connections(const options *given)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return fail("cannot read the limit of descriptors");
    if (given->connections + DESCRIPTORS_BESIDE <= files.rlim_cur)
        return 0;
    unsigned long long limit = files.rlim_cur;
    return fail("--connections %llu needs more descriptors than the %llu that a process may have: "
                "give at most %llu, or raise the limit (ulimit -Hn)",
                (unsigned long long)given->connections, limit,
                limit > DESCRIPTORS_BESIDE ? limit - DESCRIPTORS_BESIDE : 0);
}

int echo_check(const options *given)
{
    endpoint at;
    if (given->listen != NULL && given->connect != NULL)
        return fail("--listen and --connect exclude each other, since each is one half alone: "
                    "start the server in one process and the load in another");
    if (given->subject != NULL && given->listen == NULL)
        return fail("--subject chooses the server of --listen: add --listen PORT, or leave it out "
                    "to measure all subjects");
    if (find_server(given->subject) == NULL)
        return fail("--subject \"%s\" is no server: it is one of whorl, whorl-stream, "
                    "liburing-oneshot, liburing, epoll and threads",
                    given->subject);
    if (given->stream != 0 && (given->listen != NULL || given->connect != NULL))
        return fail("--stream chooses what is measured, and --listen and --connect are one half "
                    "alone: give --listen PORT --subject whorl-stream for the server");
    bool is_load_asked = option_given(given, "seconds") || option_given(given, "rounds") ||
                         option_given(given, "json");
    if (given->listen != NULL && is_load_asked)
        return fail("--seconds, --rounds and --json are the load generator's, and --listen is the "
                    "server alone: give them to whorl-bench echo --connect");
    if (given->listen != NULL && endpoint_parse("listen", given->listen, 0, &at) != 0)
        return -1;
    if (given->connect != NULL && endpoint_parse("connect", given->connect, 1, &at) != 0)
        return -1;
    if (given->size > SIZE_MAX_BYTES)
        return fail("--size %llu is more than a message of echo may have: give at most 1024K",
                    (unsigned long long)given->size);
    return check_connections(given);
}

int echo_listen(const options *given)
{
    endpoint at;
    if (endpoint_parse("listen", given->listen, 0, &at) != 0)
        return 2;
    int listener = endpoint_listen(&at);
    if (listener < 0)
        return 1;
    printf("%s serves on port %u until it is killed\n",
           given->subject != NULL ? given->subject : "whorl", endpoint_port(&at));
    fflush(stdout);
    return find_server(given->subject)(listener, given) == 0 ? 0 : 1;
}
