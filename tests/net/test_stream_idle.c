/* The idle timeout: of each call that waits, for as long as no byte comes or goes. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "streams.h"

#include <fcntl.h>
#include <stdlib.h>

enum { LARGE = 8 << 20, TICKS = 15, SIP = 500 };

#define IDLE WHORL_MS(20)
#define PATIENT WHORL_MS(1000)
#define TICK WHORL_MS(80) /* TICKS of them are longer than that */

static intptr_t wait_for_nothing(void *arg)
{
    (void)arg;
    whorl_stream_options options = {.idle_timeout = IDLE};
    stream_and_peer both = open_stream(&options);
    whorl_stream *stream = both.stream;
    whorl_slice slice;
    whorl_line line;
    char buf[16];
    check_equal(write(both.peer, "half", 4), 4);
    int64_t start = whorl_now();
    check_equal(whorl_stream_read_exactly(stream, buf, 5), -ETIMEDOUT);
    check_equal(whorl_stream_peek(stream, 5, &slice), -ETIMEDOUT);
    check_equal(whorl_stream_read_until(stream, "x", 1, 9, &slice), -ETIMEDOUT);
    check_equal(whorl_stream_read_line(stream, &line, 9), -ETIMEDOUT);
    check_equal(whorl_stream_read(stream, buf, 16), 4);
    check_equal(whorl_stream_read(stream, buf, 16), -ETIMEDOUT);
    check(whorl_now() - start >= 5 * IDLE);
    check_equal(whorl_stream_set_idle_timeout(stream, 0), 0);
    whorl_timeout limit;
    check_equal(whorl_timeout_begin(&limit, 2 * IDLE), 0);
    check_equal(whorl_stream_read(stream, buf, 16), -ECANCELED);
    check_equal(whorl_timeout_end(&limit, -ECANCELED), -ETIMEDOUT);
    check_equal(whorl_stream_set_idle_timeout(stream, IDLE), 0);
    check_equal(whorl_stream_read(stream, buf, 16), -ETIMEDOUT);
    check_equal(write(both.peer, "go on", 5), 5);
    check_equal(whorl_stream_read_exactly(stream, buf, 5), 5);
    check_equal(whorl_stream_close(stream), 0);
    return close(both.peer);
}

static void reading_ends_when_nothing_comes_and_may_go_on(void **state)
{
    (void)state;
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, wait_for_nothing, NULL);
}

static intptr_t trickle(void *arg)
{
    const int *fd = arg;
    for (int i = 0; i < TICKS; i++) {
        check_equal(whorl_sleep(TICK), 0);
        check_equal(write(*fd, "x", 1), 1);
    }
    return 0;
}

static intptr_t wait_for_trickle(void *arg)
{
    (void)arg;
    whorl_stream_options options = {.idle_timeout = PATIENT};
    stream_and_peer both = open_stream(&options);
    char buf[TICKS];
    whorl_task *task = whorl_spawn(trickle, &both.peer);
    check_equal(whorl_stream_read_exactly(both.stream, buf, TICKS), TICKS);
    check_equal(whorl_join(task), 0);
    check_equal(whorl_stream_close(both.stream), 0);
    return close(both.peer);
}

static void bytes_that_trickle_keep_a_call_alive(void **state)
{
    (void)state;
    run_on_connections(1, WHORL_CLOCK_REAL, wait_for_trickle, NULL);
}

static intptr_t write_to_nobody(void *arg)
{
    char *large = arg;
    whorl_stream_options options = {.idle_timeout = IDLE};
    stream_and_peer both = open_stream(&options);
    ssize_t written = whorl_stream_write(both.stream, large, LARGE);
    check(written > 0 && written < LARGE);
    check_equal(whorl_stream_write(both.stream, large, 1000), -ETIMEDOUT); /* of the one before */
    size_t before = whorl_stream_pending(both.stream);
    while ((written = whorl_stream_write(both.stream, large, 1000)) > 0)
        ;
    check_equal(written, -ETIMEDOUT);
    check(whorl_stream_pending(both.stream) >= before);
    check_equal(whorl_stream_write(both.stream, large, LARGE), -ETIMEDOUT);
    check_equal(whorl_stream_drain(both.stream), -ETIMEDOUT);
    check_equal(whorl_stream_end(both.stream), -ETIMEDOUT);
    /* TCP may have a little room that it does not tell of. */
    int closed = whorl_stream_close(both.stream);
    check(closed == -ETIMEDOUT || (closed == 0 && connection == TCP_PAIR));
    return close(both.peer);
}

static void writing_ends_when_nothing_is_taken(void **state)
{
    (void)state;
    char *large = calloc(1, LARGE);
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, write_to_nobody, large);
    free(large);
}

static const whorl_config virtual_time = {.clock = WHORL_CLOCK_VIRTUAL};

/* What goes at once, when the wait has begun, is no reason to wait longer. Not over TCP, which may
 * still be handing some of it on. */
static intptr_t drain_to_nobody(void *arg)
{
    whorl_stream_options options = {.idle_timeout = IDLE, .high_water = 2 * LARGE};
    pair both = connect_pair();
    whorl_stream *stream;
    check_equal(whorl_stream_open(both.ends[1], &options, &stream), 0);
    while (whorl_stream_pending(stream) < LARGE)
        check_equal(whorl_stream_write(stream, arg, 4000), 4000);
    int64_t before = whorl_now();
    check_equal(whorl_stream_drain(stream), -ETIMEDOUT);
    check(whorl_now() - before <= IDLE + IDLE / 4 + WHORL_MS(1));
    check_equal(whorl_stream_abort(stream), 0);
    return close(both.ends[0]);
}

static void the_timeout_is_late_by_one_look_at_most(void **state)
{
    (void)state;
    char *large = calloc(1, LARGE);
    connection = UNIX_PAIR;
    run_checks_with(&virtual_time, drain_to_nobody, large);
    connection = PIPE_PAIR;
    run_checks_with(&virtual_time, drain_to_nobody, large);
    free(large);
}

/* A pipe has room again when a whole page of it has been read. */
static intptr_t read_little(void *arg)
{
    const int *fd = arg;
    char byte;
    for (int i = 0; i < 4 * TICKS; i++) {
        check_equal(whorl_sleep(IDLE / 2), 0);
        check_equal(read(*fd, &byte, 1), 1);
    }
    return close(*fd);
}

static intptr_t write_to_one_who_reads_little(void *arg)
{
    pair both = pipe_pair();
    whorl_stream_options options = {.idle_timeout = IDLE};
    whorl_stream *stream;
    check_equal(whorl_stream_open(both.ends[1], &options, &stream), 0);
    whorl_task *task = whorl_spawn(read_little, &both.ends[0]);
    check_equal(whorl_stream_write(stream, arg, 100000), 100000);
    int64_t before = whorl_now();
    check_equal(whorl_stream_drain(stream), -EPIPE);
    check(whorl_now() - before > IDLE * TICKS);
    check_equal(whorl_join(task), 0);
    return whorl_stream_close(stream) == -EPIPE ? 0 : -EIO;
}

static void a_pipe_that_is_read_slowly_is_not_idle(void **state)
{
    (void)state;
    char *large = calloc(1, LARGE);
    run_checks_with(&virtual_time, write_to_one_who_reads_little, large);
    free(large);
}

static ssize_t write_much(whorl_stream *stream, char *large, int file)
{
    off_t at = 0;
    return file < 0 ? whorl_stream_write(stream, large, LARGE)
                    : whorl_stream_sendfile(stream, file, &at, LARGE);
}

/* A write, or with a file a sendfile, is cut short; its peer takes what was taken, and as much as
 * follows. */
static void cut_short(char *large, int file, bool closes)
{
    whorl_stream_options options = {.idle_timeout = IDLE};
    stream_and_peer both = open_stream(&options);
    ssize_t written = write_much(both.stream, large, file);
    check(written > 0 && written < LARGE);
    char *buf = malloc(LARGE);
    for (ssize_t got, sum = 0; sum < written; sum += got)
        if (!check((got = whorl_recv(both.peer, buf, (size_t)(written - sum), 0)) > 0))
            break;
    free(buf);
    if (!closes) {
        check_equal(whorl_stream_write(both.stream, "x", 1), -ETIMEDOUT);
        check_equal(whorl_stream_write(both.stream, "y", 1), 1);
        char byte = 0;
        check_equal(whorl_recv(both.peer, &byte, 1, 0), 1);
        check_equal(byte, 'y');
    }
    check_equal(whorl_stream_close(both.stream), closes ? -ETIMEDOUT : 0);
    close(both.peer);
}

static intptr_t cut_all_short(void *arg)
{
    int file = open(path_of("file").text, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    check_equal(ftruncate(file, LARGE), 0);
    for (int closes = 0; closes < 2; closes++) {
        cut_short(arg, -1, closes);
        cut_short(arg, file, closes);
    }
    return close(file);
}

static void the_next_call_tells_that_a_write_was_cut_short(void **state)
{
    (void)state;
    char *large = calloc(1, LARGE);
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, cut_all_short, large);
    free(large);
}

static intptr_t take_slowly(void *arg)
{
    const int *fd = arg;
    char *buf = malloc(LARGE);
    size_t sum = 0;
    for (int i = 0; i < TICKS; i++) {
        check_equal(whorl_sleep(TICK), 0);
        ssize_t got = recv(*fd, buf, 300000, MSG_DONTWAIT);
        sum += got > 0 ? (size_t)got : 0;
    }
    while (sum < LARGE) {
        ssize_t got = whorl_recv(*fd, buf, LARGE, 0);
        if (!check(got > 0))
            break;
        sum += (size_t)got;
    }
    free(buf);
    return 0;
}

static intptr_t write_to_slow_one(void *arg)
{
    char *large = arg;
    whorl_stream_options options = {.idle_timeout = PATIENT};
    stream_and_peer both = open_stream(&options);
    whorl_task *task = whorl_spawn(take_slowly, &both.peer);
    check_equal(whorl_stream_write(both.stream, large, LARGE), LARGE);
    check_equal(whorl_stream_drain(both.stream), 0);
    check_equal(whorl_join(task), 0);
    check_equal(whorl_stream_close(both.stream), 0);
    return close(both.peer);
}

static void a_slow_peer_keeps_a_write_alive(void **state)
{
    (void)state;
    char *large = calloc(1, LARGE);
    run_on_connections(1, WHORL_CLOCK_REAL, write_to_slow_one, large);
    free(large);
}

/* So little at a time that the socket has no room for long, which is not idle. */
static intptr_t take_little(void *arg)
{
    const int *fd = arg;
    char *buf = malloc(LARGE);
    ssize_t got = 0;
    for (int i = 0; i < 2 * TICKS; i++) {
        check_equal(whorl_sleep(TICK), 0);
        got = recv(*fd, buf, 40000, MSG_DONTWAIT);
        check(got > 0);
    }
    while (got > 0)
        got = whorl_recv(*fd, buf, LARGE, 0);
    check_equal(got, 0);
    free(buf);
    return 0;
}

static intptr_t write_to_one_who_takes_little(void *arg)
{
    stream_and_peer both = open_stream(&(whorl_stream_options){.idle_timeout = PATIENT});
    whorl_task *task = whorl_spawn(take_little, &both.peer);
    check_equal(whorl_stream_write(both.stream, arg, LARGE), LARGE);
    check_equal(whorl_stream_close(both.stream), 0);
    check_equal(whorl_join(task), 0);
    return close(both.peer);
}

static void a_peer_that_takes_little_is_not_idle(void **state)
{
    (void)state;
    char *large = calloc(1, LARGE);
    connection = TCP_PAIR;
    run_checks(write_to_one_who_takes_little, large);
    free(large);
}

static intptr_t sip(void *arg)
{
    const int *fd = arg;
    char buf[SIP];
    ssize_t got;
    while ((got = recv(*fd, buf, sizeof buf, MSG_DONTWAIT)) != 0) {
        check(got > 0 || errno == EAGAIN);
        check_equal(whorl_sleep(TICK), 0);
    }
    return 0;
}

/* The send began when there was no timeout, and waits for all of its piece. */
static intptr_t begin_to_wait_for_slow_one(void *arg)
{
    (void)arg;
    static const char data[16000];
    stream_and_peer both = open_stream(NULL);
    int least = 0;
    check_equal(
        setsockopt(whorl_stream_fd(both.stream), SOL_SOCKET, SO_SNDBUF, &least, sizeof least), 0);
    check_equal(whorl_stream_write(both.stream, data, sizeof data), sizeof data);
    for (int turn = 0; turn < 5; turn++)
        check_equal(whorl_yield(), 0);
    check(whorl_stream_pending(both.stream) > sizeof data / 2);
    check_equal(whorl_stream_set_idle_timeout(both.stream, PATIENT), 0);
    whorl_task *task = whorl_spawn(sip, &both.peer);
    check_equal(whorl_stream_drain(both.stream), 0);
    check_equal(whorl_stream_close(both.stream), 0);
    check_equal(whorl_join(task), 0);
    return close(both.peer);
}

static void a_timeout_that_is_set_later_is_of_what_is_being_sent_too(void **state)
{
    (void)state;
    run_on_connections(1, WHORL_CLOCK_REAL, begin_to_wait_for_slow_one, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(reading_ends_when_nothing_comes_and_may_go_on),
        behaviour(bytes_that_trickle_keep_a_call_alive),
        behaviour(writing_ends_when_nothing_is_taken),
        behaviour(the_timeout_is_late_by_one_look_at_most),
        behaviour(a_pipe_that_is_read_slowly_is_not_idle),
        behaviour(the_next_call_tells_that_a_write_was_cut_short),
        behaviour(a_slow_peer_keeps_a_write_alive),
        behaviour(a_peer_that_takes_little_is_not_idle),
        behaviour(a_timeout_that_is_set_later_is_of_what_is_being_sent_too),
    };
    return run_behaviours("idle streams", tests);
}
