/* Streams over connections made for them. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "as_task.h"
#include "net/places.h"

#include <sys/un.h>

static const whorl_stream_options bad_stream = {.idle_timeout = -1};

/* Says a line to the other end, and hears what comes back. */
static void check_talks(whorl_stream *stream, int listener)
{
    int peer = whorl_accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    char text[8] = "";
    whorl_line line;
    assert_int_equal(whorl_stream_puts(stream, "hello\n"), 6);
    assert_int_equal(whorl_stream_drain(stream), 0);
    assert_int_equal(whorl_recv(peer, text, sizeof text, 0), 6);
    assert_string_equal(text, "hello\n");
    assert_int_equal(whorl_send(peer, "world\n", 6, 0), 6);
    assert_int_equal(whorl_stream_read_line(stream, &line, 100), 1);
    assert_int_equal(line.len, 5);
    assert_int_equal(whorl_stream_close(stream), 0);
    assert_int_equal(whorl_close(peer), 0);
}

static void a_stream_is_connected_by_name(void **state)
{
    (void)state;
    static const enum place_kind kind = LIVE;
    struct places places;
    whorl_stream *stream = NULL;
    places_open(&places, &kind, 1);
    set_addresses("127.0.0.1");
    assert_int_equal(whorl_stream_connect_tcp("name.test", places.port, NULL, NULL, &stream), 0);
    check_talks(stream, places.fds[0]);
    places_close(&places);
}

static void where_there_is_no_connection_there_is_no_stream(void **state)
{
    (void)state;
    static const enum place_kind kinds[] = {REFUSES, LIVE};
    struct places places;
    char something;
    whorl_stream *stream = (whorl_stream *)&something;
    places_open(&places, kinds, 2);
    assert_int_equal(whorl_stream_connect_tcp("127.0.0.1", places.port, NULL, NULL, &stream),
                     -ECONNREFUSED);
    assert_null(stream);
    int before = open_descriptors();
    stream = (whorl_stream *)&something;
    assert_int_equal(whorl_stream_connect_tcp("127.0.0.2", places.port, NULL, &bad_stream, &stream),
                     -EINVAL);
    assert_null(stream);
    assert_int_equal(open_descriptors(), before);
    assert_int_equal(whorl_stream_connect_tcp("127.0.0.1", places.port, NULL, NULL, NULL), -EINVAL);
    places_close(&places);
}

static void a_stream_is_connected_at_a_path(void **state)
{
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    test_path path = path_of("socket");
    whorl_stream *stream = NULL;
    assert_true(strlen(path.text) < sizeof address.sun_path);
    strcpy(address.sun_path, path.text);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(whorl_stream_connect_unix(path.text, NULL, NULL, &stream), -ENOENT);
    assert_null(stream);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 5), 0);
    assert_int_equal(whorl_stream_connect_unix(path.text, NULL, NULL, &stream), 0);
    check_talks(stream, listener);
    assert_int_equal(whorl_stream_connect_unix(path.text, NULL, &bad_stream, &stream), -EINVAL);
    assert_null(stream);
    assert_int_equal(whorl_stream_connect_unix(path.text, NULL, NULL, NULL), -EINVAL);
    assert_int_equal(whorl_close(listener), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(a_stream_is_connected_by_name),
        as_task(where_there_is_no_connection_there_is_no_stream),
        as_task(a_stream_is_connected_at_a_path),
    };
    return run_behaviours("connect_stream", tests);
}
