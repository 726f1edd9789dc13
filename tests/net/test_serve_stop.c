/* The end of a server: by a stop, or the end of its run. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "core/child.h"
#include "net/serving.h"
#include "run/landing.h"

#include <net/listener.h>

/* --- Stop --- */

static void a_stop_lets_handlers_end(void **state)
{
    (void)state;
    serving server;
    struct note note = {.sleep = WHORL_SECONDS(5)};
    whorl_stream *client = begin_sleeper(&server, &note, NULL);
    int64_t before = whorl_now();
    assert_int_equal(whorl_listener_stop(server.listener), 0);
    assert_int_equal(whorl_join(server.task), 0);
    assert_in_range(whorl_now() - before, WHORL_SECONDS(5) - WHORL_MS(500), WHORL_SECONDS(6));
    assert_int_equal(note.result, 0);
    assert_reads_to_end(client, "in time");
    assert_int_equal(whorl_stream_close(client), 0);
    assert_int_equal(whorl_listener_close(server.listener), 0);
}

static void who_connects_after_the_stop_is_refused(void **state)
{
    (void)state;
    for (int cancels = 0; cancels < 2; cancels++) {
        serving server;
        struct note note = {.sleep = WHORL_SECONDS(5)};
        whorl_stream *client = begin_sleeper(&server, &note, NULL);
        char port[16];
        snprintf(port, sizeof port, "%d", whorl_listener_port(server.listener));
        if (cancels)
            assert_int_equal(whorl_cancel(server.task), 0);
        else
            assert_int_equal(whorl_listener_stop(server.listener), 0);
        assert_int_equal(whorl_sleep(WHORL_SECONDS(1)), 0);
        assert_int_equal(note.ended, 0);
        assert_int_equal(whorl_tcp_connect("127.0.0.1", port, NULL), -ECONNREFUSED);
        assert_int_equal(whorl_listener_port(server.listener), -ENOENT);
        assert_int_equal(whorl_join(server.task), cancels ? -ECANCELED : 0);
        assert_int_equal(whorl_serve(server.listener, sleep_and_answer, &note, 0), -EBUSY);
        assert_reads_to_end(client, "in time");
        assert_int_equal(whorl_stream_close(client), 0);
        assert_int_equal(whorl_listener_close(server.listener), 0);
    }
}

static void handlers_that_are_late_are_cancelled(void **state)
{
    (void)state;
    static const struct {
        int64_t grace, expected;
    } cases[] = {
        {0, WHORL_SECONDS(10)},
        {WHORL_SECONDS(3), WHORL_SECONDS(3)},
        {WHORL_SECONDS(70), WHORL_SECONDS(70)},
        {-1, 0},
        {WHORL_FOREVER, HOUR},
    };
    for (size_t i = 0; i < count_of(cases); i++) {
        serving server;
        struct note note = {.sleep = HOUR};
        whorl_serve_options options = {.grace = cases[i].grace};
        whorl_stream *client = begin_sleeper(&server, &note, &options);
        int64_t before = whorl_now();
        assert_int_equal(whorl_listener_stop(server.listener), 0);
        assert_int_equal(whorl_join(server.task), 0);
        assert_in_range(note.ended - before + WHORL_MS(500), cases[i].expected,
                        cases[i].expected + WHORL_SECONDS(1));
        bool in_time = cases[i].grace == WHORL_FOREVER;
        assert_int_equal(note.result, in_time ? 0 : -ECANCELED);
        assert_int_equal(whorl_stream_close(client), 0);
        assert_int_equal(whorl_listener_close(server.listener), 0);
    }
}

static void handlers_that_do_not_heed_their_cancel_are_awaited(void **state)
{
    (void)state;
    serving server;
    struct note note = {.sleep = HOUR, .shielded = 1};
    whorl_serve_options options = {.grace = WHORL_SECONDS(2)};
    whorl_stream *client = begin_sleeper(&server, &note, &options);
    int64_t before = whorl_now();
    assert_int_equal(whorl_listener_stop(server.listener), 0);
    assert_int_equal(whorl_join(server.task), 0);
    assert_in_range(whorl_now() - before + WHORL_MS(500), WHORL_SECONDS(32), WHORL_SECONDS(34));
    assert_int_equal(whorl_stream_close(client), 0);
    assert_int_equal(whorl_listener_close(server.listener), 0);
}

static void what_the_kernel_takes_at_once_is_sent_for_those_that_were_cancelled(void **state)
{
    (void)state;
    serving server;
    struct note note = {.sleep = HOUR};
    whorl_serve_options options = {.grace = -1};
    whorl_stream *client = begin_sleeper(&server, &note, &options);
    assert_int_equal(whorl_listener_stop(server.listener), 0);
    assert_int_equal(whorl_join(server.task), 0);
    /* Writing does not wait; so it was taken though the task was cancelled, or refused whole. */
    char text[16];
    ssize_t got = whorl_stream_read_exactly(client, text, sizeof text);
    assert_true(got == 0 || (got == 8 && memcmp(text, "too late", 8) == 0));
    assert_int_equal(whorl_stream_close(client), 0);
    assert_int_equal(whorl_listener_close(server.listener), 0);
}

static intptr_t do_nothing(void *arg)
{
    (void)arg;
    return 0;
}

/* So much that, of what a client does not take, some is sent after the handler's end. */
static int write_much(whorl_stream *stream)
{
    static const char much[60000];
    int bytes = 10000;
    setsockopt(whorl_stream_fd(stream), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    ssize_t put = 1;
    while (put > 0 && whorl_stream_pending(stream) < 10 * sizeof much) {
        put = whorl_stream_write(stream, much, sizeof much);
        for (int i = 0; i < 10; i++)
            whorl_yield();
    }
    return put < 0 ? (int)put : 0;
}

static intptr_t defer_and_write_much(whorl_stream *stream, void *arg)
{
    bool *has_returned = arg;
    assert_int_equal(whorl_defer(do_nothing, NULL), 0);
    int result = write_much(stream);
    *has_returned = true;
    return result;
}

static void a_stream_that_is_being_closed_is_cut_when_the_grace_is_over(void **state)
{
    (void)state;
    serving server;
    bool has_returned = false;
    whorl_serve_options options = {.grace = WHORL_MS(1), .stream = {.high_water = 1 << 20}};
    serve_here(&server, defer_and_write_much, &has_returned, &options);
    int client = connect_to(server.listener);
    while (!has_returned)
        assert_int_equal(whorl_yield(), 0);
    for (int i = 0; i < 10; i++)
        assert_int_equal(whorl_yield(), 0);
    assert_int_equal(whorl_listener_live(server.listener), 1);
    int64_t before = whorl_now();
    assert_int_equal(whorl_listener_stop(server.listener), 0);
    assert_int_equal(whorl_join(server.task), 0);
    assert_true(whorl_now() - before < WHORL_SECONDS(5));
    close(client);
    assert_int_equal(whorl_listener_close(server.listener), 0);
}

static intptr_t write_much_after_all(whorl_stream *stream, void *arg)
{
    (void)arg;
    assert_int_equal(whorl_sleep(HOUR), -ECANCELED);
    assert_int_equal(whorl_uncancel(), 1);
    return write_much(stream);
}

static void so_is_that_of_a_handler_that_has_outlived_the_grace(void **state)
{
    (void)state;
    serving server;
    whorl_serve_options options = {.grace = WHORL_MS(1), .stream = {.high_water = 1 << 20}};
    serve_here(&server, write_much_after_all, NULL, &options);
    int client = connect_to(server.listener);
    while (whorl_listener_live(server.listener) == 0)
        assert_int_equal(whorl_sleep(WHORL_MS(1)), 0);
    assert_int_equal(whorl_listener_stop(server.listener), 0);
    whorl_timeout limit;
    whorl_timeout_begin(&limit, WHORL_SECONDS(5));
    assert_int_equal(whorl_timeout_end(&limit, whorl_join(server.task)), 0);
    close(client);
    assert_int_equal(whorl_listener_close(server.listener), 0);
}

static void a_stop_comes_while_the_server_is_full(void **state)
{
    (void)state;
    serving server;
    struct note note = {.sleep = WHORL_SECONDS(1)};
    whorl_serve_options options = {.limit = 1};
    whorl_stream *first = begin_sleeper(&server, &note, &options);
    whorl_stream *second = client_of(&server);
    for (int i = 0; i < 20; i++)
        assert_int_equal(whorl_yield(), 0);
    assert_int_equal(whorl_listener_live(server.listener), 1);
    assert_int_equal(whorl_listener_stop(server.listener), 0);
    assert_int_equal(whorl_join(server.task), 0);
    assert_int_equal(note.begun, 1);
    assert_reads_to_end(first, "in time");
    assert_int_equal(whorl_listener_close(server.listener), 0);
    char byte;
    ssize_t got = whorl_stream_read(second, &byte, 1);
    assert_true(got == 0 || got == -ECONNRESET);
    assert_int_equal(whorl_stream_close(first), 0);
    whorl_stream_abort(second);
}

/* Has so many clients be there, and their connections come in one turn, in which the server is
 * ended before it has seen more than one of them. */
enum { AT_ONCE = 8 };

static void end_amid_connections(serving *server, whorl_stream **clients, bool cancels)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    whorl_op nothing = whorl_op_nop();
    assert_int_equal(whorl_listener_address(server->listener, 0, (struct sockaddr *)&address, &len),
                     0);
    for (int i = 0; i < AT_ONCE; i++) {
        int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&address, len), 0);
        assert_int_equal(whorl_stream_open(fd, NULL, &clients[i]), 0);
    }
    assert_int_equal(whorl_op_await(&nothing), 0);
    assert_int_equal(cancels ? whorl_cancel(server->task) : whorl_listener_stop(server->listener),
                     0);
}

/* Of those that have been taken as many are served as the limit allows; the others are closed. */
static void what_was_taken_before_the_end_is_served(void **state)
{
    (void)state;
    for (int limit = 3; limit <= 2 * AT_ONCE; limit += 2 * AT_ONCE - 3)
        for (int cancels = 0; cancels < 2; cancels++) {
            serving server;
            whorl_stream *clients[AT_ONCE];
            struct note note = {.sleep = WHORL_SECONDS(1)};
            whorl_serve_options options = {.limit = (size_t)limit};
            char byte;
            serve_here(&server, sleep_and_answer, &note, &options);
            end_amid_connections(&server, clients, cancels);
            assert_int_equal(whorl_join(server.task), cancels ? -ECANCELED : 0);
            assert_int_equal(note.begun, limit < AT_ONCE ? limit : AT_ONCE);
            for (int i = 0; i < AT_ONCE; i++) {
                if (i < note.begun)
                    assert_reads_to_end(clients[i], "in time");
                else
                    assert_true(whorl_stream_read(clients[i], &byte, 1) <= 0);
                whorl_stream_abort(clients[i]);
            }
            assert_int_equal(whorl_listener_close(server.listener), 0);
        }
}

static void without_grace_what_was_taken_is_closed(void **state)
{
    (void)state;
    serving server;
    whorl_stream *clients[AT_ONCE];
    struct note note = {.sleep = HOUR};
    whorl_serve_options options = {.grace = -1};
    serve_here(&server, sleep_and_answer, &note, &options);
    end_amid_connections(&server, clients, false);
    assert_int_equal(whorl_join(server.task), 0);
    assert_true(note.begun <= 1);
    for (int i = 0; i < AT_ONCE; i++)
        whorl_stream_abort(clients[i]);
    assert_int_equal(whorl_listener_close(server.listener), 0);
}

static void a_stop_before_the_server_keeps_it_from_beginning(void **state)
{
    (void)state;
    whorl_listener *listener;
    assert_int_equal(whorl_listen_tcp("127.0.0.1", NULL, NULL, &listener), 0);
    assert_int_equal(whorl_listener_stop(listener), -ESRCH);
    assert_int_equal(whorl_serve(listener, echo, NULL, 0), -EBUSY);
    assert_int_equal(whorl_serve(listener, echo, NULL, 0), -EBUSY);
    assert_int_equal(whorl_listener_close(listener), 0);
}

static void nobody_accepts_or_listens_after_a_server(void **state)
{
    (void)state;
    serving server;
    struct note note = {0};
    serve_here(&server, sleep_and_answer, &note, NULL);
    assert_int_equal(whorl_listener_stop(server.listener), 0);
    assert_int_equal(whorl_join(server.task), 0);
    whorl_timeout limit;
    whorl_timeout_begin(&limit, HOUR);
    intptr_t result = whorl_listener_accept(server.listener);
    assert_int_equal(whorl_timeout_end(&limit, result), -EBUSY);
    assert_int_equal(whorl_listener_port(server.listener), -ENOENT);
    assert_int_equal(whorl_listener_close(server.listener), 0);
}

static void a_second_stop_says_so(void **state)
{
    (void)state;
    serving server;
    struct note note = {.sleep = WHORL_SECONDS(1)};
    whorl_stream *client = begin_sleeper(&server, &note, NULL);
    assert_int_equal(whorl_listener_stop(server.listener), 0);
    assert_int_equal(whorl_listener_stop(server.listener), -EALREADY);
    assert_int_equal(whorl_yield(), 0);
    assert_int_equal(whorl_listener_stop(server.listener), -EALREADY);
    assert_int_equal(whorl_join(server.task), 0);
    assert_int_equal(whorl_listener_stop(server.listener), -ESRCH);
    assert_int_equal(whorl_serve(server.listener, echo, NULL, 0), -EBUSY);
    assert_int_equal(whorl_stream_close(client), 0);
    assert_int_equal(whorl_listener_close(server.listener), 0);
}

static void a_server_that_has_stopped_keeps_no_descriptor(void **state)
{
    (void)state;
    serving server;
    int before = open_descriptors();
    serve_here(&server, echo, NULL, NULL);
    assert_int_equal(whorl_listener_stop(server.listener), 0);
    assert_int_equal(whorl_join(server.task), 0);
    assert_int_equal(open_descriptors(), before);
    assert_int_equal(whorl_listener_close(server.listener), 0);
}

static void an_idle_server_stops_at_once(void **state)
{
    (void)state;
    serving server;
    serve_here(&server, echo, NULL, NULL);
    assert_int_equal(end_serving(&server), 0);
    /* Before it has run at all, too. */
    server = (serving){.handler = echo};
    assert_int_equal(whorl_listen_tcp("127.0.0.1", NULL, NULL, &server.listener), 0);
    server.task = whorl_spawn(serving_body, &server);
    assert_int_equal(whorl_listener_stop(server.listener), -ESRCH);
    assert_int_equal(whorl_join(server.task), -EBUSY);
    assert_int_equal(whorl_listener_close(server.listener), 0);
}

static intptr_t stop_it(whorl_stream *stream, void *arg)
{
    serving *server = arg;
    whorl_stream_puts(stream, "bye");
    return whorl_listener_stop(server->listener);
}

static void a_handler_may_stop_the_server(void **state)
{
    (void)state;
    serving server;
    serve_here(&server, stop_it, &server, NULL);
    whorl_stream *client = client_of(&server);
    assert_int_equal(whorl_join(server.task), 0);
    assert_reads_to_end(client, "bye");
    assert_int_equal(whorl_stream_close(client), 0);
    assert_int_equal(whorl_listener_close(server.listener), 0);
}

/* --- The run's end --- */

static intptr_t leave_serving(void *arg)
{
    serving *server = arg;
    whorl_stream *client;
    *server = (serving){.handler = echo};
    check_equal(whorl_listen_tcp("127.0.0.1", NULL, NULL, &server->listener), 0);
    whorl_release(whorl_spawn(serving_body, server));
    check_equal(whorl_yield(), 0);
    check_equal(whorl_stream_open(connect_to(server->listener), NULL, &client), 0);
    while (whorl_listener_live(server->listener) == 0)
        whorl_yield();
    return 7;
}

static void the_runs_end_ends_server_and_handlers(void **state)
{
    (void)state;
    serving server = {0};
    assert_int_equal(run(leave_serving, &server), 7);
}

static intptr_t leave_by_a_jump(void *arg)
{
    serving *server = arg;
    whorl_stream *client;
    *server = (serving){.handler = echo};
    check_equal(whorl_listen_tcp("127.0.0.1", NULL, NULL, &server->listener), 0);
    whorl_release(whorl_spawn(serving_body, server));
    check_equal(whorl_yield(), 0);
    check_equal(whorl_stream_open(connect_to(server->listener), NULL, &client), 0);
    while (whorl_listener_live(server->listener) == 0)
        whorl_yield();
    return leave(NULL);
}

static void a_run_that_is_left_by_a_jump_leaves_nothing_of_it(void **state)
{
    (void)state;
    skip_without_longjmp();
    serving server = {0};
    assert_int_equal(run_and_land(NULL, leave_by_a_jump, &server), -ECANCELED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(a_stop_lets_handlers_end),
        as_task(who_connects_after_the_stop_is_refused),
        as_task(handlers_that_are_late_are_cancelled),
        as_task(handlers_that_do_not_heed_their_cancel_are_awaited),
        as_task(what_the_kernel_takes_at_once_is_sent_for_those_that_were_cancelled),
        as_task(a_stream_that_is_being_closed_is_cut_when_the_grace_is_over),
        as_task(so_is_that_of_a_handler_that_has_outlived_the_grace),
        as_task(a_stop_comes_while_the_server_is_full),
        as_task(what_was_taken_before_the_end_is_served),
        as_task(without_grace_what_was_taken_is_closed),
        as_task(a_stop_before_the_server_keeps_it_from_beginning),
        as_task(nobody_accepts_or_listens_after_a_server),
        as_task(a_second_stop_says_so),
        as_task(an_idle_server_stops_at_once),
        as_task(a_server_that_has_stopped_keeps_no_descriptor),
        as_task(a_handler_may_stop_the_server),
        behaviour(the_runs_end_ends_server_and_handlers),
        behaviour(a_run_that_is_left_by_a_jump_leaves_nothing_of_it),
    };
    return run_behaviours("serve_stop", tests);
}
