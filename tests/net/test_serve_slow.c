/*
 * Slow peers against a server's limits and timeouts: one that sends a byte now and then, one that
 * takes a byte now and then, one whose line never ends. None holds its place for longer than the
 * handler allows, and others are served meanwhile.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "net/serving.h"

enum { LINE_MOST = 100, BYTES_MOST = 2000, HOLDERS = 3, OTHERS = 20 };

/* Of a request, from its first byte awaited to its answer; between the bytes of a slow peer; and
 * what a stream waits for one, which these never let run out. */
#define DEADLINE WHORL_MS(400)
#define PAUSE WHORL_MS(20)
#define IDLE WHORL_SECONDS(5)

struct failures {
    unsigned count;
    intptr_t result;
};

static void note_failure(void *arg, const char *peer, intptr_t result)
{
    struct failures *failures = arg;
    (void)peer;
    failures->count++;
    failures->result = result;
}

static const whorl_serve_options two_places = {
    .limit = 2, .failed = note_failure, .stream = {.idle_timeout = IDLE}};
static const whorl_serve_options few_places = {
    .limit = HOLDERS, .failed = note_failure, .stream = {.idle_timeout = IDLE}};

static const whorl_serve_options patient = {.limit = 2, .failed = note_failure};

static int answer_line(whorl_stream *stream)
{
    whorl_line line;
    int result = whorl_stream_read_line(stream, &line, LINE_MOST);
    if (result <= 0)
        return result;
    ssize_t sent = whorl_stream_printf(stream, "%.*s\n", (int)line.len, line.text);
    if (sent > 0)
        sent = whorl_stream_drain(stream);
    return sent < 0 ? (int)sent : 1;
}

/* Each line has one deadline, however its bytes come. */
static intptr_t serve_lines(whorl_stream *stream, void *arg)
{
    (void)arg;
    int result = 1;
    while (result > 0) {
        whorl_timeout limit;
        whorl_timeout_begin(&limit, DEADLINE);
        result = (int)whorl_timeout_end(&limit, answer_line(stream));
    }
    return result;
}

/* --- The slow --- */

/* Sends a byte now and then, and no end of the line, until it is broken off. Returns how many
 * went. */
static intptr_t send_slowly(void *arg)
{
    int fd = *(const int *)arg;
    for (intptr_t sent = 0; sent < BYTES_MOST; sent++) {
        char byte;
        ssize_t got = recv(fd, &byte, 1, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN) || send(fd, "x", 1, MSG_NOSIGNAL) != 1)
            return sent;
        whorl_sleep(PAUSE);
    }
    return BYTES_MOST;
}

static void be_served(const serving *server)
{
    whorl_stream *client = client_of(server);
    assert_echoed(client, "a line\n");
    assert_int_equal(whorl_stream_close(client), 0);
}

static void a_byte_now_and_then_holds_a_place_until_the_deadline(void **state)
{
    (void)state;
    struct failures failures = {0};
    serving server;
    serve_here(&server, serve_lines, &failures, &two_places);
    int fd = connect_to(server.listener);
    int64_t before = whorl_now();
    whorl_task *task = whorl_spawn(send_slowly, &fd);
    for (int i = 0; i < OTHERS; i++)
        be_served(&server);
    intptr_t sent = whorl_join(task);
    assert_in_range(sent, 1, BYTES_MOST - 1);
    assert_true(whorl_now() - before >= DEADLINE);
    while (whorl_listener_live(server.listener) > 0)
        assert_int_equal(whorl_sleep(WHORL_MS(1)), 0);
    assert_int_equal(failures.count, 1);
    assert_int_equal(failures.result, -ETIMEDOUT);
    close(fd);
    assert_int_equal(end_serving(&server), 0);
}

/* They hold every place there is: who comes next waits, and no longer than for the deadline. */
static void places_that_slow_peers_hold_come_free_for_others(void **state)
{
    (void)state;
    struct failures failures = {0};
    serving server;
    serve_here(&server, serve_lines, &failures, &few_places);
    int fds[HOLDERS];
    whorl_task *tasks[HOLDERS];
    for (int i = 0; i < HOLDERS; i++) {
        fds[i] = connect_to(server.listener);
        tasks[i] = whorl_spawn(send_slowly, &fds[i]);
    }
    while (whorl_listener_live(server.listener) < HOLDERS)
        assert_int_equal(whorl_sleep(WHORL_MS(1)), 0);
    be_served(&server);
    assert_in_range(failures.count, 1, HOLDERS);
    for (int i = 0; i < HOLDERS; i++) {
        assert_in_range(whorl_join(tasks[i]), 1, BYTES_MOST - 1);
        close(fds[i]);
    }
    assert_int_equal(failures.count, HOLDERS);
    assert_int_equal(end_serving(&server), 0);
}

/* --- Lines without end --- */

static void a_line_without_end_is_broken_off_at_its_limit(void **state)
{
    (void)state;
    static const char endless[64 << 10];
    struct failures failures = {0};
    serving server;
    serve_here(&server, serve_lines, &failures, &two_places);
    whorl_stream *client = client_of(&server);
    ssize_t sent = 0;
    for (int i = 0; i < 1000 && sent >= 0; i++)
        sent = whorl_stream_write(client, endless, sizeof endless);
    assert_true(sent == -EPIPE || sent == -ECONNRESET);
    while (whorl_listener_live(server.listener) > 0) /* the client may know first */
        assert_int_equal(whorl_sleep(WHORL_MS(1)), 0);
    assert_int_equal(failures.count, 1);
    assert_int_equal(failures.result, -EMSGSIZE);
    whorl_stream_abort(client);
    be_served(&server);
    assert_int_equal(end_serving(&server), 0);
}

/* --- Slow takers --- */

/* What it has written and not sent when it fails is no reason to go on. */
static intptr_t answer_without_end(whorl_stream *stream, void *arg)
{
    (void)arg;
    static const char part[32 << 10];
    ssize_t sent = 1;
    whorl_timeout limit;
    whorl_timeout_begin(&limit, DEADLINE);
    while (sent > 0)
        sent = whorl_stream_write(stream, part, sizeof part);
    check(whorl_stream_pending(stream) > 0);
    return whorl_timeout_end(&limit, sent);
}

static intptr_t take_slowly(void *arg)
{
    int fd = *(const int *)arg;
    char byte;
    for (int i = 0; i < BYTES_MOST; i++) {
        if (recv(fd, &byte, 1, MSG_DONTWAIT) == 0)
            return i;
        whorl_sleep(PAUSE);
    }
    return BYTES_MOST;
}

static void who_takes_a_byte_now_and_then_holds_no_place_either(void **state)
{
    (void)state;
    struct failures failures = {0};
    serving server;
    serve_here(&server, answer_without_end, &failures, &patient);
    int fd = connect_to(server.listener);
    int64_t before = whorl_now();
    whorl_task *task = whorl_spawn(take_slowly, &fd);
    while (failures.count == 0)
        assert_int_equal(whorl_sleep(WHORL_MS(1)), 0);
    assert_true(whorl_now() - before >= DEADLINE);
    assert_int_equal(failures.result, -ETIMEDOUT);
    assert_false(whorl_is_done(task));
    assert_int_equal(whorl_cancel(task), 0);
    whorl_join(task);
    while (whorl_listener_live(server.listener) > 0)
        assert_int_equal(whorl_sleep(WHORL_MS(1)), 0);
    close(fd);
    assert_int_equal(end_serving(&server), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(a_byte_now_and_then_holds_a_place_until_the_deadline),
        as_task(places_that_slow_peers_hold_come_free_for_others),
        as_task(a_line_without_end_is_broken_off_at_its_limit),
        as_task(who_takes_a_byte_now_and_then_holds_no_place_either),
    };
    return run_behaviours("serve_slow", tests);
}
