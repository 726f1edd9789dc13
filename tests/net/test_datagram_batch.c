/* Many datagrams at once: batches, several receivers, floods, and buffers that run out. */
#include "datagrams.h"
#include "own_network.h"

#include <sys/un.h>

enum { BATCH = 200 };

static void number_message(whorl_message *message, uint32_t *number, const struct sockaddr_in *to)
{
    *message = (whorl_message){.data = (const char *)number,
                               .len = sizeof *number,
                               .peer = (const struct sockaddr *)to,
                               .peer_len = sizeof *to};
}

static intptr_t send_and_receive_many(void *arg)
{
    (void)arg;
    struct sockaddr_in addr;
    whorl_datagram *server = open_loopback(NULL, &addr);
    whorl_datagram *client = open_loopback(NULL, NULL);
    static uint32_t numbers[BATCH];
    static whorl_message out[BATCH], in[BATCH];
    for (uint32_t i = 0; i < BATCH; i++) {
        numbers[i] = i;
        number_message(&out[i], &numbers[i], &addr);
    }
    for (int round = 0; round < 3; round++) {
        check_equal(whorl_datagram_send_many(client, out, BATCH), BATCH);
        for (uint32_t next = 0; next < BATCH;) {
            int got = whorl_datagram_receive_many(server, in, round == 0 ? BATCH : 7);
            if (!check(got > 0 && got <= (round == 0 ? BATCH : 7)))
                break;
            for (int i = 0; i < got; i++, next++) {
                check_equal(in[i].len, sizeof next);
                check(memcmp(in[i].data, &next, sizeof next) == 0);
            }
            /* What was received in place is sent back. */
            check_equal(whorl_datagram_send_many(server, in, (size_t)got), got);
        }
        for (uint32_t i = 0; i < BATCH; i++) {
            uint32_t number = BATCH;
            check_equal(whorl_datagram_receive_from(client, &number, 4, NULL, NULL), 4);
            check_equal(number, i);
        }
    }
    check_equal(whorl_datagram_close(client), 0);
    return whorl_datagram_close(server);
}

static void batches_arrive_in_order(void **state)
{
    (void)state;
    run_both_ways(send_and_receive_many);
}

/* More go than in one submission; the first of the next cannot. */
static intptr_t fail_behind_many(void *arg)
{
    (void)arg;
    static char large[70000];
    static whorl_message messages[BATCH];
    struct sockaddr_in addr;
    whorl_datagram *server = open_loopback(NULL, &addr);
    whorl_datagram *client = open_loopback(NULL, NULL);
    for (int i = 0; i < BATCH; i++)
        messages[i] = (whorl_message){.data = large,
                                      .len = i % 128 == 0 && i > 0 ? sizeof large : 1,
                                      .peer = (struct sockaddr *)&addr,
                                      .peer_len = sizeof addr};
    check_equal(whorl_datagram_send_many(client, messages, BATCH), 128);
    check_equal(whorl_datagram_send_many(client, messages + 128, BATCH - 128), -EMSGSIZE);
    check_equal(whorl_datagram_close(client), 0);
    return whorl_datagram_close(server);
}

static void the_count_of_a_batch_is_told_before_the_error_behind_it(void **state)
{
    (void)state;
    run_both_ways(fail_behind_many);
}

static intptr_t fail_within_a_batch(void *arg)
{
    (void)arg;
    static char large[70000];
    struct sockaddr_in addr;
    whorl_datagram *server = open_loopback(NULL, &addr);
    whorl_datagram *client = open_loopback(NULL, NULL);
    uint32_t number = 1;
    whorl_message out[5];
    for (int i = 0; i < 5; i++)
        number_message(&out[i], &number, &addr);
    out[3].data = large;
    out[3].len = sizeof large;
    check_equal(whorl_datagram_send_many(client, out, 5), 3);
    check_equal(whorl_datagram_send_many(client, out + 3, 2), -EMSGSIZE);
    out[4].peer_len = 0;
    check_equal(whorl_datagram_send_many(client, out + 4, 1), -EDESTADDRREQ);
    for (int i = 0; i < 3; i++)
        check_equal(whorl_datagram_receive_from(server, &number, 4, NULL, NULL), 4);
    whorl_message none;
    check_equal(whorl_datagram_set_timeout(server, WHORL_MS(1)), 0);
    check_equal(whorl_datagram_receive(server, &none), -ETIMEDOUT);
    check_equal(whorl_datagram_close(client), 0);
    return whorl_datagram_close(server);
}

static void a_batch_stops_at_the_first_that_fails(void **state)
{
    (void)state;
    run_both_ways(fail_within_a_batch);
}

/* --- Where the receiver has no room --- */

/* Nobody is there: the first goes, the network refuses it, and the second meets the refusal. */
static intptr_t send_to_nobody(void *arg)
{
    (void)arg;
    struct sockaddr_in nowhere;
    check_equal(whorl_datagram_close(open_loopback(NULL, &nowhere)), 0);
    whorl_datagram *client = open_loopback(NULL, NULL);
    check_equal(whorl_datagram_connect_to(client, (struct sockaddr *)&nowhere, sizeof nowhere), 0);
    whorl_message messages[8];
    for (size_t i = 0; i < count_of(messages); i++)
        messages[i] = (whorl_message){.data = "x", .len = 1};
    size_t sent = 0;
    ssize_t result = 0;
    while (sent < count_of(messages) && result >= 0) {
        result = whorl_datagram_send_many(client, messages + sent, count_of(messages) - sent);
        sent += result > 0 ? (size_t)result : 0;
    }
    check_equal(result, -ECONNREFUSED);
    check(sent < count_of(messages));
    /* Once. */
    check_equal(whorl_datagram_send(client, "x", 1), 1);
    return whorl_datagram_close(client);
}

static void what_the_network_refuses_in_a_batch_is_told(void **state)
{
    (void)state;
    run_both_ways(send_to_nobody);
}

/* Nobody answers for the address. What was sent waits for that, and fills the socket's buffer, for
 * which the next waits; when it is given up the socket is told, as it has asked for that. */
static intptr_t send_to_the_unreachable(void *arg)
{
    static char data[1000];
    const int small = 1, on = 1;
    const struct sockaddr_in nowhere = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(0x0a090809)};
    run_ip("link set " HOLE_DEVICE " arp on");
    put_into("/proc/sys/net/ipv4/neigh/" HOLE_DEVICE "/mcast_solicit", "1");
    put_into("/proc/sys/net/ipv4/neigh/" HOLE_DEVICE "/retrans_time_ms", "20");
    whorl_datagram *client;
    check_equal(whorl_datagram_open("10.9.0.1", NULL, NULL, &client), 0);
    int fd = whorl_datagram_fd(client);
    check_equal(setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof on), 0);
    check_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    check_equal(
        whorl_datagram_connect_to(client, (const struct sockaddr *)&nowhere, sizeof nowhere), 0);
    whorl_message messages[32];
    for (size_t i = 0; i < count_of(messages); i++)
        messages[i] = (whorl_message){.data = data, .len = sizeof data};
    ssize_t sent = whorl_datagram_send_many(client, messages, count_of(messages));
    check(sent > 0 && sent < (ssize_t)count_of(messages));
    check_equal(whorl_datagram_send(client, "x", 1), -EHOSTUNREACH);
    check_equal(whorl_datagram_close(client), 0);
    return (intptr_t)arg;
}

static void so_is_that_the_network_does_not_reach_the_peer(void **state)
{
    (void)state;
    run_in_own_network(__func__, send_to_the_unreachable);
}

static intptr_t await_room(void *arg)
{
    (void)arg;
    char name[64];
    snprintf(name, sizeof name, "@whorl-batch-%d", (int)getpid());
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    memcpy(addr.sun_path + 1, name + 1, strlen(name) - 1);
    static uint32_t numbers[BATCH];
    static whorl_message out[BATCH];
    for (uint32_t i = 0; i < BATCH; i++) {
        numbers[i] = i;
        out[i] = (whorl_message){.data = (const char *)&numbers[i],
                                 .len = 4,
                                 .peer = (struct sockaddr *)&addr,
                                 .peer_len = len};
    }
    whorl_datagram *server, *client;
    check_equal(whorl_datagram_open_unix(name, NULL, &server), 0);
    check_equal(whorl_datagram_open_unix(NULL, NULL, &client), 0);
    check_equal(whorl_datagram_set_timeout(client, WHORL_MS(20)), 0);
    /* The kernel holds a few (net.unix.max_dgram_qlen) for one who does not receive. */
    ssize_t sent = whorl_datagram_send_many(client, out, BATCH);
    check(sent > 0 && sent < BATCH);
    check_equal(whorl_datagram_send_many(client, out, BATCH), -ETIMEDOUT);
    check_equal(whorl_datagram_send_to(client, "x", 1, (struct sockaddr *)&addr, len), -ETIMEDOUT);
    for (ssize_t i = 0; i < sent; i++) {
        uint32_t number = BATCH;
        check_equal(whorl_datagram_receive_from(server, &number, 4, NULL, NULL), 4);
        check_equal(number, i);
    }
    check_equal(whorl_datagram_set_timeout(server, WHORL_MS(2)), 0);
    whorl_message none;
    check_equal(whorl_datagram_receive(server, &none), -ETIMEDOUT);
    check_equal(whorl_datagram_close(client), 0);
    return whorl_datagram_close(server);
}

static void a_send_that_ran_out_of_time_has_sent_what_it_says(void **state)
{
    (void)state;
    run_both_ways(await_room);
}

/* --- A flood, and a slow receiver --- */

enum { FLOOD = 3000 };

static intptr_t flood(void *arg)
{
    (void)arg;
    whorl_datagram_options options = {.queue = 8};
    struct sockaddr_in addr;
    whorl_datagram *server = open_loopback(&options, &addr);
    whorl_datagram *client = open_loopback(NULL, NULL);
    uint32_t last = 0, received = 0;
    for (uint32_t i = 1; i <= FLOOD; i++) {
        check_equal(send_in(client, &i, sizeof i, &addr), sizeof i);
        if (i % 50 == 0) {
            uint32_t number = 0;
            check_equal(whorl_datagram_receive_from(server, &number, 4, NULL, NULL), 4);
            check(number > last);
            last = number;
            received++;
        }
    }
    check_equal(whorl_datagram_set_timeout(server, WHORL_MS(50)), 0);
    uint32_t number;
    while (whorl_datagram_receive_from(server, &number, 4, NULL, NULL) == 4) {
        check(number > last);
        last = number;
        received++;
    }
    /* The socket's buffer has dropped what it had no room for. */
    check(received >= FLOOD / 50 && received <= FLOOD);
    /* And it goes on. */
    check_equal(send_in(client, "end", 3, &addr), 3);
    check_received(server, "end");
    check_equal(whorl_datagram_close(client), 0);
    return whorl_datagram_close(server);
}

static void a_flood_leaves_a_slow_receiver_in_order_and_alive(void **state)
{
    (void)state;
    run_both_ways(flood);
}

/* Of a unix socket nothing is dropped: the sender waits. */
static intptr_t send_numbers(void *arg)
{
    whorl_datagram *from = arg;
    for (uint32_t i = 0; i < FLOOD; i++)
        if (!check_equal(whorl_datagram_send(from, &i, sizeof i), sizeof i))
            break;
    return 0;
}

static intptr_t flood_unix(void *arg)
{
    (void)arg;
    int fds[2];
    whorl_datagram *to, *from;
    whorl_datagram_options options = {.queue = 4};
    check_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds), 0);
    check_equal(whorl_datagram_from_fd(fds[0], &options, &to), 0);
    check_equal(whorl_datagram_from_fd(fds[1], NULL, &from), 0);
    whorl_task *sender = whorl_spawn(send_numbers, from);
    for (uint32_t i = 0; i < FLOOD; i++) {
        uint32_t number = FLOOD;
        if (i % 100 == 0)
            check_equal(whorl_sleep(WHORL_US(200)), 0);
        check_equal(whorl_datagram_receive_from(to, &number, 4, NULL, NULL), 4);
        if (!check_equal(number, i))
            break;
    }
    check_equal(whorl_join(sender), 0);
    check_equal(whorl_datagram_close(from), 0);
    return whorl_datagram_close(to);
}

static void a_unix_flood_loses_nothing(void **state)
{
    (void)state;
    run_both_ways(flood_unix);
}

/* --- All buffers of the loop in use --- */

enum { HOLDERS = 40, EACH_HOLDS = 64 };

typedef struct holder {
    whorl_datagram *at;
    uint32_t first; /* of the numbers that are sent to it */
    int held;
    whorl_message messages[EACH_HOLDS];
} holder;

/* Holds what it can of so many in place at once. */
static void hold(holder *one, whorl_datagram *client)
{
    uint32_t numbers[EACH_HOLDS];
    whorl_message out[EACH_HOLDS];
    struct sockaddr_in addr;
    one->at = open_loopback(NULL, &addr);
    for (uint32_t i = 0; i < EACH_HOLDS; i++) {
        numbers[i] = one->first + i;
        number_message(&out[i], &numbers[i], &addr);
    }
    check_equal(send_in(client, "first", 5, &addr), 5);
    check_received(one->at, "first");
    check_equal(whorl_datagram_send_many(client, out, EACH_HOLDS), EACH_HOLDS);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    one->held = whorl_datagram_receive_many(one->at, one->messages, EACH_HOLDS);
    check(one->held > 0);
    for (int i = 0; i < one->held; i++)
        check(memcmp(one->messages[i].data, &numbers[i], 4) == 0);
}

/* Holds, and has queued, all buffers that the loop has: the last of the sockets holds only what it
 * has received into memory of its own. Without multishot receives all do that. */
static holder *hold_all(whorl_datagram *client, bool is_shared)
{
    static holder holders[HOLDERS];
    for (uint32_t i = 0; i < HOLDERS; i++) {
        holders[i].first = i * EACH_HOLDS;
        hold(&holders[i], client);
    }
    check_equal(holders[HOLDERS - 1].held, is_shared ? 1 : EACH_HOLDS);
    return holders;
}

/* Its argument is not NULL where buffers are shared. */
static void run_shared_and_not(whorl_fn *fn)
{
    whorl_config config = {.without = WHORL_FEATURE_RECV_MULTISHOT};
    run_checks(fn, "shared");
    run_checks_with(&config, fn, NULL);
}

static intptr_t exhaust(void *arg)
{
    whorl_datagram *client = open_loopback(NULL, NULL);
    holder *holders = hold_all(client, arg != NULL);
    for (int i = 0; i < HOLDERS; i++) {
        for (uint32_t j = (uint32_t)holders[i].held; j < EACH_HOLDS; j++) {
            uint32_t number = 0;
            check_equal(whorl_datagram_receive_from(holders[i].at, &number, 4, NULL, NULL), 4);
            check_equal(number, holders[i].first + j);
        }
        check_equal(whorl_datagram_close(holders[i].at), 0);
    }
    return whorl_datagram_close(client);
}

static void receiving_goes_on_when_all_buffers_are_held(void **state)
{
    (void)state;
    run_shared_and_not(exhaust);
}

/* What comes is received ahead, with the first buffers used up, and behind an empty one. */
static intptr_t receive_ahead(void *arg)
{
    (void)arg;
    enum { QUEUE = 200 };
    const whorl_datagram_options options = {.queue = QUEUE};
    struct sockaddr_in addr;
    whorl_datagram *at = open_loopback(&options, &addr), *client = open_loopback(NULL, NULL);
    check_equal(send_in(client, "first", 5, &addr), 5);
    check_received(at, "first");
    for (int i = 0; i < QUEUE; i++) {
        check_equal(send_in(client, "x", i % 100 == 98 ? 0 : 1, &addr), i % 100 == 98 ? 0 : 1);
        if (i % 8 == 7)
            check_equal(whorl_sleep(WHORL_US(200)), 0);
    }
    check_equal(whorl_sleep(WHORL_MS(2)), 0);
    char byte;
    check_equal(recv(whorl_datagram_fd(at), &byte, 1, MSG_PEEK | MSG_DONTWAIT), -1);
    for (int i = 0; i < QUEUE; i++)
        check_received(at, i % 100 == 98 ? "" : "x");
    check_equal(whorl_datagram_close(at), 0);
    return whorl_datagram_close(client);
}

static void as_many_as_the_queue_may_hold_are_received_ahead(void **state)
{
    (void)state;
    run_checks(receive_ahead, NULL);
}

typedef struct late {
    whorl_datagram *at;
    uint32_t number;
} late;

static intptr_t receive_late(void *arg)
{
    late *one = arg;
    return whorl_datagram_receive_from(one->at, &one->number, sizeof one->number, NULL, NULL);
}

/* One came while no buffer was left, and the next when there were some again. */
static intptr_t wait_beside_buffers(void *arg)
{
    enum { COUNT = 3 };
    whorl_datagram *client = open_loopback(NULL, NULL);
    struct sockaddr_in addr;
    late ones[COUNT];
    whorl_task *tasks[COUNT];
    whorl_datagram *at = open_loopback(NULL, &addr);
    holder *holders = hold_all(client, arg != NULL);
    for (int i = 0; i < COUNT; i++) {
        ones[i] = (late){.at = at};
        tasks[i] = whorl_spawn(receive_late, &ones[i]);
        check_equal(whorl_sleep(WHORL_MS(1)), 0);
        for (int j = 0; i == 0 && j < HOLDERS; j++)
            check_equal(whorl_datagram_close(holders[j].at), 0);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t number = i + 1;
        check_equal(send_in(client, &number, sizeof number, &addr), sizeof number);
        check_equal(whorl_join(tasks[i]), sizeof number);
        check_equal(ones[i].number, number);
    }
    check_equal(send_in(client, "after", 5, &addr), 5);
    check_received(at, "after");
    check_equal(whorl_datagram_close(at), 0);
    return whorl_datagram_close(client);
}

static void one_who_waits_without_a_buffer_is_served_first(void **state)
{
    (void)state;
    run_shared_and_not(wait_beside_buffers);
}

/* --- Several receivers --- */

enum { RECEIVERS = 5, EACH = 100 };

typedef struct crowd {
    whorl_datagram *at;
    uint8_t seen[RECEIVERS * EACH];
} crowd;

static intptr_t receive_each(void *arg)
{
    crowd *all = arg;
    for (int i = 0; i < EACH; i++) {
        uint32_t number = RECEIVERS * EACH;
        ssize_t size = whorl_datagram_receive_from(all->at, &number, 4, NULL, NULL);
        if (!check_equal(size, 4) || !check(number < RECEIVERS * EACH))
            return -1;
        all->seen[number]++;
    }
    return 0;
}

static intptr_t share_one(void *arg)
{
    (void)arg;
    int fds[2];
    crowd all = {.at = NULL};
    whorl_datagram *from;
    check_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds), 0);
    check_equal(whorl_datagram_from_fd(fds[0], NULL, &all.at), 0);
    check_equal(whorl_datagram_from_fd(fds[1], NULL, &from), 0);
    whorl_task *tasks[RECEIVERS];
    for (int i = 0; i < RECEIVERS; i++)
        tasks[i] = whorl_spawn(receive_each, &all);
    for (uint32_t i = 0; i < RECEIVERS * EACH; i++)
        check_equal(whorl_datagram_send(from, &i, sizeof i), sizeof i);
    for (int i = 0; i < RECEIVERS; i++)
        check_equal(whorl_join(tasks[i]), 0);
    for (int i = 0; i < RECEIVERS * EACH; i++)
        check_equal(all.seen[i], 1);
    check_equal(whorl_datagram_close(from), 0);
    return whorl_datagram_close(all.at);
}

static void several_receivers_share_what_comes(void **state)
{
    (void)state;
    run_both_ways(share_one);
}

static intptr_t receive_in_place(void *arg)
{
    whorl_message message;
    int result = whorl_datagram_receive(arg, &message);
    if (result == 0 && check_equal(message.len, 1))
        result = (unsigned char)message.data[0];
    return result;
}

static intptr_t come_in_turn(void *arg)
{
    (void)arg;
    struct sockaddr_in addr;
    whorl_datagram *server = open_loopback(NULL, &addr);
    whorl_datagram *client = open_loopback(NULL, NULL);
    whorl_task *tasks[3];
    for (int i = 0; i < 3; i++)
        tasks[i] = whorl_spawn(receive_in_place, server);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    for (int i = 0; i < 3; i++)
        check_equal(send_in(client, &"abc"[i], 1, &addr), 1);
    for (int i = 0; i < 3; i++)
        check_equal(whorl_join(tasks[i]), "abc"[i]);
    check_equal(whorl_datagram_close(client), 0);
    return whorl_datagram_close(server);
}

static void who_waits_longest_is_served_first(void **state)
{
    (void)state;
    run_checks(come_in_turn, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(batches_arrive_in_order),
        behaviour(the_count_of_a_batch_is_told_before_the_error_behind_it),
        behaviour(a_batch_stops_at_the_first_that_fails),
        behaviour(what_the_network_refuses_in_a_batch_is_told),
        behaviour(so_is_that_the_network_does_not_reach_the_peer),
        behaviour(a_send_that_ran_out_of_time_has_sent_what_it_says),
        behaviour(a_flood_leaves_a_slow_receiver_in_order_and_alive),
        behaviour(a_unix_flood_loses_nothing),
        behaviour(receiving_goes_on_when_all_buffers_are_held),
        behaviour(one_who_waits_without_a_buffer_is_served_first),
        behaviour(as_many_as_the_queue_may_hold_are_received_ahead),
        behaviour(several_receivers_share_what_comes),
        behaviour(who_waits_longest_is_served_first),
    };
    return run_behaviours("datagram_batch", tests);
}
