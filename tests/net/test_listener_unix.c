/* Listeners over unix sockets: their files, and abstract names. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "as_task.h"
#include "core/child.h"
#include "net/stale.h"

#include <errno.h>
#include <fcntl.h>
#include <net/listener.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/file.h>
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

/* --- Names --- */

static void a_name_in_use_is_refused(void **state)
{
    (void)state;
    test_path path = path_of("socket");
    whorl_listener *first, *second;
    assert_int_equal(whorl_listen_unix(path.text, NULL, &first), 0);
    assert_int_equal(whorl_listen_unix(path.text, NULL, &second), -EADDRINUSE);
    assert_null(second);
    check_serves(first, path.text);
    assert_int_equal(whorl_listener_close(first), 0);

    char name[64];
    snprintf(name, sizeof name, "@whorl-test-in-use-%d", (int)getpid());
    assert_int_equal(whorl_listen_unix(name, NULL, &first), 0);
    assert_int_equal(whorl_listen_unix(name, NULL, &second), -EADDRINUSE);
    check_serves(first, name);
    assert_int_equal(whorl_listener_close(first), 0);
}

static void a_full_queue_is_in_use_too(void **state)
{
    (void)state;
    test_path path = path_of("socket");
    whorl_listener_options options = {.backlog = 1};
    whorl_listener *first, *second;
    assert_int_equal(whorl_listen_unix(path.text, &options, &first), 0);
    int clients[2];
    for (int i = 0; i < 2; i++)
        clients[i] = client_of(path.text);
    assert_int_equal(whorl_listen_unix(path.text, NULL, &second), -EADDRINUSE);
    for (int i = 0; i < 2; i++)
        close(clients[i]);
    assert_int_equal(whorl_listener_close(first), 0);
}

static void names_have_bounds(void **state)
{
    (void)state;
    whorl_listener *listener;
    char name[110];
    memset(name, 'n', sizeof name);
    name[0] = '@';
    name[108] = '\0';
    assert_int_equal(whorl_listen_unix(name, NULL, &listener), -ENAMETOOLONG);
    assert_null(listener);
    name[107] = '\0';
    assert_int_equal(whorl_listen_unix(name, NULL, &listener), 0);
    check_serves(listener, name);
    assert_int_equal(whorl_listener_close(listener), 0);
    assert_int_equal(whorl_listen_unix("", NULL, &listener), -EINVAL);
    assert_int_equal(whorl_listen_unix("@", NULL, &listener), -EINVAL);
    assert_int_equal(whorl_listen_unix(NULL, NULL, &listener), -EINVAL);

    test_path path = path_of("");
    size_t length = strlen(path.text);
    assert_in_range(length, 1, 100);
    memset(path.text + length, 'n', sizeof path.text - length);
    path.text[length] = '/';
    path.text[108] = '\0';
    assert_int_equal(whorl_listen_unix(path.text, NULL, &listener), -ENAMETOOLONG);
    path.text[107] = '\0';
    assert_int_equal(whorl_listen_unix(path.text, NULL, &listener), 0);
    check_serves(listener, path.text);
    assert_int_equal(whorl_listener_close(listener), 0);
    test_path lost = path_of("no/directory");
    assert_int_equal(whorl_listen_unix(lost.text, NULL, &listener), -ENOENT);
}

/* --- Files that are there --- */

static void a_stale_file_is_replaced(void **state)
{
    (void)state;
    test_path path = path_of("socket");
    leave_stale(path.text);
    assert_int_equal(client_of(path.text), -ECONNREFUSED);
    whorl_listener *listener;
    assert_int_equal(whorl_listen_unix(path.text, NULL, &listener), 0);
    check_serves(listener, path.text);
    assert_int_equal(whorl_listener_close(listener), 0);
    assert_int_equal(access(path.text, F_OK), -1);
}

static void what_is_no_socket_is_left_alone(void **state)
{
    (void)state;
    test_path path = path_of("file");
    write_whole(path.text, "precious", 8);
    whorl_listener *listener;
    assert_int_equal(whorl_listen_unix(path.text, NULL, &listener), -EADDRINUSE);
    char text[16];
    assert_int_equal(read_whole(path.text, text, sizeof text), 8);
    test_path link = path_of("link");
    test_path target = path_of("socket");
    leave_stale(target.text);
    assert_int_equal(symlink(target.text, link.text), 0);
    assert_int_equal(whorl_listen_unix(link.text, NULL, &listener), -EADDRINUSE);
    struct stat status;
    assert_int_equal(lstat(link.text, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_int_equal(whorl_listen_unix(path_of("").text, NULL, &listener), -EADDRINUSE);
}

static void a_socket_of_another_kind_is_left_alone(void **state)
{
    (void)state;
    test_path path = path_of("socket");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path.text);
    int fd = whorl_socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(whorl_bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    whorl_listener *listener;
    assert_int_equal(whorl_listen_unix(path.text, NULL, &listener), -EADDRINUSE);
    assert_int_equal(access(path.text, F_OK), 0);
    close(fd);
}

static void one_that_is_bound_and_does_not_listen_yet_is_left_alone(void **state)
{
    (void)state;
    test_path path = path_of("socket");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path.text);
    int fd = whorl_socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(whorl_bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    whorl_listener *listener;
    assert_int_equal(whorl_listen_unix(path.text, NULL, &listener), -EADDRINUSE);
    assert_int_equal(whorl_listen(fd, 1), 0);
    close(client_of(path.text));
    close(fd);
}

static void only_its_own_file_is_removed(void **state)
{
    (void)state;
    test_path path = path_of("socket");
    whorl_listener *first, *second;
    assert_int_equal(whorl_listen_unix(path.text, NULL, &first), 0);
    assert_int_equal(unlink(path.text), 0);
    assert_int_equal(whorl_listen_unix(path.text, NULL, &second), 0);
    assert_int_equal(whorl_listener_close(first), 0);
    check_serves(second, path.text);
    assert_int_equal(unlink(path.text), 0);
    write_whole(path.text, "precious", 8);
    assert_int_equal(whorl_listener_close(second), 0);
    assert_int_equal(access(path.text, F_OK), 0);
}

static intptr_t leave_open(void *arg)
{
    whorl_listener *listener;
    return whorl_listen_unix(arg, NULL, &listener);
}

static void the_runs_end_removes_the_file(void **state)
{
    (void)state;
    test_path path = path_of("socket");
    run_checks(leave_open, path.text);
    assert_int_equal(access(path.text, F_OK), -1);
}

/* --- The mode --- */

static mode_t mode_of(const char *path)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return status.st_mode & 07777;
}

static void the_file_has_the_mode_that_was_asked_for(void **state)
{
    (void)state;
    test_path path = path_of("socket");
    mode_t before = umask(027);
    static const mode_t modes[] = {0600, 0666, 0777, 0060};
    whorl_listener *listener;
    for (size_t i = 0; i < count_of(modes); i++) {
        whorl_listener_options options = {.mode = modes[i]};
        assert_int_equal(whorl_listen_unix(path.text, &options, &listener), 0);
        assert_int_equal(mode_of(path.text), modes[i]);
        assert_int_equal(whorl_listener_close(listener), 0);
    }
    assert_int_equal(whorl_listen_unix(path.text, NULL, &listener), 0);
    assert_int_equal(mode_of(path.text), 0750);
    assert_int_equal(whorl_listener_close(listener), 0);
    umask(before);
}

/* --- Who comes at the same time --- */

static void a_directory_that_stays_locked_is_used_all_the_same(void **state)
{
    (void)state;
    test_path path = path_of("socket");
    int directory = open(path_of("").text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(flock(directory, LOCK_EX), 0);
    leave_stale(path.text);
    whorl_listener *listener;
    assert_int_equal(whorl_listen_unix(path.text, NULL, &listener), 0);
    check_serves(listener, path.text);
    assert_int_equal(whorl_listener_close(listener), 0);
    whorl_timeout limit;
    whorl_timeout_begin(&limit, WHORL_MS(1));
    int error = whorl_listen_unix(path.text, NULL, &listener);
    assert_int_equal(whorl_timeout_end(&limit, error), -ETIMEDOUT);
    assert_null(listener);
    close(directory);
}

/* One of several programs that listen at a path, when they are told to begin: writes to `result`
 * whether it does, and goes on until `end` is closed. */
struct race {
    const char *path;
    int begin[2];
    int end[2];
    int result[2];
};

static intptr_t compete(void *arg)
{
    const struct race *race = arg;
    whorl_listener *listener;
    char byte;
    check_equal(whorl_read(race->begin[0], &byte, 1), 0);
    int error = whorl_listen_unix(race->path, NULL, &listener);
    check(error == 0 || error == -EADDRINUSE);
    check_equal(whorl_write(race->result[1], &error, sizeof error), sizeof error);
    if (error)
        return 0;
    check_equal(whorl_read(race->end[0], &byte, 1), 0);
    return whorl_listener_close(listener);
}

static int competitor(void *arg)
{
    const struct race *race = arg;
    close(race->begin[1]);
    close(race->end[1]);
    return (int)whorl_run(compete, arg);
}

static void run_race(const char *path)
{
    enum { COMPETITORS = 6 };
    struct race race = {.path = path};
    pid_t children[COMPETITORS];
    assert_int_equal(pipe(race.begin) | pipe(race.end) | pipe(race.result), 0);
    leave_stale(path);
    for (int i = 0; i < COMPETITORS; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            alarm(CHILD_SECONDS);
            finish_child(competitor(&race));
        }
    }
    close(race.begin[1]);
    int winners = 0;
    for (int i = 0; i < COMPETITORS; i++) {
        int error = -1;
        assert_int_equal(read(race.result[0], &error, sizeof error), sizeof error);
        winners += error == 0;
    }
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path);
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool reached = connect(client, (struct sockaddr *)&address, sizeof address) == 0;
    close(client);
    close(race.end[1]);
    close(race.begin[0]);
    close(race.end[0]);
    close(race.result[0]);
    close(race.result[1]);
    for (int i = 0; i < COMPETITORS; i++) {
        int status = -1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        check_equal(status, 0);
    }
    assert_int_equal(winners, 1);
    assert_true(reached);
    assert_int_equal(access(path, F_OK), -1);
}

static void of_many_that_find_a_stale_file_one_listens(void **state)
{
    (void)state;
    test_path path = path_of("socket");
    for (long i = test_rounds(10); i > 0; i--)
        run_race(path.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(a_path_is_listened_at_and_removed),
        as_task(an_abstract_name_is_listened_at),
        as_task(a_name_in_use_is_refused),
        as_task(a_full_queue_is_in_use_too),
        as_task(names_have_bounds),
        as_task(a_stale_file_is_replaced),
        as_task(what_is_no_socket_is_left_alone),
        as_task(a_socket_of_another_kind_is_left_alone),
        as_task(one_that_is_bound_and_does_not_listen_yet_is_left_alone),
        as_task(only_its_own_file_is_removed),
        behaviour(the_runs_end_removes_the_file),
        as_task(the_file_has_the_mode_that_was_asked_for),
        as_task(a_directory_that_stays_locked_is_used_all_the_same),
        behaviour(of_many_that_find_a_stale_file_one_listens),
    };
    return run_behaviours("listener_unix", tests);
}
