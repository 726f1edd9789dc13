/* Tasks that wait in calls of a stream: cancelled, and beside one another. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "stream_callers.h"

#include <stdlib.h>

/* --- Cancelled --- */

static intptr_t cancel_each(void *arg)
{
    char *large = arg;
    for (enum call call = READ; call < CALLS; call++) {
        stream_and_peer both = open_stream(&much);
        struct caller caller;
        size_t filled = writes(call) ? fill(both.stream, large) : 0;
        start(&caller, both.stream, call, large);
        if (!writes(call))
            check_equal(write(both.peer, "half", call == READ ? 0 : 4), call == READ ? 0 : 4);
        let_wait();
        check_equal(whorl_cancel(caller.task), 0);
        intptr_t result = whorl_join(caller.task);
        if (call == WRITE && result > 0)
            filled += (size_t)result;
        else
            check_equal(result, -ECANCELED);
        char buf[4];
        if (!writes(call) && call != READ) {
            check_equal(whorl_stream_buffered(both.stream), 4);
            check_equal(whorl_stream_read(both.stream, buf, 4), 4);
            check_equal(memcmp(buf, "half", 4), 0);
        }
        if (!writes(call)) {
            check_equal(whorl_stream_abort(both.stream), 0);
            close(both.peer);
            continue;
        }
        /* Every byte that was taken is sent when the peer goes on. */
        whorl_stream *reader;
        check_equal(whorl_stream_open(both.peer, NULL, &reader), 0);
        char *got = malloc(filled);
        start(&caller, both.stream, END, large);
        check_equal(whorl_stream_read_exactly(reader, got, filled), filled);
        check_equal(whorl_join(caller.task), 0);
        check_equal(whorl_stream_read(reader, buf, 4), 0);
        free(got);
        check_equal(whorl_stream_close(reader), 0);
        check_equal(whorl_stream_close(both.stream), 0);
    }
    return 0;
}

static void a_cancelled_call_has_read_or_taken_nothing(void **state)
{
    (void)state;
    char *large = calloc(1, LARGE);
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, cancel_each, large);
    free(large);
}

static intptr_t call_cancelled(void *arg)
{
    char *large = arg;
    stream_and_peer both = open_stream(NULL);
    check_equal(write(both.peer, "there", 5), 5);
    check_equal(whorl_stream_read(both.stream, (char[1]){0}, 1), 1);
    int fd;
    check_equal(whorl_cancel(whorl_self()), 0);
    for (enum call call = READ; call < CALLS; call++)
        check_equal(make_call(&(struct caller){both.stream, call, large, NULL}), -ECANCELED);
    check_equal(whorl_stream_detach(both.stream, &fd), -ECANCELED);
    check_equal(whorl_stream_buffered(both.stream), 4);
    check_equal(whorl_stream_pending(both.stream), 0);
    check_equal(whorl_uncancel(), 1);
    check_equal(whorl_stream_read(both.stream, (char[4]){0}, 4), 4);
    check_equal(whorl_stream_close(both.stream), 0);
    return close(both.peer);
}

static void no_call_goes_on_in_a_cancelled_task(void **state)
{
    (void)state;
    char *large = calloc(1, LARGE);
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, call_cancelled, large);
    free(large);
}

/* What is read into the caller's memory piece by piece is read again. */
static intptr_t cancel_large_read(void *arg)
{
    enum { SENT = 100000 };
    char *data = arg, *got = malloc(LARGE);
    const whorl_stream_options options = {.read_ahead = 1000};
    streams both = open_streams(&options);
    for (int i = 0; i < SENT; i++)
        data[i] = (char)(i * 31 + i / 1000);
    check_equal(whorl_stream_write(both.ends[1], data, SENT / 2), SENT / 2);
    whorl_timeout limit;
    check_equal(whorl_timeout_begin(&limit, WHORL_MS(20)), 0);
    check_equal(whorl_stream_read_exactly(both.ends[0], got, LARGE), -ECANCELED);
    check_equal(whorl_timeout_end(&limit, -ECANCELED), -ETIMEDOUT);
    check(whorl_stream_buffered(both.ends[0]) > 1000);
    check_equal(whorl_stream_write(both.ends[1], data + SENT / 2, SENT / 2), SENT / 2);
    check_equal(whorl_sleep(WHORL_MS(5)), 0);
    check_equal(whorl_stream_read_exactly(both.ends[0], got, SENT), SENT);
    check_equal(memcmp(got, data, SENT), 0);
    close_streams(&both);
    free(got);
    return 0;
}

static void a_large_read_that_is_cancelled_gives_back_what_it_had(void **state)
{
    (void)state;
    char *large = calloc(1, LARGE);
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, cancel_large_read, large);
    free(large);
}

/* --- Idle ones --- */

static intptr_t wait_for_nothing(void *arg)
{
    char byte;
    whorl_timeout limit;
    whorl_event event;
    stream_and_peer both = open_stream(NULL);
    *(int *)arg = both.peer;
    check_equal(write(both.peer, "a", 1), 1);
    check_equal(whorl_stream_read(both.stream, &byte, 1), 1);
    check_equal(whorl_timeout_begin(&limit, WHORL_MS(5)), 0);
    ssize_t got = whorl_stream_read(both.stream, &byte, 1);
    check_equal(whorl_timeout_end(&limit, got), -ETIMEDOUT);
    whorl_event_init(&event);
    return whorl_event_wait(&event);
}

/* Though its op is still there for what may come. */
static void a_deadlock_is_seen_beside_a_stream_that_nobody_reads(void **state)
{
    (void)state;
    int peer;
    connection = UNIX_PAIR;
    assert_int_equal(run(wait_for_nothing, &peer), -EDEADLK);
    close(peer);
}

/* --- Beside one another --- */

static intptr_t busy(void *arg)
{
    char *large = arg;
    for (enum call first = READ; first < CALLS; first++) {
        stream_and_peer both = open_stream(&much);
        struct caller caller;
        int fd;
        if (writes(first))
            fill(both.stream, large);
        start(&caller, both.stream, first, large);
        let_wait();
        for (enum call second = READ; second < CALLS; second++)
            if (writes(first) == writes(second))
                check_equal(make_call(&(struct caller){both.stream, second, large, NULL}), -EBUSY);
        check_equal(whorl_stream_detach(both.stream, &fd), -EBUSY);
        check_equal(whorl_stream_abort(both.stream), 0);
        intptr_t result = whorl_join(caller.task);
        check(result == -ECANCELED || (first == WRITE && result > 0));
        close(both.peer);
    }
    return 0;
}

static void a_second_reader_or_writer_is_refused(void **state)
{
    (void)state;
    char *large = calloc(1, LARGE);
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, busy, large);
    free(large);
}

static intptr_t read_and_write(void *arg)
{
    char *large = arg;
    stream_and_peer both = open_stream(NULL);
    struct caller reader, writer;
    start(&reader, both.stream, READ, NULL);
    start(&writer, both.stream, WRITE, large);
    let_wait();
    check_equal(write(both.peer, "go", 2), 2);
    check_equal(whorl_join(reader.task), 2);
    whorl_stream *peer;
    check_equal(whorl_stream_open(both.peer, NULL, &peer), 0);
    char *got = malloc(LARGE);
    check_equal(whorl_stream_read_exactly(peer, got, LARGE), LARGE);
    check_equal(whorl_join(writer.task), LARGE);
    free(got);
    check_equal(whorl_stream_close(peer), 0);
    check_equal(whorl_stream_close(both.stream), 0);
    return 0;
}

static void one_task_reads_while_another_writes(void **state)
{
    (void)state;
    char *large = calloc(1, LARGE);
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, read_and_write, large);
    free(large);
}

static intptr_t write_below(void *arg)
{
    char *large = arg;
    whorl_stream_options options = {.high_water = 2 * LARGE};
    stream_and_peer both = open_stream(&options);
    whorl_timeout limit;
    check_equal(whorl_timeout_begin(&limit, WHORL_SECONDS(10)), 0);
    for (int i = 0; i < 4; i++) {
        check_equal(whorl_stream_write(both.stream, large, LARGE / 2), LARGE / 2);
        let_wait();
    }
    check_equal(whorl_timeout_end(&limit, 0), 0);
    check_equal(whorl_stream_abort(both.stream), 0);
    return close(both.peer);
}

static void a_write_below_high_water_waits_for_nobody(void **state)
{
    (void)state;
    char *large = calloc(1, LARGE);
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, write_below, large);
    free(large);
}

static intptr_t use_passed(void *arg)
{
    whorl_stream *stream = arg;
    whorl_line line;
    check_equal(whorl_stream_read_line(stream, &line, 100), 1);
    check_equal(line.len, 6);
    check_equal(whorl_stream_printf(stream, "%.*s too\n", (int)line.len, line.text), 11);
    return whorl_stream_close(stream);
}

static intptr_t pass_on(void *arg)
{
    (void)arg;
    streams both = open_streams(NULL);
    whorl_line line;
    check_equal(whorl_stream_puts(both.ends[1], "first\nsecond\n"), 13);
    check_equal(whorl_stream_read_line(both.ends[0], &line, 100), 1);
    check_equal(whorl_stream_puts(both.ends[0], "begun "), 6);
    whorl_task *task = whorl_spawn(use_passed, both.ends[0]);
    check_equal(whorl_stream_read_line(both.ends[1], &line, 100), 1);
    check_equal(line.len, 16);
    check_equal(whorl_join(task), 0);
    return whorl_stream_close(both.ends[1]);
}

static void a_stream_goes_from_task_to_task(void **state)
{
    (void)state;
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, pass_on, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_cancelled_call_has_read_or_taken_nothing),
        behaviour(no_call_goes_on_in_a_cancelled_task),
        behaviour(a_large_read_that_is_cancelled_gives_back_what_it_had),
        behaviour(a_deadlock_is_seen_beside_a_stream_that_nobody_reads),
        behaviour(a_second_reader_or_writer_is_refused),
        behaviour(one_task_reads_while_another_writes),
        behaviour(a_write_below_high_water_waits_for_nobody),
        behaviour(a_stream_goes_from_task_to_task),
    };
    return run_behaviours("waiting in streams", tests);
}
