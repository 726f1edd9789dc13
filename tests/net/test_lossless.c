/*
 * Cancels and timeouts that race with data: a stream whose reader and writer are cancelled at
 * random arrives whole and in order, and of a listener whose accepts are cancelled no connection
 * is lost. The other side is a task of the same loop, or a thread that makes plain calls.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { LARGEST = 700 };

typedef struct side {
    int fd;
    bool is_socket;
    size_t total;
    random_source random;
    unsigned stopped; /* calls that were cancelled or timed out */
} side;

/* What stands at a position of every stream; a period of 2^16 that no piece comes near. */
static uint8_t byte_at(size_t position)
{
    return (uint8_t)((position * 131) ^ (position >> 8));
}

/* --- Cancelling at random --- */

typedef struct canceller {
    whorl_task *target;
    random_source random;
} canceller;

static intptr_t cancel_at_random(void *arg)
{
    canceller *one = arg;
    while (whorl_cancel(one->target) == 0) {
        uint64_t pause = random_below(&one->random, 8);
        if (pause < 4)
            check_equal(whorl_sleep(WHORL_US(random_below(&one->random, 100))), 0);
        else
            while (pause-- > 4)
                check_equal(whorl_yield(), 0);
    }
    return 0;
}

static bool was_stopped(side *one, ssize_t result)
{
    if (result != -ECANCELED && result != -ETIMEDOUT)
        return false;
    one->stopped++;
    whorl_uncancel();
    return true;
}

static ssize_t await_timed(whorl_op op, random_source *random)
{
    op.timeout = (int64_t)random_below(random, 50000);
    return whorl_op_await(&op);
}

/* --- The two ends of a stream --- */

static ssize_t receive(side *one, void *buf, size_t len)
{
    struct iovec vector = {buf, len};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    switch (random_below(&one->random, one->is_socket ? 7 : 3)) {
    case 0:
        return whorl_read(one->fd, buf, len);
    case 1:
        return whorl_readv(one->fd, &vector, 1);
    case 2:
        return await_timed(whorl_op_read(one->fd, buf, len), &one->random);
    case 3:
        return whorl_recv(one->fd, buf, len, 0);
    case 4:
        return whorl_recv(one->fd, buf, len, MSG_WAITALL);
    case 5:
        return whorl_recvmsg(one->fd, &message, 0);
    default:
        return await_timed(whorl_op_recv(one->fd, buf, len, MSG_WAITALL), &one->random);
    }
}

static intptr_t read_stream(void *arg)
{
    side *one = arg;
    uint8_t buf[LARGEST];
    for (size_t position = 0; position < one->total;) {
        size_t want = 1 + random_below(&one->random, LARGEST);
        if (want > one->total - position)
            want = one->total - position;
        ssize_t got = receive(one, buf, want);
        if (was_stopped(one, got))
            continue;
        if (got <= 0)
            return check_failed("at %zu a read gave %zd", position, got) ? 0 : -1;
        for (ssize_t i = 0; i < got; i++, position++)
            if (buf[i] != byte_at(position))
                return check_failed("byte %zu is another", position) ? 0 : -1;
    }
    return 0;
}

static ssize_t transmit(side *one, void *buf, size_t len)
{
    struct iovec vector = {buf, len};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    switch (random_below(&one->random, one->is_socket ? 7 : 3)) {
    case 0:
        return whorl_write(one->fd, buf, len);
    case 1:
        return whorl_writev(one->fd, &vector, 1);
    case 2:
        return await_timed(whorl_op_write(one->fd, buf, len), &one->random);
    case 3:
        return whorl_send(one->fd, buf, len, 0);
    case 4:
        return whorl_send(one->fd, buf, len, MSG_WAITALL);
    case 5:
        return whorl_sendmsg(one->fd, &message, 0);
    default:
        return await_timed(whorl_op_send(one->fd, buf, len, MSG_WAITALL), &one->random);
    }
}

static size_t fill_piece(side *one, uint8_t *buf, size_t position)
{
    size_t len = 1 + random_below(&one->random, LARGEST);
    if (len > one->total - position)
        len = one->total - position;
    for (size_t i = 0; i < len; i++)
        buf[i] = byte_at(position + i);
    return len;
}

static intptr_t write_stream(void *arg)
{
    side *one = arg;
    uint8_t buf[LARGEST];
    for (size_t position = 0; position < one->total;) {
        ssize_t done = transmit(one, buf, fill_piece(one, buf, position));
        if (was_stopped(one, done))
            continue;
        if (done <= 0)
            return check_failed("at %zu a write gave %zd", position, done) ? 0 : -1;
        position += (size_t)done;
    }
    return 0;
}

static void *write_stream_plainly(void *arg)
{
    side *one = arg;
    uint8_t buf[LARGEST];
    for (size_t position = 0; position < one->total;) {
        ssize_t done = write(one->fd, buf, fill_piece(one, buf, position));
        if (done <= 0)
            break; /* the reader gave up */
        position += (size_t)done;
    }
    return NULL;
}

/* The canceller ends when its target has ended, and needs the target's handle until then. */
static void join_both(whorl_task *task, whorl_task *its_canceller)
{
    check_equal(whorl_join(its_canceller), 0);
    check_equal(whorl_join(task), 0);
}

static intptr_t pass_by_task(void *arg)
{
    side *sides = arg;
    whorl_task *reader = whorl_spawn(read_stream, &sides[0]);
    whorl_task *writer = whorl_spawn(write_stream, &sides[1]);
    canceller both[2] = {{reader, random_from_seed(11)}, {writer, random_from_seed(12)}};
    whorl_task *of_reader = whorl_spawn(cancel_at_random, &both[0]);
    whorl_task *of_writer = whorl_spawn(cancel_at_random, &both[1]);
    join_both(writer, of_writer);
    join_both(reader, of_reader);
    return 0;
}

static intptr_t pass_by_thread(void *arg)
{
    side *sides = arg;
    pthread_t thread;
    if (!check_equal(pthread_create(&thread, NULL, write_stream_plainly, &sides[1]), 0))
        return -1;
    whorl_task *reader = whorl_spawn(read_stream, &sides[0]);
    canceller one = {reader, random_from_seed(13)};
    join_both(reader, whorl_spawn(cancel_at_random, &one));
    check_equal(whorl_close(sides[0].fd), 0); /* frees a writer that the reader has left */
    sides[0].fd = -1;
    return pthread_join(thread, NULL);
}

static void pass_streams(pair (*make)(void), bool is_socket)
{
    for (int by_thread = 0; by_thread < 2; by_thread++) {
        size_t total = (size_t)test_rounds(UNDER_SANITIZER ? 256 << 10 : 1 << 20);
        pair both = make();
        side sides[2] = {{both.ends[0], is_socket, total, random_from_seed(1), 0},
                         {both.ends[1], is_socket, total, random_from_seed(2), 0}};
        run_checks(by_thread ? pass_by_thread : pass_by_task, sides);
        assert_true(sides[0].stopped > 0);
        assert_true(by_thread || sides[1].stopped > 0);
        both.ends[0] = sides[0].fd;
        close_pair(&both);
    }
}

static void a_cancelled_recv_loses_no_byte(void **state)
{
    (void)state;
    pass_streams(tcp_pair, true);
}

static void a_cancelled_recv_on_a_unix_socket_loses_no_byte(void **state)
{
    (void)state;
    pass_streams(unix_pair, true);
}

static void a_cancelled_read_on_a_pipe_loses_no_byte(void **state)
{
    (void)state;
    pass_streams(pipe_pair, false);
}

/* --- Connections --- */

enum { CONNECTIONS = 400 };

typedef struct meeting {
    struct sockaddr_in address;
    int listener;
    random_source random;
    unsigned stopped;
    uint8_t seen[CONNECTIONS];
} meeting;

static void *connect_and_say_a_number(void *arg)
{
    meeting *one = arg;
    for (uint32_t i = 0; i < CONNECTIONS; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(fd, (struct sockaddr *)&one->address, sizeof one->address) != 0 ||
            send(fd, &i, sizeof i, MSG_NOSIGNAL) != (ssize_t)sizeof i)
            check_failed("connection %u: errno %d", i, errno);
        close(fd);
    }
    return NULL;
}

static int accept_somehow(meeting *one)
{
    struct sockaddr_in peer;
    socklen_t room = sizeof peer;
    switch (random_below(&one->random, 3)) {
    case 0:
        return whorl_accept(one->listener, (struct sockaddr *)&peer, &room);
    case 1:
        return whorl_accept4(one->listener, NULL, NULL, SOCK_CLOEXEC);
    default:
        return (int)await_timed(whorl_op_accept(one->listener, NULL, NULL, SOCK_CLOEXEC),
                                &one->random);
    }
}

static intptr_t accept_numbers(void *arg)
{
    meeting *one = arg;
    for (int accepted = 0; accepted < CONNECTIONS;) {
        int fd = accept_somehow(one);
        if (fd == -ECANCELED || fd == -ETIMEDOUT) {
            one->stopped++;
            whorl_uncancel();
            continue;
        }
        uint32_t number = CONNECTIONS;
        if (!check(fd >= 0) ||
            !check_equal(recv(fd, &number, sizeof number, MSG_WAITALL), sizeof number) ||
            !check(number < CONNECTIONS))
            return -1;
        one->seen[number]++;
        accepted++;
        check_equal(close(fd), 0);
    }
    return 0;
}

static intptr_t meet(void *arg)
{
    meeting *one = arg;
    pthread_t thread;
    if (!check_equal(pthread_create(&thread, NULL, connect_and_say_a_number, one), 0))
        return -1;
    whorl_task *acceptor = whorl_spawn(accept_numbers, one);
    canceller chaos = {acceptor, random_from_seed(21)};
    join_both(acceptor, whorl_spawn(cancel_at_random, &chaos));
    return pthread_join(thread, NULL);
}

static void a_cancelled_accept_loses_no_connection_and_no_descriptor(void **state)
{
    (void)state;
    meeting one = {.random = random_from_seed(3)};
    for (long round = 0; round < test_rounds(UNDER_SANITIZER ? 1 : 3); round++) {
        memset(one.seen, 0, sizeof one.seen);
        one.listener = tcp_listener(&one.address, 2 * CONNECTIONS);
        run_checks(meet, &one);
        for (int i = 0; i < CONNECTIONS; i++)
            assert_int_equal(one.seen[i], 1);
        assert_int_equal(fcntl(one.listener, F_SETFL, O_NONBLOCK), 0);
        assert_int_equal(accept(one.listener, NULL, NULL), -1);
        close(one.listener);
    }
    assert_true(one.stopped > 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_cancelled_recv_loses_no_byte),
        behaviour(a_cancelled_recv_on_a_unix_socket_loses_no_byte),
        behaviour(a_cancelled_read_on_a_pipe_loses_no_byte),
        behaviour(a_cancelled_accept_loses_no_connection_and_no_descriptor),
    };
    return run_behaviours("lossless", tests);
}
