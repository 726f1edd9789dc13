/* Connections to unix sockets, at paths and at abstract names. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "as_task.h"
#include "core/child.h"
#include "core/forbid.h"
#include "run/landing.h"

#include <core/loop.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* A socket at the path; "@name": an abstract one. */
static int bound_at(const char *path, int type)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    assert_true(length < sizeof address.sun_path);
    memcpy(address.sun_path, path, length + 1);
    bool is_abstract = path[0] == '@';
    if (is_abstract)
        address.sun_path[0] = '\0';
    socklen_t size =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (is_abstract ? 0 : 1));
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    return fd;
}

static void check_reaches(const char *path, int listener)
{
    assert_int_equal(listen(listener, 5), 0);
    int fd = whorl_unix_connect(path, NULL);
    assert_true(fd >= 0);
    int peer = whorl_accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    char byte;
    assert_int_equal(whorl_send(fd, "u", 1, 0), 1);
    assert_int_equal(whorl_recv(peer, &byte, 1, 0), 1);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    assert_int_equal(whorl_close(fd), 0);
    assert_int_equal(whorl_close(peer), 0);
    assert_int_equal(whorl_close(listener), 0);
}

static void a_path_is_connected_to(void **state)
{
    (void)state;
    test_path path = path_of("socket");
    check_reaches(path.text, bound_at(path.text, SOCK_STREAM));
}

static void an_abstract_name_is_connected_to(void **state)
{
    (void)state;
    char name[64];
    snprintf(name, sizeof name, "@whorl-test-%d", (int)getpid());
    check_reaches(name, bound_at(name, SOCK_STREAM));
}

/* As long as can be: 107 bytes. */
static void the_longest_names_are_connected_to(void **state)
{
    (void)state;
    char name[108];
    snprintf(name, sizeof name, "@whorl-test-%d-", (int)getpid());
    memset(name + strlen(name), 'n', sizeof name - 1 - strlen(name));
    name[sizeof name - 1] = '\0';
    check_reaches(name, bound_at(name, SOCK_STREAM));
}

static void what_is_too_long_is_told_so(void **state)
{
    (void)state;
    char name[109];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(whorl_unix_connect(name, NULL), -ENAMETOOLONG);
    name[0] = '@';
    assert_int_equal(whorl_unix_connect(name, NULL), -ENAMETOOLONG);
}

static void where_nobody_listens_each_case_has_its_error(void **state)
{
    (void)state;
    test_path path = path_of("socket");
    assert_int_equal(whorl_unix_connect(path.text, NULL), -ENOENT);
    assert_int_equal(whorl_unix_connect("", NULL), -ENOENT);
    assert_int_equal(whorl_unix_connect("@", NULL), -EINVAL);
    assert_int_equal(whorl_unix_connect("@whorl-test-that-nobody-has", NULL), -ECONNREFUSED);
    int fd = bound_at(path.text, SOCK_STREAM);
    assert_int_equal(whorl_unix_connect(path.text, NULL), -ECONNREFUSED);
    assert_int_equal(whorl_close(fd), 0);
    assert_int_equal(unlink(path.text), 0);
    fd = bound_at(path.text, SOCK_DGRAM);
    assert_int_equal(whorl_unix_connect(path.text, NULL), -EPROTOTYPE);
    assert_int_equal(whorl_close(fd), 0);
}

static void misuse_is_refused(void **state)
{
    (void)state;
    const whorl_connect_options negative = {.timeout = -1};
    assert_int_equal(whorl_unix_connect(NULL, NULL), -EINVAL);
    assert_int_equal(whorl_unix_connect("@name", &negative), -EINVAL);
    assert_int_equal(whorl_cancel(whorl_self()), 0);
    assert_int_equal(whorl_unix_connect("@name", NULL), -ECANCELED);
    assert_int_equal(whorl_uncancel(), 1);
}

static void outside_a_task_it_is_refused(void **state)
{
    (void)state;
    check_equal(whorl_unix_connect("@name", NULL), -EPERM);
}

/* --- A listener whose queue is full --- */

static intptr_t connect_there(void *arg)
{
    return whorl_unix_connect(arg, NULL);
}

static void while_the_queue_is_full_it_waits(void **state)
{
    (void)state;
    const whorl_connect_options soon = {.timeout = WHORL_MS(20)};
    test_path path = path_of("socket");
    int listener = bound_at(path.text, SOCK_STREAM);
    assert_int_equal(listen(listener, 0), 0);
    int first = whorl_unix_connect(path.text, NULL);
    assert_true(first >= 0);
    int before = open_descriptors();
    assert_int_equal(whorl_unix_connect(path.text, &soon), -ETIMEDOUT);
    whorl_task *task = whorl_spawn(connect_there, path.text);
    assert_int_equal(whorl_sleep(WHORL_MS(5)), 0);
    assert_int_equal(whorl_cancel(task), 0);
    assert_int_equal(whorl_join(task), -ECANCELED);
    assert_int_equal(open_descriptors(), before);

    task = whorl_spawn(connect_there, path.text);
    assert_int_equal(whorl_sleep(WHORL_MS(5)), 0);
    assert_false(whorl_is_done(task));
    int peer = whorl_accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(peer >= 0);
    int second = (int)whorl_join(task);
    assert_true(second >= 0);
    assert_int_equal(whorl_close(first), 0);
    assert_int_equal(whorl_close(second), 0);
    assert_int_equal(whorl_close(peer), 0);
    assert_int_equal(whorl_close(listener), 0);
}

static int count_threads(void)
{
    struct stat status;
    assert_int_equal(stat("/proc/self/task", &status), 0);
    return (int)status.st_nlink - 2; /* each is a directory there */
}

/* By the real clock: the kernel begins its threads by and by. */
static intptr_t wait_in_a_crowd(void *path)
{
    enum { COUNT = 20 };
    whorl_task *tasks[COUNT];
    int listener = bound_at(path, SOCK_STREAM);
    check_equal(listen(listener, 0), 0);
    int first = whorl_unix_connect(path, NULL);
    check(first >= 0);
    int before = count_threads();
    for (int i = 0; i < COUNT; i++)
        tasks[i] = whorl_spawn(connect_there, path);
    check_equal(whorl_sleep(WHORL_MS(50)), 0);
    check(count_threads() <= before + COUNT / 4);
    for (int i = 0; i < COUNT; i++)
        check_equal(whorl_cancel(tasks[i]), 0);
    for (int i = 0; i < COUNT; i++)
        check_equal(whorl_join(tasks[i]), -ECANCELED);
    check_equal(whorl_close(first), 0);
    return whorl_close(listener);
}

static void those_who_wait_keep_no_threads(void **state)
{
    (void)state;
    test_path path = path_of("socket");
    run_checks(wait_in_a_crowd, path.text);
}

struct connecting {
    const char *path;
    int fd;
};

static intptr_t connect_socket(void *arg)
{
    const struct connecting *one = arg;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strlen(one->path) + 1;
    check(size <= sizeof address.sun_path);
    memcpy(address.sun_path, one->path, size);
    return whorl_connect(one->fd, (struct sockaddr *)&address, sizeof address);
}

static void so_does_a_socket_that_does_not_block(void **state)
{
    (void)state;
    enum { CONNECTS, IS_CANCELLED, IS_CLOSED, WAYS };
    test_path path = path_of("socket");
    int listener = bound_at(path.text, SOCK_STREAM);
    assert_int_equal(listen(listener, 0), 0);
    for (int way = 0; way < WAYS; way++) {
        struct connecting one = {path.text, socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)};
        int first = whorl_unix_connect(path.text, NULL);
        assert_true(first >= 0);
        whorl_task *task = whorl_spawn(connect_socket, &one);
        assert_int_equal(whorl_sleep(WHORL_MS(50)), 0);
        assert_false(whorl_is_done(task));
        if (way == IS_CANCELLED)
            assert_int_equal(whorl_cancel(task), 0);
        if (way == IS_CLOSED)
            assert_int_equal(whorl_close(one.fd), 0);
        if (way != CONNECTS)
            assert_int_equal(whorl_join(task), -ECANCELED);
        int peer = whorl_accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        assert_true(peer >= 0);
        if (way == CONNECTS)
            assert_int_equal(whorl_join(task), 0);
        assert_int_equal(whorl_close(first), 0);
        assert_int_equal(whorl_close(peer), 0);
        if (way == CONNECTS)
            assert_int_equal(whorl_close(whorl_accept4(listener, NULL, NULL, SOCK_CLOEXEC)), 0);
        if (way != IS_CLOSED)
            assert_int_equal(whorl_close(one.fd), 0);
    }
    assert_int_equal(whorl_close(listener), 0);
}

static bool has_op(int fd, uint8_t code)
{
    for (size_t i = 0; i < IN_FLIGHT_LISTS; i++)
        for (const whorl_op *op = loop_here->in_flight[i]; op; op = op->next)
            if (op->fd == fd && op->code == code)
                return true;
    return false;
}

/* By whoever closes the descriptor itself, when the next look is filled, and not with the kernel:
 * a timer that is due wakes after what completes, and so comes behind that now and then. */
static intptr_t close_before_a_look(void *path)
{
    int listener = bound_at(path, SOCK_STREAM);
    check_equal(listen(listener, 0), 0);
    int first = whorl_unix_connect(path, NULL);
    check(first >= 0);
    struct connecting one = {path, socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)};
    whorl_task *task = whorl_spawn(connect_socket, &one);
    while (!has_op(one.fd, RING_OP_POLL_ADD))
        check_equal(whorl_sleep(WHORL_US(1)), 0);
    while (!has_op(one.fd, RING_OP_CONNECT) || !ring_has_filled(&loop_here->ring))
        check_equal(whorl_sleep(WHORL_US(1)), 0);
    check_equal(close(one.fd), 0);
    check_equal(whorl_join(task), -ECANCELED);
    check_equal(whorl_close(first), 0);
    return whorl_close(listener);
}

static void one_that_is_closed_before_a_look_ends_as_if_it_were_closed_amid_it(void **state)
{
    (void)state;
    test_path path = path_of("socket");
    run_checks(close_before_a_look, path.text);
}

static void one_that_blocks_waits_for_as_long_as_it_is_set_to(void **state)
{
    (void)state;
    test_path path = path_of("socket");
    int listener = bound_at(path.text, SOCK_STREAM);
    assert_int_equal(listen(listener, 0), 0);
    int first = whorl_unix_connect(path.text, NULL);
    assert_true(first >= 0);
    struct connecting one = {path.text, socket(AF_UNIX, SOCK_STREAM, 0)};
    struct timeval limit = {.tv_usec = 20000};
    assert_int_equal(setsockopt(one.fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit), 0);
    assert_int_equal(connect_socket(&one), -EAGAIN);
    assert_int_equal(whorl_close(one.fd), 0);
    assert_int_equal(whorl_close(first), 0);
    assert_int_equal(whorl_close(listener), 0);
}

/* It would be given as one that does not block. */
static intptr_t connect_where_flags_cannot_be_set(void *path)
{
    int listener = bound_at(path, SOCK_STREAM);
    check_equal(listen(listener, 5), 0);
    check_equal(forbid_argument(SYS_fcntl, 1, F_SETFL, EPERM), 0);
    int before = open_descriptors();
    check_equal(whorl_unix_connect(path, NULL), -EPERM);
    check_equal(open_descriptors(), before);
    return whorl_close(listener);
}

static void one_that_cannot_be_set_to_block_is_not_given(void **state)
{
    (void)state;
    test_path path = path_of("socket");
    run_checks_in_child(NULL, connect_where_flags_cannot_be_set, path.text);
}

static intptr_t leave_amid_connect(void *path)
{
    check(whorl_spawn(connect_there, path) != NULL);
    check_equal(whorl_sleep(WHORL_MS(5)), 0);
    return leave(NULL);
}

static void a_run_that_is_left_leaves_nothing_of_it(void **state)
{
    (void)state;
    skip_without_longjmp();
    test_path path = path_of("socket");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path.text);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int filler = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 0), 0);
    assert_int_equal(connect(filler, (struct sockaddr *)&address, sizeof address), 0);
    int before = open_descriptors();
    assert_int_equal(run_and_land(NULL, leave_amid_connect, path.text), -ECANCELED);
    assert_int_equal(open_descriptors(), before);
    close(filler);
    close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(a_path_is_connected_to),
        as_task(an_abstract_name_is_connected_to),
        as_task(the_longest_names_are_connected_to),
        as_task(what_is_too_long_is_told_so),
        as_task(where_nobody_listens_each_case_has_its_error),
        as_task(misuse_is_refused),
        behaviour(outside_a_task_it_is_refused),
        as_task(while_the_queue_is_full_it_waits),
        behaviour(those_who_wait_keep_no_threads),
        as_task(so_does_a_socket_that_does_not_block),
        behaviour(one_that_is_closed_before_a_look_ends_as_if_it_were_closed_amid_it),
        as_task(one_that_blocks_waits_for_as_long_as_it_is_set_to),
        behaviour(one_that_cannot_be_set_to_block_is_not_given),
        behaviour(a_run_that_is_left_leaves_nothing_of_it),
    };
    return run_behaviours("unix_connect", tests);
}
