/*
 * How streams end: by close and abort, in cancelled tasks too, with bytes on both sides, and with
 * the run.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "streams.h"

#include <fcntl.h>
#include <pty.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <termios.h>

enum { MUCH = 60000 };

/* Reads to the end by plain calls; how many bytes, or -errno. */
static ssize_t read_to_end(int fd)
{
    static char buf[100000];
    ssize_t sum = 0;
    for (;;) {
        ssize_t got = whorl_read(fd, buf, sizeof buf);
        if (got <= 0)
            return got < 0 ? got : sum;
        sum += got;
    }
}

static intptr_t close_with_bytes(void *arg)
{
    char *data = arg;
    stream_and_peer both = open_stream(NULL);
    for (int i = 0; i < 100; i++)
        check_equal(whorl_stream_write(both.stream, data, MUCH / 100), MUCH / 100);
    check_equal(whorl_stream_close(both.stream), 0);
    check_equal(read_to_end(both.peer), MUCH);
    return close(both.peer);
}

static void a_close_sends_what_was_written(void **state)
{
    (void)state;
    char *data = calloc(1, MUCH);
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, close_with_bytes, data);
    free(data);
}

static intptr_t close_cancelled(void *arg)
{
    char *data = arg;
    for (int is_full = 0; is_full < 2; is_full++) {
        stream_and_peer both = open_stream(NULL);
        size_t filled = is_full ? fill_descriptor(whorl_stream_fd(both.stream)) : 0;
        check_equal(whorl_stream_write(both.stream, data, 100), 100);
        check_equal(whorl_cancel(whorl_self()), 0);
        check_equal(whorl_stream_close(both.stream), is_full ? -ECANCELED : 0);
        check_equal(whorl_uncancel(), 1);
        check_equal(read_to_end(both.peer), is_full ? filled : 100);
        close(both.peer);
    }
    return 0;
}

static void a_close_in_a_cancelled_task_sends_what_the_kernel_takes(void **state)
{
    (void)state;
    char *data = calloc(1, MUCH);
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, close_cancelled, data);
    free(data);
}

/* In a cancelled task, of a pipe of any kind; its reading end is the caller's to close. */
static void close_with_last_words(pair both, bool is_full)
{
    whorl_stream *writer;
    check_equal(whorl_stream_open(both.ends[1], NULL, &writer), 0);
    size_t filled = is_full ? fill_descriptor(both.ends[1]) : 0;
    check_equal(whorl_stream_puts(writer, "last words"), 10);
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_stream_close(writer), is_full ? -ECANCELED : 0);
    check_equal(whorl_uncancel(), 1);
    check_equal(read_to_end(both.ends[0]), is_full ? filled : 10);
}

static pair named_pipe(void)
{
    pair both;
    const char *name = path_of("fifo").text;
    check_equal(mkfifo(name, 0600), 0);
    both.ends[0] = open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    both.ends[1] = open(name, O_WRONLY | O_CLOEXEC);
    check_equal(unlink(name), 0);
    return both;
}

static intptr_t close_pipes(void *arg)
{
    (void)arg;
    for (int i = 0; i < 4; i++) {
        pair both = i < 2 ? pipe_pair() : named_pipe();
        close_with_last_words(both, i % 2);
        close(both.ends[0]);
    }
    return 0;
}

static void so_does_that_of_a_pipe(void **state)
{
    (void)state;
    run_on_connections(1, WHORL_CLOCK_REAL, close_pipes, NULL);
}

/* The slave of a pseudo-terminal, whose other end tells of its last close by an error. Full: it is
 * stopped, as by ctrl-S. */
static intptr_t close_terminal(void *arg)
{
    (void)arg;
    for (int is_full = 0; is_full < 2; is_full++) {
        char words[16];
        pair both;
        whorl_stream *writer;
        check_equal(openpty(&both.ends[0], &both.ends[1], NULL, NULL, NULL), 0);
        if (is_full)
            check_equal(tcflow(both.ends[1], TCOOFF), 0);
        check_equal(whorl_stream_open(both.ends[1], NULL, &writer), 0);
        check_equal(whorl_stream_puts(writer, "last words"), 10);
        check_equal(whorl_cancel(whorl_self()), 0);
        check_equal(whorl_stream_close(writer), is_full ? -ECANCELED : 0);
        check_equal(whorl_uncancel(), 1);
        check_equal(whorl_read(both.ends[0], words, sizeof words), is_full ? -EIO : 10);
        close(both.ends[0]);
    }
    return 0;
}

static void so_does_that_of_a_terminal(void **state)
{
    (void)state;
    run_on_connections(1, WHORL_CLOCK_REAL, close_terminal, NULL);
}

static intptr_t abort_with_bytes(void *arg)
{
    char *data = arg;
    for (int is_cancelled = 0; is_cancelled < 2; is_cancelled++) {
        stream_and_peer both = open_stream(NULL);
        check_equal(write(both.peer, "unread", 6), 6);
        check_equal(whorl_stream_read(both.stream, data, 1), 1);
        fill_descriptor(whorl_stream_fd(both.stream));
        check_equal(whorl_stream_write(both.stream, data, 100), 100);
        check_equal(whorl_yield(), 0);
        if (is_cancelled)
            check_equal(whorl_cancel(whorl_self()), 0);
        check_equal(whorl_stream_abort(both.stream), 0);
        if (is_cancelled)
            check_equal(whorl_uncancel(), 1);
        if (connection == TCP_PAIR)
            check_equal(read_to_end(both.peer), -ECONNRESET);
        close(both.peer);
    }
    return 0;
}

static void an_abort_waits_for_nobody_and_resets(void **state)
{
    (void)state;
    char *data = calloc(1, MUCH);
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, abort_with_bytes, data);
    free(data);
}

/* --- With the run --- */

struct left {
    int peer;
    bool is_full;
    int descriptors;
};

static intptr_t wait_for_reading(void *stream)
{
    whorl_slice slice;
    return whorl_stream_peek(stream, 1, &slice);
}

static intptr_t leave_open(void *arg)
{
    struct left *left = arg;
    stream_and_peer both = open_stream(NULL);
    left->peer = both.peer;
    check_equal(write(both.peer, "unread", 6), 6);
    check_equal(whorl_stream_read(both.stream, (char[1]){0}, 1), 1);
    if (left->is_full)
        fill_descriptor(whorl_stream_fd(both.stream));
    check_equal(whorl_stream_puts(both.stream, "not sent"), 8);
    if (left->is_full)
        whorl_release(whorl_spawn(wait_for_reading, both.stream));
    return 0;
}

/* What ends all that comes from a socket: 0 or -errno. */
static int end_of(int fd)
{
    char bytes[1000];
    ssize_t got;
    while ((got = read(fd, bytes, sizeof bytes)) > 0)
        continue;
    return got < 0 ? -errno : 0;
}

static void streams_left_open_are_aborted_at_the_runs_end(void **state)
{
    (void)state;
    int before = open_descriptors();
    for (int i = 0; i < 8; i++) {
        connection = i & 1 ? TCP_PAIR : UNIX_PAIR;
        whorl_config config = {.without = i & 2 ? WHORL_FEATURE_RECV_MULTISHOT : 0};
        struct left left = {.is_full = i & 4};
        check_equal(whorl_run_with(&config, leave_open, &left), 0);
        if (connection == TCP_PAIR)
            check_equal(end_of(left.peer), -ECONNRESET);
        close(left.peer);
        check_equal(open_descriptors(), before);
    }
}

/* --- Descriptors of others --- */

static intptr_t close_below(void *arg)
{
    (void)arg;
    stream_and_peer both = open_stream(NULL);
    char buf[4];
    check_equal(write(both.peer, "abc", 3), 3);
    check_equal(whorl_stream_read(both.stream, buf, 1), 1);
    check_equal(whorl_close(whorl_stream_fd(both.stream)), 0);
    check_equal(whorl_stream_read_exactly(both.stream, buf, 4), 2);
    check_equal(whorl_stream_read(both.stream, buf, 4), -EBADF);
    check_equal(whorl_stream_puts(both.stream, "x"), 1);
    check_equal(whorl_stream_drain(both.stream), -EBADF);
    check_equal(whorl_stream_close(both.stream), -EBADF);
    return close(both.peer);
}

static void a_stream_whose_descriptor_was_closed_says_so(void **state)
{
    (void)state;
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, close_below, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_close_sends_what_was_written),
        behaviour(a_close_in_a_cancelled_task_sends_what_the_kernel_takes),
        behaviour(so_does_that_of_a_pipe),
        behaviour(so_does_that_of_a_terminal),
        behaviour(an_abort_waits_for_nobody_and_resets),
        behaviour(streams_left_open_are_aborted_at_the_runs_end),
        behaviour(a_stream_whose_descriptor_was_closed_says_so),
    };
    return run_behaviours("streams' ends", tests);
}
