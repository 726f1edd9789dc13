/* Datagram sockets of unix: met at paths and abstract names. */
#include "datagrams.h"
#include "stale.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>

static intptr_t talk_by_name(void *arg)
{
    (void)arg;
    test_path path = path_of("datagrams");
    char abstract[64];
    snprintf(abstract, sizeof abstract, "@whorl-test-%d", (int)getpid());
    const char *names[] = {path.text, abstract};
    for (int i = 0; i < 2; i++) {
        whorl_datagram *server, *client, *other;
        whorl_message message;
        char text[WHORL_ADDRESS_TEXT_MAX];
        struct sockaddr_un addr;
        socklen_t len = sizeof addr;
        check_equal(whorl_datagram_open_unix(names[i], NULL, &server), 0);
        check_equal(whorl_datagram_open_unix(NULL, NULL, &client), 0);
        check_equal(getsockname(whorl_datagram_fd(server), (struct sockaddr *)&addr, &len), 0);
        check(whorl_address_text((struct sockaddr *)&addr, len, text, sizeof text) > 0);
        check_text(text, names[i]);
        check_equal(whorl_datagram_send(client, "x", 1), -ENOTCONN);
        check_equal(whorl_datagram_connect_to(client, (struct sockaddr *)&addr, len), 0);
        check_equal(whorl_datagram_send(client, "", 0), 0);
        check_equal(whorl_datagram_send(client, "name", 4), 4);
        check_received(server, "");
        check_equal(whorl_datagram_receive(server, &message), 0);
        check_message(&message, "name");
        check(whorl_address_text(message.peer, message.peer_len, text, sizeof text) > 0);
        check_equal(text[0], '@');
        check_equal(whorl_datagram_send_to(server, "back", 4, message.peer, message.peer_len), 4);
        check_received(client, "back");
        check_equal(whorl_datagram_open_unix(names[i], NULL, &other), -EADDRINUSE);
        check_equal(whorl_datagram_port(server), -ENOTSUP);
        check_equal(whorl_datagram_connect(client, "127.0.0.1", "9"), -EAFNOSUPPORT);
        check_equal(whorl_datagram_close(server), 0);
        check_equal(whorl_datagram_send(client, "name", 4), -ECONNREFUSED);
        check_equal(whorl_datagram_close(client), 0);
        check_equal(access(path.text, F_OK), -1);
    }
    return 0;
}

static void a_unix_socket_is_met_at_its_path_or_name(void **state)
{
    (void)state;
    run_both_ways(talk_by_name);
}

/* As far as sockaddr_un has room: in a folder of the test's own, whose name is as long as that
 * wants. */
static struct sockaddr_un longest_path(test_path *folder)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    *folder = path_of("long");
    check_equal(mkdir(folder->text, 0700), 0);
    size_t len = strlen(folder->text);
    check(len + 2 < sizeof address.sun_path);
    memset(address.sun_path, 'x', sizeof address.sun_path);
    memcpy(address.sun_path, folder->text, len);
    address.sun_path[len] = '/';
    return address;
}

static intptr_t answer_the_longest(void *arg)
{
    (void)arg;
    test_path folder;
    struct sockaddr_un address = longest_path(&folder);
    char abstract[64], byte;
    snprintf(abstract, sizeof abstract, "@whorl-test-%d", (int)getpid());
    whorl_datagram *server;
    whorl_message message;
    struct sockaddr_storage from;
    socklen_t from_len = sizeof from;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    check_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    check_equal(whorl_datagram_open_unix(abstract, NULL, &server), 0);
    struct sockaddr_un to;
    socklen_t len = sizeof to;
    check_equal(getsockname(whorl_datagram_fd(server), (struct sockaddr *)&to, &len), 0);
    for (int i = 0; i < 2; i++)
        check_equal(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, len), 1);
    check_equal(whorl_datagram_receive(server, &message), 0);
    check_equal(whorl_datagram_send_to(server, "y", 1, message.peer, message.peer_len), 1);
    check_equal(recv(fd, &byte, 1, 0), 1);
    check_equal(whorl_datagram_receive_from(server, &byte, 1, (struct sockaddr *)&from, &from_len),
                1);
    check_equal(whorl_datagram_send_to(server, "y", 1, (struct sockaddr *)&from, from_len), 1);
    check_equal(recv(fd, &byte, 1, 0), 1);
    check_equal(whorl_datagram_close(server), 0);
    close(fd);
    char path[sizeof address.sun_path + 1] = "";
    memcpy(path, address.sun_path, sizeof address.sun_path);
    check_equal(unlink(path), 0);
    check_equal(rmdir(folder.text), 0);
    return 0;
}

static void who_has_the_longest_path_is_answered(void **state)
{
    (void)state;
    run_both_ways(answer_the_longest);
}

/* Of several that find a stale file one has the directory's lock, looks, and replaces it. */
static intptr_t wait_for_the_lock(void *arg)
{
    (void)arg;
    test_path path = path_of("contended");
    leave_stale(path.text);
    int directory = open(path_of("").text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    check_equal(flock(directory, LOCK_EX), 0);
    whorl_datagram *one;
    whorl_timeout limit;
    whorl_timeout_begin(&limit, WHORL_MS(5));
    int error = whorl_datagram_open_unix(path.text, NULL, &one);
    check_equal(whorl_timeout_end(&limit, error), -ETIMEDOUT);
    check(one == NULL);
    check_equal(access(path.text, F_OK), 0);
    check_equal(close(directory), 0);
    check_equal(whorl_datagram_open_unix(path.text, NULL, &one), 0);
    return whorl_datagram_close(one);
}

static void of_several_that_replace_a_file_one_does(void **state)
{
    (void)state;
    run_checks(wait_for_the_lock, NULL);
}

static intptr_t take_over_path(void *arg)
{
    (void)arg;
    whorl_datagram *one;
    test_path path = path_of("stale");
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    strcpy(addr.sun_path, path.text);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    check_equal(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    check_equal(whorl_datagram_open_unix(path.text, NULL, &one), -EADDRINUSE);
    check_equal(close(fd), 0);
    check_equal(whorl_datagram_open_unix(path.text, NULL, &one), 0);
    /* A file that is there instead of its own stays. */
    check_equal(unlink(path.text), 0);
    write_whole(path.text, "x", 1);
    check_equal(whorl_datagram_close(one), 0);
    check_equal(access(path.text, F_OK), 0);
    check_equal(whorl_datagram_open_unix(path.text, NULL, &one), -EADDRINUSE);
    check(one == NULL);
    check_equal(access(path.text, F_OK), 0);
    /* Nor does that of a socket of another kind go. */
    check_equal(unlink(path.text), 0);
    whorl_listener *listener;
    check_equal(whorl_listen_unix(path.text, NULL, &listener), 0);
    check_equal(whorl_datagram_open_unix(path.text, NULL, &one), -EADDRINUSE);
    return whorl_listener_close(listener);
}

static void a_file_that_nobody_serves_is_replaced_and_others_stay(void **state)
{
    (void)state;
    run_checks(take_over_path, NULL);
}

static intptr_t receive_large(void *arg)
{
    (void)arg;
    enum { LARGE = 100000 };
    static char data[LARGE];
    memset(data, 'l', LARGE);
    int fds[2];
    whorl_message message;
    whorl_datagram *one;
    const whorl_datagram_options large = {.largest = LARGE};
    for (int i = 0; i < 2; i++) {
        check_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds), 0);
        check_equal(whorl_datagram_from_fd(fds[0], i ? &large : NULL, &one), 0);
        check_equal(send(fds[1], data, LARGE, 0), LARGE);
        check_equal(whorl_datagram_receive(one, &message), 0);
        check_equal(message.size, LARGE);
        check_equal(message.len, i ? LARGE : 65536);
        check(memcmp(message.data, data, message.len) == 0);
        check_equal(message.peer_len, 0);
        check_equal(send(fds[1], "small", 5, 0), 5);
        check_received(one, "small");
        check_equal(whorl_datagram_close(one), 0);
        close(fds[1]);
    }
    return 0;
}

static void one_above_the_largest_is_cut_and_says_so(void **state)
{
    (void)state;
    run_both_ways(receive_large);
}

static intptr_t open_a_name_twice(void *arg)
{
    (void)arg;
    char name[64];
    whorl_datagram *one, *two;
    snprintf(name, sizeof name, "@whorl-test-%d", (int)getpid());
    check_equal(whorl_datagram_open_unix(name, NULL, &one), 0);
    int before = open_descriptors();
    check_equal(whorl_datagram_open_unix(name, NULL, &two), -EADDRINUSE);
    check_equal(open_descriptors(), before);
    return whorl_datagram_close(one);
}

static void a_name_in_use_is_told_and_costs_nothing(void **state)
{
    (void)state;
    run_both_ways(open_a_name_twice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_unix_socket_is_met_at_its_path_or_name),
        behaviour(who_has_the_longest_path_is_answered),
        behaviour(a_file_that_nobody_serves_is_replaced_and_others_stay),
        behaviour(of_several_that_replace_a_file_one_does),
        behaviour(one_above_the_largest_is_cut_and_says_so),
        behaviour(a_name_in_use_is_told_and_costs_nothing),
    };
    return run_behaviours("datagram_unix", tests);
}
