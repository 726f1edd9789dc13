/* Handlers that fail: they are told of, and the others go on. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "core/bottomless.h"
#include "net/serving.h"

#include <fcntl.h>
#include <net/serve.h>
#include <sys/ioctl.h>
#include <sys/un.h>

/* --- What is told, and to whom --- */

struct told {
    unsigned count;
    intptr_t result;
    char peer[WHORL_ADDRESS_TEXT_MAX];
    char name[WHORL_NAME_MAX + 1]; /* of the task that tells */
    intptr_t give;                 /* what the handler gives */
};

static void note_failure(void *arg, const char *peer, intptr_t result)
{
    struct told *told = arg;
    /* It may wait. */
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    told->count++;
    told->result = result;
    strncpy(told->peer, peer, sizeof told->peer - 1);
    strncpy(told->name, whorl_name(whorl_self()), sizeof told->name - 1);
}

static const whorl_serve_options telling = {.failed = note_failure};

static intptr_t give(whorl_stream *stream, void *arg)
{
    char byte;
    const struct told *told = arg;
    whorl_stream_read(stream, &byte, 1);
    return told->give;
}

static void own_name(const whorl_stream *client, char *text, size_t room)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    int fd = whorl_stream_fd(client);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    assert_true(whorl_address_text((struct sockaddr *)&address, len, text, room) > 0);
}

static void one_client(serving *server, char *name, size_t room)
{
    whorl_stream *client = client_of(server);
    own_name(client, name, room);
    whorl_stream_puts(client, "x");
    assert_reads_to_end(client, "");
    assert_int_equal(whorl_stream_close(client), 0);
}

static void a_failure_is_told_with_its_peer(void **state)
{
    (void)state;
    char name[WHORL_ADDRESS_TEXT_MAX];
    static const intptr_t results[] = {-EPROTO, -1, -99999, -ECANCELED, INTPTR_MIN};
    for (size_t i = 0; i < count_of(results); i++) {
        struct told told = {.give = results[i]};
        serving server;
        serve_here(&server, give, &told, &telling);
        one_client(&server, name, sizeof name);
        assert_int_equal(end_serving(&server), 0);
        assert_int_equal(told.count, 1);
        assert_true(told.result == results[i]);
        assert_string_equal(told.peer, name);
        assert_string_equal(told.name, "connection");
    }
}

static void success_is_not_told(void **state)
{
    (void)state;
    char name[WHORL_ADDRESS_TEXT_MAX];
    struct told told = {.give = 12345};
    serving server;
    serve_here(&server, give, &told, &telling);
    one_client(&server, name, sizeof name);
    assert_int_equal(end_serving(&server), 0);
    assert_int_equal(told.count, 0);
}

static void a_cancel_at_the_end_is_not_told(void **state)
{
    (void)state;
    struct told told = {.give = -ECANCELED};
    serving server;
    whorl_serve_options options = {.failed = note_failure, .grace = -1};
    serve_here(&server, give, &told, &options);
    whorl_stream *client = client_of(&server);
    while (whorl_listener_live(server.listener) == 0)
        assert_int_equal(whorl_yield(), 0);
    assert_int_equal(whorl_yield(), 0);
    assert_int_equal(end_serving(&server), 0);
    assert_int_equal(told.count, 0);
    assert_int_equal(whorl_stream_close(client), 0);
}

static void a_peer_that_breaks_off_is_named(void **state)
{
    (void)state;
    char name[WHORL_ADDRESS_TEXT_MAX];
    struct told told = {0};
    serving server;
    serve_here(&server, echo, &told, &telling);
    whorl_stream *client = client_of(&server);
    own_name(client, name, sizeof name);
    assert_echoed(client, "hello");
    assert_int_equal(whorl_stream_abort(client), 0);
    while (told.count == 0)
        assert_int_equal(whorl_sleep(WHORL_MS(1)), 0);
    assert_int_equal(told.result, -ECONNRESET);
    assert_string_equal(told.peer, name);
    /* The next is served. */
    client = client_of(&server);
    assert_echoed(client, "again");
    assert_int_equal(whorl_stream_close(client), 0);
    assert_int_equal(end_serving(&server), 0);
}

static intptr_t answer_who_left(whorl_stream *stream, void *arg)
{
    const struct told *told = arg;
    char byte;
    while (whorl_stream_read(stream, &byte, 1) > 0)
        ;
    whorl_stream_puts(stream, "nobody reads this");
    return told->give;
}

static void an_answer_that_is_lost_is_told(void **state)
{
    (void)state;
    struct told told = {0};
    serving server;
    serve_here(&server, answer_who_left, &told, &telling);
    whorl_stream *client = client_of(&server);
    whorl_stream_puts(client, "x");
    while (whorl_listener_live(server.listener) == 0)
        assert_int_equal(whorl_yield(), 0);
    assert_int_equal(whorl_stream_abort(client), 0);
    assert_int_equal(end_serving(&server), 0);
    assert_int_equal(told.count, 1);
    assert_true(told.result == -EPIPE || told.result == -ECONNRESET);
}

/* Accepted after its client has broken off. */
static void one_that_came_broken_is_told_by_its_name(void **state)
{
    (void)state;
    struct told told = {.give = -EPROTO};
    char name[WHORL_ADDRESS_TEXT_MAX];
    serving server = {.handler = give, .arg = &told, .options = &telling};
    assert_int_equal(whorl_listen_tcp("127.0.0.1", "0", NULL, &server.listener), 0);
    whorl_stream *client = client_of(&server);
    own_name(client, name, sizeof name);
    assert_int_equal(whorl_stream_abort(client), 0);
    begin_serving(&server);
    while (told.count == 0)
        assert_int_equal(whorl_sleep(WHORL_MS(1)), 0);
    assert_string_equal(told.peer, name);
    assert_int_equal(end_serving(&server), 0);
}

static void a_unix_peer_has_no_name(void **state)
{
    (void)state;
    struct told told = {.give = -EPROTO};
    serving server = {.handler = give, .arg = &told, .options = &telling};
    test_path path = path_of("socket");
    assert_int_equal(whorl_listen_unix(path.text, NULL, &server.listener), 0);
    begin_serving(&server);
    whorl_stream *client = client_of(&server);
    whorl_stream_puts(client, "x");
    assert_reads_to_end(client, "");
    assert_int_equal(whorl_stream_close(client), 0);
    assert_int_equal(end_serving(&server), 0);
    assert_int_equal(told.count, 1);
    assert_string_equal(told.peer, "(unnamed)");
}

/* Nor has one that has a name of its own, which may be longer than there is room for. */
static void nor_has_one_that_is_bound(void **state)
{
    (void)state;
    struct told told = {.give = -EPROTO};
    serving server = {.handler = give, .arg = &told, .options = &telling};
    test_path path = path_of("socket");
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = ""};
    memset(name.sun_path + 1, 'x', sizeof name.sun_path - 1);
    assert_int_equal(whorl_listen_unix(path.text, NULL, &server.listener), 0);
    begin_serving(&server);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
    name = (struct sockaddr_un){.sun_family = AF_UNIX};
    strcpy(name.sun_path, path.text);
    assert_int_equal(connect(fd, (struct sockaddr *)&name, sizeof name), 0);
    whorl_stream *client;
    assert_int_equal(whorl_stream_open(fd, NULL, &client), 0);
    whorl_stream_puts(client, "x");
    assert_reads_to_end(client, "");
    assert_int_equal(whorl_stream_close(client), 0);
    assert_int_equal(end_serving(&server), 0);
    assert_int_equal(told.count, 1);
    assert_string_equal(told.peer, "(unnamed)");
}

/* As those of AF_VSOCK, for which not every machine has a network. */
static void a_peer_of_another_family_is_unknown(void **state)
{
    (void)state;
    struct told told = {0};
    const struct server server = {.options = telling, .arg = &told};
    const struct peer peer = {.any.sa_family = AF_VSOCK, .len = sizeof(struct sockaddr)};
    serve_tell(&server, &peer, -EPROTO);
    assert_int_equal(told.count, 1);
    assert_int_equal(told.result, -EPROTO);
    assert_string_equal(told.peer, "(unknown)");
}

/* --- Streams that another task is giving back --- */

struct giver {
    whorl_stream *stream;
    whorl_task *task;
    int detaches;
    struct told told;
};

static intptr_t give_back(void *arg)
{
    struct giver *giver = arg;
    int fd;
    if (!giver->detaches)
        return whorl_stream_close(giver->stream);
    int error = whorl_stream_detach(giver->stream, &fd);
    return error ? error : close(fd);
}

/* Leaves the stream to another task, which waits for the peer to read. */
static intptr_t leave_to_another(whorl_stream *stream, void *arg)
{
    struct giver *giver = arg;
    static char data[50000];
    giver->stream = stream;
    fill_descriptor(whorl_stream_fd(stream));
    check_equal(whorl_stream_write(stream, data, sizeof data), sizeof data);
    giver->task = whorl_spawn(give_back, giver);
    return whorl_yield();
}

static void note_giver_failure(void *arg, const char *peer, intptr_t result)
{
    (void)peer;
    ((struct giver *)arg)->told.count++;
    ((struct giver *)arg)->told.result = result;
}

static void a_stream_that_another_task_gives_back_is_left_to_it(void **state)
{
    (void)state;
    static char buf[100000];
    for (int detaches = 0; detaches < 2; detaches++) {
        serving server;
        struct giver giver = {.detaches = detaches};
        whorl_serve_options options = {.failed = note_giver_failure};
        serve_here(&server, leave_to_another, &giver, &options);
        whorl_stream *client = client_of(&server);
        while (!giver.task || whorl_listener_live(server.listener) > 0)
            assert_int_equal(whorl_yield(), 0);
        assert_int_equal(giver.told.count, 0);
        assert_int_equal(whorl_is_done(giver.task), 0);
        while (whorl_stream_read(client, buf, sizeof buf) > 0)
            ;
        assert_true(whorl_stream_at_end(client));
        assert_int_equal(whorl_join(giver.task), 0);
        assert_int_equal(whorl_stream_close(client), 0);
        assert_int_equal(end_serving(&server), 0);
    }
}

/* --- On stderr --- */

struct scene {
    const whorl_serve_options *options;
    whorl_handler *handler;
    intptr_t give;
};

/* Serves two clients, and writes their names to stderr. */
static intptr_t serve_two(void *arg)
{
    const struct scene *scene = arg;
    struct told told = {.give = scene->give};
    serving server;
    serve_here(&server, scene->handler, &told, scene->options);
    for (int i = 0; i < 2; i++) {
        char name[WHORL_ADDRESS_TEXT_MAX];
        whorl_stream *client = client_of(&server);
        own_name(client, name, sizeof name);
        fprintf(stderr, "%s\n", name);
        whorl_stream_puts(client, "x");
        char byte;
        while (whorl_stream_read(client, &byte, 1) > 0)
            ;
        whorl_stream_close(client);
    }
    return end_serving(&server);
}

static int serve_two_child(void *arg)
{
    return (int)whorl_run(serve_two, arg);
}

/* The lines that the child wrote are twice: its client's name, then `prefix`, the name, `suffix`.
 */
static void assert_lines(const struct child *child, const char *prefix, const char *suffix)
{
    char expected[2 * WHORL_ADDRESS_TEXT_MAX + 100];
    const char *line = child->text;
    for (int i = 0; i < 2; i++) {
        int length = (int)strcspn(line, "\n");
        snprintf(expected, sizeof expected, "%s%.*s%s\n", prefix, length, line, suffix);
        line += length + 1;
        if (strncmp(line, expected, strlen(expected)) != 0)
            fail_msg("not %s but %s", expected, child->text);
        line += strlen(expected);
    }
    assert_string_equal(line, "");
}

static void run_scene(const struct scene *scene, const char *prefix, const char *suffix)
{
    struct child child;
    assert_int_equal(child_run(serve_two_child, (void *)scene, &child), 0);
    assert_true(child_exited(&child, 0));
    assert_lines(&child, prefix, suffix);
}

static void a_failure_is_a_line_on_stderr(void **state)
{
    (void)state;
    run_scene(&(struct scene){.handler = give, .give = -EPROTO}, "whorl: connection from ",
              ": Protocol error");
    run_scene(&(struct scene){.handler = give,
                              .give = -EMSGSIZE,
                              .options = &(whorl_serve_options){.name = "telnet"}},
              "whorl: telnet from ", ": Message too long");
    run_scene(&(struct scene){.handler = give, .give = -123456}, "whorl: connection from ",
              ": -123456");
    run_scene(&(struct scene){.handler = give, .give = -EOVERFLOW}, "whorl: connection from ",
              ": stack overflow, or a value too large (EOVERFLOW)");
}

static intptr_t serve_clients_that_fail(void *arg)
{
    char name[WHORL_ADDRESS_TEXT_MAX];
    serving server;
    serve_here(&server, give, arg, &(whorl_serve_options){0});
    for (int i = 0; i < 3; i++)
        one_client(&server, name, sizeof name);
    return end_serving(&server);
}

/* It would wait for ever. */
static void a_line_for_which_stderr_has_no_room_is_left_out(void **state)
{
    (void)state;
    struct told told = {.give = -EPROTO};
    int ends[2], before = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    size_t filled = fill_descriptor(ends[1]);
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    intptr_t result = whorl_run(serve_clients_that_fail, &told);
    assert_int_equal(dup2(before, STDERR_FILENO), STDERR_FILENO);
    assert_int_equal(result, 0);
    int bytes;
    assert_int_equal(ioctl(ends[0], FIONREAD, &bytes), 0);
    assert_int_equal(bytes, filled);
    close(ends[0]);
    close(ends[1]);
    close(before);
}

/* --- Stacks --- */

static intptr_t overflow_at_o(whorl_stream *stream, void *arg)
{
    char buf[16];
    ssize_t got;
    (void)arg;
    while ((got = whorl_stream_read(stream, buf, sizeof buf)) > 0) {
        if (buf[0] == 'o')
            return overflow_now();
        whorl_stream_write(stream, buf, (size_t)got);
    }
    return got;
}

static intptr_t survive_overflows(void *arg)
{
    struct told told = {0};
    serving server;
    (void)arg;
    whorl_serve_options options = {.failed = note_failure, .limit = 3};
    serve_here(&server, overflow_at_o, &told, &options);
    whorl_stream *bystander = client_of(&server);
    assert_echoed(bystander, "before");
    for (unsigned i = 1; i <= 8; i++) {
        char byte;
        whorl_stream *client = client_of(&server);
        assert_echoed(client, "hello");
        check_equal(whorl_stream_puts(client, "o"), 1);
        check_equal(whorl_stream_read(client, &byte, 1), -ECONNRESET);
        whorl_stream_abort(client);
        while (told.count < i)
            check_equal(whorl_sleep(WHORL_MS(1)), 0);
        check_equal(told.result, -EOVERFLOW);
        assert_echoed(bystander, "after");
    }
    check_equal(whorl_listener_live(server.listener), 1);
    check_equal(whorl_stream_close(bystander), 0);
    return end_serving(&server);
}

static void a_handler_that_uses_up_its_stack_does_not_take_the_server_down(void **state)
{
    (void)state;
    run_and_count(NULL, survive_overflows, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(a_failure_is_told_with_its_peer),
        as_task(success_is_not_told),
        as_task(a_cancel_at_the_end_is_not_told),
        as_task(a_peer_that_breaks_off_is_named),
        as_task(an_answer_that_is_lost_is_told),
        as_task(one_that_came_broken_is_told_by_its_name),
        as_task(a_unix_peer_has_no_name),
        as_task(nor_has_one_that_is_bound),
        as_task(a_peer_of_another_family_is_unknown),
        as_task(a_stream_that_another_task_gives_back_is_left_to_it),
        behaviour(a_failure_is_a_line_on_stderr),
        behaviour(a_line_for_which_stderr_has_no_room_is_left_out),
        behaviour(a_handler_that_uses_up_its_stack_does_not_take_the_server_down),
    };
    return run_behaviours("serve_failures", tests);
}
