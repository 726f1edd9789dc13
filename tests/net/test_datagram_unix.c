/* Datagram sockets of unix: met at paths and abstract names. */
#include "datagrams.h"

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
    return 0;
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

/* --- A queue without room --- */

/* What is sent while the peer does not receive: more than its queue holds. */
enum { FLOOD = 40, WAYS = 6 };

struct flood {
    int way;
    int fd; /* connected to the peer, which is not connected back */
    whorl_datagram *plain, *connected;
    struct sockaddr_un to;
    socklen_t len;
};

static ssize_t send_number(struct flood *flood, int number)
{
    char text[16];
    size_t len = (size_t)snprintf(text, sizeof text, "number %d", number);
    struct sockaddr *to = (struct sockaddr *)&flood->to;
    struct iovec data = {text, len};
    struct msghdr named = {
        .msg_name = to, .msg_namelen = flood->len, .msg_iov = &data, .msg_iovlen = 1};
    switch (flood->way) {
    case 0:
        return whorl_datagram_send_to(flood->plain, text, len, to, flood->len);
    case 1:
        return whorl_datagram_send(flood->connected, text, len);
    case 2:
        named.msg_namelen = 0;
        return whorl_sendmsg(flood->fd, &named, 0);
    case 3:
        return whorl_sendmsg(whorl_datagram_fd(flood->plain), &named, 0);
    case 4:
        return whorl_send_fds(flood->fd, text, len, &flood->fd, number % 2);
    default:
        return whorl_write(flood->fd, text, len);
    }
}

static intptr_t send_flood(void *arg)
{
    for (int i = 0; i < FLOOD; i++)
        check(send_number(arg, i) > 7);
    return 0;
}

static void open_flood(struct flood *flood, whorl_datagram **peer)
{
    char name[64];
    snprintf(name, sizeof name, "@whorl-test-flood-%d", (int)getpid());
    flood->len = sizeof flood->to;
    check_equal(whorl_datagram_open_unix(name, NULL, peer), 0);
    check_equal(whorl_datagram_open_unix(NULL, NULL, &flood->plain), 0);
    check_equal(whorl_datagram_open_unix(NULL, NULL, &flood->connected), 0);
    struct sockaddr *to = (struct sockaddr *)&flood->to;
    check_equal(getsockname(whorl_datagram_fd(*peer), to, &flood->len), 0);
    check_equal(whorl_datagram_connect_to(flood->connected, to, flood->len), 0);
    flood->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    check_equal(connect(flood->fd, to, flood->len), 0);
}

static void close_flood(struct flood *flood, whorl_datagram *peer)
{
    check_equal(whorl_datagram_close(flood->plain), 0);
    check_equal(whorl_datagram_close(flood->connected), 0);
    check_equal(whorl_datagram_close(peer), 0);
    close(flood->fd);
}

static intptr_t flood_in_each_way(void *arg)
{
    (void)arg;
    for (int way = 0; way < WAYS; way++) {
        struct flood flood = {.way = way};
        whorl_datagram *peer;
        open_flood(&flood, &peer);
        whorl_task *task = whorl_spawn(send_flood, &flood);
        check_equal(whorl_sleep(WHORL_MS(5)), 0);
        check(!whorl_is_done(task));
        for (int i = 0; i < FLOOD; i++) {
            char text[16];
            snprintf(text, sizeof text, "number %d", i);
            check_received(peer, text);
        }
        check_equal(whorl_join(task), 0);
        close_flood(&flood, peer);
    }
    return 0;
}

static void what_waits_for_room_arrives_whole(void **state)
{
    (void)state;
    run_both_ways(flood_in_each_way);
}

static intptr_t send_many(void *arg)
{
    struct flood *flood = arg;
    whorl_message messages[FLOOD];
    char texts[FLOOD][16];
    for (int i = 0; i < FLOOD; i++) {
        int len = snprintf(texts[i], sizeof texts[i], "number %d", i);
        messages[i] = (whorl_message){.data = texts[i], .len = (size_t)len};
        messages[i].peer = (struct sockaddr *)&flood->to;
        messages[i].peer_len = flood->len;
    }
    return whorl_datagram_send_many(flood->plain, messages, FLOOD);
}

static intptr_t send_many_to_one(void *arg)
{
    (void)arg;
    struct flood flood = {0};
    whorl_datagram *peer;
    open_flood(&flood, &peer);
    whorl_task *task = whorl_spawn(send_many, &flood);
    check_equal(whorl_sleep(WHORL_MS(5)), 0);
    for (int i = 0; i < FLOOD; i++) {
        char text[16];
        snprintf(text, sizeof text, "number %d", i);
        check_received(peer, text);
    }
    check_equal(whorl_join(task), FLOOD);
    close_flood(&flood, peer);
    return 0;
}

static void many_that_wait_arrive_whole(void **state)
{
    (void)state;
    run_both_ways(send_many_to_one);
}

/* Whoever waits is cancelled, or finds the socket closed. */
static intptr_t end_the_wait(void *arg)
{
    (void)arg;
    for (int closes = 0; closes < 2; closes++) {
        struct flood flood = {0};
        whorl_datagram *peer;
        open_flood(&flood, &peer);
        whorl_task *task = whorl_spawn(send_many, &flood);
        check_equal(whorl_sleep(WHORL_MS(5)), 0);
        check(!whorl_is_done(task));
        check_equal(closes ? whorl_datagram_close(flood.plain) : whorl_cancel(task), 0);
        intptr_t sent = whorl_join(task);
        check(sent > 0 && sent < FLOOD);
        for (intptr_t i = 0; i < sent; i++) {
            char text[16];
            snprintf(text, sizeof text, "number %d", (int)i);
            check_received(peer, text);
        }
        if (closes)
            check_equal(whorl_datagram_open_unix(NULL, NULL, &flood.plain), 0);
        close_flood(&flood, peer);
    }
    return 0;
}

static void a_wait_for_room_is_ended(void **state)
{
    (void)state;
    run_both_ways(end_the_wait);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_unix_socket_is_met_at_its_path_or_name),
        behaviour(a_file_that_nobody_serves_is_replaced_and_others_stay),
        behaviour(one_above_the_largest_is_cut_and_says_so),
        behaviour(what_waits_for_room_arrives_whole),
        behaviour(many_that_wait_arrive_whole),
        behaviour(a_wait_for_room_is_ended),
    };
    return run_behaviours("datagram_unix", tests);
}
