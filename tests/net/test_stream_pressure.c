/*
 * Pressure: a reader that does not read slows its peer down, at a bounded use of memory; and what
 * is written in small pieces goes out in few.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "op/workers.h"
#include "streams.h"

#include <fcntl.h>
#include <net/stream.h>
#include <stdlib.h>

enum { READ_AHEAD = 40000, HIGH_WATER = 50000, SMALL_WRITES = 100000 };

/* What may come before receiving stops: the kernel fills 32 buffers of 16 KiB at a time. */
#define BEYOND ((size_t)4 * 32 << 14)
#define MEMORY_KIB 8192 /* of all */

/* Counts what is submitted, and what is sent at once. */
static unsigned sends;

ssize_t __real_send(int fd, const void *buf, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *buf, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *buf, size_t len, int flags)
{
    sends++;
    return __real_send(fd, buf, len, flags);
}

ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
    sends++;
    return __real_sendmsg(fd, message, flags);
}

void __real_ring_fill(struct ring *ring, const whorl_op *op, uint64_t token, enum ring_link link);
void __wrap_ring_fill(struct ring *ring, const whorl_op *op, uint64_t token, enum ring_link link);
void __wrap_ring_fill(struct ring *ring, const whorl_op *op, uint64_t token, enum ring_link link)
{
    sends += op->code == RING_OP_SEND || op->code == RING_OP_SENDMSG || op->code == RING_OP_WRITE;
    __real_ring_fill(ring, op, token, link);
}

static void check_at_most(size_t size, size_t most)
{
    if (size > most)
        check_failed("%zu bytes and not at most %zu", size, most);
}

struct flood {
    whorl_stream *stream;
    size_t size; /* of a write */
    size_t sum;
    size_t written;
};

static intptr_t pour(void *arg)
{
    struct flood *flood = arg;
    char *data = calloc(1, flood->size);
    while (flood->written < flood->sum) {
        size_t rest = flood->sum - flood->written;
        ssize_t did =
            whorl_stream_write(flood->stream, data, rest < flood->size ? rest : flood->size);
        if (!check(did > 0))
            break;
        flood->written += (size_t)did;
        check(whorl_stream_pending(flood->stream) <= HIGH_WATER);
    }
    free(data);
    return whorl_stream_end(flood->stream);
}

/* Until the writer gets no further. */
static void await_standstill(const struct flood *flood)
{
    size_t before;
    do {
        before = flood->written;
        check_equal(whorl_sleep(WHORL_MS(30)), 0);
    } while (flood->written != before);
}

static intptr_t flood_reader(void *arg)
{
    size_t size = *(const size_t *)arg;
    whorl_stream_options options = {.high_water = HIGH_WATER, .read_ahead = READ_AHEAD};
    streams both = open_streams(&options);
    struct flood flood = {both.ends[1], size, (size_t)100 << 20, 0};
    if (size < 1000)
        flood.sum = (size_t)10 << 20;
    long memory = status_figure("VmRSS:");
    char byte;
    whorl_task *task = whorl_spawn(pour, &flood);
    check_equal(whorl_stream_read(both.ends[0], &byte, 1), 1);
    await_standstill(&flood);
    check(flood.written < flood.sum);
    check_at_most(whorl_stream_buffered(both.ends[0]), READ_AHEAD + BEYOND);
    check(status_figure("VmRSS:") - memory < MEMORY_KIB + (long)(size >> 10));
    size_t read = 1, most = 0;
    whorl_slice slice;
    while (whorl_stream_peek(both.ends[0], 1, &slice) > 0) {
        most =
            whorl_stream_buffered(both.ends[0]) > most ? whorl_stream_buffered(both.ends[0]) : most;
        read += slice.len;
        check_equal(whorl_stream_consume(both.ends[0], slice.len), 0);
    }
    check_at_most(most, READ_AHEAD + BEYOND);
    check_equal(read, flood.sum);
    check_equal(whorl_join(task), 0);
    close_streams(&both);
    return 0;
}

static void a_reader_that_does_not_read_slows_its_peer_down(void **state)
{
    (void)state;
    static const size_t sizes[] = {100, 5000, 20000, (size_t)1 << 20};
    for (int i = 0; i < 4; i++)
        run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, flood_reader,
                           (void *)(uintptr_t)&sizes[i]);
}

/* Bytes that come one by one do not take a buffer each. */
static intptr_t send_single_bytes(void *arg)
{
    (void)arg;
    stream_and_peer both = open_stream(NULL);
    char byte;
    check_equal(write(both.peer, "x", 1), 1);
    check_equal(whorl_stream_read(both.stream, &byte, 1), 1);
    size_t sent = 0;
    /* Without multishot the kernel holds them, as long as it can. */
    while (sent < 20000 && send(both.peer, "x", 1, MSG_DONTWAIT) == 1) {
        sent++;
        check_equal(whorl_yield(), 0);
    }
    check(loop_here->stream_hub->pool.out <= 3);
    close(both.peer);
    size_t read = 0;
    while (whorl_stream_read(both.stream, &byte, 1) > 0)
        read++;
    check_equal(read, sent);
    return whorl_stream_close(both.stream);
}

static void bytes_that_come_one_by_one_lie_together(void **state)
{
    (void)state;
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, send_single_bytes, NULL);
}

static intptr_t write_small(void *arg)
{
    (void)arg;
    whorl_stream_options options = {.high_water = HIGH_WATER};
    streams both = open_streams(&options);
    struct flood flood = {both.ends[1], 10, (size_t)10 * SMALL_WRITES, 0};
    sends = 0;
    whorl_task *task = whorl_spawn(pour, &flood);
    char buf[1000];
    size_t read = 0;
    for (ssize_t got; (got = whorl_stream_read(both.ends[0], buf, sizeof buf)) > 0;)
        read += (size_t)got;
    check_equal(read, flood.sum);
    check_equal(whorl_join(task), 0);
    check(sends < SMALL_WRITES / 500);
    close_streams(&both);
    return 0;
}

static void small_writes_are_few_sends(void **state)
{
    (void)state;
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, write_small, NULL);
}

static intptr_t write_head_and_body(void *arg)
{
    (void)arg;
    enum { BODY = 50000 };
    streams both = open_streams(NULL);
    char *body = calloc(1, BODY);
    sends = 0;
    check_equal(whorl_stream_puts(both.ends[1], "head"), 4);
    check_equal(whorl_stream_write(both.ends[1], body, BODY), BODY);
    check_equal(whorl_stream_drain(both.ends[1]), 0);
    check_equal(sends, 1);
    check_equal(whorl_stream_read_exactly(both.ends[0], body, BODY), BODY);
    check_equal(memcmp(body, "head", 5), 0);
    close_streams(&both);
    free(body);
    return 0;
}

static void a_large_write_goes_with_what_came_before(void **state)
{
    (void)state;
    run_on_connections(1, WHORL_CLOCK_REAL, write_head_and_body, NULL);
}

/* Nobody reads meanwhile: a socket's buffer holds far fewer bytes that come one by one. */
static intptr_t write_above_a_tiny_mark(void *arg)
{
    (void)arg;
    enum { SIZE = 3000 };
    const whorl_stream_options options = {.high_water = 1};
    streams both = open_streams(&options);
    char *data = calloc(1, SIZE);
    sends = 0;
    check_equal(whorl_stream_write(both.ends[1], data, SIZE), SIZE);
    check_equal(whorl_stream_drain(both.ends[1]), 0);
    check_at_most(sends, 2);
    check_equal(whorl_stream_read_exactly(both.ends[0], data, SIZE), SIZE);
    close_streams(&both);
    free(data);
    return 0;
}

static void a_write_above_high_water_is_not_broken_into_pieces_of_it(void **state)
{
    (void)state;
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, write_above_a_tiny_mark, NULL);
}

/* A poll of the kernel's own is woken by the peer's end, without room, and gives up. */
static intptr_t flood_half_closed(void *arg)
{
    size_t size = *(const size_t *)arg;
    whorl_stream_options options = {.high_water = HIGH_WATER};
    stream_and_peer both = open_stream(&options);
    struct flood flood = {both.stream, size, (size_t)20 << 20, 0};
    check_equal(shutdown(both.peer, SHUT_WR), 0);
    whorl_task *task = whorl_spawn(pour, &flood);
    size_t read = 0;
    char *buf = malloc(1 << 20);
    for (int i = 0; i < 20; i++) {
        check_equal(whorl_sleep(WHORL_MS(10)), 0);
        check_equal(count_workers(), 0);
        ssize_t got = recv(both.peer, buf, 1 << 18, MSG_DONTWAIT);
        check(got > 0);
        read += (size_t)got;
    }
    check(!whorl_is_done(task));
    for (ssize_t got; (got = whorl_recv(both.peer, buf, 1 << 20, 0)) > 0;)
        read += (size_t)got;
    check_equal(read, flood.sum);
    check_equal(whorl_join(task), 0);
    check_equal(whorl_stream_close(both.stream), 0);
    close(both.peer);
    free(buf);
    return 0;
}

static void a_slow_peer_that_has_sent_its_end_holds_no_thread(void **state)
{
    (void)state;
    static const size_t sizes[] = {5000, (size_t)1 << 20};
    for (int i = 0; i < 2; i++)
        run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, flood_half_closed,
                           (void *)(uintptr_t)&sizes[i]);
}

/* --- Order --- */

/* Byte n is n / 1000. */
static intptr_t read_in_order(void *arg)
{
    whorl_stream *stream = arg;
    whorl_slice slice;
    size_t at = 0;
    while (whorl_stream_peek(stream, 1, &slice) > 0) {
        for (size_t i = 0; i < slice.len; i++, at++)
            if ((unsigned char)slice.data[i] != (unsigned char)(at / 1000)) {
                check_failed("byte %zu is out of order", at);
                return -EIO;
            }
        check_equal(whorl_stream_consume(stream, slice.len), 0);
    }
    return (intptr_t)at;
}

/* More lies in chunks than goes with one message. */
static intptr_t write_behind_many_chunks(void *arg)
{
    enum { ALL = 3000000, SMALL = 900000 };
    (void)arg;
    const whorl_stream_options options = {.high_water = 1 << 20};
    streams both = open_streams(&options);
    char *data = malloc(ALL);
    for (int i = 0; i < ALL; i++)
        data[i] = (char)(i / 1000);
    whorl_task *reader = whorl_spawn(read_in_order, both.ends[0]);
    check_equal(whorl_stream_cork(both.ends[1]), 0);
    for (size_t at = 0; at < SMALL; at += 1000)
        check_equal(whorl_stream_write(both.ends[1], data + at, 1000), 1000);
    check_equal(whorl_stream_pending(both.ends[1]), SMALL);
    check_equal(whorl_stream_write(both.ends[1], data + SMALL, ALL - SMALL), ALL - SMALL);
    check_equal(whorl_stream_uncork(both.ends[1]), 0);
    check_equal(whorl_stream_end(both.ends[1]), 0);
    check_equal(whorl_join(reader), ALL);
    free(data);
    close_streams(&both);
    return 0;
}

static void a_large_write_overtakes_nothing(void **state)
{
    (void)state;
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, write_behind_many_chunks, NULL);
}

static void take_turns(void)
{
    for (int i = 0; i < 5; i++)
        check_equal(whorl_yield(), 0);
}

/* What the kernel has been given stays where it is, though more is written behind it. */
static intptr_t write_behind_what_is_in_flight(void *arg)
{
    static char got[1 << 20];
    char a[500], c[3000], d[500];
    (void)arg;
    pair first = pipe_pair(), second = pipe_pair();
    whorl_stream *one, *other;
    check_equal(whorl_stream_open(first.ends[1], NULL, &one), 0);
    check_equal(whorl_stream_open(second.ends[1], NULL, &other), 0);
    fill_descriptor(first.ends[1]);
    fill_descriptor(second.ends[1]);
    memset(a, 'a', sizeof a);
    memset(c, 'c', sizeof c);
    memset(d, 'd', sizeof d);
    check_equal(whorl_stream_write(one, a, sizeof a), sizeof a);
    take_turns();
    check_equal(whorl_stream_write(one, c, sizeof c), sizeof c);
    check_equal(whorl_stream_write(other, d, sizeof d), sizeof d);
    take_turns();
    check(read(first.ends[0], got, (size_t)fcntl(first.ends[0], F_GETPIPE_SZ)) > 0);
    check_equal(whorl_stream_drain(one), 0);
    check_equal(read(first.ends[0], got, sizeof got), sizeof a + sizeof c);
    check_equal(memcmp(got, a, sizeof a), 0);
    check_equal(memcmp(got + sizeof a, c, sizeof c), 0);
    check_equal(whorl_stream_abort(one), 0);
    check_equal(whorl_stream_abort(other), 0);
    check_equal(close(first.ends[0]), 0);
    return close(second.ends[0]);
}

static void what_is_on_its_way_is_nobody_elses(void **state)
{
    (void)state;
    run_checks(write_behind_what_is_in_flight, NULL);
}

/* A large write that is cancelled while it waits for room leaves the small one before it its
 * turn. */
static intptr_t cancel_a_large_write(void *arg)
{
    static char buf[1 << 20];
    enum { LARGE = 8 << 20 };
    (void)arg;
    stream_and_peer both = open_stream(NULL);
    char *large = calloc(1, LARGE);
    whorl_timeout limit;
    fill_descriptor(whorl_stream_fd(both.stream));
    check_equal(whorl_timeout_begin(&limit, WHORL_MS(20)), 0);
    check_equal(whorl_stream_puts(both.stream, "small"), 5);
    ssize_t written = whorl_stream_write(both.stream, large, LARGE);
    check_equal(whorl_timeout_end(&limit, written), -ETIMEDOUT);
    for (int i = 0; i < 1000 && whorl_stream_pending(both.stream) > 0; i++) {
        while (recv(both.peer, buf, sizeof buf, MSG_DONTWAIT) > 0)
            continue;
        check_equal(whorl_sleep(WHORL_MS(2)), 0);
    }
    check_equal(whorl_stream_pending(both.stream), 0);
    free(large);
    check_equal(whorl_stream_abort(both.stream), 0);
    return close(both.peer);
}

static void a_small_write_goes_though_the_next_is_cancelled(void **state)
{
    (void)state;
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, cancel_a_large_write, NULL);
}

/* --- Lengths that no result can tell --- */

static intptr_t write_without_measure(void *arg)
{
    enum { BYTES = 256 << 20 }; /* more than any socket takes; few of them are touched */
    streams both = open_streams(NULL);
    char *data = calloc(1, BYTES);
    whorl_timeout limit;
    whorl_timeout_begin(&limit, WHORL_MS(50));
    ssize_t did = whorl_timeout_end(&limit, whorl_stream_write(both.ends[1], data, SIZE_MAX));
    check(did > 0 && did < BYTES);
    check_equal(whorl_stream_abort(both.ends[1]), 0);
    check_equal(whorl_stream_abort(both.ends[0]), 0);
    free(data);
    return (intptr_t)arg;
}

static void a_write_is_as_long_as_its_result_can_tell(void **state)
{
    (void)state;
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, write_without_measure, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_reader_that_does_not_read_slows_its_peer_down),
        behaviour(bytes_that_come_one_by_one_lie_together),
        behaviour(small_writes_are_few_sends),
        behaviour(a_large_write_goes_with_what_came_before),
        behaviour(a_write_above_high_water_is_not_broken_into_pieces_of_it),
        behaviour(a_slow_peer_that_has_sent_its_end_holds_no_thread),
        behaviour(a_large_write_overtakes_nothing),
        behaviour(what_is_on_its_way_is_nobody_elses),
        behaviour(a_small_write_goes_though_the_next_is_cancelled),
        behaviour(a_write_is_as_long_as_its_result_can_tell),
    };
    return run_behaviours("streams under pressure", tests);
}
