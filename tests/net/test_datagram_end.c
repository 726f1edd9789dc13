/*
 * How waits on datagram sockets end, and sockets: by a cancel, a close, the end of a task or of the
 * run; and that nothing that was told received, or was not received, is lost.
 */
#include "datagrams.h"

#include <core/loop.h>
#include <net/datagram.h>
#include <sys/un.h>

static intptr_t receive_once(void *arg)
{
    char byte;
    return whorl_datagram_receive_from(arg, &byte, 1, NULL, NULL);
}

/* --- Cancels --- */

static intptr_t cancel_receivers(void *arg)
{
    (void)arg;
    struct sockaddr_in addr;
    whorl_message message;
    whorl_datagram *server = open_loopback(NULL, &addr);
    whorl_task *task = whorl_spawn(receive_once, server);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    check_equal(whorl_cancel(task), 0);
    check_equal(whorl_join(task), -ECANCELED);
    check_equal(send_in(server, "a", 1, &addr), 1);
    /* In a cancelled task nothing is received, nor sent; nor lost. */
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_datagram_receive(server, &message), -ECANCELED);
    check_equal(whorl_datagram_receive_many(server, &message, 1), -ECANCELED);
    check_equal(send_in(server, "b", 1, &addr), -ECANCELED);
    message = (whorl_message){.data = "b", .len = 1};
    check_equal(whorl_datagram_send_many(server, &message, 1), -ECANCELED);
    check_equal(whorl_datagram_connect(server, "127.0.0.1", "9"), -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    check_received(server, "a");
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_datagram_close(server), 0);
    check_equal(whorl_uncancel(), 1);
    return 0;
}

static void a_cancelled_receive_has_received_nothing(void **state)
{
    (void)state;
    run_both_ways(cancel_receivers);
}

enum { NUMBERS = 500 };

typedef struct chaos {
    whorl_datagram *at;
    whorl_task *receiver;
    random_source random;
    uint8_t seen[NUMBERS];
    unsigned stopped;
} chaos;

static ssize_t receive_somehow(chaos *all, uint32_t *number)
{
    whorl_message message;
    whorl_timeout limit;
    ssize_t result;
    switch (random_below(&all->random, 3)) {
    case 0:
        return whorl_datagram_receive_from(all->at, number, 4, NULL, NULL);
    case 1:
        result = whorl_datagram_receive(all->at, &message);
        break;
    default:
        whorl_timeout_begin(&limit, WHORL_US(random_below(&all->random, 50)));
        result = whorl_timeout_end(&limit, whorl_datagram_receive(all->at, &message));
    }
    if (result == 0)
        memcpy(number, message.data, 4);
    return result == 0 ? (ssize_t)message.len : result;
}

static intptr_t receive_numbers(void *arg)
{
    chaos *all = arg;
    for (int count = 0; count < NUMBERS;) {
        uint32_t number = NUMBERS;
        ssize_t result = receive_somehow(all, &number);
        if (result == -ECANCELED || result == -ETIMEDOUT) {
            all->stopped++;
            whorl_uncancel();
            continue;
        }
        if (!check_equal(result, 4) || !check(number < NUMBERS))
            return -1;
        all->seen[number]++;
        count++;
    }
    return 0;
}

static intptr_t cancel_at_random(void *arg)
{
    chaos *all = arg;
    while (whorl_cancel(all->receiver) == 0) {
        if (random_below(&all->random, 2))
            whorl_sleep(WHORL_US(random_below(&all->random, 60)));
        else
            whorl_yield();
    }
    return 0;
}

static intptr_t receive_amid_cancels(void *arg)
{
    (void)arg;
    for (long round = 0; round < test_rounds(3); round++) {
        int fds[2];
        whorl_datagram *from;
        chaos all = {.random = random_from_seed((uint64_t)round)};
        whorl_datagram_options options = {.queue = 4};
        check_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds), 0);
        check_equal(whorl_datagram_from_fd(fds[0], &options, &all.at), 0);
        check_equal(whorl_datagram_from_fd(fds[1], NULL, &from), 0);
        all.receiver = whorl_spawn(receive_numbers, &all);
        whorl_task *canceller = whorl_spawn(cancel_at_random, &all);
        for (uint32_t i = 0; i < NUMBERS; i++) {
            check_equal(whorl_datagram_send(from, &i, sizeof i), sizeof i);
            if (random_below(&all.random, 4) == 0)
                whorl_sleep(WHORL_US(random_below(&all.random, 40)));
        }
        check_equal(whorl_join(canceller), 0);
        check_equal(whorl_join(all.receiver), 0);
        for (int i = 0; i < NUMBERS; i++)
            check_equal(all.seen[i], 1);
        check_equal(whorl_datagram_close(all.at), 0);
        check_equal(whorl_datagram_close(from), 0);
        check(all.stopped > 0);
    }
    return 0;
}

static void cancels_at_random_lose_and_double_nothing(void **state)
{
    (void)state;
    run_both_ways(receive_amid_cancels);
}

static intptr_t send_once(void *arg)
{
    return whorl_datagram_send(arg, "x", 1);
}

static intptr_t cancel_a_sender(void *arg)
{
    (void)arg;
    int fds[2];
    whorl_datagram *to, *from;
    check_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds), 0);
    check_equal(whorl_datagram_from_fd(fds[0], NULL, &to), 0);
    check_equal(whorl_datagram_from_fd(fds[1], NULL, &from), 0);
    int sent = 0;
    while (send(fds[1], "x", 1, MSG_DONTWAIT) == 1)
        sent++;
    whorl_task *sender = whorl_spawn(send_once, from);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    check_equal(whorl_cancel(sender), 0);
    check_equal(whorl_join(sender), -ECANCELED);
    sender = whorl_spawn(send_once, from);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    for (int i = 0; i < sent + 1; i++)
        check_received(to, "x");
    check_equal(whorl_join(sender), 1);
    check_equal(whorl_datagram_close(from), 0);
    return whorl_datagram_close(to);
}

static void a_cancelled_send_has_sent_nothing(void **state)
{
    (void)state;
    run_both_ways(cancel_a_sender);
}

/* --- Closing --- */

static intptr_t receive_many_once(void *arg)
{
    whorl_message messages[4];
    return whorl_datagram_receive_many(arg, messages, 4);
}

static intptr_t close_once(void *arg)
{
    return whorl_datagram_close(arg);
}

static intptr_t close_under_waiters(void *arg)
{
    (void)arg;
    struct sockaddr_in addr;
    whorl_datagram_options options = {.timeout = WHORL_SECONDS(100)};
    for (int kind = 0; kind < 4; kind++) {
        whorl_datagram *one = open_loopback(kind & 1 ? &options : NULL, &addr);
        whorl_task *first = whorl_spawn(receive_once, one);
        whorl_task *second = whorl_spawn(receive_many_once, one);
        check_equal(whorl_sleep(WHORL_MS(1)), 0);
        /* What comes as it closes is received, or lost with the socket. */
        if (kind & 2)
            check_equal(
                sendto(whorl_datagram_fd(one), "x", 1, 0, (struct sockaddr *)&addr, sizeof addr),
                1);
        whorl_task *closer = whorl_spawn(close_once, one);
        check_equal(whorl_yield(), 0);
        check_equal(whorl_datagram_close(one), -EBUSY);
        check_equal(whorl_datagram_port(one), -EBADF);
        check_equal(whorl_datagram_fd(one), -EBADF);
        check_equal(whorl_join(closer), 0);
        check_equal(whorl_join(first), -ECANCELED);
        check_equal(whorl_join(second), -ECANCELED);
    }
    return 0;
}

static void a_close_ends_the_waits_of_others_first(void **state)
{
    (void)state;
    run_both_ways(close_under_waiters);
}

/* Whoever closes the descriptor itself ends the wait, too. */
static intptr_t close_the_descriptor(void *arg)
{
    (void)arg;
    whorl_datagram *one = open_loopback(NULL, NULL);
    whorl_task *receiver = whorl_spawn(receive_once, one);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    check_equal(whorl_close(whorl_datagram_fd(one)), 0);
    check_equal(whorl_join(receiver), -ECANCELED);
    check_equal(whorl_datagram_close(one), -EBADF);
    return 0;
}

static void a_close_of_the_descriptor_ends_a_wait(void **state)
{
    (void)state;
    run_both_ways(close_the_descriptor);
}

/* Without DEFER_TASKRUN the kernel receives as soon as it is entered, and so before the close. */
static intptr_t close_over_what_came(void *arg)
{
    (void)arg;
    struct sockaddr_in addr;
    whorl_datagram *one = open_loopback(NULL, &addr);
    whorl_task *receiver = whorl_spawn(receive_once, one);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    check_equal(sendto(whorl_datagram_fd(one), "x", 1, 0, (struct sockaddr *)&addr, sizeof addr),
                1);
    check_equal(whorl_datagram_close(one), 0);
    check_equal(whorl_join(receiver), -ECANCELED);
    check_equal(loop_here->datagram_hub->pool.out, 0);
    return 0;
}

static void what_has_come_is_given_back_by_a_close(void **state)
{
    (void)state;
    static const whorl_config eager = {.without = WHORL_FEATURE_DEFER_TASKRUN};
    if (!(whorl_features() & WHORL_FEATURE_RECV_MULTISHOT))
        skip_because("this kernel has no multishot receive");
    run_checks_with(&eager, close_over_what_came, NULL);
}

/* One that sends to a queue that is full looks there now and then; it pauses between two looks
 * where its socket has an error to tell. */
struct named {
    int fd;
    struct sockaddr_un name;
    socklen_t len;
};

struct stuck_sender {
    whorl_datagram *from;
    struct named to;
};

static intptr_t send_to_full(void *arg)
{
    struct stuck_sender *one = arg;
    return whorl_datagram_send_to(one->from, "x", 1, (struct sockaddr *)&one->to.name, one->to.len);
}

static struct named bind_somewhere(void)
{
    struct named one = {.name.sun_family = AF_UNIX, .len = sizeof one.name};
    one.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    check_equal(bind(one.fd, (struct sockaddr *)&one.name, sizeof one.name.sun_family), 0);
    check_equal(getsockname(one.fd, (struct sockaddr *)&one.name, &one.len), 0);
    return one;
}

static int connect_named(const struct named *from, const struct named *to)
{
    return connect(from->fd, (const struct sockaddr *)&to->name, to->len);
}

/* What the sender is told: the error, if its pause ends before the close. */
static intptr_t close_under_it(void)
{
    struct stuck_sender one = {.to = bind_somewhere()};
    struct named own = bind_somewhere(), peer = bind_somewhere(), filler = bind_somewhere();
    check_equal(connect_named(&filler, &one.to), 0);
    while (send(filler.fd, "x", 1, MSG_DONTWAIT) == 1)
        ;
    check(connect_named(&own, &peer) == 0 && connect_named(&peer, &own) == 0);
    check_equal(send(own.fd, "lost", 4, 0), 4);
    check_equal(whorl_datagram_from_fd(own.fd, NULL, &one.from), 0);
    whorl_task *sender = whorl_spawn(send_to_full, &one);
    check_equal(whorl_sleep(WHORL_MS(60)), 0);     /* its pauses have grown */
    check_equal(connect_named(&peer, &one.to), 0); /* an error for `own` */
    for (int i = 0; i < 2; i++)
        check_equal(whorl_yield(), 0);
    check_equal(whorl_datagram_close(one.from), 0);
    check(whorl_is_done(sender));
    intptr_t result = whorl_join(sender);
    close(peer.fd);
    close(filler.fd);
    close(one.to.fd);
    return result;
}

static intptr_t close_under_a_pause(void *arg)
{
    intptr_t result = -ECONNRESET;
    for (int i = 0; i < 20 && result == -ECONNRESET; i++)
        result = close_under_it();
    check_equal(result, -ECANCELED);
    return (intptr_t)arg;
}

static void a_close_waits_for_one_who_pauses(void **state)
{
    (void)state;
    run_both_ways(close_under_a_pause);
}

typedef struct race {
    whorl_datagram *at;
    unsigned received;
} race;

static intptr_t receive_until_closed(void *arg)
{
    race *one = arg;
    whorl_message message;
    int result;
    while ((result = whorl_datagram_receive(one->at, &message)) == 0) {
        check_message(&message, "race");
        one->received++;
    }
    return result;
}

static intptr_t close_amid_traffic(void *arg)
{
    (void)arg;
    random_source random = random_from_seed(31);
    whorl_datagram *client = open_loopback(NULL, NULL);
    for (long round = 0; round < test_rounds(50); round++) {
        struct sockaddr_in addr;
        whorl_datagram_options options = {.queue = 2};
        race one = {.at = open_loopback(&options, &addr)};
        whorl_task *tasks[3];
        for (int i = 0; i < 3; i++)
            tasks[i] = whorl_spawn(receive_until_closed, &one);
        check_equal(whorl_yield(), 0); /* all are in a call from here on */
        for (uint64_t i = random_below(&random, 20); i > 0; i--) {
            check_equal(send_in(client, "race", 4, &addr), 4);
            if (random_below(&random, 3) == 0)
                check_equal(whorl_yield(), 0);
        }
        check_equal(whorl_datagram_close(one.at), 0);
        for (int i = 0; i < 3; i++)
            check_equal(whorl_join(tasks[i]), -ECANCELED);
    }
    return whorl_datagram_close(client);
}

static void a_close_amid_traffic_is_clean(void **state)
{
    (void)state;
    run_both_ways(close_amid_traffic);
}

/* --- The ends of a task, and of the run --- */

static intptr_t leave_open(void *arg)
{
    struct sockaddr_in addr;
    char *path = arg;
    whorl_datagram *one = open_loopback(NULL, &addr), *other, *unused;
    whorl_message message;
    check_equal(send_in(one, "a", 1, &addr), 1);
    check_equal(send_in(one, "b", 1, &addr), 1);
    check_equal(whorl_datagram_receive(one, &message), 0); /* held, and one is queued */
    check_equal(send_in(one, "c", 1, &addr), 1);
    check_equal(whorl_datagram_open_unix(path, NULL, &other), 0);
    check_equal(whorl_datagram_open(NULL, NULL, NULL, &unused), 0);
    whorl_release(whorl_spawn(receive_once, other)); /* cancelled at the end */
    check_equal(whorl_yield(), 0);
    return 0;
}

static void sockets_left_open_are_closed_with_the_run(void **state)
{
    (void)state;
    test_path path = path_of("left");
    int before = open_descriptors();
    for (int i = 0; i < 2; i++) {
        whorl_config config = {.without = i ? WHORL_FEATURE_RECV_MULTISHOT : 0};
        run_checks_with(&config, leave_open, path.text);
        assert_int_equal(open_descriptors(), before);
        assert_int_equal(access(path.text, F_OK), -1);
    }
}

static intptr_t wait_for_nothing(void *arg)
{
    (void)arg;
    struct sockaddr_in addr;
    whorl_datagram *one = open_loopback(NULL, &addr);
    check_equal(send_in(one, "a", 1, &addr), 1);
    check_received(one, "a");
    whorl_event never = WHORL_EVENT_INIT;
    int result = whorl_event_wait(&never);
    check_equal(whorl_datagram_close(one), 0);
    return result;
}

static void a_deadlock_is_seen_beside_an_idle_socket(void **state)
{
    (void)state;
    assert_int_equal(run(wait_for_nothing, NULL), -EDEADLK);
}

static intptr_t open_in_a_task(void *arg)
{
    whorl_datagram **one = arg;
    struct sockaddr_in addr;
    *one = open_loopback(NULL, &addr);
    check_equal(send_in(*one, "a", 1, &addr), 1);
    check_received(*one, "a");
    return 0;
}

static intptr_t outlive_a_task(void *arg)
{
    (void)arg;
    whorl_datagram *one = NULL;
    check_equal(whorl_join(whorl_spawn(open_in_a_task, &one)), 0);
    struct sockaddr_in addr = loopback_at(whorl_datagram_port(one));
    check_equal(send_in(one, "b", 1, &addr), 1);
    check_received(one, "b");
    return whorl_datagram_close(one);
}

static void a_socket_outlives_the_task_that_opened_it(void **state)
{
    (void)state;
    run_both_ways(outlive_a_task);
}

/* --- Errors --- */

/* One receives what its peer has sent last, one waits for its turn behind: what a batch has met
 * meanwhile is told to the second. */
static intptr_t send_before_a_turn(void *arg)
{
    (void)arg;
    struct sockaddr_in addr, own;
    const whorl_message messages[] = {{.data = "x", .len = 1}, {.data = "y", .len = 1}};
    whorl_datagram *server = open_loopback(NULL, &addr), *client = open_loopback(NULL, &own);
    check_equal(whorl_datagram_connect_to(client, (struct sockaddr *)&addr, sizeof addr), 0);
    whorl_task *first = whorl_spawn(receive_once, client);
    whorl_task *second = whorl_spawn(receive_once, client);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    check_equal(sendto(whorl_datagram_fd(server), "a", 1, 0, (struct sockaddr *)&own, sizeof own),
                1);
    close(whorl_datagram_fd(server));
    check_equal(whorl_datagram_send_many(client, messages, 2), 1);
    check_equal(whorl_join(first), 1);
    check_equal(whorl_join(second), -ECONNREFUSED);
    check_equal(whorl_datagram_close(client), 0);
    check_equal(whorl_datagram_close(server), -EBADF);
    return 0;
}

static void an_error_of_a_batch_is_told_to_whose_turn_it_is(void **state)
{
    (void)state;
    static const whorl_config eager = {.without = WHORL_FEATURE_DEFER_TASKRUN |
                                                  WHORL_FEATURE_RECV_MULTISHOT};
    run_checks_with(&eager, send_before_a_turn, NULL);
}

/* Connected to one who has gone, which the kernel has told the op that receives. */
static whorl_datagram *open_refused(void)
{
    struct sockaddr_in to, own;
    whorl_datagram *peer = open_loopback(NULL, &to), *client = open_loopback(NULL, &own);
    check_equal(whorl_datagram_connect_to(client, (struct sockaddr *)&to, sizeof to), 0);
    check_equal(send_in(peer, "a", 1, &own), 1);
    check_received(client, "a");
    check_equal(whorl_datagram_close(peer), 0);
    check_equal(whorl_datagram_send(client, "x", 1), 1);
    check_equal(whorl_sleep(WHORL_MS(5)), 0);
    return client;
}

static intptr_t receive_an_error(void *arg)
{
    whorl_message message;
    whorl_timeout limit;
    (void)arg;
    whorl_datagram *client = open_refused();
    check_equal(whorl_timeout_begin(&limit, WHORL_SECONDS(60)), 0);
    int result = whorl_datagram_receive(client, &message);
    check_equal(whorl_timeout_end(&limit, result), -ECONNREFUSED);
    return whorl_datagram_close(client);
}

static void an_error_that_comes_while_nobody_waits_is_kept(void **state)
{
    (void)state;
    run_both_ways(receive_an_error);
}

/* It comes behind a datagram that is there, in a call that takes many. */
static intptr_t receive_before_an_error(void *arg)
{
    (void)arg;
    struct sockaddr_in addr;
    whorl_message messages[4];
    whorl_datagram *server = open_loopback(NULL, &addr), *client = open_loopback(NULL, NULL);
    check_equal(whorl_datagram_connect_to(client, (struct sockaddr *)&addr, sizeof addr), 0);
    struct sockaddr_in back = loopback_at(whorl_datagram_port(client));
    whorl_task *receiver = whorl_spawn(receive_many_once, client);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    check_equal(sendto(whorl_datagram_fd(server), "a", 1, 0, (struct sockaddr *)&back, sizeof back),
                1);
    close(whorl_datagram_fd(server));
    check_equal(send(whorl_datagram_fd(client), "x", 1, 0), 1);
    check_equal(whorl_join(receiver), 1);
    check_equal(whorl_datagram_receive_many(client, messages, 4), -ECONNREFUSED);
    check_equal(whorl_datagram_close(client), 0);
    check_equal(whorl_datagram_close(server), -EBADF);
    return 0;
}

static void an_error_behind_a_datagram_is_kept_for_the_next_call(void **state)
{
    (void)state;
    static const whorl_config eager = {.without = WHORL_FEATURE_DEFER_TASKRUN |
                                                  WHORL_FEATURE_RECV_MULTISHOT};
    run_checks_with(&eager, receive_before_an_error, NULL);
}

static intptr_t send_cancelled(void *arg)
{
    check_equal(whorl_cancel(whorl_self()), 0);
    return whorl_datagram_send(arg, "y", 1);
}

static intptr_t send_many_cancelled(void *arg)
{
    check_equal(whorl_cancel(whorl_self()), 0);
    return whorl_datagram_send_many(arg, &(whorl_message){.data = "y", .len = 1}, 1);
}

static intptr_t send_before_an_error(void *arg)
{
    whorl_fn *const sends[] = {send_cancelled, send_many_cancelled};
    (void)arg;
    for (int i = 0; i < 2; i++) {
        whorl_datagram *client = open_refused();
        check_equal(whorl_join(whorl_spawn(sends[i], client)), -ECANCELED);
        check_equal(whorl_datagram_send(client, "x", 1), -ECONNREFUSED);
        check_equal(whorl_datagram_close(client), 0);
    }
    return 0;
}

static void a_cancelled_send_takes_no_error_from_others(void **state)
{
    (void)state;
    run_both_ways(send_before_an_error);
}

/* --- Buffers --- */

static unsigned buffers_out(void)
{
    return loop_here->datagram_hub ? loop_here->datagram_hub->pool.out : 0;
}

static intptr_t receive_by_each_call(void *arg)
{
    struct sockaddr_in to;
    whorl_message messages[2];
    char byte;
    (void)arg;
    whorl_datagram *server = open_loopback(NULL, &to), *client = open_loopback(NULL, NULL);
    for (int i = 0; i < 5; i++) {
        check_equal(send_in(client, "x", 1, &to), 1);
        check_received(server, "x");
        check_equal(send_in(client, "y", 1, &to), 1);
        check_equal(whorl_datagram_receive_from(server, &byte, 1, NULL, NULL), 1);
        check_equal(buffers_out(), 0);
        check_equal(send_in(client, "z", 1, &to), 1);
        check_equal(whorl_datagram_receive_many(server, messages, 2), 1);
        check(buffers_out() <= 1);
    }
    check_equal(whorl_datagram_close(server), 0);
    check_equal(buffers_out(), 0);
    return whorl_datagram_close(client);
}

static void each_call_gives_back_what_the_one_before_has_shown(void **state)
{
    (void)state;
    run_both_ways(receive_by_each_call);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_cancelled_receive_has_received_nothing),
        behaviour(cancels_at_random_lose_and_double_nothing),
        behaviour(a_cancelled_send_has_sent_nothing),
        behaviour(a_close_ends_the_waits_of_others_first),
        behaviour(a_close_of_the_descriptor_ends_a_wait),
        behaviour(what_has_come_is_given_back_by_a_close),
        behaviour(a_close_waits_for_one_who_pauses),
        behaviour(a_close_amid_traffic_is_clean),
        behaviour(sockets_left_open_are_closed_with_the_run),
        behaviour(a_deadlock_is_seen_beside_an_idle_socket),
        behaviour(a_socket_outlives_the_task_that_opened_it),
        behaviour(an_error_that_comes_while_nobody_waits_is_kept),
        behaviour(an_error_behind_a_datagram_is_kept_for_the_next_call),
        behaviour(an_error_of_a_batch_is_told_to_whose_turn_it_is),
        behaviour(a_cancelled_send_takes_no_error_from_others),
        behaviour(each_call_gives_back_what_the_one_before_has_shown),
    };
    return run_behaviours("datagram_end", tests);
}
