/* Datagram sockets of UDP: opened, sent and received, one at a time. */
#include "datagrams.h"

static intptr_t talk(void *arg)
{
    (void)arg;
    struct sockaddr_in addr, from;
    whorl_datagram *server = open_loopback(NULL, &addr);
    whorl_datagram *client = open_loopback(NULL, &from);
    for (int i = 0; i < 20; i++) {
        char text[WHORL_ADDRESS_TEXT_MAX], expected[WHORL_ADDRESS_TEXT_MAX];
        whorl_message message;
        check_equal(send_in(client, "hello", 5, &addr), 5);
        check_equal(whorl_datagram_receive(server, &message), 0);
        check_message(&message, "hello");
        check(whorl_address_text(message.peer, message.peer_len, text, sizeof text) > 0);
        whorl_address_text((struct sockaddr *)&from, sizeof from, expected, sizeof expected);
        check_text(text, expected);
        check_equal(whorl_datagram_send_to(server, message.data, message.len, message.peer,
                                           message.peer_len),
                    5);
        check_received(client, "hello");
    }
    check_equal(whorl_datagram_close(client), 0);
    return whorl_datagram_close(server);
}

static void a_datagram_comes_with_its_senders_address(void **state)
{
    (void)state;
    run_both_ways(talk);
}

static intptr_t talk_by_both_families(void *arg)
{
    (void)arg;
    whorl_datagram *server, *client;
    check_equal(whorl_datagram_open(NULL, NULL, NULL, &server), 0);
    char service[8];
    snprintf(service, sizeof service, "%d", whorl_datagram_port(server));
    const char *hosts[] = {"127.0.0.1", "::1"};
    const char *shown[] = {"[::ffff:127.0.0.1]:", "[::1]:"};
    for (int i = 0; i < 2; i++) {
        whorl_message message;
        char text[WHORL_ADDRESS_TEXT_MAX];
        check_equal(whorl_datagram_open(NULL, NULL, NULL, &client), 0);
        check_equal(whorl_datagram_connect(client, hosts[i], service), 0);
        check_equal(whorl_datagram_send(client, "abc", 3), 3);
        check_equal(whorl_datagram_receive(server, &message), 0);
        check_message(&message, "abc");
        check(whorl_address_text(message.peer, message.peer_len, text, sizeof text) > 0);
        check(strncmp(text, shown[i], strlen(shown[i])) == 0);
        check_equal(whorl_datagram_send_to(server, "def", 3, message.peer, message.peer_len), 3);
        check_received(client, "def");
        check_equal(whorl_datagram_close(client), 0);
    }
    check_equal(whorl_datagram_close(server), 0);
    check_equal(whorl_datagram_open("::ffff:127.0.0.1", NULL, NULL, &server), 0);
    snprintf(service, sizeof service, "%d", whorl_datagram_port(server));
    check_equal(whorl_datagram_open(NULL, NULL, NULL, &client), 0);
    check_equal(whorl_datagram_connect(client, "127.0.0.1", service), 0);
    check_equal(whorl_datagram_send(client, "abc", 3), 3);
    check_received(server, "abc");
    check_equal(whorl_datagram_close(client), 0);
    return whorl_datagram_close(server);
}

static bool has_ipv6(void)
{
    struct sockaddr_in6 addr = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool has = fd >= 0 && bind(fd, (struct sockaddr *)&addr, sizeof addr) == 0;
    if (fd >= 0)
        close(fd);
    return has;
}

static void one_socket_serves_both_families(void **state)
{
    (void)state;
    if (!has_ipv6())
        skip_because("there is no IPv6 here");
    run_both_ways(talk_by_both_families);
}

static intptr_t choose_family(void *arg)
{
    (void)arg;
    whorl_datagram *one;
    struct sockaddr_storage addr;
    const int families[] = {AF_INET, AF_INET6};
    for (int i = 0; i < 2; i++) {
        socklen_t len = sizeof addr;
        whorl_datagram_options options = {.family = families[i]};
        check_equal(whorl_datagram_open(NULL, "0", &options, &one), 0);
        check_equal(getsockname(whorl_datagram_fd(one), (struct sockaddr *)&addr, &len), 0);
        check_equal(addr.ss_family, families[i]);
        check_equal(
            whorl_datagram_connect(one, families[1 - i] == AF_INET ? "127.0.0.1" : "::1", "9"),
            -ENODATA);
        check_equal(whorl_datagram_close(one), 0);
    }
    return 0;
}

static void a_family_may_be_chosen(void **state)
{
    (void)state;
    if (!has_ipv6())
        skip_because("there is no IPv6 here");
    run_checks(choose_family, NULL);
}

static intptr_t send_sizes(void *arg)
{
    (void)arg;
    static char data[65528];
    static char copy[65528];
    struct sockaddr_in addr;
    whorl_message message;
    whorl_datagram *server = open_loopback(NULL, &addr);
    whorl_datagram *client = open_loopback(NULL, NULL);
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char)(i * 7 + i / 256);
    const size_t sizes[] = {0, 1, 0, 0, 1472, 9000, 65507, 0, 65507};
    for (size_t i = 0; i < count_of(sizes); i++) {
        check_equal(send_in(client, data, sizes[i], &addr), sizes[i]);
        check_equal(whorl_datagram_receive(server, &message), 0);
        check_equal(message.size, sizes[i]);
        check_equal(message.len, sizes[i]);
        check(memcmp(message.data, data, sizes[i]) == 0);
        check_equal(send_in(client, data, sizes[i], &addr), sizes[i]);
        check_equal(whorl_datagram_receive_from(server, copy, sizeof copy, NULL, NULL), sizes[i]);
        check(memcmp(copy, data, sizes[i]) == 0);
    }
    check_equal(send_in(client, data, 65508, &addr), -EMSGSIZE);
    check_equal(whorl_datagram_close(client), 0);
    return whorl_datagram_close(server);
}

static void datagrams_of_every_size_arrive_whole(void **state)
{
    (void)state;
    run_both_ways(send_sizes);
}

static intptr_t cut_copies(void *arg)
{
    (void)arg;
    struct sockaddr_in addr, from;
    struct sockaddr_storage peer;
    socklen_t peer_len = sizeof peer;
    char copy[8] = "........";
    whorl_datagram *server = open_loopback(NULL, &addr);
    whorl_datagram *client = open_loopback(NULL, &from);
    check_equal(send_in(client, "abcdef", 6, &addr), 6);
    check_equal(send_in(client, "ghijkl", 6, &addr), 6);
    check_equal(whorl_datagram_receive_from(server, copy, 3, (struct sockaddr *)&peer, &peer_len),
                6);
    check(memcmp(copy, "abc.....", 8) == 0);
    check_equal(peer_len, sizeof from);
    check(memcmp(&peer, &from, sizeof from) == 0);
    peer_len = 2;
    memset(&peer, 0xff, sizeof peer);
    check_equal(whorl_datagram_receive_from(server, NULL, 0, (struct sockaddr *)&peer, &peer_len),
                6);
    check_equal(peer_len, sizeof from);
    check_equal(peer.ss_family, AF_INET);
    check_equal(((unsigned char *)&peer)[2], 0xff);
    check_equal(whorl_datagram_close(client), 0);
    return whorl_datagram_close(server);
}

static void a_copy_that_is_cut_tells_the_size(void **state)
{
    (void)state;
    run_both_ways(cut_copies);
}

static intptr_t be_refused(void *arg)
{
    (void)arg;
    struct sockaddr_in addr, own;
    whorl_datagram *gone = open_loopback(NULL, &addr);
    check_equal(whorl_datagram_close(gone), 0);
    whorl_datagram *client = open_loopback(NULL, &own);
    const struct sockaddr *to = (const struct sockaddr *)&addr;
    whorl_message message;
    check_equal(whorl_datagram_send(client, "x", 1), -EDESTADDRREQ);
    check_equal(whorl_datagram_connect_to(client, to, sizeof addr), 0);
    for (int i = 0; i < 3; i++) {
        check_equal(whorl_datagram_send(client, "x", 1), 1);
        check_equal(whorl_datagram_receive(client, &message), -ECONNREFUSED);
    }
    /* And by a send, once. */
    check_equal(whorl_datagram_send(client, "x", 1), 1);
    check_equal(whorl_sleep(WHORL_MS(2)), 0);
    check_equal(whorl_datagram_send(client, "x", 1), -ECONNREFUSED);
    check_equal(whorl_datagram_send(client, "x", 1), 1);
    check_equal(whorl_sleep(WHORL_MS(2)), 0);
    check_equal(whorl_datagram_send_many(client, &(whorl_message){.data = "x", .len = 1}, 1),
                -ECONNREFUSED);
    /* The socket goes on, to another peer. */
    struct sockaddr unconnected = {.sa_family = AF_UNSPEC};
    check_equal(whorl_datagram_connect_to(client, &unconnected, sizeof unconnected), 0);
    whorl_datagram *other = open_loopback(NULL, &addr);
    check_equal(whorl_datagram_connect_to(client, to, sizeof addr), 0);
    own = loopback_at(whorl_datagram_port(client)); /* another, as it was not chosen */
    check_equal(whorl_datagram_send(client, "here", 4), 4);
    check_received(other, "here");
    check_equal(send_in(other, "there", 5, &own), 5);
    check_received(client, "there");
    check_equal(whorl_datagram_close(other), 0);
    return whorl_datagram_close(client);
}

static void a_refusal_is_told_once_and_ends_nothing(void **state)
{
    (void)state;
    run_both_ways(be_refused);
}

static intptr_t broadcast(void *arg)
{
    (void)arg;
    struct sockaddr_in addr;
    whorl_datagram *server, *client;
    whorl_datagram_options options = {.family = AF_INET};
    check_equal(whorl_datagram_open(NULL, NULL, &options, &server), 0);
    addr = loopback_at(whorl_datagram_port(server));
    addr.sin_addr.s_addr = htonl(0x7fffffff); /* 127.255.255.255 */
    client = open_loopback(NULL, NULL);
    check_equal(send_in(client, "all", 3, &addr), -EACCES);
    check_equal(whorl_datagram_set_broadcast(client, 1), 0);
    check_equal(send_in(client, "all", 3, &addr), 3);
    check_received(server, "all");
    check_equal(whorl_datagram_set_broadcast(client, 0), 0);
    check_equal(send_in(client, "all", 3, &addr), -EACCES);
    check_equal(whorl_datagram_close(client), 0);
    options.broadcast = 1;
    client = open_loopback(&options, NULL);
    check_equal(send_in(client, "all", 3, &addr), 3);
    check_received(server, "all");
    check_equal(whorl_datagram_close(client), 0);
    return whorl_datagram_close(server);
}

static void a_broadcast_needs_leave_and_arrives(void **state)
{
    (void)state;
    run_both_ways(broadcast);
}

static intptr_t share_a_port(void *arg)
{
    (void)arg;
    whorl_datagram_options options = {.reuse_port = 1};
    whorl_datagram *first = open_loopback(&options, NULL), *second, *third;
    char service[8];
    snprintf(service, sizeof service, "%d", whorl_datagram_port(first));
    check_equal(whorl_datagram_open("127.0.0.1", service, &options, &second), 0);
    check_equal(whorl_datagram_open("127.0.0.1", service, NULL, &third), -EADDRINUSE);
    check(third == NULL);
    check_equal(whorl_datagram_close(second), 0);
    return whorl_datagram_close(first);
}

static void a_port_is_shared_only_by_those_who_say_so(void **state)
{
    (void)state;
    run_checks(share_a_port, NULL);
}

static intptr_t run_out_of_time(void *arg)
{
    (void)arg;
    whorl_datagram_options options = {.timeout = WHORL_MS(2)};
    struct sockaddr_in addr;
    whorl_message message;
    char copy[4];
    whorl_datagram *one = open_loopback(&options, &addr);
    check_equal(whorl_datagram_receive(one, &message), -ETIMEDOUT);
    check_equal(whorl_datagram_receive_from(one, copy, 4, NULL, NULL), -ETIMEDOUT);
    check_equal(whorl_datagram_receive_many(one, &message, 1), -ETIMEDOUT);
    check_equal(send_in(one, "late", 4, &addr), 4);
    check_received(one, "late");
    check_equal(whorl_datagram_set_timeout(one, -1), -EINVAL);
    check_equal(whorl_datagram_set_timeout(one, 0), 0);
    whorl_timeout limit;
    check_equal(whorl_timeout_begin(&limit, WHORL_MS(2)), 0);
    check_equal(whorl_timeout_end(&limit, whorl_datagram_receive(one, &message)), -ETIMEDOUT);
    check_equal(send_in(one, "later", 5, &addr), 5);
    check_received(one, "later");
    return whorl_datagram_close(one);
}

static void a_wait_ends_with_the_sockets_timeout_or_the_scopes(void **state)
{
    (void)state;
    run_both_ways(run_out_of_time);
}

/* --- Several who wait --- */

enum { QUEUE = 6, GIVES_UP = 2 };

struct place {
    whorl_datagram *at;
    ssize_t came;
    char text[8];
};

static intptr_t receive_at_place(void *arg)
{
    struct place *place = arg;
    place->came =
        whorl_datagram_receive_from(place->at, place->text, sizeof place->text - 1, NULL, NULL);
    return 0;
}

static void stand_in_line(whorl_datagram *at, struct place *places, whorl_task **tasks)
{
    for (int i = 0; i < QUEUE; i++) {
        places[i] = (struct place){.at = at};
        tasks[i] = whorl_spawn(receive_at_place, &places[i]);
        check_equal(whorl_yield(), 0);
        check_equal(whorl_yield(), 0);
    }
}

/* One of them is cancelled; the others get what comes in the order in which they came. */
static intptr_t wait_in_line(void *arg)
{
    (void)arg;
    static const whorl_datagram_options large = {.largest = 100 << 10};
    for (int i = 0; i < 2; i++) {
        struct sockaddr_in addr;
        struct place places[QUEUE];
        whorl_task *tasks[QUEUE];
        whorl_datagram *at = open_loopback(i ? &large : NULL, &addr);
        whorl_datagram *from = open_loopback(NULL, NULL);
        stand_in_line(at, places, tasks);
        check_equal(whorl_cancel(tasks[GIVES_UP]), 0);
        check_equal(whorl_join(tasks[GIVES_UP]), 0);
        check_equal(places[GIVES_UP].came, -ECANCELED);
        for (int k = 0; k < QUEUE; k++) {
            if (k == GIVES_UP)
                continue;
            char text[] = {'a', (char)('0' + k), '\0'};
            check_equal(send_in(from, text, 2, &addr), 2);
            check_equal(whorl_join(tasks[k]), 0);
            check_equal(places[k].came, 2);
            check_text(places[k].text, text);
        }
        /* A close ends all waits. */
        stand_in_line(at, places, tasks);
        check_equal(whorl_datagram_close(at), 0);
        for (int k = 0; k < QUEUE; k++) {
            check_equal(whorl_join(tasks[k]), 0);
            check_equal(places[k].came, -ECANCELED);
        }
        check_equal(whorl_datagram_close(from), 0);
    }
    return 0;
}

static void who_came_first_is_served_first(void **state)
{
    (void)state;
    run_both_ways(wait_in_line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_datagram_comes_with_its_senders_address),
        behaviour(one_socket_serves_both_families),
        behaviour(a_family_may_be_chosen),
        behaviour(datagrams_of_every_size_arrive_whole),
        behaviour(a_copy_that_is_cut_tells_the_size),
        behaviour(a_refusal_is_told_once_and_ends_nothing),
        behaviour(a_broadcast_needs_leave_and_arrives),
        behaviour(a_port_is_shared_only_by_those_who_say_so),
        behaviour(a_wait_ends_with_the_sockets_timeout_or_the_scopes),
        behaviour(who_came_first_is_served_first),
    };
    return run_behaviours("datagram", tests);
}
