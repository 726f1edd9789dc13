/*
 * curl's transfers driven by whorl, from a server in the same loop: bodies that are read like
 * files, readers that are slow, stop early or are cancelled, and more transfers than connections.
 */
#include "support.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transfer.h"

enum { PIECE = 64 * 1024, PERIOD = 251 };

/* What the buffers of both ends of a connection are set to; the kernel doubles it. */
enum { SOCKET_BYTES = 1 << 20 };

/* --- The server: GET /N has N bytes, of which each is its place in the file modulo PERIOD. --- */

/* The beginning of each, and with an offset of less than PERIOD any part. */
static char pattern[TRANSFER_ROOM + PERIOD];

typedef struct server {
    int listener;
    int port;
    int64_t sent; /* bytes of bodies */
    int connections;
    whorl_group visitors;
} server;

static server world;

static int send_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t sent = whorl_send(fd, data, len, 0);
        if (sent < 0)
            return (int)sent;
        data += sent;
        len -= (size_t)sent;
    }
    return 0;
}

static int send_body(int fd, int64_t size)
{
    for (int64_t at = 0; at < size;) {
        size_t len = size - at < PIECE ? (size_t)(size - at) : PIECE;
        int error = send_all(fd, pattern + at % PERIOD, len);
        if (error != 0)
            return error;
        at += (int64_t)len;
        world.sent += (int64_t)len;
    }
    return 0;
}

/* One request after the other, until the client closes. */
static intptr_t serve(void *arg)
{
    int fd = (int)(intptr_t)arg;
    char head[4096] = "", answer[128];
    size_t len = 0;
    ssize_t got;
    while ((got = whorl_recv(fd, head + len, sizeof head - len - 1, 0)) > 0) {
        long size = 0;
        len += (size_t)got;
        head[len] = '\0';
        if (strstr(head, "\r\n\r\n") == NULL)
            continue;
        len = 0;
        check_equal(sscanf(head, "GET /%ld ", &size), 1);
        snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: %ld\r\n\r\n", size);
        if (send_all(fd, answer, strlen(answer)) != 0 || send_body(fd, size) != 0)
            break;
    }
    whorl_close(fd);
    return 0;
}

static intptr_t accept_all(void *arg)
{
    int fd;
    (void)arg;
    while ((fd = whorl_accept4(world.listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        world.connections++;
        if (whorl_group_spawn(&world.visitors, serve, (void *)(intptr_t)fd) != 0)
            whorl_close(fd);
    }
    return 0;
}

/* --- A world of its own for each test: the server, and a driver around the body. --- */

static struct driver driver;

typedef struct scene {
    whorl_fn *body;
    long connections;
} scene;

static intptr_t play(void *arg)
{
    const scene *self = arg;
    struct sockaddr_in address;
    world = (server){.listener = tcp_listener(&address, 512)};
    world.port = ntohs(address.sin_port);
    check_equal(whorl_group_init(&world.visitors), 0);
    check_equal(whorl_group_spawn(&world.visitors, accept_all, NULL), 0);
    check_equal(driver_open(&driver, self->connections, self->connections), 0);
    self->body(NULL);
    driver_close(&driver);
    whorl_group_cancel(&world.visitors);
    whorl_group_wait(&world.visitors, 0);
    whorl_close(world.listener);
    return 0;
}

static void run_scene(whorl_fn *body, long connections)
{
    whorl_config config = {.stack_size = DRIVER_STACK};
    run_checks_with(&config, play, &(scene){body, connections});
}

/* --- Reading --- */

typedef struct reading {
    char url[64];
    struct request request;
    struct transfer transfer;
    struct failure failure;
    int64_t read;
} reading;

static void begin_reading(reading *self, long size)
{
    *self = (reading){0};
    snprintf(self->url, sizeof self->url, "http://127.0.0.1:%d/%ld", world.port, size);
    self->request = (struct request){
        .url = self->url, .connect_limit = WHORL_SECONDS(60), .stall_limit = WHORL_SECONDS(60)};
    check_equal(transfer_begin(&self->transfer, &driver, &self->request, &self->failure), 0);
}

/* Reads one piece, and checks what it holds. */
static ssize_t read_piece(reading *self)
{
    const char *data;
    ssize_t got = transfer_read(&self->transfer, &data, &self->failure);
    if (got <= 0)
        return got;
    check(memcmp(data, pattern + self->read % PERIOD, (size_t)got) == 0);
    self->read += got;
    return got;
}

static void read_to_the_end(long size)
{
    static const char *const no_words = "";
    reading *self = malloc(sizeof *self);
    begin_reading(self, size);
    check_equal(transfer_head(&self->transfer, &self->failure), 0);
    check_equal(transfer_status(&self->transfer), 200);
    while (read_piece(self) > 0)
        continue;
    check_equal(self->read, size);
    check_text(self->failure.text, no_words);
    transfer_end(&self->transfer);
    free(self);
}

static intptr_t read_sizes(void *arg)
{
    static const long sizes[] = {0, 1, 16383, 16384, 16385, TRANSFER_ROOM, 3 * TRANSFER_ROOM + 7};
    (void)arg;
    for (size_t i = 0; i < count_of(sizes); i++)
        read_to_the_end(sizes[i]);
    check_equal(world.connections, 1);
    return 0;
}

static void bodies_are_read_to_their_end_over_one_connection(void **state)
{
    (void)state;
    run_scene(read_sizes, 4);
}

/* --- A reader that is slow --- */

static int bound_socket(void *unused, curl_socket_t fd, curlsocktype purpose)
{
    (void)unused, (void)purpose;
    return setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){SOCKET_BYTES}, sizeof(int));
}

/* It reads when curl has nowhere to put more. */
static intptr_t read_slowly(void *arg)
{
    const long size = 64 << 20;
    reading self;
    int pauses = 0;
    ssize_t got;
    (void)arg;
    setsockopt(world.listener, SOL_SOCKET, SO_SNDBUF, &(int){SOCKET_BYTES}, sizeof(int));
    begin_reading(&self, size);
    curl_easy_setopt(self.transfer.at_curl.easy, CURLOPT_SOCKOPTFUNCTION, bound_socket);
    do {
        while (!self.transfer.is_paused && !self.transfer.at_curl.is_over)
            whorl_sleep(WHORL_US(100));
        pauses += self.transfer.is_paused;
        check(world.sent - self.read <= 4 * SOCKET_BYTES + 3 * TRANSFER_ROOM);
        got = read_piece(&self);
    } while (got > 0);
    check_equal(self.read, size);
    check(pauses >= (64 << 20) / TRANSFER_ROOM - 3);
    transfer_end(&self.transfer);
    return 0;
}

static void a_slow_reader_slows_the_server_down(void **state)
{
    (void)state;
    run_scene(read_slowly, 1);
}

/* --- More transfers than connections --- */

static intptr_t read_one(void *arg)
{
    read_to_the_end(100000 + (intptr_t)arg);
    return 0;
}

static intptr_t read_many(void *arg)
{
    whorl_group group;
    (void)arg;
    whorl_group_init(&group);
    for (intptr_t i = 0; i < 200; i++)
        check_equal(whorl_group_spawn(&group, read_one, (void *)i), 0);
    check_equal(whorl_group_wait(&group, 0), 0);
    check(world.connections <= 3);
    return 0;
}

static void two_hundred_transfers_share_three_connections(void **state)
{
    (void)state;
    run_scene(read_many, 3);
}

/* --- Readers that stop --- */

static intptr_t stop_early(void *arg)
{
    reading self;
    (void)arg;
    begin_reading(&self, 64 << 20);
    transfer_end(&self.transfer);
    begin_reading(&self, 64 << 20);
    check_equal(transfer_head(&self.transfer, &self.failure), 0);
    transfer_end(&self.transfer);
    begin_reading(&self, 64 << 20);
    check(read_piece(&self) > 0);
    transfer_end(&self.transfer);
    read_to_the_end(1000);
    return 0;
}

static void a_transfer_may_be_ended_at_any_point(void **state)
{
    (void)state;
    run_scene(stop_early, 1);
}

static int sockets_watched(void)
{
    int count = 0;
    for (size_t fd = 0; fd < driver.room; fd++)
        count += driver.watchers[fd] != NULL;
    return count;
}

/* A listener that accepts nobody and has its queue full: no connection to it is ever made. */
static int silent_listener(int fillers[], int count, int *port)
{
    struct sockaddr_in address;
    int listener = tcp_listener(&address, 0);
    for (int i = 0; i < count; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        check(connect(fillers[i], (struct sockaddr *)&address, sizeof address) == 0 ||
              errno == EINPROGRESS);
    }
    *port = ntohs(address.sin_port);
    return listener;
}

/* The sockets' descriptors come again, the last one's does not. */
static intptr_t end_while_connecting(void *arg)
{
    int fillers[8], port;
    int listener = silent_listener(fillers, count_of(fillers), &port);
    (void)arg;
    for (int i = 0; i < 3; i++) {
        reading self = {0};
        snprintf(self.url, sizeof self.url, "http://127.0.0.1:%d/", port);
        self.request = (struct request){
            .url = self.url, .connect_limit = WHORL_SECONDS(60), .stall_limit = WHORL_SECONDS(60)};
        check_equal(transfer_begin(&self.transfer, &driver, &self.request, &self.failure), 0);
        while (sockets_watched() == 0 || whorl_sleep(WHORL_MS(i)) != 0)
            check_equal(whorl_yield(), 0);
        transfer_end(&self.transfer);
        if (i == 1)
            read_to_the_end(1000);
    }
    for (size_t i = 0; i < count_of(fillers); i++)
        close(fillers[i]);
    close(listener);
    return 0;
}

static void a_transfer_may_be_ended_while_its_connection_is_made(void **state)
{
    (void)state;
    run_scene(end_while_connecting, 5);
}

/* Waits for a body that is endless as far as it will see. */
static intptr_t read_until_cancelled(void *arg)
{
    reading *self = malloc(sizeof *self);
    ssize_t got;
    begin_reading(self, LONG_MAX / 2);
    do {
        got = read_piece(self);
        if (got > 0 && whorl_yield() != 0)
            got = -ECANCELED;
    } while (got > 0);
    transfer_end(&self->transfer);
    free(self);
    (void)arg;
    return got;
}

static intptr_t cancel_at_random(void *arg)
{
    random_source source = random_from_seed(1);
    whorl_task *tasks[8];
    (void)arg;
    for (long round = test_rounds(50); round > 0; round--) {
        for (size_t i = 0; i < count_of(tasks); i++)
            tasks[i] = whorl_spawn(read_until_cancelled, NULL);
        read_to_the_end((long)random_below(&source, 100000));
        for (size_t i = 0; i < count_of(tasks); i++) {
            for (uint64_t steps = random_below(&source, 10); steps > 0; steps--)
                whorl_yield();
            whorl_cancel(tasks[i]);
        }
        for (size_t i = 0; i < count_of(tasks); i++)
            check_equal(whorl_join(tasks[i]), -ECANCELED);
    }
    return 0;
}

static void transfers_of_cancelled_tasks_end_and_others_go_on(void **state)
{
    (void)state;
    run_scene(cancel_at_random, 20);
}

/* --- Failures --- */

static intptr_t be_refused(void *arg)
{
    reading self = {0};
    (void)arg;
    self.request =
        (struct request){.url = "http://127.0.0.1:1/", .connect_limit = WHORL_SECONDS(60)};
    check_equal(transfer_begin(&self.transfer, &driver, &self.request, &self.failure), 0);
    check_equal(transfer_head(&self.transfer, &self.failure), -EIO);
    check(strstr(self.failure.text, "cannot connect: ") == self.failure.text);
    check(!self.failure.is_transient);
    transfer_end(&self.transfer);
    return 0;
}

static void a_refused_connection_is_told(void **state)
{
    (void)state;
    run_scene(be_refused, 1);
}

static intptr_t stall(void *arg)
{
    reading self;
    (void)arg;
    begin_reading(&self, 100);
    self.request.stall_limit = self.request.connect_limit = 0;
    check_equal(transfer_head(&self.transfer, &self.failure), -EIO);
    check(self.failure.is_transient);
    transfer_end(&self.transfer);
    return 0;
}

static void a_stall_is_told(void **state)
{
    (void)state;
    run_scene(stall, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(bodies_are_read_to_their_end_over_one_connection),
        behaviour(a_slow_reader_slows_the_server_down),
        behaviour(two_hundred_transfers_share_three_connections),
        behaviour(a_transfer_may_be_ended_at_any_point),
        behaviour(a_transfer_may_be_ended_while_its_connection_is_made),
        behaviour(transfers_of_cancelled_tasks_end_and_others_go_on),
        behaviour(a_refused_connection_is_told),
        behaviour(a_stall_is_told),
    };
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = (char)(i % PERIOD);
    curl_global_init(CURL_GLOBAL_ALL);
    return run_behaviours("get", tests);
}
