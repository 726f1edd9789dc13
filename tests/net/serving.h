/* A server and its clients, in the tasks of a test that runs as one. */
#ifndef TESTS_NET_SERVING_H
#define TESTS_NET_SERVING_H

#include "as_task.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct serving {
    whorl_listener *listener;
    whorl_task *task;
    whorl_handler *handler;
    void *arg;
    const whorl_serve_options *options;
    size_t limit;    /* of the plain form */
    intptr_t result; /* for a handler's use */
} serving;

static inline intptr_t serving_body(void *arg)
{
    serving *server = arg;
    return whorl_serve_with(server->listener, server->handler, server->arg, server->options);
}

static inline void begin_serving(serving *server)
{
    server->task = whorl_spawn(serving_body, server);
    assert_non_null(server->task);
    assert_int_equal(whorl_yield(), 0);
}

/* Serves on a free port of 127.0.0.1. */
static inline void serve_here(serving *server, whorl_handler *handler, void *arg,
                              const whorl_serve_options *options)
{
    *server = (serving){.handler = handler, .arg = arg, .options = options};
    assert_int_equal(whorl_listen_tcp("127.0.0.1", "0", NULL, &server->listener), 0);
    begin_serving(server);
}

static inline intptr_t serving_plain_body(void *arg)
{
    serving *server = arg;
    return whorl_serve(server->listener, server->handler, server->arg, server->limit);
}

static inline void serve_plainly(serving *server, whorl_handler *handler, void *arg, size_t limit)
{
    *server = (serving){.handler = handler, .arg = arg, .limit = limit};
    assert_int_equal(whorl_listen_tcp("127.0.0.1", "0", NULL, &server->listener), 0);
    server->task = whorl_spawn(serving_plain_body, server);
    assert_non_null(server->task);
    assert_int_equal(whorl_yield(), 0);
}

/* Stops it, and closes its listener. Returns what whorl_serve_with gave. */
static inline intptr_t end_serving(serving *server)
{
    whorl_listener_stop(server->listener);
    intptr_t result = whorl_join(server->task);
    assert_int_equal(whorl_listener_close(server->listener), 0);
    return result;
}

/* A client's descriptor, connected. */
static inline int connect_to(whorl_listener *listener)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    assert_int_equal(whorl_listener_address(listener, 0, (struct sockaddr *)&address, &len), 0);
    int fd = whorl_socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(whorl_connect(fd, (struct sockaddr *)&address, len), 0);
    return fd;
}

static inline whorl_stream *client_of(const serving *server)
{
    whorl_stream *stream;
    assert_int_equal(whorl_stream_open(connect_to(server->listener), NULL, &stream), 0);
    return stream;
}

static inline intptr_t echo(whorl_stream *stream, void *arg)
{
    (void)arg;
    char buf[512];
    ssize_t got;
    while ((got = whorl_stream_read(stream, buf, sizeof buf)) > 0) {
        ssize_t put = whorl_stream_write(stream, buf, (size_t)got);
        if (put < 0)
            return put;
    }
    return got;
}

static inline void assert_echoed(whorl_stream *client, const char *text)
{
    char back[64];
    assert_int_equal(whorl_stream_puts(client, text), strlen(text));
    assert_int_equal(whorl_stream_read_exactly(client, back, strlen(text)), strlen(text));
    assert_memory_equal(back, text, strlen(text));
}

/* All that comes until the peer ends is this. */
static inline void assert_reads_to_end(whorl_stream *client, const char *text)
{
    char got[256];
    ssize_t len = whorl_stream_read_exactly(client, got, sizeof got);
    assert_int_equal(len, strlen(text));
    assert_memory_equal(got, text, strlen(text));
}

/* --- A handler that sleeps --- */

#define HOUR WHORL_SECONDS(3600)

struct note {
    int64_t sleep;
    int begun;
    int64_t ended; /* when the last handler ended */
    intptr_t result;
    int shielded; /* it goes on after its cancel */
};

static inline intptr_t sleep_and_answer(whorl_stream *stream, void *arg)
{
    struct note *note = arg;
    note->begun++;
    note->result = whorl_sleep(note->sleep);
    if (note->shielded) {
        whorl_shield shield;
        whorl_shield_begin(&shield, HOUR);
        whorl_sleep(WHORL_SECONDS(30));
        whorl_shield_end(&shield, 0);
    }
    whorl_stream_puts(stream, note->result == 0 ? "in time" : "too late");
    note->ended = whorl_now();
    return note->result;
}

/* A server with one connection, whose handler has begun. */
static inline whorl_stream *begin_sleeper(serving *server, struct note *note,
                                          const whorl_serve_options *options)
{
    serve_here(server, sleep_and_answer, note, options);
    whorl_stream *client = client_of(server);
    while (!note->begun)
        assert_int_equal(whorl_yield(), 0);
    return client;
}

#endif
