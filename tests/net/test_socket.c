/*
 * Sockets up to the connection: socket, bind, listen, accept, connect, shutdown. Each body runs on
 * every set of features: bind and listen are operations on some kernels and plain calls on others.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "feature_sets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int option_of(int fd, int option)
{
    int value = -1;
    socklen_t len = sizeof value;
    check_equal(getsockopt(fd, SOL_SOCKET, option, &value, &len), 0);
    return value;
}

static struct sockaddr_in loopback_port(in_port_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = port};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/* --- socket --- */

static intptr_t make_sockets(void *arg)
{
    (void)arg;
    int fd = whorl_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check_equal(option_of(fd, SO_TYPE), SOCK_STREAM);
    check_equal(option_of(fd, SO_DOMAIN), AF_INET);
    check_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    check_equal(whorl_close(fd), 0);
    fd = whorl_socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    check_equal(option_of(fd, SO_TYPE), SOCK_DGRAM);
    check_equal(fcntl(fd, F_GETFD), 0);
    check((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    check_equal(whorl_close(fd), 0);

    check_equal(whorl_socket(12345, SOCK_STREAM, 0), -EAFNOSUPPORT);
    check_equal(whorl_socket(-1, SOCK_STREAM, 0), -EAFNOSUPPORT);
    check_equal(whorl_socket(AF_INET, 0, 0), -ESOCKTNOSUPPORT);
    check_equal(whorl_socket(AF_INET, SOCK_STREAM | 1 << 30, 0), -EINVAL);
    check_equal(whorl_socket(AF_UNIX, SOCK_STREAM, IPPROTO_TCP), -EPROTONOSUPPORT);
    return 0;
}

static void socket_makes_what_is_asked_or_tells_why_not(void **state)
{
    (void)state;
    run_checks_on_all_features(make_sockets, NULL);
}

/* --- bind, listen, connect, accept --- */

static intptr_t connect_to(void *arg)
{
    const struct sockaddr_in *address = arg;
    int fd = whorl_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check_equal(whorl_connect(fd, (const struct sockaddr *)address, sizeof *address), 0);
    char byte = 0;
    check_equal(whorl_recv(fd, &byte, 1, 0), 1);
    check_equal(byte, 'w');
    return whorl_close(fd);
}

static intptr_t serve_once(void *arg)
{
    (void)arg;
    struct sockaddr_in address = loopback_port(0), peer;
    socklen_t len = sizeof address;
    int listener = whorl_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check_equal(whorl_bind(listener, (struct sockaddr *)&address, len), 0);
    check_equal(whorl_listen(listener, 5), 0);
    check_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    check(address.sin_port != 0);

    for (int round = 0; round < 3; round++) {
        whorl_task *client = whorl_spawn(connect_to, &address);
        socklen_t room = sizeof peer;
        int fd = round == 0   ? whorl_accept(listener, NULL, NULL)
                 : round == 1 ? whorl_accept(listener, (struct sockaddr *)&peer, &room)
                              : whorl_accept4(listener, (struct sockaddr *)&peer, &room,
                                              SOCK_CLOEXEC | SOCK_NONBLOCK);
        check(fd >= 0);
        check_equal(fcntl(fd, F_GETFD), round == 2 ? FD_CLOEXEC : 0);
        check_equal((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0, round == 2);
        if (round > 0) {
            check_equal(room, sizeof peer);
            check_equal(peer.sin_family, AF_INET);
            check_equal(ntohl(peer.sin_addr.s_addr), INADDR_LOOPBACK);
        }
        check_equal(send(fd, "w", 1, 0), 1);
        check_equal(whorl_join(client), 0);
        check_equal(whorl_close(fd), 0);
    }
    return whorl_close(listener);
}

static void a_client_and_a_server_meet(void **state)
{
    (void)state;
    run_checks_on_all_features(serve_once, NULL);
}

static intptr_t meet_at_a_path(void *arg)
{
    (void)arg;
    struct sockaddr_un address = {.sun_family = AF_UNIX}, peer;
    test_path path = path_of("socket");
    size_t length = strlen(path.text);
    check(length < sizeof address.sun_path);
    memcpy(address.sun_path, path.text, length + 1);
    int listener = whorl_socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int client = whorl_socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check_equal(whorl_connect(client, (struct sockaddr *)&address, sizeof address), -ENOENT);
    check_equal(whorl_bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    check_equal(whorl_connect(client, (struct sockaddr *)&address, sizeof address), -ECONNREFUSED);
    check_equal(whorl_listen(listener, 5), 0);
    check_equal(whorl_connect(client, (struct sockaddr *)&address, sizeof address), 0);
    socklen_t room = sizeof peer;
    int fd = whorl_accept(listener, (struct sockaddr *)&peer, &room);
    check(fd >= 0);
    check_equal(room, sizeof(sa_family_t)); /* the client has no name */
    check_equal(whorl_close(fd), 0);
    check_equal(whorl_close(client), 0);
    check_equal(whorl_close(listener), 0);
    return unlink(path.text);
}

static void a_unix_socket_is_met_at_its_path(void **state)
{
    (void)state;
    run_checks_on_all_features(meet_at_a_path, NULL);
}

static intptr_t bind_wrongly(void *arg)
{
    (void)arg;
    struct sockaddr_in taken, address = loopback_port(0);
    const struct sockaddr *any = (const struct sockaddr *)&address;
    int holder = tcp_listener(&taken, 1);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check_equal(whorl_bind(fd, (struct sockaddr *)&taken, sizeof taken), -EADDRINUSE);
    check_equal(whorl_bind(fd, any, 1), -EINVAL);
    check_equal(whorl_bind(fd, any, (socklen_t)-1), -EINVAL);
    check_equal(whorl_bind(fd, NULL, sizeof address), -EFAULT);
    check_equal(whorl_bind(-1, any, sizeof address), -EBADF);
    check_equal(whorl_bind(fd, any, sizeof address), 0);
    check_equal(whorl_bind(fd, any, sizeof address), -EINVAL);
    address.sin_addr.s_addr = htonl(0x01020304);
    int other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check_equal(whorl_bind(other, any, sizeof address), -EADDRNOTAVAIL);
    check_equal(close(other), 0);
    check_equal(close(fd), 0);
    check_equal(close(holder), 0);

    pair both = pipe_pair();
    check_equal(whorl_bind(both.ends[0], any, sizeof address), -ENOTSOCK);
    check_equal(whorl_listen(both.ends[0], 1), -ENOTSOCK);
    close_pair(&both);
    check_equal(whorl_listen(-1, 1), -EBADF);
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    check_equal(whorl_listen(fd, 1), -EOPNOTSUPP);
    return close(fd);
}

static void bind_and_listen_give_the_errors_of_their_pages(void **state)
{
    (void)state;
    run_checks_on_all_features(bind_wrongly, NULL);
}

static intptr_t accept_wrongly(void *arg)
{
    (void)arg;
    struct sockaddr_in address;
    int listener = tcp_listener(&address, 1);
    check_equal(whorl_accept4(listener, NULL, NULL, 1 << 30), -EINVAL);
    check_equal(whorl_accept(-1, NULL, NULL), -EBADF);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check_equal(whorl_accept(fd, NULL, NULL), -EINVAL);
    check_equal(close(fd), 0);
    pair both = pipe_pair();
    check_equal(whorl_accept(both.ends[0], NULL, NULL), -ENOTSOCK);
    close_pair(&both);
    return close(listener);
}

static void accept_gives_the_errors_of_its_page(void **state)
{
    (void)state;
    run_checks_on_all_features(accept_wrongly, NULL);
}

static intptr_t connect_wrongly(void *arg)
{
    (void)arg;
    struct sockaddr_in address;
    const struct sockaddr *target = (const struct sockaddr *)&address;
    int listener = tcp_listener(&address, 1);
    check_equal(close(listener), 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check_equal(whorl_connect(fd, target, sizeof address), -ECONNREFUSED);
    check_equal(whorl_connect(fd, NULL, sizeof address), -EFAULT);
    check_equal(whorl_connect(fd, target, 1), -EINVAL);
    check_equal(whorl_connect(fd, target, (socklen_t)-1), -EINVAL);
    check_equal(whorl_connect(-1, target, sizeof address), -EBADF);
    address.sin_family = 12345;
    check_equal(whorl_connect(fd, target, sizeof address), -EAFNOSUPPORT);
    check_equal(close(fd), 0);
    pair both = pipe_pair();
    check_equal(whorl_connect(both.ends[0], target, sizeof address), -ENOTSOCK);
    close_pair(&both);

    both = tcp_pair();
    socklen_t len = sizeof address;
    check_equal(getpeername(both.ends[0], (struct sockaddr *)&address, &len), 0);
    check_equal(whorl_connect(both.ends[0], target, len), -EISCONN);
    close_pair(&both);
    return 0;
}

static void connect_gives_the_errors_of_its_page(void **state)
{
    (void)state;
    run_checks_on_all_features(connect_wrongly, NULL);
}

/* --- shutdown --- */

static intptr_t shut_down(void *arg)
{
    (void)arg;
    char byte;
    pair both = tcp_pair();
    check_equal(whorl_shutdown(both.ends[0], SHUT_WR), 0);
    check_equal(recv(both.ends[1], &byte, 1, 0), 0);
    check_equal(send(both.ends[1], "x", 1, 0), 1);
    check_equal(whorl_recv(both.ends[0], &byte, 1, 0), 1);
    check_equal(whorl_send(both.ends[0], "x", 1, 0), -EPIPE);
    check_equal(whorl_shutdown(both.ends[0], SHUT_RDWR), 0);
    check_equal(whorl_recv(both.ends[0], &byte, 1, 0), 0);
    check_equal(whorl_shutdown(both.ends[1], 77), -EINVAL);
    close_pair(&both);

    check_equal(whorl_shutdown(-1, SHUT_RD), -EBADF);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check_equal(whorl_shutdown(fd, SHUT_RDWR), -ENOTCONN);
    check_equal(close(fd), 0);
    both = pipe_pair();
    check_equal(whorl_shutdown(both.ends[0], SHUT_RD), -ENOTSOCK);
    close_pair(&both);

    both = unix_pair();
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_shutdown(both.ends[0], SHUT_WR), 0);
    check_equal(recv(both.ends[1], &byte, 1, 0), 0);
    check_equal(whorl_uncancel(), 1);
    close_pair(&both);
    return 0;
}

static void shutdown_works_in_a_cancelled_task_too(void **state)
{
    (void)state;
    run_checks_on_all_features(shut_down, NULL);
}

static intptr_t recv_once(void *arg)
{
    char byte;
    return whorl_recv(*(int *)arg, &byte, 1, 0);
}

static intptr_t shut_down_under_a_reader(void *arg)
{
    (void)arg;
    pair both = unix_pair();
    whorl_task *reader = whorl_spawn(recv_once, &both.ends[0]);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    check_equal(whorl_shutdown(both.ends[0], SHUT_RD), 0);
    check_equal(whorl_join(reader), 0); /* the end of the stream */
    close_pair(&both);
    return 0;
}

static void shutdown_wakes_a_reader_with_the_end(void **state)
{
    (void)state;
    run_checks_on_all_features(shut_down_under_a_reader, NULL);
}

/* --- Flags --- */

static intptr_t receive_with_flags(void *arg)
{
    (void)arg;
    char bytes[8], control[64];
    int fds[2];
    struct iovec room = {bytes, sizeof bytes};
    struct msghdr message = {.msg_iov = &room,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    check_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    check_equal(whorl_recvmsg(fds[1], &message, MSG_DONTWAIT), -EAGAIN);
    check_equal(write(fds[0], "ab", 2), 2);
    check_equal(write(fds[0], "cd", 2), 2);
    check_equal(whorl_recv(fds[1], bytes, sizeof bytes, MSG_WAITALL), 2);
    check_equal(whorl_recv(fds[1], bytes, sizeof bytes, MSG_WAITALL), 2);
    check_equal(close(fds[0]), 0);
    return close(fds[1]);
}

static void packets_stay_apart_and_who_does_not_wait_is_told(void **state)
{
    (void)state;
    run_checks_on_all_features(receive_with_flags, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(socket_makes_what_is_asked_or_tells_why_not),
        behaviour(a_client_and_a_server_meet),
        behaviour(a_unix_socket_is_met_at_its_path),
        behaviour(bind_and_listen_give_the_errors_of_their_pages),
        behaviour(accept_gives_the_errors_of_its_page),
        behaviour(connect_gives_the_errors_of_its_page),
        behaviour(shutdown_works_in_a_cancelled_task_too),
        behaviour(shutdown_wakes_a_reader_with_the_end),
        behaviour(packets_stay_apart_and_who_does_not_wait_is_told),
    };
    return run_behaviours("socket", tests);
}
