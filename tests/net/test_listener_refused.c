/* Listeners that are refused, and calls on them. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "core/child.h"
#include "core/forbid.h"
#include "net/listeners.h"

#include <fcntl.h>
#include <net/listener.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

static void a_port_in_use_is_refused(void **state)
{
    (void)state;
    whorl_listener *first = listen_here(NULL);
    char service[8];
    snprintf(service, sizeof service, "%d", whorl_listener_port(first));
    whorl_listener *second = first;
    assert_int_equal(whorl_listen_tcp("127.0.0.1", service, NULL, &second), -EADDRINUSE);
    assert_null(second);
    assert_accepts(first, client_of(first, 0));
    assert_int_equal(whorl_listener_close(first), 0);
}

static void an_address_that_is_not_this_machines_is_refused(void **state)
{
    (void)state;
    whorl_listener *listener;
    assert_int_equal(whorl_listen_tcp("192.0.2.1", "0", NULL, &listener), -EADDRNOTAVAIL);
    assert_null(listener);
}

static void errors_of_names_are_given(void **state)
{
    (void)state;
    whorl_listener *listener;
    assert_int_equal(whorl_listen_tcp("127.0.0.1", "65536", NULL, &listener), -ERANGE);
    whorl_listener_options options = {.family = AF_INET6};
    assert_int_equal(whorl_listen_tcp("127.0.0.1", "0", &options, &listener), -ENODATA);
}

static void options_out_of_range_are_refused(void **state)
{
    (void)state;
    whorl_listener *listener;
    const whorl_listener_options bad[] = {
        {.backlog = -1}, {.family = AF_UNIX}, {.family = -1}, {.mode = 010000}};
    for (size_t i = 0; i < count_of(bad); i++) {
        assert_int_equal(whorl_listen_tcp("127.0.0.1", "0", &bad[i], &listener), -EINVAL);
        assert_null(listener);
        assert_int_equal(whorl_listen_unix("@x", &bad[i], &listener), -EINVAL);
        assert_null(listener);
    }
}

static void null_is_refused(void **state)
{
    (void)state;
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    whorl_listener *listener = listen_here(NULL);
    assert_int_equal(whorl_listen_tcp("127.0.0.1", "0", NULL, NULL), -EINVAL);
    assert_int_equal(whorl_listen_unix("@x", NULL, NULL), -EINVAL);
    assert_int_equal(whorl_listener_from_fd(0, NULL), -EINVAL);
    assert_int_equal(whorl_listener_accept(NULL), -EINVAL);
    assert_int_equal(whorl_listener_close(NULL), -EINVAL);
    assert_int_equal(whorl_listener_port(NULL), -EINVAL);
    assert_int_equal(whorl_listener_address(NULL, 0, (struct sockaddr *)&address, &len), -EINVAL);
    assert_int_equal(whorl_listener_address(listener, 0, NULL, &len), -EINVAL);
    assert_int_equal(whorl_listener_address(listener, 0, (struct sockaddr *)&address, NULL),
                     -EINVAL);
    assert_int_equal(whorl_listener_stop(NULL), -EINVAL);
    assert_int_equal(whorl_listener_live(NULL), 0);
    assert_int_equal(whorl_listener_close(listener), 0);
}

static void a_cancelled_task_gets_none(void **state)
{
    (void)state;
    whorl_listener *listener = listen_here(NULL), *other;
    assert_int_equal(whorl_cancel(whorl_self()), 0);
    assert_int_equal(whorl_listen_tcp("127.0.0.1", "0", NULL, &other), -ECANCELED);
    assert_null(other);
    assert_int_equal(whorl_listen_unix("@whorl-cancelled", NULL, &other), -ECANCELED);
    assert_null(other);
    assert_int_equal(whorl_listener_accept(listener), -ECANCELED);
    assert_int_equal(whorl_listener_close(listener), 0);
    assert_int_equal(whorl_uncancel(), 1);
}

/* --- Outside a task, and in another loop --- */

static intptr_t use_anothers(void *arg)
{
    whorl_listener *listener = arg;
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    check_equal(whorl_listener_accept(listener), -EPERM);
    check_equal(whorl_listener_close(listener), -EPERM);
    check_equal(whorl_listener_port(listener), -EPERM);
    check_equal(whorl_listener_address(listener, 0, (struct sockaddr *)&address, &len), -EPERM);
    check_equal(whorl_listener_stop(listener), -EPERM);
    check_equal(whorl_serve(listener, NULL, NULL, 0), -EPERM);
    return 0;
}

static intptr_t run_another(void *arg)
{
    use_anothers(arg);
    return whorl_run(use_anothers, arg);
}

static intptr_t lend(void *arg)
{
    (void)arg;
    whorl_listener *listener;
    check_equal(whorl_listen_tcp("127.0.0.1", "0", NULL, &listener), 0);
    check_equal(whorl_to_thread(run_another, listener), 0);
    return whorl_listener_close(listener);
}

static void a_listener_is_used_in_its_loop_alone(void **state)
{
    (void)state;
    whorl_listener *listener;
    assert_int_equal(whorl_listen_tcp("127.0.0.1", "0", NULL, &listener), -EPERM);
    assert_null(listener);
    assert_int_equal(whorl_listen_unix("@x", NULL, &listener), -EPERM);
    assert_int_equal(whorl_listener_from_fd(0, &listener), -EPERM);
    run_checks(lend, NULL);
}

/* --- Descriptors from elsewhere --- */

static void a_socket_that_listens_is_taken_over(void **state)
{
    (void)state;
    struct sockaddr_in address;
    int fd = tcp_listener(&address, 8);
    assert_int_equal(fcntl(fd, F_SETFD, 0), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    whorl_listener *listener;
    assert_int_equal(whorl_listener_from_fd(fd, &listener), 0);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(whorl_listener_port(listener), ntohs(address.sin_port));
    assert_int_equal(listener->backlogs, 8);
    assert_accepts(listener, client_of(listener, 0));
    /* The socket is not blocking, and still the accept waits. */
    whorl_timeout limit;
    whorl_timeout_begin(&limit, WHORL_MS(20));
    assert_int_equal(whorl_timeout_end(&limit, whorl_listener_accept(listener)), -ETIMEDOUT);
    assert_int_equal(whorl_listener_close(listener), 0);
    assert_false(is_open(fd));
}

static int most_that_wait(void)
{
    FILE *file = fopen("/proc/sys/net/core/somaxconn", "r");
    int most = 0;
    if (!file || fscanf(file, "%d", &most) != 1)
        most = 0;
    if (file)
        fclose(file);
    return most;
}

/* Nobody tells how long its queue is: it is taken to be as long as it may be. */
static void a_unix_socket_that_listens_is_taken_over(void **state)
{
    (void)state;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address.sun_family), 0);
    assert_int_equal(listen(fd, 8), 0);
    whorl_listener *listener;
    assert_int_equal(whorl_listener_from_fd(fd, &listener), 0);
    assert_int_equal(listener->backlogs, most_that_wait() ? most_that_wait() : BACKLOG_DEFAULT);
    assert_accepts(listener, client_of(listener, 0));
    assert_int_equal(whorl_listener_close(listener), 0);
}

static void what_does_not_listen_is_not_taken(void **state)
{
    (void)state;
    whorl_listener *listener;
    int fd = whorl_socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(whorl_listener_from_fd(fd, &listener), -EINVAL);
    assert_null(listener);
    assert_true(is_open(fd));
    close(fd);
    assert_int_equal(whorl_listener_from_fd(fd, &listener), -EBADF);
    assert_int_equal(whorl_listener_from_fd(-1, &listener), -EBADF);
    pair both = pipe_pair();
    assert_int_equal(whorl_listener_from_fd(both.ends[0], &listener), -ENOTSOCK);
    close_pair(&both);
    fd = whorl_socket(AF_UNIX, SOCK_SEQPACKET, 0);
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    assert_int_equal(whorl_bind(fd, (struct sockaddr *)&name, sizeof(sa_family_t)), 0);
    assert_int_equal(whorl_listen(fd, 1), 0);
    assert_int_equal(whorl_listener_from_fd(fd, &listener), -EINVAL);
    close(fd);
}

/* --- What they tell --- */

static void only_tcp_has_a_port(void **state)
{
    (void)state;
    whorl_listener *listener;
    assert_int_equal(whorl_listen_unix("@whorl-no-port", NULL, &listener), 0);
    assert_int_equal(whorl_listener_port(listener), -ENOTSUP);
    assert_int_equal(whorl_listener_close(listener), 0);
}

static void an_address_is_cut_at_its_room(void **state)
{
    (void)state;
    whorl_listener *listener = listen_here(NULL);
    struct sockaddr_in address = {0};
    socklen_t len = sizeof address.sin_family;
    assert_int_equal(whorl_listener_address(listener, 0, (struct sockaddr *)&address, &len), 0);
    assert_int_equal(len, sizeof address);
    assert_int_equal(address.sin_family, AF_INET);
    assert_int_equal(address.sin_port, 0);
    assert_int_equal(whorl_listener_address(listener, 1, (struct sockaddr *)&address, &len),
                     -ENOENT);
    assert_int_equal(whorl_listener_close(listener), 0);
}

/* How many connections may wait at the listener's first socket. */
static unsigned backlog_of(const whorl_listener *listener)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    int fd = listener->sockets[0].ops[0].accepting.op.fd;
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
    return info.tcpi_sacked; /* of a socket that listens it is this */
}

static void the_backlog_is_what_was_asked_for(void **state)
{
    (void)state;
    char text[32] = "";
    unsigned long most = 4096;
    if (read_whole("/proc/sys/net/core/somaxconn", text, sizeof text - 1) > 0)
        most = strtoul(text, NULL, 10);
    whorl_listener *listener = listen_here(NULL);
    assert_int_equal(backlog_of(listener), most < 4096 ? most : 4096);
    assert_int_equal(whorl_listener_close(listener), 0);
    whorl_listener_options options = {.backlog = 7};
    listener = listen_here(&options);
    assert_int_equal(backlog_of(listener), 7);
    assert_int_equal(whorl_listener_close(listener), 0);
}

/* --- As another user --- */

static intptr_t listen_below(void *arg)
{
    (void)arg;
    whorl_listener *listener;
    check_equal(whorl_listen_tcp("127.0.0.1", "1", NULL, &listener), -EACCES);
    check(listener == NULL);
    return 0;
}

static int as_nobody(void *arg)
{
    enum { NOBODY = 65534 };
    if (setresgid(NOBODY, NOBODY, NOBODY) != 0 || setresuid(NOBODY, NOBODY, NOBODY) != 0)
        return -1;
    return (int)whorl_run(listen_below, arg);
}

static void a_privileged_port_needs_a_right(void **state)
{
    (void)state;
    char text[32] = "";
    read_whole("/proc/sys/net/ipv4/ip_unprivileged_port_start", text, sizeof text - 1);
    if (strtoul(text, NULL, 10) <= 1)
        skip_because("every port is free to all users here");
    if (geteuid() != 0)
        run_checks_in_child(NULL, listen_below, NULL);
    else
        run_in_child(as_nobody, NULL);
}

static intptr_t share_a_port(void *arg)
{
    whorl_listener *listener;
    const whorl_listener_options shared = {.reuse_port = 1};
    int before = open_descriptors();
    check_equal(forbid_argument(SYS_setsockopt, 2, SO_REUSEPORT, EPERM), 0);
    check_equal(whorl_listen_tcp("127.0.0.1", "0", &shared, &listener), -EPERM);
    check(listener == NULL);
    check_equal(open_descriptors(), before);
    return (intptr_t)arg;
}

static void an_option_that_is_forbidden_is_told(void **state)
{
    (void)state;
    run_checks_in_child(NULL, share_a_port, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(a_port_in_use_is_refused),
        as_task(an_address_that_is_not_this_machines_is_refused),
        as_task(errors_of_names_are_given),
        as_task(options_out_of_range_are_refused),
        as_task(null_is_refused),
        as_task(a_cancelled_task_gets_none),
        behaviour(a_listener_is_used_in_its_loop_alone),
        as_task(a_socket_that_listens_is_taken_over),
        as_task(a_unix_socket_that_listens_is_taken_over),
        as_task(what_does_not_listen_is_not_taken),
        as_task(only_tcp_has_a_port),
        as_task(an_address_is_cut_at_its_room),
        as_task(the_backlog_is_what_was_asked_for),
        behaviour(a_privileged_port_needs_a_right),
        behaviour(an_option_that_is_forbidden_is_told),
    };
    return run_behaviours("listener_refused", tests);
}
