/*
 * What is refused and changes nothing: for want of memory, call by call; for want of a descriptor;
 * outside a task; and on descriptors that are gone.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "refused_memory.h"

#include <core/loop.h>
#include <fcntl.h>
#include <net/datagram.h>
#include <net/listener.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { FILE_BYTES = 5000 };

static int small_file(void)
{
    static const char content[FILE_BYTES];
    int fd = open(path_of("file").text, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    check_equal(pwrite(fd, content, sizeof content, 0), sizeof content);
    return fd;
}

/* --- Memory --- */

static intptr_t make_pair(void *arg)
{
    whorl_stream *both[2];
    (void)arg;
    int error = whorl_stream_pair(NULL, both);
    if (error) {
        check(!both[0] && !both[1]);
        return error;
    }
    check_equal(whorl_stream_close(both[0]), 0);
    return whorl_stream_close(both[1]);
}

static intptr_t open_unnamed(void *arg)
{
    whorl_datagram *datagram;
    int error = whorl_datagram_open_unix(NULL, arg, &datagram);
    return error ? error : whorl_datagram_close(datagram);
}

/* To itself, and back, each by a call that may have no memory: then nothing has come or gone. */
static intptr_t send_to_itself(void *arg)
{
    whorl_datagram *datagram = arg;
    struct sockaddr_storage own;
    socklen_t len = sizeof own;
    check_equal(getsockname(whorl_datagram_fd(datagram), (struct sockaddr *)&own, &len), 0);
    whorl_message message = {
        .data = "x", .len = 1, .peer = (struct sockaddr *)&own, .peer_len = len};
    ssize_t sent = whorl_datagram_send_many(datagram, &message, 1);
    if (sent < 0)
        return sent;
    check_equal(sent, 1);
    int error;
    while ((error = whorl_datagram_receive_many(datagram, &message, 1)) == -ENOMEM)
        ;
    check_equal(error, 1);
    check(message.len == 1 && message.data[0] == 'x');
    return 0;
}

static intptr_t send_file(void *arg)
{
    const pair *both = arg;
    char buf[FILE_BYTES];
    int fd = small_file();
    ssize_t sent = whorl_sendfile(both->ends[1], fd, NULL, SIZE_MAX);
    if (sent >= 0) {
        check_equal(sent, FILE_BYTES);
        check_equal(recv(both->ends[0], buf, sizeof buf, MSG_WAITALL), FILE_BYTES);
    } else {
        check_equal(lseek(fd, 0, SEEK_CUR), 0);
        check_equal(recv(both->ends[0], buf, sizeof buf, MSG_DONTWAIT), -1);
    }
    close(fd);
    return sent < 0 ? sent : 0;
}

static intptr_t send_file_by_stream(void *arg)
{
    whorl_stream **both = arg;
    char buf[FILE_BYTES];
    int fd = small_file();
    ssize_t sent = whorl_stream_sendfile(both[1], fd, NULL, SIZE_MAX);
    close(fd);
    if (sent < 0)
        return sent;
    check_equal(sent, FILE_BYTES);
    ssize_t got;
    while ((got = whorl_stream_read_exactly(both[0], buf, sizeof buf)) == -ENOMEM)
        ;
    check_equal(got, FILE_BYTES);
    return 0;
}

static intptr_t refuse_all(void *arg)
{
    (void)arg;
    static const whorl_datagram_options large = {.largest = 100 << 10};
    check(refuse_each_in_turn(make_pair, NULL) >= 2);
    check(refuse_each_in_turn(open_unnamed, NULL) >= 1);
    for (int i = 0; i < 2; i++) {
        whorl_datagram *datagram;
        check_equal(whorl_datagram_open("127.0.0.1", NULL, i ? &large : NULL, &datagram), 0);
        check(refuse_each_in_turn(send_to_itself, datagram) >= 1);
        check_equal(whorl_datagram_close(datagram), 0);
    }
    /* The loop keeps what the first one has made. */
    pair both = unix_pair();
    check(refuse_each_in_turn(send_file, &both) >= 1);
    close_pair(&both);
    whorl_stream *streams[2];
    check_equal(whorl_stream_pair(NULL, streams), 0);
    refuse_each_in_turn(send_file_by_stream, streams);
    check_equal(whorl_stream_close(streams[0]), 0);
    return whorl_stream_close(streams[1]);
}

static void what_there_is_no_memory_for_changes_nothing(void **state)
{
    (void)state;
    static const whorl_config plain = {.without = WHORL_FEATURE_RECV_MULTISHOT};
    run_checks(refuse_all, NULL);
    run_checks_with(&plain, refuse_all, NULL);
}

static intptr_t send_first_file(void *arg)
{
    pair both = unix_pair();
    refuse_each_in_turn(send_file, &both);
    close_pair(&both);
    return (intptr_t)arg;
}

static intptr_t send_first_file_by_stream(void *arg)
{
    whorl_stream *both[2];
    check_equal(whorl_stream_pair(NULL, both), 0);
    refuse_each_in_turn(send_file_by_stream, both);
    check_equal(whorl_stream_close(both[0]), 0);
    check_equal(whorl_stream_close(both[1]), 0);
    return (intptr_t)arg;
}

static void nor_what_a_loop_makes_for_the_first(void **state)
{
    (void)state;
    run_checks(send_first_file, NULL);
    run_checks(send_first_file_by_stream, NULL);
}

/* --- Connections that nobody can note --- */

static int client_of(const whorl_listener *listener)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check_equal(whorl_listener_address(listener, 0, (struct sockaddr *)&address, &len), 0);
    check_equal(connect(fd, (struct sockaddr *)&address, len), 0);
    return fd;
}

/* Who wanted it has gone, and its op takes it all the same. */
static intptr_t refuse_a_note(void *arg)
{
    char byte;
    whorl_timeout limit;
    whorl_listener *listener;
    check_equal(whorl_listen_tcp("127.0.0.1", "0", NULL, &listener), 0);
    whorl_timeout_begin(&limit, WHORL_MS(5));
    check_equal(whorl_timeout_end(&limit, whorl_listener_accept(listener)), -ETIMEDOUT);
    refuse_memory_call(0);
    int client = client_of(listener);
    check_equal(whorl_recv(client, &byte, 1, 0), 0);
    check(refuse_no_more_memory());
    close(client);
    client = client_of(listener);
    int fd = whorl_listener_accept(listener);
    check(fd >= 0);
    close(fd);
    close(client);
    return whorl_listener_close(listener) + (intptr_t)arg;
}

static void a_connection_that_cannot_be_noted_is_closed(void **state)
{
    (void)state;
    run_checks(refuse_a_note, NULL);
}

/* --- Buffers that sockets share --- */

static int maps_refused; /* so many, from now on */

void *__real_mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
    if (maps_refused <= 0)
        return __real_mmap(at, len, protection, flags, fd, offset);
    maps_refused--;
    errno = ENOMEM;
    return MAP_FAILED;
}

static intptr_t share_with_maps_refused(void *arg)
{
    whorl_datagram *datagram;
    maps_refused = *(int *)arg;
    check_equal(whorl_datagram_open("127.0.0.1", NULL, NULL, &datagram), 0);
    bool all = maps_refused > 0;
    maps_refused = 0;
    check(all == !loop_here->datagram_hub);
    if (loop_here->datagram_hub)
        check_equal(loop_here->datagram_hub->pool.most, 1024 >> *(int *)arg);
    check_equal(send_to_itself(datagram), 0);
    return whorl_datagram_close(datagram);
}

static void sockets_share_fewer_buffers_or_none_where_memory_is_short(void **state)
{
    (void)state;
    if (!(whorl_features() & WHORL_FEATURE_RECV_MULTISHOT))
        skip_because("this kernel has no multishot receive");
    for (int refused = 0; refused <= 2; refused++)
        run_checks(share_with_maps_refused, &refused);
    run_checks(share_with_maps_refused, &(int){1000});
}

/* --- Descriptors that are gone --- */

static intptr_t use_what_is_gone(void *arg)
{
    (void)arg;
    whorl_datagram *datagram;
    check_equal(whorl_datagram_open("127.0.0.1", "0", NULL, &datagram), 0);
    close(whorl_datagram_fd(datagram));
    check_equal(whorl_datagram_port(datagram), -EBADF);
    check_equal(whorl_datagram_connect(datagram, "127.0.0.1", "7"), -EBADF);
    check_equal(whorl_datagram_close(datagram), -EBADF);
    whorl_stream *stream;
    check_equal(whorl_stream_open(-1, NULL, &stream), -EBADF);
    return 0;
}

static intptr_t use_what_has_gone_since(void *arg)
{
    (void)arg;
    int fds[2];
    whorl_datagram *datagram;
    check_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds), 0);
    check_equal(whorl_datagram_from_fd(fds[0], NULL, &datagram), 0);
    close(fds[0]);
    close(fds[1]);
    check_equal(whorl_datagram_send(datagram, "x", 1), -EBADF);
    check_equal(whorl_datagram_close(datagram), -EBADF);
    if (whorl_datagram_open("::1", NULL, NULL, &datagram) == 0) {
        close(whorl_datagram_fd(datagram));
        check_equal(whorl_datagram_set_multicast_hops(datagram, 1), -EBADF);
        check_equal(whorl_datagram_set_multicast_interface(datagram, NULL), -EBADF);
        check_equal(whorl_datagram_close(datagram), -EBADF);
    }
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    whorl_listener *listener;
    int fd = tcp_listener(&address, 1);
    check_equal(whorl_listener_from_fd(fd, &listener), 0);
    close(fd);
    check_equal(whorl_listener_address(listener, 0, (struct sockaddr *)&address, &len), -EBADF);
    check_equal(whorl_listener_port(listener), -EBADF);
    check_equal(whorl_listener_close(listener), 0);
    whorl_stream *both[2];
    check_equal(whorl_stream_pair(NULL, both), 0);
    close(whorl_stream_fd(both[0]));
    check_equal(whorl_stream_end(both[0]), -EBADF);
    check_equal(whorl_stream_close(both[0]), 0);
    return whorl_stream_close(both[1]);
}

/* One that stands for a path alone has no position. */
static intptr_t send_a_path(void *arg)
{
    close(small_file());
    pair both = unix_pair();
    int fd = open(path_of("file").text, O_PATH | O_CLOEXEC);
    check(fd >= 0);
    check_equal(whorl_sendfile(both.ends[1], fd, NULL, 1), -EBADF);
    close(fd);
    close_pair(&both);
    return (intptr_t)arg;
}

static void a_descriptor_that_is_gone_is_told_of(void **state)
{
    (void)state;
    run_checks(use_what_is_gone, NULL);
    run_checks(use_what_has_gone_since, NULL);
    run_checks(send_a_path, NULL);
}

static intptr_t serve_nobody(whorl_stream *stream, void *arg)
{
    (void)arg;
    return whorl_stream_end(stream);
}

static int unix_listener(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check_equal(bind(fd, (struct sockaddr *)&name, sizeof name.sun_family), 0);
    check_equal(listen(fd, 1), 0);
    return fd;
}

static intptr_t refuse_descriptors(void *arg)
{
    struct rlimit before, none;
    whorl_listener *listening;
    whorl_datagram *datagram;
    whorl_listener *listener;
    whorl_stream *both[2];
    check_equal(whorl_listen_tcp("127.0.0.1", "0", NULL, &listening), 0);
    int named = unix_listener();
    check_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 0;
    check_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    check_equal(whorl_datagram_open("127.0.0.1", "0", NULL, &datagram), -EMFILE);
    check_equal(whorl_datagram_open_unix(NULL, NULL, &datagram), -EMFILE);
    check_equal(whorl_listen_tcp("127.0.0.1", "0", NULL, &listener), -EMFILE);
    check_equal(whorl_listen_unix("@refusals", NULL, &listener), -EMFILE);
    check_equal(whorl_stream_pair(NULL, both), -EMFILE);
    check_equal(whorl_serve(listening, serve_nobody, NULL, 0), -EMFILE);
    check(!datagram && !listener && !both[0] && !both[1]);
    /* How long the queue of one that is there may be cannot be read. */
    check_equal(whorl_listener_from_fd(named, &listener), 0);
    check_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    check_equal(listener->backlogs, BACKLOG_DEFAULT);
    check_equal(whorl_listener_close(listener), 0);
    check_equal(whorl_listener_close(listening), 0);
    return (intptr_t)arg;
}

static void without_a_descriptor_nothing_is_made(void **state)
{
    (void)state;
    run_checks(refuse_descriptors, NULL);
}

/* --- Outside --- */

static void outside_a_task_they_are_refused(void **state)
{
    (void)state;
    char byte;
    pair both = unix_pair();
    int fd = small_file();
    assert_int_equal(whorl_shutdown(both.ends[0], SHUT_WR), -EPERM);
    assert_int_equal(whorl_sendfile(both.ends[0], fd, NULL, 1), -EPERM);
    assert_int_equal(whorl_stream_sendfile(NULL, fd, NULL, 1), -EPERM);
    assert_int_equal(recv(both.ends[1], &byte, 1, MSG_DONTWAIT), -1);
    close(fd);
    close_pair(&both);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(what_there_is_no_memory_for_changes_nothing),
        behaviour(nor_what_a_loop_makes_for_the_first),
        behaviour(a_connection_that_cannot_be_noted_is_closed),
        behaviour(sockets_share_fewer_buffers_or_none_where_memory_is_short),
        behaviour(a_descriptor_that_is_gone_is_told_of),
        behaviour(without_a_descriptor_nothing_is_made),
        behaviour(outside_a_task_they_are_refused),
    };
    return run_behaviours("refusals", tests);
}
