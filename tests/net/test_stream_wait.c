/* Tasks that wait in calls of a stream: cancelled, beside one another, and when it is closed. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "streams.h"

#include <stdlib.h>

enum { LARGE = 8 << 20 };

/* A call on a stream, in a task of its own. */
enum call { READ, READ_EXACTLY, PEEK, READ_UNTIL, READ_LINE, WRITE, DRAIN, END, CALLS };

struct caller {
    whorl_stream *stream;
    enum call call;
    const char *large;
    whorl_task *task;
};

static intptr_t make_call(void *arg)
{
    const struct caller *made = arg;
    whorl_stream *stream = made->stream;
    whorl_slice slice;
    whorl_line line;
    char buf[100];
    switch (made->call) {
    case READ:
        return whorl_stream_read(stream, buf, sizeof buf);
    case READ_EXACTLY:
        return whorl_stream_read_exactly(stream, buf, sizeof buf);
    case PEEK:
        return whorl_stream_peek(stream, 100, &slice);
    case READ_UNTIL:
        return whorl_stream_read_until(stream, "zz", 2, 1000, &slice);
    case READ_LINE:
        return whorl_stream_read_line(stream, &line, 1000);
    case WRITE:
        return whorl_stream_write(stream, made->large, LARGE);
    case DRAIN:
        return whorl_stream_drain(stream);
    default:
        return whorl_stream_end(stream);
    }
}

static bool writes(enum call call)
{
    return call >= WRITE;
}

static void start(struct caller *caller, whorl_stream *stream, enum call call, const char *large)
{
    *caller = (struct caller){.stream = stream, .call = call, .large = large};
    caller->task = whorl_spawn(make_call, caller);
}

/* Has the call of the task wait. */
static void let_wait(void)
{
    for (int i = 0; i < 10; i++)
        check_equal(whorl_yield(), 0);
}

/* What is written is taken, however much the kernel takes of it. */
static const whorl_stream_options much = {.high_water = LARGE};

/* Has much be pending, more than the kernel would take after a while. Returns how much was written.
 */
static size_t fill(whorl_stream *stream, const char *large)
{
    check_equal(whorl_stream_write(stream, large, LARGE), LARGE);
    let_wait();
    check(whorl_stream_pending(stream) > LARGE / 8);
    return LARGE;
}

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
    streams both = open_streams(NULL);
    for (int i = 0; i < SENT; i++)
        data[i] = (char)(i * 31 + i / 1000);
    check_equal(whorl_stream_write(both.ends[1], data, SENT / 2), SENT / 2);
    whorl_timeout limit;
    check_equal(whorl_timeout_begin(&limit, WHORL_MS(20)), 0);
    check_equal(whorl_stream_read_exactly(both.ends[0], got, LARGE), -ECANCELED);
    check_equal(whorl_timeout_end(&limit, -ECANCELED), -ETIMEDOUT);
    check_equal(whorl_stream_write(both.ends[1], data + SENT / 2, SENT / 2), SENT / 2);
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

/* --- Closed meanwhile --- */

static intptr_t close_it(void *arg)
{
    return whorl_stream_close(arg);
}

static intptr_t abort_it(void *arg)
{
    return whorl_stream_abort(arg);
}

static intptr_t close_beside(void *arg)
{
    char *large = arg;
    for (enum call call = READ; call < CALLS; call++)
        for (int aborts = 0; aborts < 2; aborts++) {
            stream_and_peer both = open_stream(&much);
            struct caller reader, writer;
            bool both_sides = !writes(call);
            fill(both.stream, large);
            start(&reader, both.stream, call, large);
            if (both_sides)
                start(&writer, both.stream, WRITE, large);
            let_wait();
            whorl_task *closer = whorl_spawn(aborts ? abort_it : close_it, both.stream);
            let_wait();
            bool waits =
                !aborts && !whorl_is_done(closer); /* TCP may find room for a little more */
            if (waits) {
                /* Nobody else may do anything meanwhile. */
                check_equal(whorl_stream_close(both.stream), -EBUSY);
                check_equal(whorl_stream_abort(both.stream), -EBUSY);
                check_equal(whorl_stream_puts(both.stream, "x"), -ECANCELED);
                check_equal(whorl_stream_read(both.stream, (char[1]){0}, 1), -ECANCELED);
                check_equal(whorl_cancel(closer), 0);
            }
            intptr_t closed = whorl_join(closer);
            check_equal(closed, aborts ? 0 : -ECANCELED);
            intptr_t result = whorl_join(reader.task);
            check_equal(result, -ECANCELED);
            if (both_sides)
                check_equal(whorl_join(writer.task), -ECANCELED);
            close(both.peer);
        }
    return 0;
}

static void tasks_that_wait_leave_when_the_stream_is_closed(void **state)
{
    (void)state;
    char *large = calloc(1, LARGE);
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, close_beside, large);
    free(large);
}

/* --- A writer that is cancelled when its turn has come --- */

static void drain_descriptor(int fd)
{
    static char buf[65536];
    while (recv(fd, buf, sizeof buf, MSG_DONTWAIT) > 0)
        ;
}

static void yield_times(int times)
{
    while (times-- > 0)
        check_equal(whorl_yield(), 0);
}

/* The writer waits for what is in flight. When that is sent it is cancelled, perhaps before it runs,
 * so that it ends its own op at once; and the stream is closed, perhaps before that has ended. */
static void abort_beside_writer(const char *large, int before_cancel, int before_abort)
{
    stream_and_peer both = open_stream(NULL);
    fill_descriptor(whorl_stream_fd(both.stream));
    check_equal(whorl_stream_write(both.stream, large, 50000), 50000);
    let_wait();
    struct caller writer;
    start(&writer, both.stream, WRITE, large);
    let_wait();
    drain_descriptor(both.peer);
    yield_times(before_cancel);
    check_equal(whorl_cancel(writer.task), 0);
    yield_times(before_abort);
    check_equal(whorl_stream_abort(both.stream), 0);
    intptr_t result = whorl_join(writer.task);
    check(result == -ECANCELED || (result > 0 && result < LARGE));
    close(both.peer);
}

static intptr_t abort_at_each_moment(void *arg)
{
    for (int before_cancel = 0; before_cancel < 5; before_cancel++)
        for (int before_abort = 0; before_abort < 4; before_abort++)
            abort_beside_writer(arg, before_cancel, before_abort);
    return 0;
}

static void who_closes_waits_no_longer_than_for_a_writer_that_gives_up(void **state)
{
    (void)state;
    char *large = calloc(1, LARGE);
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, abort_at_each_moment, large);
    free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_cancelled_call_has_read_or_taken_nothing),
        behaviour(no_call_goes_on_in_a_cancelled_task),
        behaviour(a_large_read_that_is_cancelled_gives_back_what_it_had),
        behaviour(a_second_reader_or_writer_is_refused),
        behaviour(one_task_reads_while_another_writes),
        behaviour(a_write_below_high_water_waits_for_nobody),
        behaviour(a_stream_goes_from_task_to_task),
        behaviour(tasks_that_wait_leave_when_the_stream_is_closed),
        behaviour(who_closes_waits_no_longer_than_for_a_writer_that_gives_up),
    };
    return run_behaviours("waiting in streams", tests);
}
