/* Servers: a task for each connection, and what becomes of its stream. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "net/serving.h"

#include <net/listener.h>
#include <netinet/tcp.h>

static void each_connection_is_served_by_a_task_of_its_own(void **state)
{
    (void)state;
    serving server;
    serve_here(&server, echo, NULL, NULL);
    whorl_stream *clients[3];
    for (int i = 0; i < 3; i++)
        clients[i] = client_of(&server);
    for (int i = 2; i >= 0; i--)
        assert_echoed(clients[i], "hello");
    assert_int_equal(whorl_listener_live(server.listener), 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(whorl_stream_close(clients[i]), 0);
    assert_int_equal(end_serving(&server), 0);
}

static void the_plain_form_serves_too(void **state)
{
    (void)state;
    serving server;
    serve_plainly(&server, echo, NULL, 2);
    whorl_stream *client = client_of(&server);
    assert_echoed(client, "plain");
    assert_int_equal(whorl_stream_close(client), 0);
    assert_int_equal(end_serving(&server), 0);
}

/* --- Its stream --- */

static intptr_t look_at_nodelay(whorl_stream *stream, void *arg)
{
    socklen_t len = sizeof(int);
    return getsockopt(whorl_stream_fd(stream), IPPROTO_TCP, TCP_NODELAY, arg, &len);
}

static void what_it_sends_leaves_at_once(void **state)
{
    (void)state;
    serving server;
    int nodelay = 0;
    serve_here(&server, look_at_nodelay, &nodelay, NULL);
    whorl_stream *client = client_of(&server);
    assert_reads_to_end(client, "");
    assert_int_equal(nodelay, 1);
    assert_int_equal(whorl_stream_close(client), 0);
    assert_int_equal(end_serving(&server), 0);
}

static intptr_t greet(whorl_stream *stream, void *arg)
{
    ssize_t put = whorl_stream_puts(stream, arg);
    return put < 0 ? put : 0;
}

static void the_stream_is_closed_when_the_handler_returns(void **state)
{
    (void)state;
    serving server;
    serve_here(&server, greet, "all of it is sent", NULL);
    whorl_stream *client = client_of(&server);
    assert_reads_to_end(client, "all of it is sent");
    assert_int_equal(whorl_stream_close(client), 0);
    assert_int_equal(end_serving(&server), 0);
}

static intptr_t close_itself(whorl_stream *stream, void *arg)
{
    whorl_stream_puts(stream, arg);
    assert_int_equal(whorl_stream_close(stream), 0);
    return whorl_sleep(WHORL_MS(5));
}

static intptr_t abort_itself(whorl_stream *stream, void *arg)
{
    (void)arg;
    assert_int_equal(whorl_stream_abort(stream), 0);
    return whorl_yield();
}

static intptr_t detach_itself(whorl_stream *stream, void *arg)
{
    int *fd = arg;
    assert_int_equal(whorl_stream_detach(stream, fd), 0);
    return 0;
}

static void a_handler_may_give_its_stream_back_itself(void **state)
{
    (void)state;
    serving server;
    serve_here(&server, close_itself, "done", NULL);
    whorl_stream *client = client_of(&server);
    assert_reads_to_end(client, "done");
    assert_int_equal(whorl_stream_close(client), 0);
    assert_int_equal(end_serving(&server), 0);

    serve_here(&server, abort_itself, NULL, NULL);
    client = client_of(&server);
    char byte;
    assert_int_equal(whorl_stream_read(client, &byte, 1), -ECONNRESET);
    whorl_stream_abort(client);
    assert_int_equal(end_serving(&server), 0);

    int fd = -1;
    serve_here(&server, detach_itself, &fd, NULL);
    client = client_of(&server);
    while (fd < 0)
        assert_int_equal(whorl_yield(), 0);
    assert_int_equal(end_serving(&server), 0);
    assert_int_equal(whorl_send(fd, "x", 1, 0), 1);
    assert_int_equal(whorl_stream_read(client, &byte, 1), 1);
    close(fd);
    assert_int_equal(whorl_stream_close(client), 0);
}

/* --- Tasks and scopes of a handler --- */

static intptr_t write_in_the_end(void *arg)
{
    return whorl_stream_puts(arg, "last");
}

static intptr_t defer_a_write(whorl_stream *stream, void *arg)
{
    (void)arg;
    whorl_stream_puts(stream, "first ");
    return whorl_defer(write_in_the_end, stream);
}

static void what_a_handler_has_deferred_may_use_the_stream(void **state)
{
    (void)state;
    serving server;
    serve_here(&server, defer_a_write, NULL, NULL);
    whorl_stream *client = client_of(&server);
    assert_reads_to_end(client, "first last");
    assert_int_equal(whorl_stream_close(client), 0);
    assert_int_equal(end_serving(&server), 0);
}

static intptr_t write_part(void *arg)
{
    int error = whorl_sleep(WHORL_MS(1));
    ssize_t put = error ? error : whorl_stream_puts(arg, "x");
    return put < 0 ? put : 0;
}

static intptr_t write_by_many(whorl_stream *stream, void *arg)
{
    (void)arg;
    whorl_group group;
    whorl_group_init(&group);
    intptr_t result = 0;
    for (int i = 0; i < 5 && result == 0; i++)
        result = whorl_group_spawn(&group, write_part, stream);
    return whorl_group_wait(&group, result);
}

static void a_handler_may_spawn_tasks(void **state)
{
    (void)state;
    serving server;
    serve_here(&server, write_by_many, NULL, NULL);
    whorl_stream *client = client_of(&server);
    assert_reads_to_end(client, "xxxxx");
    assert_int_equal(whorl_stream_close(client), 0);
    assert_int_equal(end_serving(&server), 0);
}

static intptr_t leave_group_open(whorl_stream *stream, void *arg)
{
    static whorl_group group;
    (void)arg;
    whorl_group_init(&group);
    return whorl_group_spawn(&group, write_part, stream);
}

static void what_a_handler_leaves_open_ends_before_its_stream(void **state)
{
    (void)state;
    serving server;
    serve_here(&server, leave_group_open, NULL, NULL);
    whorl_stream *client = client_of(&server);
    assert_reads_to_end(client, "");
    assert_int_equal(whorl_stream_close(client), 0);
    assert_int_equal(end_serving(&server), 0);
}

/* --- Options --- */

static intptr_t tell_name(whorl_stream *stream, void *arg)
{
    (void)arg;
    return whorl_stream_puts(stream, whorl_name(whorl_self())) < 0 ? -EIO : 0;
}

static void the_tasks_have_the_name_that_was_asked_for(void **state)
{
    (void)state;
    serving server;
    serve_here(&server, tell_name, NULL, NULL);
    whorl_stream *client = client_of(&server);
    assert_reads_to_end(client, "connection");
    assert_int_equal(whorl_stream_close(client), 0);
    assert_int_equal(end_serving(&server), 0);
    whorl_serve_options options = {.name = "telnet"};
    serve_here(&server, tell_name, NULL, &options);
    client = client_of(&server);
    assert_reads_to_end(client, "telnet");
    assert_int_equal(whorl_stream_close(client), 0);
    assert_int_equal(end_serving(&server), 0);
}

static intptr_t use_much_stack(whorl_stream *stream, void *arg)
{
    volatile char much[300 << 10];
    (void)arg;
    for (size_t i = 0; i < sizeof much; i += 4096)
        much[i] = 'x';
    return whorl_stream_puts(stream, much[4096] == 'x' ? "fits" : "") < 0 ? -EIO : 0;
}

static void the_tasks_have_the_stack_that_was_asked_for(void **state)
{
    (void)state;
    serving server;
    whorl_serve_options options = {.stack_size = 512 << 10};
    serve_here(&server, use_much_stack, NULL, &options);
    whorl_stream *client = client_of(&server);
    assert_reads_to_end(client, "fits");
    assert_int_equal(whorl_stream_close(client), 0);
    assert_int_equal(end_serving(&server), 0);
}

static intptr_t tell_read(whorl_stream *stream, void *arg)
{
    char byte;
    *(ssize_t *)arg = whorl_stream_read(stream, &byte, 1);
    return 0;
}

static void the_streams_have_the_options_that_were_asked_for(void **state)
{
    (void)state;
    serving server;
    ssize_t got = 0;
    whorl_serve_options options = {.stream.idle_timeout = WHORL_MS(3)};
    serve_here(&server, tell_read, &got, &options);
    whorl_stream *client = client_of(&server);
    assert_reads_to_end(client, "");
    assert_int_equal(got, -ETIMEDOUT);
    assert_int_equal(whorl_stream_close(client), 0);
    assert_int_equal(end_serving(&server), 0);
}

static void a_unix_socket_is_served(void **state)
{
    (void)state;
    serving server = {.handler = echo};
    test_path path = path_of("socket");
    assert_int_equal(whorl_listen_unix(path.text, NULL, &server.listener), 0);
    begin_serving(&server);
    whorl_stream *client = client_of(&server);
    assert_echoed(client, "unix");
    assert_int_equal(whorl_stream_close(client), 0);
    assert_int_equal(end_serving(&server), 0);
}

/* --- What is refused --- */

static void options_out_of_range_are_refused(void **state)
{
    (void)state;
    whorl_listener *listener;
    assert_int_equal(whorl_listen_tcp("127.0.0.1", NULL, NULL, &listener), 0);
    const whorl_serve_options bad[] = {
        {.grace = -2},
        {.stack_size = 1},
        {.stack_size = WHORL_STACK_MAX + 1},
        {.stream.idle_timeout = -1},
        {.stream.high_water = ((size_t)1 << 30) + 1},
    };
    for (size_t i = 0; i < count_of(bad); i++)
        assert_int_equal(whorl_serve_with(listener, echo, NULL, &bad[i]), -EINVAL);
    assert_int_equal(whorl_serve(listener, NULL, NULL, 0), -EINVAL);
    assert_int_equal(whorl_serve(NULL, echo, NULL, 0), -EINVAL);
    assert_int_equal(whorl_listener_close(listener), 0);
}

static intptr_t accept_one(void *arg)
{
    return whorl_listener_accept(arg);
}

static void a_listener_has_one_server(void **state)
{
    (void)state;
    serving server;
    serve_here(&server, echo, NULL, NULL);
    assert_int_equal(whorl_serve(server.listener, echo, NULL, 1), -EBUSY);
    assert_int_equal(whorl_listener_accept(server.listener), -EBUSY);
    assert_int_equal(whorl_listener_close(server.listener), -EBUSY);
    assert_int_equal(end_serving(&server), 0);

    whorl_listener *listener;
    assert_int_equal(whorl_listen_tcp("127.0.0.1", NULL, NULL, &listener), 0);
    whorl_task *acceptor = whorl_spawn(accept_one, listener);
    assert_int_equal(whorl_yield(), 0);
    assert_int_equal(whorl_serve(listener, echo, NULL, 1), -EBUSY);
    assert_int_equal(whorl_listener_close(listener), 0);
    assert_int_equal(whorl_join(acceptor), -ECANCELED);
}

static void a_cancelled_task_serves_nobody(void **state)
{
    (void)state;
    whorl_listener *listener;
    assert_int_equal(whorl_listen_tcp("127.0.0.1", NULL, NULL, &listener), 0);
    whorl_cancel(whorl_self());
    assert_int_equal(whorl_serve(listener, echo, NULL, 1), -ECANCELED);
    assert_int_equal(whorl_uncancel(), 1);
    assert_int_equal(whorl_listener_close(listener), 0);
}

static void an_error_of_accepting_ends_the_server(void **state)
{
    (void)state;
    serving server;
    serve_here(&server, echo, NULL, NULL);
    whorl_stream *client = client_of(&server);
    assert_echoed(client, "before");
    assert_int_equal(shutdown(server.listener->sockets[0].ops[0].accepting.op.fd, SHUT_RD), 0);
    assert_int_equal(whorl_yield(), 0);
    /* It waits for its handler still. */
    assert_echoed(client, "after");
    assert_int_equal(whorl_listener_live(server.listener), 1);
    assert_int_equal(whorl_stream_close(client), 0);
    assert_int_equal(whorl_join(server.task), -EINVAL);
    assert_int_equal(whorl_listener_close(server.listener), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(each_connection_is_served_by_a_task_of_its_own),
        as_task(the_plain_form_serves_too),
        as_task(what_it_sends_leaves_at_once),
        as_task(the_stream_is_closed_when_the_handler_returns),
        as_task(a_handler_may_give_its_stream_back_itself),
        as_task(what_a_handler_has_deferred_may_use_the_stream),
        as_task(a_handler_may_spawn_tasks),
        as_task(what_a_handler_leaves_open_ends_before_its_stream),
        as_task(the_tasks_have_the_name_that_was_asked_for),
        as_task(the_tasks_have_the_stack_that_was_asked_for),
        as_task(the_streams_have_the_options_that_were_asked_for),
        as_task(a_unix_socket_is_served),
        as_task(options_out_of_range_are_refused),
        as_task(a_listener_has_one_server),
        as_task(a_cancelled_task_serves_nobody),
        as_task(an_error_of_accepting_ends_the_server),
    };
    return run_behaviours("serve", tests);
}
