/*
 * What the tests of transfers play in: a server in the same loop whose bodies can be told from any
 * others, a driver, and a reader that checks what it gets. Each program has one of each.
 */
#ifndef TESTS_GET_SCENE_H
#define TESTS_GET_SCENE_H

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

static inline int send_all(int fd, const char *data, size_t len)
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

static inline int send_body(int fd, int64_t size)
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
static inline intptr_t serve(void *arg)
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

static inline intptr_t accept_all(void *arg)
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

static inline intptr_t play(void *arg)
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

static inline void run_scene(whorl_fn *body, long connections)
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

static inline void begin_reading(reading *self, long size)
{
    *self = (reading){0};
    snprintf(self->url, sizeof self->url, "http://127.0.0.1:%d/%ld", world.port, size);
    self->request = (struct request){
        .url = self->url, .connect_limit = WHORL_SECONDS(60), .stall_limit = WHORL_SECONDS(60)};
    check_equal(transfer_begin(&self->transfer, &driver, &self->request, &self->failure), 0);
}

/* Reads one piece, and checks what it holds. */
static inline ssize_t read_piece(reading *self)
{
    const char *data;
    ssize_t got = transfer_read(&self->transfer, &data, &self->failure);
    if (got <= 0)
        return got;
    check(memcmp(data, pattern + self->read % PERIOD, (size_t)got) == 0);
    self->read += got;
    return got;
}

static inline void read_to_the_end(long size)
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

/* Before the first scene. */
static inline void begin_scenes(void)
{
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = (char)(i % PERIOD);
    curl_global_init(CURL_GLOBAL_ALL);
}

#endif
