/*
 * Half-open connections: the peer has vanished without a word, and nothing tells but time. In a
 * network of the test's own, whose loopback is taken down while the peer closes: neither its end
 * nor a reset ever comes.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "net/own_network.h"
#include "net/serving.h"

#include <net/if.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>

#define IDLE WHORL_MS(200)

/* --- The network --- */

enum direction { DOWN, UP };

static void set_loopback(enum direction direction)
{
    struct ifreq request = {.ifr_name = "lo"};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    request.ifr_flags = direction == UP ? IFF_UP | IFF_RUNNING : 0;
    if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) != 0)
        skip_child("the loopback of a network of its own");
    close(fd);
}

static int enter_network(void *arg)
{
    leave_for_own_namespaces();
    set_loopback(UP);
    return (int)whorl_run(*(whorl_fn **)arg, NULL);
}

static void run_in_network(const char *test, whorl_fn *fn)
{
    struct child child;
    assert_int_equal(child_run(enter_network, &fn, &child), 0);
    if (WIFEXITED(child.status) && WEXITSTATUS(child.status) == CHILD_SKIPS) {
        print_skip(test, "%s", child.text);
        skip();
    }
    if (!child_exited(&child, 0))
        print_message("%s\n", child.text);
    assert_true(child_exited(&child, 0));
}

/* The client is gone, and its server has not heard of it. */
static void vanish(whorl_stream *client)
{
    set_loopback(DOWN);
    check_equal(whorl_stream_abort(client), 0);
}

/* --- Servers --- */

struct failures {
    unsigned count;
    intptr_t result;
};

static void note_failure(void *arg, const char *peer, intptr_t result)
{
    struct failures *failures = arg;
    check(strncmp(peer, "127.0.0.1:", 10) == 0);
    failures->count++;
    failures->result = result;
}

static const whorl_serve_options one_place = {
    .limit = 1, .failed = note_failure, .stream = {.idle_timeout = IDLE}};

static void await_place(const serving *server)
{
    for (int i = 0; i < 2000 && whorl_listener_live(server->listener) > 0; i++)
        check_equal(whorl_sleep(WHORL_MS(10)), 0);
    check_equal(whorl_listener_live(server->listener), 0);
}

/* The one place there is: another client is served. */
static void check_serves_another(const serving *server)
{
    char back[8];
    set_loopback(UP);
    whorl_stream *client = client_of(server);
    check_equal(whorl_stream_puts(client, "again\n"), 6);
    check_equal(whorl_stream_read_exactly(client, back, 6), 6);
    check_equal(whorl_stream_close(client), 0);
}

static intptr_t serve_lines(whorl_stream *stream, void *arg)
{
    (void)arg;
    whorl_line line;
    int result;
    while ((result = whorl_stream_read_line(stream, &line, 100)) > 0)
        whorl_stream_printf(stream, "%.*s\n", (int)line.len, line.text);
    return result;
}

static intptr_t wait_for_the_vanished(void *arg)
{
    (void)arg;
    struct failures failures = {0};
    serving server;
    serve_here(&server, serve_lines, &failures, &one_place);
    whorl_stream *client = client_of(&server);
    char back[6];
    check_equal(whorl_stream_puts(client, "hello\nhal"), 9);
    check_equal(whorl_stream_read_exactly(client, back, 6), 6);
    vanish(client);
    int64_t before = whorl_now();
    await_place(&server);
    check(whorl_now() - before >= IDLE / 2);
    check_equal(failures.count, 1);
    check_equal(failures.result, -ETIMEDOUT);
    check_serves_another(&server);
    return end_serving(&server);
}

static void the_idle_timeout_ends_the_handler_of_a_peer_that_vanished(void **state)
{
    (void)state;
    run_in_network(__func__, wait_for_the_vanished);
}

/* Writes once it is asked to, until it cannot. */
static intptr_t write_on(whorl_stream *stream, void *arg)
{
    (void)arg;
    static char part[64 << 10];
    char line[6];
    ssize_t result = whorl_stream_read_exactly(stream, line, sizeof line);
    if (result == sizeof line && memcmp(line, "again\n", 6) == 0)
        result = whorl_stream_write(stream, line, sizeof line);
    else
        while (result > 0)
            result = whorl_stream_write(stream, part, sizeof part);
    return result;
}

static intptr_t write_to_the_vanished(void *arg)
{
    (void)arg;
    struct failures failures = {0};
    serving server;
    serve_here(&server, write_on, &failures, &one_place);
    whorl_stream *client = client_of(&server);
    check_equal(whorl_stream_puts(client, "write\n"), 6);
    check_equal(whorl_stream_drain(client), 0);
    vanish(client);
    await_place(&server);
    check_equal(failures.count, 1);
    check_equal(failures.result, -ETIMEDOUT);
    check_serves_another(&server);
    return end_serving(&server);
}

static void a_write_to_a_peer_that_vanished_ends_with_the_idle_timeout(void **state)
{
    (void)state;
    run_in_network(__func__, write_to_the_vanished);
}

static intptr_t stop_beside_the_vanished(void *arg)
{
    (void)arg;
    struct failures failures = {0};
    serving server;
    whorl_serve_options options = {.failed = note_failure, .grace = WHORL_MS(50)};
    serve_here(&server, serve_lines, &failures, &options);
    whorl_stream *client = client_of(&server);
    char back[6];
    check_equal(whorl_stream_puts(client, "hello\n"), 6);
    check_equal(whorl_stream_read_exactly(client, back, 6), 6);
    vanish(client);
    check_equal(whorl_listener_live(server.listener), 1);
    check_equal(end_serving(&server), 0);
    check_equal(failures.count, 0);
    return 0;
}

static void a_stop_does_not_wait_for_peers_that_vanished(void **state)
{
    (void)state;
    run_in_network(__func__, stop_beside_the_vanished);
}

/* --- Streams alone --- */

struct ends {
    whorl_stream *here, *there;
};

static struct ends connected_ends(void)
{
    whorl_listener *listener;
    struct ends ends;
    check_equal(whorl_listen_tcp("127.0.0.1", "0", NULL, &listener), 0);
    check_equal(whorl_stream_open(connect_to(listener), NULL, &ends.there), 0);
    check_equal(whorl_stream_open(whorl_listener_accept(listener), NULL, &ends.here), 0);
    check_equal(whorl_listener_close(listener), 0);
    return ends;
}

static void set_number(const whorl_stream *stream, int level, int option, int value)
{
    check_equal(setsockopt(whorl_stream_fd(stream), level, option, &value, sizeof value), 0);
}

/* What TCP gives up for: its own timeout, or the last that the network said of the way. */
static bool is_lost(ssize_t error)
{
    return error == -ETIMEDOUT || error == -EHOSTUNREACH || error == -ENETUNREACH;
}

static intptr_t keep_alive(void *arg)
{
    struct ends ends = connected_ends();
    char byte;
    set_number(ends.here, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_number(ends.here, IPPROTO_TCP, TCP_KEEPIDLE, 1);
    set_number(ends.here, IPPROTO_TCP, TCP_KEEPINTVL, 1);
    set_number(ends.here, IPPROTO_TCP, TCP_KEEPCNT, 1);
    vanish(ends.there);
    check(is_lost(whorl_stream_read(ends.here, &byte, 1)));
    check(whorl_stream_puts(ends.here, "x") < 0 || whorl_stream_drain(ends.here) < 0);
    whorl_stream_close(ends.here);
    return (intptr_t)arg;
}

static void keepalive_of_the_socket_ends_a_read_without_a_timeout(void **state)
{
    (void)state;
    run_in_network(__func__, keep_alive);
}

static intptr_t give_up_on_sent(void *arg)
{
    struct ends ends = connected_ends();
    char byte;
    set_number(ends.here, IPPROTO_TCP, TCP_USER_TIMEOUT, 100);
    vanish(ends.there);
    check_equal(whorl_stream_puts(ends.here, "hello"), 5);
    check(is_lost(whorl_stream_read(ends.here, &byte, 1)));
    whorl_stream_close(ends.here);
    return (intptr_t)arg;
}

static void what_is_never_confirmed_ends_the_connection_by_the_sockets_own_timeout(void **state)
{
    (void)state;
    run_in_network(__func__, give_up_on_sent);
}

/* The first large write is refused by the kernel itself, in the task. */
static intptr_t write_after_it_gave_up(void *arg)
{
    static char large[200000];
    struct ends ends = connected_ends();
    set_number(ends.here, IPPROTO_TCP, TCP_USER_TIMEOUT, 100);
    vanish(ends.there);
    check_equal(whorl_stream_puts(ends.here, "hello"), 5);
    check_equal(whorl_stream_drain(ends.here), 0);
    while (whorl_poll(whorl_stream_fd(ends.here), 0) <= 0)
        continue;
    check(is_lost(whorl_stream_write(ends.here, large, sizeof large)));
    check(is_lost(whorl_stream_drain(ends.here)));
    check(is_lost(whorl_stream_puts(ends.here, "x")));
    check(is_lost(whorl_stream_write(ends.here, large, sizeof large)));
    whorl_stream_close(ends.here);
    return (intptr_t)arg;
}

static void that_is_told_by_each_write(void **state)
{
    (void)state;
    run_in_network(__func__, write_after_it_gave_up);
}

/* Whoever cancels need not wait for the network. */
static intptr_t read_byte(void *stream)
{
    char byte;
    return whorl_stream_read(stream, &byte, 1);
}

static intptr_t leave_the_vanished(void *arg)
{
    struct ends ends = connected_ends();
    vanish(ends.there);
    whorl_task *task = whorl_spawn(read_byte, ends.here);
    check_equal(whorl_sleep(WHORL_MS(20)), 0);
    check(!whorl_is_done(task));
    check_equal(whorl_cancel(task), 0);
    check_equal(whorl_join(task), -ECANCELED);
    check_equal(whorl_stream_puts(ends.here, "hello"), 5);
    check_equal(whorl_stream_drain(ends.here), 0);
    check_equal(whorl_stream_close(ends.here), 0);
    return (intptr_t)arg;
}

static void cancel_and_close_do_not_wait_for_the_peer(void **state)
{
    (void)state;
    run_in_network(__func__, leave_the_vanished);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(the_idle_timeout_ends_the_handler_of_a_peer_that_vanished),
        behaviour(a_write_to_a_peer_that_vanished_ends_with_the_idle_timeout),
        behaviour(a_stop_does_not_wait_for_peers_that_vanished),
        behaviour(keepalive_of_the_socket_ends_a_read_without_a_timeout),
        behaviour(what_is_never_confirmed_ends_the_connection_by_the_sockets_own_timeout),
        behaviour(that_is_told_by_each_write),
        behaviour(cancel_and_close_do_not_wait_for_the_peer),
    };
    return run_behaviours("half_open", tests);
}
