/* A stream is closed, or aborted, while tasks wait in its calls, or give up waiting. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "stream_callers.h"

#include <core/loop.h>
#include <net/stream.h>
#include <stdlib.h>

static intptr_t close_it(void *arg)
{
    return whorl_stream_close(arg);
}

static intptr_t abort_it(void *arg)
{
    return whorl_stream_abort(arg);
}

/* It was waiting. TCP may find room for a little more any time, so that a write has gone on. */
static void check_cut_short(intptr_t result, enum call call)
{
    bool is_part = connection == TCP_PAIR && call == WRITE && result > 0 && result < LARGE;
    if (!is_part)
        check_equal(result, -ECANCELED);
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
            check_cut_short(whorl_join(reader.task), call);
            if (both_sides)
                check_cut_short(whorl_join(writer.task), WRITE);
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

/* The writer waits for what is in flight. When that is sent it is cancelled, perhaps before it
 * runs, so that it ends its own op at once; and the stream is closed, perhaps before that has
 * ended. */
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

static intptr_t write_twice(void *arg)
{
    const struct caller *writer = arg;
    check_equal(whorl_stream_write(writer->stream, writer->large, 50000), 50000);
    return whorl_stream_write(writer->stream, writer->large, LARGE);
}

static intptr_t drain_to_the_end(void *fd)
{
    static char buf[65536];
    while (whorl_recv(*(int *)fd, buf, sizeof buf, 0) > 0)
        ;
    return 0;
}

/* A writer waits for room with bytes before it still pending. There is some, and in the same turn,
 * before it runs, somebody closes the stream: it sends no more, neither at once nor, where it has
 * done that in this turn, through the ring. */
static void end_beside_room(whorl_fn *end, char *large, int turns, int round)
{
    stream_and_peer both = open_stream(NULL);
    struct caller writer = {.stream = both.stream, .large = large};
    int small = 4096;
    check_equal(
        setsockopt(whorl_stream_fd(both.stream), SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    writer.task = whorl_spawn(write_twice, &writer);
    let_wait();
    drain_descriptor(both.peer);
    let_wait();
    both.stream->writer.round = (uint8_t)(loop_here->rounds + (uint64_t)round);
    drain_descriptor(both.peer);
    yield_times(turns);
    whorl_task *drainer = end == close_it ? whorl_spawn(drain_to_the_end, &both.peer) : NULL;
    check_equal(end(both.stream), 0);
    intptr_t result = whorl_join(writer.task);
    check(result == -ECANCELED || (result > 0 && result < LARGE));
    if (drainer)
        check_equal(whorl_join(drainer), 0);
    close(both.peer);
}

static intptr_t end_beside_room_at_each_moment(void *arg)
{
    for (int turns = 0; turns < 5; turns++)
        for (int round = 0; round < 6; round++) {
            end_beside_room(close_it, arg, turns, round);
            end_beside_room(abort_it, arg, turns, round);
        }
    return 0;
}

static void a_writer_that_finds_room_beside_a_close_gives_up(void **state)
{
    (void)state;
    char *large = calloc(1, LARGE);
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, end_beside_room_at_each_moment, large);
    free(large);
}

static void look_while_it_closes(whorl_fn *end, whorl_stream *stream)
{
    int fd = whorl_stream_fd(stream);
    whorl_task *closer = whorl_spawn(end, stream);
    int told = 0, refused = 0;
    while (!whorl_is_done(closer)) {
        int now = whorl_stream_fd(stream);
        check_equal(now, refused ? -EBADF : now == fd ? fd : -EBADF);
        *(now == fd ? &told : &refused) += 1;
        check_equal(whorl_yield(), 0);
    }
    check(told > 0 && refused > 0);
    check_equal(whorl_join(closer), 0);
}

static intptr_t look_while_they_close(void *arg)
{
    (void)arg;
    for (int aborts = 0; aborts < 2; aborts++) {
        streams both = open_streams(NULL);
        look_while_it_closes(aborts ? abort_it : close_it, both.ends[0]);
        check_equal(whorl_stream_close(both.ends[1]), 0);
    }
    return 0;
}

static void a_descriptor_that_is_being_closed_is_told_no_more(void **state)
{
    (void)state;
    run_on_connections(ALL_PAIRS, WHORL_CLOCK_REAL, look_while_they_close, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(tasks_that_wait_leave_when_the_stream_is_closed),
        behaviour(who_closes_waits_no_longer_than_for_a_writer_that_gives_up),
        behaviour(a_writer_that_finds_room_beside_a_close_gives_up),
        behaviour(a_descriptor_that_is_being_closed_is_told_no_more),
    };
    return run_behaviours("closing streams beside others", tests);
}
