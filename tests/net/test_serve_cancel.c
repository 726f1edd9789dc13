/* A server, its serving task or its handlers are cancelled. */
#include "net/serving.h"

#include <net/listener.h>

static void a_cancel_of_the_serving_task_gives_the_same_grace(void **state)
{
    (void)state;
    serving server;
    struct note note = {.sleep = WHORL_SECONDS(5)};
    whorl_stream *client = begin_sleeper(&server, &note, NULL);
    assert_int_equal(whorl_cancel(server.task), 0);
    assert_int_equal(whorl_yield(), 0);
    assert_int_equal(whorl_listener_stop(server.listener), -EALREADY);
    assert_int_equal(whorl_join(server.task), -ECANCELED);
    assert_int_equal(note.result, 0);
    assert_reads_to_end(client, "in time");
    assert_int_equal(whorl_stream_close(client), 0);
    assert_int_equal(whorl_listener_close(server.listener), 0);
}

static void a_cancel_after_a_stop_ends_the_grace(void **state)
{
    (void)state;
    for (int later = 0; later < 3; later++) {
        serving server;
        struct note note = {.sleep = HOUR};
        whorl_stream *client = begin_sleeper(&server, &note, NULL);
        int64_t before = whorl_now();
        assert_int_equal(whorl_listener_stop(server.listener), 0);
        if (later == 1)
            assert_int_equal(whorl_yield(), 0);
        if (later == 2) /* it waits for its handlers by then */
            assert_int_equal(whorl_sleep(WHORL_MS(100)), 0);
        assert_int_equal(whorl_cancel(server.task), 0);
        intptr_t result = whorl_join(server.task);
        assert_int_equal(result, 0);
        assert_true(whorl_now() - before < WHORL_SECONDS(1));
        assert_int_equal(note.result, -ECANCELED);
        assert_int_equal(whorl_stream_close(client), 0);
        assert_int_equal(whorl_listener_close(server.listener), 0);
    }
}

static void a_timeout_around_a_server_ends_it(void **state)
{
    (void)state;
    whorl_listener *listener;
    assert_int_equal(whorl_listen_tcp("127.0.0.1", NULL, NULL, &listener), 0);
    whorl_timeout limit;
    whorl_timeout_begin(&limit, WHORL_MS(20));
    int result = whorl_serve(listener, echo, NULL, 0);
    assert_int_equal(whorl_timeout_end(&limit, result), -ETIMEDOUT);
    assert_int_equal(whorl_listener_close(listener), 0);
}

static intptr_t cancel_itself(whorl_stream *stream, void *arg)
{
    (void)arg;
    whorl_cancel(whorl_self());
    char byte;
    return whorl_stream_read(stream, &byte, 1);
}

static void a_handler_that_cancels_itself_ends_alone(void **state)
{
    (void)state;
    serving server;
    serve_here(&server, cancel_itself, NULL, NULL);
    whorl_stream *client = client_of(&server);
    assert_reads_to_end(client, "");
    assert_int_equal(whorl_stream_close(client), 0);
    client = client_of(&server);
    assert_reads_to_end(client, "");
    assert_int_equal(whorl_stream_close(client), 0);
    assert_int_equal(end_serving(&server), 0);
}

static intptr_t give_handle(whorl_stream *stream, void *arg)
{
    char byte;
    *(whorl_task **)arg = whorl_self();
    return whorl_stream_read(stream, &byte, 1);
}

static void a_handlers_handle_is_for_itself_alone(void **state)
{
    (void)state;
    serving server;
    whorl_task *handler = NULL;
    serve_here(&server, give_handle, &handler, NULL);
    whorl_stream *client = client_of(&server);
    while (!handler)
        assert_int_equal(whorl_yield(), 0);
    assert_int_equal(whorl_cancel(handler), -EINVAL);
    assert_int_equal(whorl_join(handler), -EINVAL);
    assert_int_equal(whorl_listener_live(server.listener), 1);
    assert_int_equal(whorl_stream_end(client), 0);
    assert_reads_to_end(client, "");
    assert_int_equal(whorl_stream_close(client), 0);
    assert_int_equal(end_serving(&server), 0);
}

static intptr_t join_the_server(whorl_stream *stream, void *arg)
{
    (void)stream;
    serving *server = arg;
    server->result = whorl_join(server->task);
    return 0;
}

static void a_handler_that_would_wait_for_its_server_is_told(void **state)
{
    (void)state;
    serving server;
    serve_here(&server, join_the_server, &server, NULL);
    whorl_stream *client = client_of(&server);
    assert_reads_to_end(client, "");
    assert_int_equal(server.result, -EDEADLK);
    assert_int_equal(whorl_stream_close(client), 0);
    assert_int_equal(end_serving(&server), 0);
}

struct late_joiner {
    serving server;
    whorl_event go_on;
    size_t told;
};

static intptr_t join_the_server_late(whorl_stream *stream, void *arg)
{
    (void)stream;
    struct late_joiner *scene = arg;
    check_equal(whorl_event_wait(&scene->go_on), 0);
    scene->told += whorl_join(scene->server.task) == -EDEADLK;
    return 0;
}

static void so_is_each_that_its_server_waits_for_already(void **state)
{
    enum { MOST = 2 };
    (void)state;
    for (size_t count = 1; count <= MOST; count++) {
        struct late_joiner scene = {.told = 0};
        whorl_stream *clients[MOST];
        assert_int_equal(whorl_event_init(&scene.go_on), 0);
        serve_here(&scene.server, join_the_server_late, &scene, NULL);
        for (size_t i = 0; i < count; i++)
            clients[i] = client_of(&scene.server);
        while (whorl_listener_live(scene.server.listener) < count)
            assert_int_equal(whorl_yield(), 0);
        assert_int_equal(whorl_listener_stop(scene.server.listener), 0);
        assert_int_equal(whorl_sleep(WHORL_MS(1)), 0);
        assert_int_equal(whorl_event_set(&scene.go_on), 0);
        assert_int_equal(whorl_join(scene.server.task), 0);
        assert_int_equal(scene.told, count);
        assert_int_equal(whorl_listener_close(scene.server.listener), 0);
        for (size_t i = 0; i < count; i++) {
            assert_reads_to_end(clients[i], "");
            assert_int_equal(whorl_stream_close(clients[i]), 0);
        }
    }
}

static intptr_t note_begin(whorl_stream *stream, void *arg)
{
    (void)stream;
    ++*(int *)arg;
    return 0;
}

/* Waits until the server's task was given a connection, and has not run yet: always ready, the
 * caller runs between the two. */
static void await_sight(const serving *server)
{
    while (server->listener->waiters.first)
        whorl_yield();
}

static intptr_t cancel_at_sight(void *arg)
{
    const serving *server = arg;
    await_sight(server);
    return whorl_cancel(server->task);
}

static void a_connection_that_comes_with_the_cancel_has_its_grace_too(void **state)
{
    (void)state;
    serving server;
    int begun = 0;
    serve_here(&server, note_begin, &begun, NULL);
    whorl_task *watcher = whorl_spawn(cancel_at_sight, &server);
    whorl_stream *client = client_of(&server);
    assert_int_equal(whorl_join(watcher), 0);
    assert_int_equal(whorl_join(server.task), -ECANCELED);
    assert_int_equal(begun, 1);
    assert_reads_to_end(client, "");
    assert_int_equal(whorl_stream_close(client), 0);
    assert_int_equal(whorl_listener_close(server.listener), 0);
}

static intptr_t end_at_sight(void *arg)
{
    const serving *server = arg;
    await_sight(server);
    assert_int_equal(whorl_listener_stop(server->listener), 0);
    return whorl_cancel(server->task);
}

static void a_connection_that_has_not_begun_is_closed_without_its_handler(void **state)
{
    (void)state;
    serving server;
    int begun = 0;
    serve_here(&server, note_begin, &begun, NULL);
    whorl_task *watcher = whorl_spawn(end_at_sight, &server);
    whorl_stream *client = client_of(&server);
    assert_int_equal(whorl_join(watcher), 0);
    assert_int_equal(whorl_join(server.task), 0);
    assert_int_equal(begun, 0);
    assert_reads_to_end(client, "");
    assert_int_equal(whorl_stream_close(client), 0);
    assert_int_equal(whorl_listener_close(server.listener), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(a_cancel_of_the_serving_task_gives_the_same_grace),
        as_task(a_cancel_after_a_stop_ends_the_grace),
        as_task(a_timeout_around_a_server_ends_it),
        as_task(a_handler_that_cancels_itself_ends_alone),
        as_task(a_handlers_handle_is_for_itself_alone),
        as_task(a_handler_that_would_wait_for_its_server_is_told),
        as_task(so_is_each_that_its_server_waits_for_already),
        as_task(a_connection_that_comes_with_the_cancel_has_its_grace_too),
        as_task(a_connection_that_has_not_begun_is_closed_without_its_handler),
    };
    return run_behaviours("serve_cancel", tests);
}
