/* Listeners over unix sockets: their files, and abstract names. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "as_task.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* A client's descriptor, or -errno. */
static int client_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    memcpy(address.sun_path, path, length);
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    else
        len++;
    int fd = whorl_socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int error = whorl_connect(fd, (struct sockaddr *)&address, len);
    if (error)
        close(fd);
    return error ? error : fd;
}

static void check_serves(whorl_listener *listener, const char *path)
{
    int client = client_of(path);
    assert_true(client >= 0);
    int fd = whorl_listener_accept(listener);
    assert_true(fd >= 0);
    assert_int_equal(whorl_send(client, "x", 1, 0), 1);
    char byte;
    assert_int_equal(whorl_recv(fd, &byte, 1, 0), 1);
    close(fd);
    close(client);
}

static void a_path_is_listened_at_and_removed(void **state)
{
    (void)state;
    test_path path = path_of("socket");
    whorl_listener *listener;
    assert_int_equal(whorl_listen_unix(path.text, NULL, &listener), 0);
    check_serves(listener, path.text);
    assert_int_equal(whorl_listener_close(listener), 0);
    assert_int_equal(access(path.text, F_OK), -1);
}

static void an_abstract_name_is_listened_at(void **state)
{
    (void)state;
    char name[64];
    snprintf(name, sizeof name, "@whorl-test-%d", (int)getpid());
    whorl_listener *listener;
    assert_int_equal(whorl_listen_unix(name, NULL, &listener), 0);
    check_serves(listener, name);
    assert_int_equal(whorl_listener_close(listener), 0);
    assert_int_equal(client_of(name), -ECONNREFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(a_path_is_listened_at_and_removed),
        as_task(an_abstract_name_is_listened_at),
    };
    return run_behaviours("listener_unix", tests);
}
