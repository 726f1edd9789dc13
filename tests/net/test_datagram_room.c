/* Datagrams to a unix socket whose queue has no room: they wait, arrive whole, and can be ended. */
#include "datagrams.h"
#include "core/clocks.h"

#include <poll.h>
#include <pthread.h>
#include <sys/un.h>

/* What is sent while the peer does not receive: more than its queue holds. */
enum { FLOOD = 40, WAYS = 7 };

struct flood {
    int way;
    int fd; /* connected to the peer, which is not connected back */
    whorl_datagram *plain, *connected;
    struct sockaddr_un to;
    socklen_t len;
};

/* "number N" */
struct numbered {
    char text[24];
};

static struct numbered number_text(int number)
{
    struct numbered result;
    snprintf(result.text, sizeof result.text, "number %d", number);
    return result;
}

static void receive_numbers(whorl_datagram *peer, intptr_t count)
{
    for (intptr_t i = 0; i < count; i++)
        check_received(peer, number_text((int)i).text);
}

static ssize_t send_number(struct flood *flood, int number)
{
    struct numbered numbered = number_text(number);
    char *text = numbered.text;
    size_t len = strlen(text);
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
    case 5:
        return whorl_write(flood->fd, text, len);
    default:
        return whorl_sendmsg(flood->fd, &named, 0);
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
        receive_numbers(peer, FLOOD);
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
    struct numbered texts[FLOOD];
    for (int i = 0; i < FLOOD; i++) {
        texts[i] = number_text(i);
        messages[i] = (whorl_message){.data = texts[i].text, .len = strlen(texts[i].text)};
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
    receive_numbers(peer, FLOOD);
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
        check_equal(whorl_poll(whorl_datagram_fd(peer), POLLIN), POLLIN);
        check_equal(whorl_sleep(WHORL_MS(5)), 0);
        check(!whorl_is_done(task));
        check_equal(closes ? whorl_datagram_close(flood.plain) : whorl_cancel(task), 0);
        intptr_t sent = whorl_join(task);
        check(sent > 0 && sent < FLOOD);
        receive_numbers(peer, sent);
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

/* --- The descriptor is closed --- */

static void fill_the_queue(const struct flood *flood)
{
    ssize_t sent;
    do
        sent = send(flood->fd, "", 1, MSG_DONTWAIT);
    while (sent == 1);
    check_equal(errno, EAGAIN);
}

static intptr_t send_one(void *arg)
{
    return send_number(arg, 0);
}

/* Room comes to nobody: what waits is ended by the close, and leaves alone whoever has the number
 * next. */
static intptr_t close_while_one_waits(void *arg)
{
    (void)arg;
    static const int by_descriptor[] = {2, 4, 6};
    for (size_t i = 0; i < sizeof by_descriptor / sizeof *by_descriptor; i++) {
        struct flood flood = {.way = by_descriptor[i]};
        whorl_datagram *peer;
        open_flood(&flood, &peer);
        fill_the_queue(&flood);
        whorl_task *task = whorl_spawn(send_one, &flood);
        check_equal(whorl_sleep(WHORL_MS(30)), 0);
        check(!whorl_is_done(task));
        check_equal(whorl_close(flood.fd), 0);
        int next[2];
        check_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, next), 0);
        check_equal(next[0], flood.fd);
        check_equal(whorl_join(task), -ECANCELED);
        char byte;
        check_equal(recv(next[1], &byte, 1, MSG_DONTWAIT), -1);
        close(next[1]);
        close_flood(&flood, peer);
    }
    return 0;
}

static void a_close_of_the_descriptor_ends_who_waits(void **state)
{
    (void)state;
    run_both_ways(close_while_one_waits);
}

/* --- Time --- */

static void *make_room_later(void *arg)
{
    char text[24];
    spend_real_time(WHORL_MS(20));
    for (int i = 0; i < FLOOD; i++)
        check(recv(*(int *)arg, text, sizeof text, 0) > 7);
    return NULL;
}

/* No poll tells of a named peer's room, and it comes in real time. */
static intptr_t wait_beside_a_sleeper(void *arg)
{
    (void)arg;
    struct flood flood = {.way = 6};
    whorl_datagram *peer;
    pthread_t thread;
    open_flood(&flood, &peer);
    int fd = whorl_datagram_fd(peer);
    whorl_task *sleeper = whorl_spawn(sleep_an_hour, NULL);
    int64_t start = whorl_now();
    check_equal(pthread_create(&thread, NULL, make_room_later, &fd), 0);
    check_equal(send_flood(&flood), 0);
    check_equal(whorl_is_done(sleeper), 0);
    check(whorl_now() - start < HOUR);
    check_equal(pthread_join(thread, NULL), 0);
    check_equal(whorl_cancel(sleeper), 0);
    check_equal(whorl_join(sleeper), -ECANCELED);
    close_flood(&flood, peer);
    return 0;
}

static void a_virtual_clock_does_not_run_on_meanwhile(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, wait_beside_a_sleeper, NULL);
}

/* A socket that is shut down for receiving tells that to each poll: between the looks there are
 * pauses by the loop's clock. */
static intptr_t send_from_half(void *arg)
{
    (void)arg;
    struct flood flood = {.way = 6};
    whorl_datagram *peer;
    open_flood(&flood, &peer);
    check_equal(shutdown(flood.fd, SHUT_RD), 0);
    whorl_task *task = whorl_spawn(send_flood, &flood);
    check_equal(whorl_sleep(WHORL_MS(5)), 0);
    check(!whorl_is_done(task));
    for (int i = 0; i < FLOOD; i++) {
        whorl_message message;
        check_equal(whorl_datagram_receive(peer, &message), 0);
        check(message.len > 7);
    }
    check_equal(whorl_join(task), 0);
    close_flood(&flood, peer);
    return 0;
}

static void one_that_receives_no_more_sends_on(void **state)
{
    (void)state;
    run_both_ways(send_from_half);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(what_waits_for_room_arrives_whole),
        behaviour(many_that_wait_arrive_whole),
        behaviour(a_wait_for_room_is_ended),
        behaviour(a_close_of_the_descriptor_ends_who_waits),
        behaviour(a_virtual_clock_does_not_run_on_meanwhile),
        behaviour(one_that_receives_no_more_sends_on),
    };
    return run_behaviours("datagram_room", tests);
}
