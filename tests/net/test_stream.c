/*
 * Streams as a program uses them: what each call gives over sockets and pipes, with the kernel's
 * multishot recv and without.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "streams.h"

#include <fcntl.h>
#include <pty.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <termios.h>

/* --- Reading --- */

static intptr_t read_in_sizes(void *arg)
{
    (void)arg;
    streams both = open_streams(NULL);
    whorl_stream *reader = both.ends[0];
    char buf[64];
    check_equal(whorl_stream_puts(both.ends[1], "0123456789"), 10);
    check_equal(whorl_stream_read(reader, buf, 0), 0);
    check_equal(whorl_stream_read(reader, buf, 4), 4);
    check_equal(memcmp(buf, "0123", 4), 0);
    check_equal(whorl_stream_buffered(reader), 6);
    check_equal(whorl_stream_read_exactly(reader, buf, 2), 2);
    check_equal(memcmp(buf, "45", 2), 0);
    check_equal(whorl_stream_read(reader, buf, sizeof buf), 4);
    check_equal(memcmp(buf, "6789", 4), 0);
    check_equal(whorl_stream_at_end(reader), 0);
    check_equal(whorl_stream_close(both.ends[1]), 0);
    check_equal(whorl_stream_read(reader, buf, sizeof buf), 0);
    check_equal(whorl_stream_read_exactly(reader, buf, 5), 0);
    check_equal(whorl_stream_at_end(reader), 1);
    check_equal(whorl_stream_close(reader), 0);
    return 0;
}

static void bytes_are_read_in_the_sizes_that_the_program_wants(void **state)
{
    (void)state;
    run_on_connections(ALL_PAIRS, WHORL_CLOCK_REAL, read_in_sizes, NULL);
}

static intptr_t read_less(void *arg)
{
    (void)arg;
    streams both = open_streams(NULL);
    char buf[64];
    check_equal(whorl_stream_puts(both.ends[1], "abc"), 3);
    check_equal(whorl_stream_close(both.ends[1]), 0);
    check_equal(whorl_stream_read_exactly(both.ends[0], buf, 10), 3);
    check_equal(memcmp(buf, "abc", 3), 0);
    check_equal(whorl_stream_read_exactly(both.ends[0], buf, 10), 0);
    check_equal(whorl_stream_close(both.ends[0]), 0);
    return 0;
}

static void fewer_bytes_than_wanted_come_only_where_the_peer_ends(void **state)
{
    (void)state;
    run_on_connections(ALL_PAIRS, WHORL_CLOCK_REAL, read_less, NULL);
}

static intptr_t look(void *arg)
{
    (void)arg;
    whorl_stream_options options = {.read_ahead = 100};
    streams both = open_streams(&options);
    whorl_stream *reader = both.ends[0];
    whorl_slice slice;
    check_equal(whorl_stream_peek(reader, 101, &slice), -EMSGSIZE);
    check_equal(whorl_stream_puts(both.ends[1], "one two three"), 13);
    check_equal(whorl_stream_peek(reader, 8, &slice), 13);
    check_slice(&slice, "one two three");
    check_equal(whorl_stream_consume(reader, 4), 0);
    check_equal(whorl_stream_buffered(reader), 9);
    check_equal(whorl_stream_consume(reader, 10), -EINVAL);
    check_equal(whorl_stream_consume(reader, 9), 0);
    check_slice(&slice, "one two three"); /* until the next call that reads */
    check_equal(whorl_stream_consume(reader, 1), -EINVAL);
    check_equal(whorl_stream_puts(both.ends[1], "end"), 3);
    check_equal(whorl_stream_close(both.ends[1]), 0);
    check_equal(whorl_stream_peek(reader, 50, &slice), 3);
    check_slice(&slice, "end");
    check_equal(whorl_stream_consume(reader, 3), 0);
    check_equal(whorl_stream_peek(reader, 0, &slice), 0);
    check_equal(slice.len, 0);
    check_equal(whorl_stream_close(reader), 0);
    return 0;
}

static void bytes_are_shown_before_they_are_read(void **state)
{
    (void)state;
    run_on_connections(ALL_PAIRS, WHORL_CLOCK_REAL, look, NULL);
}

/* --- Writing --- */

static intptr_t write_in_all_ways(void *arg)
{
    (void)arg;
    streams both = open_streams(NULL);
    whorl_stream *writer = both.ends[1];
    char buf[2048];
    struct iovec pieces[] = {{"two", 3}, {NULL, 0}, {"three", 5}};
    check_equal(whorl_stream_write(writer, "one", 3), 3);
    check_equal(whorl_stream_write(writer, NULL, 0), 0);
    check_equal(whorl_stream_writev(writer, pieces, 3), 8);
    check_equal(whorl_stream_writev(writer, NULL, 0), 0);
    check_equal(whorl_stream_puts(writer, "four"), 4);
    check_equal(whorl_stream_printf(writer, "%d%s", 5, ""), 1);
    check_equal(whorl_stream_printf(writer, "%1000d", 6), 1000);
    check_equal(whorl_stream_pending(writer), 1016);
    check_equal(whorl_stream_drain(writer), 0);
    check_equal(whorl_stream_pending(writer), 0);
    check_equal(whorl_stream_read_exactly(both.ends[0], buf, 1016), 1016);
    check_equal(memcmp(buf, "onetwothreefour5 ", 17), 0);
    check_equal(buf[1015], '6');
    close_streams(&both);
    return 0;
}

static void what_is_written_in_any_way_comes_in_order(void **state)
{
    (void)state;
    run_on_connections(ALL_PAIRS, WHORL_CLOCK_REAL, write_in_all_ways, NULL);
}

static intptr_t cork(void *arg)
{
    (void)arg;
    streams both = open_streams(NULL);
    whorl_stream *writer = both.ends[1];
    char buf[16];
    check_equal(whorl_stream_uncork(writer), -EINVAL);
    check_equal(whorl_stream_cork(writer), 0);
    check_equal(whorl_stream_cork(writer), 0);
    check_equal(whorl_stream_puts(writer, "held"), 4);
    for (int i = 0; i < 5; i++)
        check_equal(whorl_yield(), 0);
    check_equal(whorl_stream_pending(writer), 4);
    check_equal(whorl_stream_uncork(writer), 0);
    for (int i = 0; i < 5; i++)
        check_equal(whorl_yield(), 0);
    check_equal(whorl_stream_pending(writer), 4);
    check_equal(whorl_stream_uncork(writer), 0);
    check_equal(whorl_stream_read_exactly(both.ends[0], buf, 4), 4);
    check_equal(whorl_stream_uncork(writer), -EINVAL);
    check_equal(whorl_stream_cork(writer), 0);
    check_equal(whorl_stream_puts(writer, "drained"), 7);
    check_equal(whorl_stream_drain(writer), 0);
    check_equal(whorl_stream_read_exactly(both.ends[0], buf, 7), 7);
    check_equal(whorl_stream_puts(writer, "closed"), 6);
    check_equal(whorl_stream_close(writer), 0);
    check_equal(whorl_stream_read_exactly(both.ends[0], buf, 16), 6);
    check_equal(whorl_stream_close(both.ends[0]), 0);
    return 0;
}

static void corks_count_and_hold_back_until_the_last_is_off(void **state)
{
    (void)state;
    run_on_connections(ALL_PAIRS, WHORL_CLOCK_REAL, cork, NULL);
}

static intptr_t end_halves(void *arg)
{
    (void)arg;
    streams both = open_streams(NULL);
    char buf[16];
    for (int i = 0; i < 2; i++) {
        check_equal(whorl_stream_puts(both.ends[i], "bye"), 3);
        check_equal(whorl_stream_end(both.ends[i]), 0);
        check_equal(whorl_stream_end(both.ends[i]), 0);
        check_equal(whorl_stream_drain(both.ends[i]), 0);
        check_equal(whorl_stream_write(both.ends[i], "x", 1), -EPIPE);
        check_equal(whorl_stream_printf(both.ends[i], "x"), -EPIPE);
        check_equal(whorl_stream_read_exactly(both.ends[1 - i], buf, 16), 3);
        check_equal(whorl_stream_at_end(both.ends[1 - i]), 1);
        check_equal(whorl_stream_at_end(both.ends[i]), i);
    }
    close_streams(&both);
    return 0;
}

static void each_side_may_end_and_go_on_reading(void **state)
{
    (void)state;
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, end_halves, NULL);
}

/* --- Opening, and giving away --- */

static intptr_t detach(void *arg)
{
    (void)arg;
    stream_and_peer both = open_stream(NULL);
    char buf[16];
    int fd;
    check_equal(write(both.peer, "abcdef", 6), 6);
    check_equal(whorl_stream_read(both.stream, buf, 3), 3);
    check_equal(whorl_stream_detach(both.stream, &fd), -EBUSY);
    check_equal(fd, -1);
    check_equal(whorl_stream_read(both.stream, buf, 3), 3);
    check_equal(whorl_stream_puts(both.stream, "sent before"), 11);
    int same = whorl_stream_fd(both.stream);
    check_equal(whorl_stream_detach(both.stream, &fd), 0);
    check_equal(fd, same);
    check_equal(read(both.peer, buf, 16), 11);
    check_equal(write(both.peer, "later", 5), 5);
    check_equal(whorl_recv(fd, buf, 16, 0), 5);
    close(fd);
    close(both.peer);
    return 0;
}

static intptr_t read_four(void *stream)
{
    char buf[4];
    return whorl_stream_read_exactly(stream, buf, sizeof buf);
}

static intptr_t detach_beside_a_reader(void *arg)
{
    (void)arg;
    stream_and_peer both = open_stream(NULL);
    int fd = 77;
    whorl_task *reader = whorl_spawn(read_four, both.stream);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_stream_detach(both.stream, &fd), -EBUSY);
    check_equal(fd, -1);
    check_equal(write(both.peer, "four", 4), 4);
    check_equal(whorl_join(reader), 4);
    check_equal(whorl_stream_puts(both.stream, "goes on"), 7);
    check_equal(whorl_stream_detach(both.stream, &fd), 0);
    check(fd >= 0);
    close(fd);
    char buf[8];
    check_equal(read(both.peer, buf, sizeof buf), 7);
    close(both.peer);
    return 0;
}

static void a_stream_in_which_a_task_waits_is_not_detached_and_goes_on(void **state)
{
    (void)state;
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, detach_beside_a_reader, NULL);
}

static void a_connection_outlives_a_stream_that_is_detached(void **state)
{
    (void)state;
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, detach, NULL);
}

/* Without DEFER_TASKRUN the kernel receives as soon as it is entered: bytes that come while it is
 * being detached are the stream's. */
static intptr_t detach_as_bytes_come(void *arg)
{
    stream_and_peer both = open_stream(NULL);
    char buf[4];
    int fd;
    check_equal(write(both.peer, "abc", 3), 3);
    check_equal(whorl_stream_read(both.stream, buf, 3), 3);
    check_equal(whorl_yield(), 0);
    check_equal(write(both.peer, "def", 3), 3);
    check_equal(whorl_stream_detach(both.stream, &fd), -EBUSY);
    check_equal(fd, -1);
    check_equal(whorl_stream_read_exactly(both.stream, buf, 3), 3);
    check_equal(memcmp(buf, "def", 3), 0);
    close(both.peer);
    check_equal(whorl_stream_close(both.stream), 0);
    return (intptr_t)arg;
}

static void a_stream_that_is_detached_keeps_what_comes_meanwhile(void **state)
{
    (void)state;
    static const whorl_config eager = {.without = WHORL_FEATURE_DEFER_TASKRUN};
    if (!(whorl_features() & WHORL_FEATURE_RECV_MULTISHOT))
        skip_because("this kernel has no multishot receive");
    connection = UNIX_PAIR;
    run_checks_with(&eager, detach_as_bytes_come, NULL);
}

/* Whoever has learnt of the reset first: the stream tells, or the descriptor. */
static intptr_t detach_after_reset(long turns)
{
    stream_and_peer both = open_stream(NULL);
    char byte;
    int fd;
    whorl_timeout limit;
    whorl_timeout_begin(&limit, WHORL_MS(1));
    check_equal(whorl_timeout_end(&limit, whorl_stream_read(both.stream, &byte, 1)), -ETIMEDOUT);
    reset_peer(both.peer);
    for (long turn = 0; turn < turns; turn++)
        check_equal(whorl_yield(), 0);
    int error = whorl_stream_detach(both.stream, &fd);
    if (error == 0) {
        check_equal(whorl_recv(fd, &byte, 1, 0), -ECONNRESET);
        return close(fd);
    }
    check_equal(error, -ECONNRESET);
    check_equal(fd, -1);
    check_equal(whorl_stream_detach(both.stream, &fd), -ECONNRESET);
    check_equal(whorl_stream_read(both.stream, &byte, 1), -ECONNRESET);
    return whorl_stream_close(both.stream);
}

static intptr_t detach_after_resets(void *arg)
{
    (void)arg;
    if (connection == TCP_PAIR)
        for (long i = 0; i < test_rounds(20); i++)
            check_equal(detach_after_reset(i % 4), 0);
    return 0;
}

static void no_reset_is_lost_between_stream_and_descriptor(void **state)
{
    (void)state;
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, detach_after_resets, NULL);
}

static intptr_t use_the_wrong_end(void *arg)
{
    (void)arg;
    pair both = pipe_pair();
    whorl_stream *ends[2];
    char byte;
    for (int i = 0; i < 2; i++)
        check_equal(whorl_stream_open(both.ends[i], NULL, &ends[i]), 0);
    check_equal(whorl_stream_read(ends[1], &byte, 1), -EBADF);
    check_equal(whorl_stream_read(ends[1], &byte, 1), -EBADF);
    check_equal(whorl_stream_puts(ends[1], "x"), 1);
    check_equal(whorl_stream_read(ends[0], &byte, 1), 1);
    check_equal(whorl_stream_puts(ends[0], "x"), 1);
    check_equal(whorl_stream_drain(ends[0]), -EBADF);
    check_equal(whorl_stream_close(ends[1]), 0);
    check_equal(whorl_stream_abort(ends[0]), 0);
    return 0;
}

static void the_wrong_end_of_a_pipe_is_refused(void **state)
{
    (void)state;
    run_checks(use_the_wrong_end, NULL);
}

static intptr_t open_wrongly(void *arg)
{
    (void)arg;
    whorl_stream *stream = (whorl_stream *)&stream;
    check_equal(whorl_stream_open(-1, NULL, &stream), -EBADF);
    check_equal((intptr_t)stream, 0);
    int fd = digits_file(O_RDWR);
    check_equal(whorl_stream_open(fd, NULL, &stream), -EINVAL);
    close(fd);
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    check_equal(whorl_stream_open(fd, NULL, &stream), -EINVAL);
    close(fd);
    pair both = unix_pair();
    whorl_stream_options wrong[] = {{.high_water = ((size_t)1 << 30) + 1},
                                    {.read_ahead = ((size_t)1 << 30) + 1},
                                    {.idle_timeout = -1}};
    whorl_stream *two[2];
    for (int i = 0; i < 3; i++) {
        check_equal(whorl_stream_open(both.ends[0], &wrong[i], &stream), -EINVAL);
        check_equal(whorl_stream_pair(&wrong[i], two), -EINVAL);
        check(!two[0] && !two[1]);
    }
    check(is_open(both.ends[0]));
    close_pair(&both);
    check_equal(whorl_stream_pair(NULL, two), 0);
    check_equal(whorl_stream_puts(two[0], "x"), 1);
    check_equal(whorl_stream_close(two[0]), 0);
    check_equal(whorl_stream_read(two[1], (char[4]){0}, 4), 1);
    check_equal(whorl_stream_close(two[1]), 0);
    return 0;
}

static intptr_t open_too_many(void *arg)
{
    (void)arg;
    struct rlimit before, few;
    whorl_stream *two[2];
    check_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = 0;
    check_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    check_equal(whorl_stream_pair(NULL, two), -EMFILE);
    check_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    check(!two[0] && !two[1]);
    return 0;
}

static void a_pair_for_which_no_descriptors_are_left_is_not_made(void **state)
{
    (void)state;
    run_on_connections(1, WHORL_CLOCK_REAL, open_too_many, NULL);
}

static void what_is_no_connection_is_refused_and_stays_the_callers(void **state)
{
    (void)state;
    run_on_connections(1, WHORL_CLOCK_REAL, open_wrongly, NULL);
}

static intptr_t use_terminal(void *arg)
{
    (void)arg;
    int master, slave;
    struct termios raw;
    check_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
    check_equal(tcgetattr(slave, &raw), 0);
    cfmakeraw(&raw);
    check_equal(tcsetattr(slave, TCSANOW, &raw), 0);
    whorl_stream *ends[2];
    whorl_line line;
    check_equal(whorl_stream_open(master, NULL, &ends[0]), 0);
    check_equal(whorl_stream_open(slave, NULL, &ends[1]), 0);
    for (int i = 0; i < 2; i++) {
        check_equal(whorl_stream_puts(ends[i], "hello\nworld\n"), 12);
        check_equal(whorl_stream_read_line(ends[1 - i], &line, 10), 1);
        check_equal(line.len, 5);
        check_equal(whorl_stream_read_line(ends[1 - i], &line, 10), 1);
        check_equal(line.len, 5);
    }
    check_equal(whorl_stream_end(ends[0]), -ENOTSOCK);
    check_equal(whorl_stream_close(ends[1]), 0);
    check_equal(whorl_stream_close(ends[0]), 0);
    return 0;
}

static void a_terminal_is_a_stream_too(void **state)
{
    (void)state;
    run_on_connections(1, WHORL_CLOCK_REAL, use_terminal, NULL);
}

static intptr_t use_nonblocking(void *arg)
{
    (void)arg;
    enum { MUCH = 300000 };
    pair both = connect_pair();
    whorl_stream *ends[2];
    for (int i = 0; i < 2; i++) {
        check_equal(fcntl(both.ends[i], F_SETFL, fcntl(both.ends[i], F_GETFL) | O_NONBLOCK), 0);
        check_equal(whorl_stream_open(both.ends[i], NULL, &ends[i]), 0);
    }
    char *data = calloc(1, MUCH);
    check_equal(whorl_stream_write(ends[1], data, 60000), 60000);
    check_equal(whorl_stream_write(ends[1], data, 5000), 5000);
    check_equal(whorl_stream_read_exactly(ends[0], data, 65000), 65000);
    check_equal(whorl_stream_puts(ends[1], "x"), 1);
    check_equal(whorl_stream_read_exactly(ends[0], data, 1), 1);
    check_equal(whorl_stream_close(ends[1]), 0);
    check_equal(whorl_stream_read(ends[0], data, 1), 0);
    check_equal(whorl_stream_close(ends[0]), 0);
    free(data);
    return 0;
}

static void a_nonblocking_descriptor_makes_no_difference(void **state)
{
    (void)state;
    run_on_connections(ALL_PAIRS, WHORL_CLOCK_REAL, use_nonblocking, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(bytes_are_read_in_the_sizes_that_the_program_wants),
        behaviour(fewer_bytes_than_wanted_come_only_where_the_peer_ends),
        behaviour(bytes_are_shown_before_they_are_read),
        behaviour(what_is_written_in_any_way_comes_in_order),
        behaviour(corks_count_and_hold_back_until_the_last_is_off),
        behaviour(each_side_may_end_and_go_on_reading),
        behaviour(a_connection_outlives_a_stream_that_is_detached),
        behaviour(a_stream_in_which_a_task_waits_is_not_detached_and_goes_on),
        behaviour(a_stream_that_is_detached_keeps_what_comes_meanwhile),
        behaviour(the_wrong_end_of_a_pipe_is_refused),
        behaviour(no_reset_is_lost_between_stream_and_descriptor),
        behaviour(a_pair_for_which_no_descriptors_are_left_is_not_made),
        behaviour(what_is_no_connection_is_refused_and_stays_the_callers),
        behaviour(a_terminal_is_a_stream_too),
        behaviour(a_nonblocking_descriptor_makes_no_difference),
    };
    return run_behaviours("streams", tests);
}
