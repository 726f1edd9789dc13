/*
 * Peers that reset their connection, in every state that it has in a server: while it waits to be
 * accepted, before its handler asks for it, while the handler reads, writes, drains, sleeps, sends
 * what it has left behind, and in the grace after a stop. Each costs its own connection alone: the
 * one place that there is comes free for the next, and no descriptor is lost.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "net/serving.h"

#include <stdlib.h>
#include <sys/wait.h>

enum { LARGE = 8 << 20, QUEUED = 20 };

/* What the handler does with its connection until it breaks; `ready` is set once it is at it. */
enum state { SLEEPS, READS, READS_LINE, PEEKS, WRITES, DRAINS, ENDS, LEAVES_TO_SEND, STATES };

struct scene {
    enum state state;
    whorl_event ready;
    whorl_event go_on; /* for one that sleeps */
    unsigned failures;
    unsigned unnamed; /* of those, whose peer has no name any more */
    intptr_t result;  /* of the last that failed */
    char *large;
};

static void note_failure(void *arg, const char *peer, intptr_t result)
{
    struct scene *scene = arg;
    if (strcmp(peer, "(unnamed)") == 0)
        scene->unnamed++;
    else
        check(strncmp(peer, "127.0.0.1:", 10) == 0);
    scene->failures++;
    scene->result = result;
}

static const whorl_serve_options one_place = {.limit = 1, .failed = note_failure};

static bool is_broken(intptr_t result)
{
    return result == -ECONNRESET || result == -EPIPE;
}

/* More than the kernel takes, so that it waits for the peer. */
static ssize_t write_much(whorl_stream *stream, const char *large)
{
    ssize_t sent;
    do
        sent = whorl_stream_write(stream, large, LARGE);
    while (sent > 0);
    return sent;
}

static intptr_t be_broken_off(whorl_stream *stream, struct scene *scene)
{
    whorl_slice slice;
    whorl_line line;
    char byte;
    whorl_event_set(&scene->ready);
    switch (scene->state) {
    case SLEEPS:
        whorl_event_wait(&scene->go_on);
        return whorl_stream_read(stream, &byte, 1);
    case READS:
        return whorl_stream_read(stream, &byte, 1);
    case READS_LINE:
        return whorl_stream_read_line(stream, &line, 100);
    case PEEKS:
        return whorl_stream_peek(stream, 1, &slice);
    case WRITES:
        return write_much(stream, scene->large);
    case DRAINS:
        fill_descriptor(whorl_stream_fd(stream));
        check_equal(whorl_stream_write(stream, scene->large, 1000), 1000);
        return whorl_stream_drain(stream);
    case ENDS:
        fill_descriptor(whorl_stream_fd(stream));
        check_equal(whorl_stream_write(stream, scene->large, 1000), 1000);
        return whorl_stream_end(stream);
    default:
        fill_descriptor(whorl_stream_fd(stream));
        check_equal(whorl_stream_write(stream, scene->large, 1000), 1000);
        return 0;
    }
}

/* Whose first byte is a question is answered; others are as the scene says. */
static intptr_t answer_or_break(whorl_stream *stream, void *arg)
{
    char byte;
    ssize_t got = whorl_stream_read(stream, &byte, 1);
    if (got == 1 && byte != '?')
        return be_broken_off(stream, arg);
    return got == 1 ? whorl_stream_puts(stream, "!") : got;
}

static void reset(int fd)
{
    struct linger at_once = {.l_onoff = 1};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    assert_int_equal(close(fd), 0);
}

static void await_idle(const serving *server)
{
    while (whorl_listener_live(server->listener) > 0)
        assert_int_equal(whorl_sleep(WHORL_MS(1)), 0);
}

static void check_serves_another(const serving *server)
{
    whorl_stream *client = client_of(server);
    assert_int_equal(whorl_stream_puts(client, "?"), 1);
    assert_reads_to_end(client, "!");
    assert_int_equal(whorl_stream_close(client), 0);
    await_idle(server);
}

/* A client whose handler has come to where the scene wants it. */
static int client_in_state(const serving *server, struct scene *scene)
{
    int fd = connect_to(server->listener);
    whorl_event_clear(&scene->ready);
    whorl_event_clear(&scene->go_on);
    assert_int_equal(whorl_send(fd, "x", 1, 0), 1);
    assert_int_equal(whorl_event_wait(&scene->ready), 0);
    for (int turn = 0; turn < 5; turn++)
        assert_int_equal(whorl_yield(), 0);
    return fd;
}

static void in_every_state_of_its_handler_a_reset_costs_that_connection_alone(void **state)
{
    (void)state;
    struct scene scene = {.large = calloc(1, LARGE)};
    serving server;
    serve_here(&server, answer_or_break, &scene, &one_place);
    check_serves_another(&server);
    int before = open_descriptors();
    for (unsigned i = 0; i < STATES; i++) {
        scene.state = (enum state)i;
        int fd = client_in_state(&server, &scene);
        assert_int_equal(scene.failures, i);
        assert_int_equal(whorl_listener_live(server.listener), 1);
        reset(fd);
        if (scene.state == SLEEPS)
            assert_int_equal(whorl_event_set(&scene.go_on), 0);
        await_idle(&server);
        assert_int_equal(scene.failures, i + 1);
        assert_true(is_broken(scene.result));
        assert_int_equal(open_descriptors(), before);
        check_serves_another(&server);
    }
    assert_int_equal(scene.failures, (unsigned)STATES);
    assert_int_equal(scene.unnamed, 0);
    assert_int_equal(end_serving(&server), 0);
    free(scene.large);
}

/* Those behind the one that is served, before they are accepted: the kernel does not tell any more
 * who they were. */
static void peers_that_reset_while_they_wait_for_a_place_hold_nobody_up(void **state)
{
    (void)state;
    struct scene scene = {.state = SLEEPS};
    serving server;
    int queued[QUEUED];
    serve_here(&server, answer_or_break, &scene, &one_place);
    check_serves_another(&server);
    int before = open_descriptors();
    int served = client_in_state(&server, &scene);
    for (int i = 0; i < QUEUED; i++) {
        queued[i] = connect_to(server.listener);
        if (i % 2)
            assert_int_equal(whorl_send(queued[i], "x", 1, 0), 1);
    }
    whorl_stream *last = client_of(&server);
    assert_int_equal(whorl_stream_puts(last, "?"), 1);
    for (int i = 0; i < QUEUED; i++)
        reset(queued[i]);
    assert_int_equal(whorl_listener_live(server.listener), 1);
    assert_int_equal(whorl_send(served, "x", 1, 0), 1);
    assert_int_equal(whorl_event_set(&scene.go_on), 0);
    assert_reads_to_end(last, "!");
    assert_int_equal(whorl_stream_close(last), 0);
    close(served);
    await_idle(&server);
    assert_true(scene.failures <= QUEUED);
    assert_true(scene.failures == 0 || is_broken(scene.result));
    assert_int_equal(open_descriptors(), before);
    check_serves_another(&server);
    assert_int_equal(end_serving(&server), 0);
}

/* The handler is awaited in the grace; the reset ends it before that is over. */
static void a_reset_in_the_grace_after_a_stop_ends_the_server(void **state)
{
    (void)state;
    static const whorl_serve_options patient = {
        .limit = 1, .failed = note_failure, .grace = WHORL_FOREVER};
    static const enum state states[] = {READS, WRITES, DRAINS, LEAVES_TO_SEND};
    struct scene scene = {.large = calloc(1, LARGE)};
    for (unsigned i = 0; i < count_of(states); i++) {
        serving server;
        scene.state = states[i];
        serve_here(&server, answer_or_break, &scene, &patient);
        int fd = client_in_state(&server, &scene);
        assert_int_equal(whorl_listener_stop(server.listener), 0);
        for (int turn = 0; turn < 5; turn++)
            assert_int_equal(whorl_yield(), 0);
        assert_false(whorl_is_done(server.task));
        reset(fd);
        assert_int_equal(end_serving(&server), 0);
        assert_int_equal(scene.failures, i + 1);
        assert_true(is_broken(scene.result));
    }
    free(scene.large);
}

/* --- Bytes and a reset that come while the server begins to receive --- */

enum { HASTY = 3, TIMES = UNDER_SANITIZER ? 1000 : 10000 };

/* In a process of its own, as only these come at just that moment, now and then. */
static pid_t start_hasty(whorl_listener *listener)
{
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    check_equal(whorl_listener_address(listener, 0, (struct sockaddr *)&address, &len), 0);
    pid_t client = fork();
    if (client != 0)
        return client;
    for (long i = test_rounds(TIMES); i > 0; i--) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(fd, (struct sockaddr *)&address, len) != 0 || write(fd, "some", 4) != 4)
            _exit(1);
        reset(fd);
    }
    _exit(0);
}

static intptr_t read_to_the_end(whorl_stream *stream, void *arg)
{
    (void)arg;
    char buf[100];
    ssize_t got;
    do
        got = whorl_stream_read(stream, buf, sizeof buf);
    while (got > 0);
    return 0;
}

static intptr_t outlive_the_hasty(void *arg)
{
    (void)arg;
    static const whorl_serve_options defaults;
    serving server;
    pid_t clients[HASTY];
    serve_here(&server, read_to_the_end, NULL, &defaults);
    for (int i = 0; i < HASTY; i++)
        clients[i] = start_hasty(server.listener);
    for (int i = 0; i < HASTY; i++) {
        int status = 0;
        while (waitpid(clients[i], &status, WNOHANG) == 0)
            check_equal(whorl_sleep(WHORL_MS(1)), 0);
        check_equal(status, 0);
    }
    for (int i = 0; i < 10000 && whorl_listener_live(server.listener) > 0; i++)
        check_equal(whorl_sleep(WHORL_MS(1)), 0);
    check_equal(whorl_listener_live(server.listener), 0);
    whorl_cancel(server.task);
    whorl_join(server.task);
    return whorl_listener_close(server.listener);
}

static void a_reset_right_behind_the_first_bytes_is_not_missed(void **state)
{
    (void)state;
    run_checks(outlive_the_hasty, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(in_every_state_of_its_handler_a_reset_costs_that_connection_alone),
        as_task(peers_that_reset_while_they_wait_for_a_place_hold_nobody_up),
        as_task(a_reset_in_the_grace_after_a_stop_ends_the_server),
        behaviour(a_reset_right_behind_the_first_bytes_is_not_missed),
    };
    return run_behaviours("serve_reset", tests);
}
