/* A peer that breaks off, in every state of the stream: what each call gives then, and after. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "streams.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>

enum { LARGE = 8 << 20 };

static intptr_t read_one(void *stream)
{
    char byte;
    return whorl_stream_read(stream, &byte, 1);
}

static void let_wait(void)
{
    for (int i = 0; i < 10; i++)
        check_equal(whorl_yield(), 0);
}

static intptr_t while_reading(void *arg)
{
    (void)arg;
    connection = TCP_PAIR;
    stream_and_peer both = open_stream(NULL);
    whorl_slice slice;
    whorl_line line;
    char byte;
    whorl_task *task = whorl_spawn(read_one, both.stream);
    let_wait();
    reset_peer(both.peer);
    check_equal(whorl_join(task), -ECONNRESET);
    check_equal(whorl_stream_read(both.stream, &byte, 1), -ECONNRESET);
    check_equal(whorl_stream_read_exactly(both.stream, &byte, 1), -ECONNRESET);
    check_equal(whorl_stream_peek(both.stream, 1, &slice), -ECONNRESET);
    check_equal(whorl_stream_read_until(both.stream, "x", 1, 9, &slice), -ECONNRESET);
    check_equal(whorl_stream_read_line(both.stream, &line, 9), -ECONNRESET);
    check_equal(whorl_stream_at_end(both.stream), 0);
    check_equal(whorl_stream_puts(both.stream, "x"), 1);
    check_equal(whorl_stream_drain(both.stream), -EPIPE);
    check_equal(whorl_stream_puts(both.stream, "x"), -EPIPE);
    check_equal(whorl_stream_end(both.stream), -EPIPE);
    check_equal(whorl_stream_close(both.stream), -EPIPE);
    return 0;
}

/* What was written before is the first to meet it. */
static intptr_t behind_a_write(void *arg)
{
    connection = TCP_PAIR;
    stream_and_peer both = open_stream(NULL);
    char byte;
    reset_peer(both.peer);
    check_equal(whorl_stream_puts(both.stream, "x"), 1);
    let_wait();
    check_equal(whorl_stream_read(both.stream, &byte, 1), -ECONNRESET);
    check_equal(whorl_stream_puts(both.stream, "x"), -ECONNRESET);
    check_equal(whorl_stream_drain(both.stream), -ECONNRESET);
    check_equal(whorl_stream_close(both.stream), -ECONNRESET);
    return (intptr_t)arg;
}

/* A byte out of band is counted as the peer's end is; what was written is the first to meet the
 * reset. */
static intptr_t behind_urgent_data(void *arg)
{
    connection = TCP_PAIR;
    stream_and_peer both = open_stream(NULL);
    char buf[3], byte;
    check_equal(send(both.peer, "!", 1, MSG_OOB), 1);
    check_equal(send(both.peer, "abc", 3, 0), 3);
    check_equal(whorl_stream_read_exactly(both.stream, buf, 3), 3);
    reset_peer(both.peer);
    check_equal(whorl_stream_puts(both.stream, "x"), 1);
    let_wait();
    check_equal(whorl_stream_read(both.stream, &byte, 1), -ECONNRESET);
    check_equal(whorl_stream_at_end(both.stream), 0);
    check_equal(whorl_stream_close(both.stream), -ECONNRESET);
    return (intptr_t)arg;
}

/* The program has asked the socket itself, which tells of it once. */
static intptr_t told_by_the_socket(void *arg)
{
    connection = TCP_PAIR;
    stream_and_peer both = open_stream(NULL);
    int error = 0, fd = whorl_stream_fd(both.stream);
    socklen_t len = sizeof error;
    reset_peer(both.peer);
    let_wait();
    check_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
    check_equal(error, ECONNRESET);
    check_equal(whorl_stream_puts(both.stream, "x"), 1);
    check_equal(whorl_stream_drain(both.stream), -ECONNRESET);
    check_equal(whorl_stream_close(both.stream), -ECONNRESET);
    return (intptr_t)arg;
}

static intptr_t with_data_unread(void *arg)
{
    (void)arg;
    connection = TCP_PAIR;
    stream_and_peer both = open_stream(NULL);
    char buf[16];
    check_equal(write(both.peer, "one\ntwo", 7), 7);
    check_equal(whorl_stream_read(both.stream, buf, 1), 1);
    reset_peer(both.peer);
    let_wait();
    whorl_line line;
    check_equal(whorl_stream_read_line(both.stream, &line, 9), 1);
    check_equal(line.len, 2);
    check_equal(whorl_stream_read_line(both.stream, &line, 9), 1);
    check(line.len == 3 && line.newline == 0);
    check_equal(whorl_stream_read_line(both.stream, &line, 9), -ECONNRESET);
    check_equal(whorl_stream_read_exactly(both.stream, buf, 1), -ECONNRESET);
    return whorl_stream_close(both.stream);
}

struct writing {
    whorl_stream *stream;
    char *data;
    int how;
};

static intptr_t write_much(void *arg)
{
    struct writing *writing = arg;
    switch (writing->how) {
    case 0:
        return whorl_stream_write(writing->stream, writing->data, LARGE);
    case 1:
        return whorl_stream_drain(writing->stream);
    case 2:
        return whorl_stream_end(writing->stream);
    default:
        return whorl_stream_close(writing->stream);
    }
}

static bool is_broken(intptr_t error)
{
    return error == -ECONNRESET || error == -EPIPE;
}

/* In a write, a drain, an end and a close. */
static intptr_t while_writing(void *arg)
{
    (void)arg;
    connection = TCP_PAIR;
    struct writing writing = {.data = calloc(1, LARGE)};
    for (writing.how = 0; writing.how < 4; writing.how++) {
        stream_and_peer both = open_stream(NULL);
        writing.stream = both.stream;
        fill_descriptor(whorl_stream_fd(both.stream));
        for (int i = 0; i < 3; i++)
            check_equal(whorl_stream_write(both.stream, writing.data, 1000), 1000);
        whorl_task *task = whorl_spawn(write_much, &writing);
        let_wait();
        reset_peer(both.peer);
        intptr_t result = whorl_join(task);
        check(is_broken(result) || (writing.how == 0 && result > 0));
        if (writing.how == 3)
            continue;
        check(is_broken(whorl_stream_write(both.stream, "x", 1)));
        check(is_broken(whorl_stream_drain(both.stream)));
        check(is_broken(whorl_stream_end(both.stream)));
        check_equal(whorl_stream_pending(both.stream), 0);
        check(is_broken(whorl_stream_close(both.stream)));
    }
    free(writing.data);
    return 0;
}

static intptr_t after_the_end(void *arg)
{
    (void)arg;
    connection = TCP_PAIR;
    stream_and_peer both = open_stream(NULL);
    check_equal(whorl_stream_puts(both.stream, "bye"), 3);
    check_equal(whorl_stream_end(both.stream), 0);
    reset_peer(both.peer);
    check_equal(read_one(both.stream), -ECONNRESET);
    check_equal(whorl_stream_drain(both.stream), 0);
    check_equal(whorl_stream_close(both.stream), 0);
    return 0;
}

static intptr_t before_the_end(void *arg)
{
    (void)arg;
    connection = TCP_PAIR;
    stream_and_peer both = open_stream(NULL);
    reset_peer(both.peer);
    check_equal(whorl_stream_end(both.stream), -EPIPE);
    check_equal(whorl_stream_puts(both.stream, "x"), -EPIPE);
    return whorl_stream_close(both.stream);
}

static intptr_t take_no_more(void *arg)
{
    (void)arg;
    for (int kind = 0; kind < 3; kind++) {
        connection = kind == 0 ? UNIX_PAIR : PIPE_PAIR;
        pair both = connect_pair();
        whorl_stream *writer;
        check_equal(whorl_stream_open(both.ends[1], NULL, &writer), 0);
        close(both.ends[0]);
        check_equal(whorl_stream_puts(writer, "to nobody"), 9);
        if (kind < 2)
            check_equal(whorl_stream_drain(writer), -EPIPE);
        check_equal(whorl_stream_close(writer), -EPIPE);
    }
    return 0;
}

static intptr_t die_early(void *arg)
{
    (void)arg;
    connection = TCP_PAIR;
    char *data = calloc(1, LARGE);
    stream_and_peer both = open_stream(NULL);
    close(both.peer);
    ssize_t result = whorl_stream_write(both.stream, data, LARGE);
    check(result > 0 || is_broken(result));
    whorl_sleep(WHORL_MS(1));
    result = whorl_stream_write(both.stream, data, LARGE);
    check(is_broken(result));
    check_equal(read_one(both.stream), 0);
    result = whorl_stream_close(both.stream);
    check(result == 0 || is_broken(result));
    free(data);
    return 0;
}

/* How a write is cut short. */
struct cut {
    enum connection connection;
    bool is_timed;
    bool has_read;  /* the stream receives ahead then */
    bool has_bytes; /* before the reset, which nobody reads */
    bool closes;    /* at once */
};

/* The part that was taken tells nothing of it; then it is told as what it is, by the close too. */
static void cut_short(const struct cut *cut)
{
    connection = cut->connection;
    stream_and_peer both =
        open_stream(&(whorl_stream_options){.idle_timeout = cut->is_timed * WHORL_SECONDS(3600)});
    struct writing writing = {.stream = both.stream, .data = calloc(1, LARGE)};
    if (cut->has_read) {
        check_equal(write(both.peer, "x", 1), 1);
        check_equal(read_one(both.stream), 1);
    }
    whorl_task *task = whorl_spawn(write_much, &writing);
    let_wait();
    check(!whorl_is_done(task));
    if (cut->has_bytes)
        check_equal(write(both.peer, "abc", 3), 3);
    if (cut->connection == TCP_PAIR)
        reset_peer(both.peer);
    else
        close(both.peer);
    intptr_t taken = whorl_join(task);
    check(taken > 0 && taken < LARGE);
    int error = cut->connection == TCP_PAIR ? -ECONNRESET : -EPIPE;
    if (!cut->closes) {
        check_equal(whorl_stream_write(both.stream, "x", 1), error);
        check_equal(whorl_stream_drain(both.stream), error);
        char buf[8];
        if (cut->has_bytes)
            check_equal(whorl_stream_read(both.stream, buf, sizeof buf), 3);
        if (cut->connection == TCP_PAIR)
            check_equal(read_one(both.stream), -ECONNRESET);
    }
    check_equal(whorl_stream_close(both.stream), error);
    free(writing.data);
}

static intptr_t cut_writes_short(void *arg)
{
    (void)arg;
    for (int turn = 0; turn < 16; turn++)
        cut_short(&(struct cut){TCP_PAIR, turn & 1, turn & 2, turn & 4, turn & 8});
    for (int turn = 0; turn < 4; turn++)
        cut_short(&(struct cut){.connection = UNIX_PAIR, .is_timed = turn & 1, .closes = turn & 2});
    return 0;
}

/* TCP tells of a reset once, and here a send takes that: reading is told all the same. Who waits
 * first is who is told first. */
static intptr_t beside_a_write(void *arg)
{
    (void)arg;
    connection = TCP_PAIR;
    struct writing writing = {.data = calloc(1, LARGE)};
    for (int turn = 0; turn < 4; turn++) {
        pair both = connect_pair();
        char byte = 'x';
        /* Not all that was received, or is there, came by way of the stream. */
        check_equal(write(both.ends[1], "xyz", 3), 3);
        check_equal(recv(both.ends[0], &byte, 1, 0), 1);
        check_equal(whorl_stream_open(both.ends[0], NULL, &writing.stream), 0);
        for (int i = 0; i < 2; i++)
            check_equal(read_one(writing.stream), 1);
        whorl_task *tasks[2];
        for (int i = 0; i < 2; i++) {
            bool reads = i == turn % 2;
            tasks[!reads] =
                reads ? whorl_spawn(read_one, writing.stream) : whorl_spawn(write_much, &writing);
            check_equal(whorl_sleep(WHORL_MS(2)), 0);
        }
        reset_peer(both.ends[1]);
        check_equal(whorl_join(tasks[0]), -ECONNRESET);
        whorl_join(tasks[1]);
        check_equal(read_one(writing.stream), -ECONNRESET);
        check_equal(whorl_stream_at_end(writing.stream), 0);
        check(is_broken(whorl_stream_drain(writing.stream)));
        whorl_stream_abort(writing.stream);
    }
    free(writing.data);
    return 0;
}

/* Nobody reads when it comes. Behind the peer's end of sending it cuts off nothing. */
static intptr_t before_reading(void *arg)
{
    (void)arg;
    connection = TCP_PAIR;
    for (int ends = 0; ends < 2; ends++) {
        stream_and_peer both = open_stream(NULL);
        check_equal(write(both.peer, "abc", 3), 3);
        if (ends)
            check_equal(shutdown(both.peer, SHUT_WR), 0);
        reset_peer(both.peer);
        check_equal(whorl_stream_puts(both.stream, "x"), 1);
        check(is_broken(whorl_stream_drain(both.stream)));
        char buf[8];
        check_equal(whorl_stream_read(both.stream, buf, sizeof buf), 3);
        check_equal(read_one(both.stream), ends ? 0 : -ECONNRESET);
        check_equal(whorl_stream_at_end(both.stream), ends);
        whorl_stream_abort(both.stream);
    }
    return 0;
}

/* --- Streams that are none of plain TCP's --- */

static pair mptcp_pair(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    pair both;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP);
    check_equal(bind(listener, (struct sockaddr *)&address, len), 0);
    check_equal(listen(listener, 1), 0);
    check_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    both.ends[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP);
    check_equal(connect(both.ends[1], (struct sockaddr *)&address, len), 0);
    both.ends[0] = accept(listener, NULL, NULL);
    check(both.ends[0] >= 0);
    close(listener);
    return both;
}

/* Both ends send all, and close. */
static intptr_t end_over_mptcp(void *arg)
{
    (void)arg;
    pair both = mptcp_pair();
    whorl_stream *stream;
    char bytes[8];
    check_equal(whorl_stream_open(both.ends[0], NULL, &stream), 0);
    check_equal(send(both.ends[1], "abc", 3, 0), 3);
    check_equal(whorl_stream_read(stream, bytes, sizeof bytes), 3);
    check_equal(whorl_stream_puts(stream, "yo"), 2);
    check_equal(whorl_stream_end(stream), 0);
    check_equal(whorl_recv(both.ends[1], bytes, sizeof bytes, 0), 2);
    check_equal(whorl_recv(both.ends[1], bytes, sizeof bytes, 0), 0);
    close(both.ends[1]);
    check_equal(whorl_stream_read(stream, bytes, sizeof bytes), 0);
    return whorl_stream_close(stream);
}

static void an_end_over_mptcp_is_no_reset(void **state)
{
    (void)state;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP);
    if (fd < 0)
        skip_because("the kernel has no MPTCP");
    close(fd);
    run_checks(end_over_mptcp, NULL);
}

static void a_reset_is_told_by_each_call_that_reads(void **state)
{
    (void)state;
    run_on_connections(1, WHORL_CLOCK_REAL, while_reading, NULL);
}

static void what_came_before_a_reset_is_read_first(void **state)
{
    (void)state;
    run_on_connections(1, WHORL_CLOCK_REAL, with_data_unread, NULL);
}

static void who_writes_is_told_of_what_meets_it_unless_a_read_told_first(void **state)
{
    (void)state;
    run_on_connections(1, WHORL_CLOCK_REAL, behind_a_write, NULL);
    run_on_connections(1, WHORL_CLOCK_REAL, behind_urgent_data, NULL);
    run_on_connections(1, WHORL_CLOCK_REAL, told_by_the_socket, NULL);
}

static void a_reset_is_told_by_each_call_that_writes(void **state)
{
    (void)state;
    run_on_connections(1, WHORL_CLOCK_REAL, while_writing, NULL);
}

static void a_reset_after_the_end_of_sending_is_told_by_reading_alone(void **state)
{
    (void)state;
    run_on_connections(1, WHORL_CLOCK_REAL, after_the_end, NULL);
}

static void a_reset_is_told_by_the_end_of_sending(void **state)
{
    (void)state;
    run_on_connections(1, WHORL_CLOCK_REAL, before_the_end, NULL);
}

static void a_reset_that_a_send_has_met_is_told_to_readers(void **state)
{
    (void)state;
    run_on_connections(1, WHORL_CLOCK_REAL, beside_a_write, NULL);
}

static void a_reset_before_reading_is_no_end(void **state)
{
    (void)state;
    run_on_connections(1, WHORL_CLOCK_REAL, before_reading, NULL);
}

static void a_write_that_a_reset_cuts_short_is_told_of(void **state)
{
    (void)state;
    run_on_connections(1, WHORL_CLOCK_REAL, cut_writes_short, NULL);
}

static void a_peer_that_takes_nothing_more_breaks_the_pipe(void **state)
{
    (void)state;
    run_on_connections(1, WHORL_CLOCK_REAL, take_no_more, NULL);
}

static void a_peer_that_closes_breaks_a_large_write(void **state)
{
    (void)state;
    run_on_connections(1, WHORL_CLOCK_REAL, die_early, NULL);
}

/* What was read of the peer's end before the stream was there is no reset. */
static intptr_t open_after_the_end(void *arg)
{
    char buf[4];
    (void)arg;
    pair both = tcp_pair();
    whorl_stream *stream;
    check_equal(shutdown(both.ends[1], SHUT_WR), 0);
    check_equal(whorl_poll(both.ends[0], POLLRDHUP), POLLRDHUP);
    check_equal(whorl_stream_open(both.ends[0], NULL, &stream), 0);
    check_equal(whorl_stream_puts(stream, "x"), 1);
    check_equal(whorl_stream_end(stream), 0);
    check_equal(whorl_read(both.ends[1], buf, sizeof buf), 1);
    check_equal(whorl_read(both.ends[1], buf, sizeof buf), 0);
    check_equal(close(both.ends[1]), 0);
    check_equal(whorl_sleep(WHORL_MS(20)), 0);
    check_equal(whorl_stream_read(stream, buf, sizeof buf), 0);
    return whorl_stream_close(stream);
}

static void an_end_before_the_stream_is_no_reset(void **state)
{
    (void)state;
    run_on_connections(1, WHORL_CLOCK_REAL, open_after_the_end, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_reset_is_told_by_each_call_that_reads),
        behaviour(what_came_before_a_reset_is_read_first),
        behaviour(who_writes_is_told_of_what_meets_it_unless_a_read_told_first),
        behaviour(a_reset_is_told_by_each_call_that_writes),
        behaviour(a_reset_after_the_end_of_sending_is_told_by_reading_alone),
        behaviour(a_reset_is_told_by_the_end_of_sending),
        behaviour(a_reset_that_a_send_has_met_is_told_to_readers),
        behaviour(a_reset_before_reading_is_no_end),
        behaviour(a_write_that_a_reset_cuts_short_is_told_of),
        behaviour(a_peer_that_takes_nothing_more_breaks_the_pipe),
        behaviour(a_peer_that_closes_breaks_a_large_write),
        behaviour(an_end_over_mptcp_is_no_reset),
        behaviour(an_end_before_the_stream_is_no_reset),
    };
    return run_behaviours("streams and resets", tests);
}
