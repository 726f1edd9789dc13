/*
 * Sockets for which the kernel has no memory, by a kernel of the test's own: what was written is
 * sent later, and nobody learns of it but by the time that it takes; what cannot be received is
 * told as a want of memory, once, and is there for the next call. And sockets that take all.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "op/faults.h"

#include <net/datagram.h>
#include <net/stream.h>
#include <poll.h>
#include <stdlib.h>

/* A number of a descriptor that is not open. */
enum { WIRE = 60, LARGE = CHUNK_LARGE_ROOM + 10000 };

#define GIVES(number) ((struct fake_end){.turns = 1, .result = (int32_t)(number)})

static const whorl_config virtual_time = {.clock = WHORL_CLOCK_VIRTUAL};

static void play_wire(whorl_fn *fn, void *arg)
{
    run_checks_with(&virtual_time, fn, arg);
}

/* What the calls give that send at once: the last of these again and again. */
static struct {
    const int *results;
    size_t count, called;
} at_once;

#define AT_ONCE_GIVES(...)                                                                         \
    do {                                                                                           \
        static const int results[] = {__VA_ARGS__};                                                \
        at_once.results = results;                                                                 \
        at_once.count = sizeof results / sizeof *results;                                          \
        at_once.called = 0;                                                                        \
    } while (0)

static ssize_t send_at_once(int fd)
{
    check_equal(fd, WIRE);
    size_t index = at_once.called++;
    int result = at_once.results[index < at_once.count ? index : at_once.count - 1];
    if (result >= 0)
        return result;
    errno = -result;
    return -1;
}

ssize_t __wrap_send(int fd, const void *buf, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *buf, size_t len, int flags)
{
    (void)buf;
    (void)len;
    check(flags & MSG_DONTWAIT);
    return send_at_once(fd);
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
    (void)message;
    check(flags & MSG_DONTWAIT);
    return send_at_once(fd);
}

static whorl_stream *stream_on_wire(const whorl_stream_options *options)
{
    whorl_stream *stream;
    check_equal(stream_open_socket(loop_here, WIRE, options, &stream), 0);
    return stream;
}

/* --- Sending --- */

static intptr_t send_little(void *arg)
{
    (void)arg;
    whorl_stream *stream = stream_on_wire(NULL);
    int64_t before = whorl_now();
    check_equal(whorl_stream_puts(stream, "hello"), 5);
    check_equal(whorl_stream_drain(stream), 0);
    check_equal(fake_submissions(WIRE), 4);
    check(whorl_now() - before >= WHORL_MS(1 + 2 + 4));
    check(whorl_now() - before < WHORL_SECONDS(1));
    check_equal(stream->shortages, 0);
    return whorl_stream_close(stream);
}

static void what_was_written_is_sent_when_there_is_memory(void **state)
{
    (void)state;
    fake_reset();
    fake_op(WIRE, 2, GIVES(-ENOBUFS));
    fake_op(WIRE, 1, GIVES(-ENOMEM));
    fake_op(WIRE, 1, GIVES(5));
    fake_op(WIRE, 1, GIVES(0)); /* its close */
    play_wire(send_little, NULL);
}

/* A poll tells of room, and a send finds none. */
static intptr_t send_into_vain_room(void *arg)
{
    (void)arg;
    whorl_stream *stream = stream_on_wire(NULL);
    int64_t before = whorl_now();
    check_equal(whorl_stream_puts(stream, "hello"), 5);
    check_equal(whorl_stream_drain(stream), 0);
    check_equal(fake_submissions(WIRE), 9);
    check(whorl_now() - before >= WHORL_MS(1 + 2));
    return whorl_stream_close(stream);
}

static void room_that_takes_nothing_is_not_asked_for_at_once(void **state)
{
    (void)state;
    fake_reset();
    fake_op(WIRE, 1, GIVES(-EAGAIN));
    for (int i = 0; i < 2; i++) {
        fake_op(WIRE, 1, GIVES(POLLOUT));
        fake_op(WIRE, 2, GIVES(-EAGAIN)); /* with a pause between them */
    }
    fake_op(WIRE, 1, GIVES(POLLOUT));
    fake_op(WIRE, 1, GIVES(5));
    fake_op(WIRE, 1, GIVES(0));
    play_wire(send_into_vain_room, NULL);
}

/* Above high_water it is waited for, below it is offered, and then copied. */
static intptr_t send_large(void *large)
{
    const whorl_stream_options options = {.high_water = CHUNK_LARGE_ROOM};
    whorl_stream *stream = stream_on_wire(&options);
    check_equal(whorl_stream_write(stream, large, LARGE), LARGE);
    check_equal(at_once.called, 3);
    check_equal(fake_submissions(WIRE), 1); /* no other is made at once in the same turn */
    check_equal(whorl_stream_pending(stream), CHUNK_LARGE_ROOM);
    check_equal(whorl_stream_drain(stream), 0);
    check_equal(fake_submissions(WIRE), 2);
    return whorl_stream_close(stream);
}

static void so_is_what_is_sent_from_where_it_lies(void **state)
{
    (void)state;
    char *large = calloc(1, LARGE);
    fake_reset();
    AT_ONCE_GIVES(-ENOBUFS, -ENOBUFS, LARGE - CHUNK_LARGE_ROOM);
    fake_op(WIRE, 1, GIVES(-ENOMEM));
    fake_op(WIRE, 1, GIVES(CHUNK_LARGE_ROOM));
    fake_op(WIRE, 1, GIVES(0));
    play_wire(send_large, large);
    free(large);
}

/* --- Plenty --- */

enum { PIECES = 20, PIECE = 10000 };

static intptr_t count_turns(void *arg)
{
    int *turns = arg;
    while (whorl_yield() == 0)
        ++*turns;
    return 0;
}

/* The kernel takes all at once: every second piece lets others run all the same. */
static intptr_t send_without_end(void *large)
{
    int turns = 0;
    whorl_stream *stream = stream_on_wire(NULL);
    whorl_task *other = whorl_spawn(count_turns, &turns);
    for (int i = 0; i < PIECES; i++)
        check_equal(whorl_stream_write(stream, large, PIECE), PIECE);
    check_equal(at_once.called, PIECES / 2);
    check_equal(fake_submissions(WIRE), PIECES / 2);
    check(turns >= PIECES / 2 - 1);
    check_equal(whorl_stream_pending(stream), 0);
    whorl_cancel(other);
    check_equal(whorl_join(other), 0);
    return whorl_stream_close(stream);
}

static void a_task_whose_peer_takes_all_gives_way_to_others(void **state)
{
    (void)state;
    char *large = calloc(1, LARGE);
    fake_reset();
    AT_ONCE_GIVES(PIECE);
    fake_op(WIRE, PIECES / 2, GIVES(PIECE));
    fake_op(WIRE, 1, GIVES(0));
    play_wire(send_without_end, large);
    free(large);
}

/* --- Wants that last --- */

struct writer {
    whorl_stream *stream;
    const char *large;
};

static intptr_t write_large(void *arg)
{
    const struct writer *writer = arg;
    return whorl_stream_write(writer->stream, writer->large, LARGE);
}

/* A pause grows to an eighth of a second at most. */
static intptr_t give_up_sending(void *large)
{
    const whorl_stream_options options = {.high_water = CHUNK_LARGE_ROOM,
                                          .idle_timeout = WHORL_SECONDS(10)};
    struct writer writer = {stream_on_wire(&options), large};
    check_equal(write_large(&writer), -ETIMEDOUT);
    check(at_once.called + fake_submissions(WIRE) >= 10000 / 128);
    whorl_timeout limit;
    whorl_timeout_begin(&limit, WHORL_SECONDS(1));
    check_equal(whorl_timeout_end(&limit, write_large(&writer)), -ETIMEDOUT);
    check_equal(whorl_stream_puts(writer.stream, "more"), 4);
    check_equal(whorl_stream_drain(writer.stream), -ETIMEDOUT);
    whorl_task *task = whorl_spawn(write_large, &writer);
    check_equal(whorl_sleep(WHORL_SECONDS(1)), 0);
    check(!whorl_is_done(task));
    check_equal(whorl_stream_close(writer.stream), -ETIMEDOUT);
    check_equal(whorl_join(task), -ECANCELED);
    return 0;
}

static void the_wait_ends_as_any_other(void **state)
{
    (void)state;
    char *large = calloc(1, LARGE);
    fake_reset();
    fake_op(WIRE, 1, GIVES(-ENOBUFS));
    AT_ONCE_GIVES(-ENOBUFS);
    play_wire(give_up_sending, large);
    free(large);
}

static intptr_t leave_in_a_pause(void *arg)
{
    (void)arg;
    whorl_stream *stream = stream_on_wire(NULL);
    check_equal(whorl_stream_puts(stream, "hello"), 5);
    return whorl_sleep(WHORL_MS(50));
}

static void the_runs_end_finds_a_stream_in_a_pause(void **state)
{
    (void)state;
    fake_reset();
    fake_op(WIRE, 1, GIVES(-ENOBUFS));
    play_wire(leave_in_a_pause, NULL);
}

/* --- Receiving --- */

/* As if the kernel had multishot recv: its buffers are never used. */
static void pretend_buffers(void)
{
    struct stream_hub *hub = hub_of(loop_here);
    hub->pool_is_refused = false;
    hub->pool_is_open = true;
}

static intptr_t receive(void *arg)
{
    const int *refusals = arg;
    char buf[8];
    whorl_slice slice;
    if (refusals[1])
        pretend_buffers();
    whorl_stream *stream = stream_on_wire(NULL);
    for (int i = 0; i < refusals[0]; i++)
        check_equal(i % 2 ? whorl_stream_peek(stream, 2, &slice)
                          : whorl_stream_read(stream, buf, sizeof buf),
                    -ENOMEM);
    check(!whorl_stream_at_end(stream));
    check_equal(whorl_stream_read(stream, buf, sizeof buf), refusals[1] ? 0 : 1);
    return whorl_stream_close(stream);
}

static void what_cannot_be_received_is_there_for_the_next_call(void **state)
{
    (void)state;
    int plainly[] = {3, 0};
    fake_reset();
    fake_op(WIRE, 1, GIVES(-ENOMEM)); /* the poll */
    for (int i = 0; i < 2; i++) {
        fake_op(WIRE, 1, GIVES(1)); /* the poll */
        fake_op(WIRE, 1, GIVES(i ? -ENOMEM : -ENOBUFS));
    }
    fake_op(WIRE, 2, GIVES(1));
    fake_op(WIRE, 1, GIVES(0));
    play_wire(receive, plainly);

    int many_times[] = {2, 1};
    fake_reset();
    fake_op(WIRE, 2, GIVES(-ENOMEM));
    fake_op(WIRE, 1, GIVES(0));
    play_wire(receive, many_times);
}

/* A kernel that has multishot receives, but not of this kind of socket. */
static intptr_t receive_where_multishot_is_refused(void *arg)
{
    pretend_buffers();
    whorl_stream *stream = stream_on_wire(NULL);
    check_equal(whorl_stream_read(stream, &byte, 1), 1);
    check_equal(whorl_stream_read(stream, &byte, 1), 0);
    check_equal(fake_submissions(WIRE), 5);
    check_equal(whorl_stream_close(stream), 0);
    return (intptr_t)arg;
}

static void where_multishot_is_refused_a_stream_receives_without(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        fake_reset();
        fake_op(WIRE, 1, GIVES(i ? -EINVAL : -EOPNOTSUPP));
        fake_op(WIRE, 3, GIVES(1)); /* a poll, a byte, and a poll */
        fake_op(WIRE, 1, GIVES(0));
        play_wire(receive_where_multishot_is_refused, NULL);
    }
}

/* --- Datagrams --- */

static whorl_datagram *datagram_on_wire(void)
{
    whorl_datagram *datagram;
    check_equal(datagram_make(WIRE, AF_INET, NULL, &datagram), 0);
    return datagram;
}

static intptr_t exchange(void *arg)
{
    (void)arg;
    whorl_datagram *datagram = datagram_on_wire();
    whorl_message message = {.data = "x", .len = 1};
    check_equal(whorl_datagram_send(datagram, "x", 1), -EAGAIN);
    check_equal(whorl_datagram_send_many(datagram, &message, 1), -EAGAIN);
    check_equal(whorl_datagram_send(datagram, "x", 1), 1);
    check_equal(whorl_datagram_receive(datagram, &message), -ENOMEM);
    check_equal(whorl_datagram_receive(datagram, &message), 0);
    return whorl_datagram_close(datagram);
}

static void datagrams_that_find_no_room_are_the_programs_to_send_again(void **state)
{
    (void)state;
    fake_reset();
    fake_op(WIRE, 2, GIVES(-ENOBUFS));
    fake_op(WIRE, 1, GIVES(1));
    fake_op(WIRE, 1, GIVES(-ENOBUFS));
    fake_op(WIRE, 1, GIVES(1));
    fake_op(WIRE, 1, GIVES(0));
    play_wire(exchange, NULL);
}

static intptr_t receive_datagram(void *datagram)
{
    whorl_message message;
    return whorl_datagram_receive(datagram, &message);
}

/* The receiver was told to do without buffers, and has not run since. */
static intptr_t close_before_it_goes_on(void *arg)
{
    (void)arg;
    struct buffer_pool empty = {0};
    whorl_datagram *datagram = datagram_on_wire();
    datagram->pool = &empty;
    whorl_task *task = whorl_spawn(receive_datagram, datagram);
    for (int i = 0; i < 3; i++)
        check_equal(whorl_yield(), 0);
    check_equal(fake_submissions(WIRE), 1);
    fake_complete(WIRE, -ENOBUFS);
    check_equal(whorl_yield(), 0);
    check(!datagram->receivers.first && !whorl_is_done(task));
    check_equal(whorl_datagram_close(datagram), 0);
    check_equal(fake_submissions(WIRE), 2);
    check_equal(whorl_join(task), -ECANCELED);
    return 0;
}

static void nothing_is_received_on_a_descriptor_that_was_closed(void **state)
{
    (void)state;
    fake_reset();
    fake_op(WIRE, 1, STAYS);
    fake_op(WIRE, 1, GIVES(0));
    play_wire(close_before_it_goes_on, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(what_was_written_is_sent_when_there_is_memory),
        behaviour(room_that_takes_nothing_is_not_asked_for_at_once),
        behaviour(so_is_what_is_sent_from_where_it_lies),
        behaviour(a_task_whose_peer_takes_all_gives_way_to_others),
        behaviour(the_wait_ends_as_any_other),
        behaviour(the_runs_end_finds_a_stream_in_a_pause),
        behaviour(what_cannot_be_received_is_there_for_the_next_call),
        behaviour(where_multishot_is_refused_a_stream_receives_without),
        behaviour(datagrams_that_find_no_room_are_the_programs_to_send_again),
        behaviour(nothing_is_received_on_a_descriptor_that_was_closed),
    };
    return run_behaviours("shortages", tests);
}
