/*
 * The buffers that all streams share: none while idle, more when they run short, and all streams go
 * on where there are too few, or none.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "streams.h"

#include <net/stream.h>
#include <stdlib.h>

enum { STREAMS = UNDER_THREAD_SANITIZER ? 60 : 200, MESSAGES = 5, BURST = 64 };

/* Gives the run a pool of its own size; 0: none. */
static struct stream_hub *limit_buffers(unsigned first, unsigned most)
{
    struct stream_hub *hub = hub_of(loop_here);
    if (most == 0 || hub->pool_is_refused) {
        hub->pool_is_refused = true;
        return hub;
    }
    check_equal(buffers_open(loop_here, &hub->pool, BUFFERS_OF_STREAMS, 16384, first, most), 0);
    hub->pool_is_open = true;
    return hub;
}

static intptr_t echo(void *arg)
{
    whorl_stream *stream = arg;
    whorl_slice slice;
    ssize_t got;
    while ((got = whorl_stream_peek(stream, 1, &slice)) > 0) {
        check_equal(whorl_stream_write(stream, slice.data, slice.len), slice.len);
        check_equal(whorl_stream_consume(stream, slice.len), 0);
    }
    check_equal(got, 0);
    return whorl_stream_close(stream);
}

static intptr_t rest(void *arg)
{
    (void)arg;
    streams both = open_streams(NULL);
    whorl_task *task = whorl_spawn(echo, both.ends[0]);
    char buf[1000] = {0};
    for (int i = 0; i < 10; i++) {
        check_equal(whorl_stream_write(both.ends[1], buf, sizeof buf), sizeof buf);
        check_equal(whorl_stream_read_exactly(both.ends[1], buf, sizeof buf), sizeof buf);
        for (int turn = 0; turn < 3; turn++)
            check_equal(whorl_yield(), 0);
        const struct stream_hub *hub = loop_here->stream_hub;
        check_equal(hub->pool.out, 0);
        check(!both.ends[0]->first && !both.ends[0]->held && !both.ends[0]->chunks &&
              !both.ends[0]->landing);
    }
    check_equal(whorl_stream_close(both.ends[1]), 0);
    return whorl_join(task);
}

static void an_idle_stream_holds_no_memory_but_its_own(void **state)
{
    (void)state;
    _Static_assert(sizeof(struct whorl_stream) < 700, "an idle stream is small");
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, rest, NULL);
}

/* Which of the pool's buffers it is that begins there; -1: none. */
static int buffer_at(const struct buffer_pool *pool, const char *data)
{
    for (unsigned i = 0; i < pool->made; i++)
        if (pool->pieces[i].data == data)
            return (int)i;
    return -1;
}

static intptr_t look_at_slices(void *arg)
{
    (void)arg;
    streams both = open_streams(NULL);
    char sent[3000];
    memset(sent, 'x', sizeof sent);
    for (int i = 0; i < 100; i++) {
        whorl_slice slice, rest;
        check_equal(whorl_stream_write(both.ends[1], sent, sizeof sent), sizeof sent);
        check_equal(whorl_stream_peek(both.ends[0], sizeof sent, &slice), sizeof sent);
        const struct stream_hub *hub = loop_here->stream_hub;
        check(!hub->pool_is_open || buffer_at(&hub->pool, slice.data) >= 0);
        check_equal(memcmp(slice.data, sent, sizeof sent), 0);
        check_equal(whorl_stream_consume(both.ends[0], 1000), 0);
        check_equal(whorl_stream_peek(both.ends[0], 1, &rest), sizeof sent - 1000);
        check(rest.data == slice.data + 1000);
        check_equal(whorl_stream_consume(both.ends[0], rest.len), 0);
    }
    close_streams(&both);
    return 0;
}

static void a_slice_is_where_the_kernel_has_put_the_bytes(void **state)
{
    (void)state;
    run_on_connections(UNIX_PAIR + 1, WHORL_CLOCK_REAL, look_at_slices, NULL);
}

static intptr_t close_after_a_line(void *arg)
{
    (void)arg;
    for (int i = 0; i < 4; i++) {
        streams both = open_streams(NULL);
        whorl_line line;
        check_equal(whorl_stream_puts(both.ends[1], "a line\n"), 7);
        check_equal(whorl_stream_read_line(both.ends[0], &line, 100), 1);
        check_equal(i % 2 ? whorl_stream_abort(both.ends[0]) : whorl_stream_close(both.ends[0]), 0);
        check_equal(whorl_stream_close(both.ends[1]), 0);
        check_equal(loop_here->stream_hub->pool.out, 0);
    }
    return 0;
}

static void a_stream_that_is_closed_gives_back_what_it_has_shown(void **state)
{
    (void)state;
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, close_after_a_line, NULL);
}

/* One that asks for one more byte, again and again, as who reads a head does. */
static intptr_t ask_for_one_more(void *arg)
{
    (void)arg;
    enum { LEN = 50000 };
    streams both = open_streams(NULL);
    whorl_slice slice = {0};
    int calls = 0;
    char *sent = malloc(LEN);
    for (int i = 0; i < LEN; i++)
        sent[i] = (char)(i * 7 / 5);
    check_equal(whorl_stream_write(both.ends[1], sent, LEN), LEN);
    for (; slice.len < LEN; calls++)
        check(whorl_stream_peek(both.ends[0], slice.len + 1, &slice) > 0);
    check_equal(slice.len, LEN);
    check_equal(memcmp(slice.data, sent, LEN), 0);
    check(calls < 40); /* far fewer than bytes */
    free(sent);
    close_streams(&both);
    return 0;
}

static void a_slice_grows_by_more_than_it_is_asked_to(void **state)
{
    (void)state;
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, ask_for_one_more, NULL);
}

/* --- Many streams, few buffers --- */

static intptr_t converse(void *arg)
{
    whorl_stream *stream = arg;
    size_t len = 30000;
    char *sent = malloc(len), *got = malloc(len);
    for (int i = 0; i < MESSAGES; i++) {
        memset(sent, 'a' + i, len);
        check_equal(whorl_stream_write(stream, sent, len), len);
        check_equal(whorl_stream_read_exactly(stream, got, len), len);
        check_equal(memcmp(sent, got, len), 0);
    }
    free(sent);
    free(got);
    return whorl_stream_close(stream);
}

/* Some streams have bytes that nobody reads, and hold what buffers there are. */
static void hoard(whorl_stream *two[2])
{
    char byte, *data = calloc(1, 40000);
    check_equal(whorl_stream_pair(NULL, two), 0);
    check_equal(whorl_stream_write(two[1], data, 40000), 40000);
    check_equal(whorl_stream_read(two[0], &byte, 1), 1);
    free(data);
}

struct limits {
    unsigned first, most, hoarders;
};

static intptr_t crowd(void *arg)
{
    const struct limits *limits = arg;
    struct stream_hub *hub = limit_buffers(limits->first, limits->most);
    whorl_task *tasks[2 * STREAMS];
    whorl_stream *hoards[8][2];
    for (unsigned i = 0; i < limits->hoarders; i++)
        hoard(hoards[i]);
    for (int i = 0; i < STREAMS; i++) {
        streams both = open_streams(NULL);
        tasks[2 * i] = whorl_spawn(echo, both.ends[0]);
        tasks[2 * i + 1] = whorl_spawn(converse, both.ends[1]);
    }
    for (int i = 0; i < 2 * STREAMS; i++)
        check_equal(whorl_join(tasks[i]), 0);
    if (hub->pool_is_open)
        check(hub->pool.made <= hub->pool.most && hub->pool.most == limits->most);
    char *data = malloc(40000);
    for (unsigned i = 0; i < limits->hoarders; i++) {
        check_equal(whorl_stream_read_exactly(hoards[i][0], data, 39999), 39999);
        check_equal(whorl_stream_close(hoards[i][0]), 0);
        check_equal(whorl_stream_close(hoards[i][1]), 0);
    }
    free(data);
    check_equal(hub->pool.out, 0);
    return 0;
}

static void all_go_on_with_very_few_buffers(void **state)
{
    (void)state;
    struct limits limits = {.first = 1, .most = 2};
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, crowd, &limits);
}

static void all_go_on_while_others_hold_every_buffer(void **state)
{
    (void)state;
    struct limits limits = {.first = 2, .most = 4, .hoarders = 4};
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, crowd, &limits);
}

static void all_go_on_without_buffers(void **state)
{
    (void)state;
    struct limits limits = {.most = 0, .hoarders = 4};
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, crowd, &limits);
}

static void a_pool_grows_when_it_runs_short(void **state)
{
    (void)state;
    struct limits limits = {.first = 1, .most = 1024};
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, crowd, &limits);
}

static intptr_t finish_line(void *stream)
{
    for (int turn = 0; turn < 5; turn++)
        check_equal(whorl_yield(), 0);
    return whorl_stream_puts(stream, "of a line\n");
}

/* The first part is more than read_ahead, and the reader waits for more. */
static intptr_t await_second_half(void *arg)
{
    const struct limits *limits = arg;
    limit_buffers(limits->first, limits->most);
    whorl_stream *hoarder[2];
    hoard(hoarder);
    whorl_stream_options options = {.read_ahead = 1};
    streams both = open_streams(&options);
    check_equal(whorl_stream_puts(both.ends[1], "two halves "), 11);
    whorl_task *task = whorl_spawn(finish_line, both.ends[1]);
    whorl_timeout timeout;
    whorl_timeout_begin(&timeout, WHORL_SECONDS(10));
    whorl_line line;
    int result = whorl_stream_read_line(both.ends[0], &line, 100);
    check_equal(whorl_timeout_end(&timeout, result), 1);
    if (result == 1)
        check_equal(line.len, 20);
    check_equal(whorl_join(task), 10);
    close_streams(&both);
    check_equal(whorl_stream_abort(hoarder[0]), 0);
    return whorl_stream_abort(hoarder[1]);
}

static void so_does_one_that_waits_for_more_than_its_read_ahead(void **state)
{
    (void)state;
    struct limits limits = {.first = 2, .most = 2};
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, await_second_half, &limits);
}

/* --- The pool itself --- */

static intptr_t send_one(void *stream)
{
    static const char data[16384];
    return whorl_stream_write(stream, data, sizeof data);
}

/* All are idle, and all receive within one turn, or a few. */
static intptr_t burst(void *arg)
{
    (void)arg;
    streams both[BURST];
    struct stream_hub *hub = limit_buffers(4, 4096);
    whorl_task *echoes[BURST], *sends[BURST];
    for (int i = 0; i < BURST; i++) {
        both[i] = open_streams(NULL);
        echoes[i] = whorl_spawn(echo, both[i].ends[0]);
    }
    for (int turn = 0; turn < 3; turn++)
        check_equal(whorl_yield(), 0);
    for (int i = 0; i < BURST; i++)
        sends[i] = whorl_spawn(send_one, both[i].ends[1]);
    for (int i = 0; i < BURST; i++) {
        char buf[16384];
        check_equal(whorl_stream_read_exactly(both[i].ends[1], buf, sizeof buf), sizeof buf);
        check_equal(whorl_join(sends[i]), sizeof buf);
        check_equal(whorl_stream_close(both[i].ends[1]), 0);
        check_equal(whorl_join(echoes[i]), 0);
    }
    check(!hub->pool_is_open || hub->pool.made > 4);
    check(hub->pool.made <= 8 * BURST);
    return 0;
}

static void a_burst_makes_no_more_buffers_than_it_needs(void **state)
{
    (void)state;
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, burst, NULL);
}

static intptr_t grow(void *arg)
{
    (void)arg;
    struct buffer_pool pool;
    check_equal(buffers_open(loop_here, &pool, BUFFERS_OF_DATAGRAMS, 4096, 3, 16), 0);
    check_equal(pool.made, 3);
    check(buffers_feed(&pool));
    check_equal(pool.made, 3);
    pool.out = 3;
    check(buffers_feed(&pool) && buffers_feed(&pool));
    check_equal(pool.made, 6);
    pool.out = 6;
    check(buffers_feed(&pool));
    pool.out = 12;
    check(buffers_feed(&pool));
    check_equal(pool.made, 16);
    pool.out = 16;
    check(!buffers_feed(&pool));
    pool.out = 0;
    for (unsigned i = 0; i < 16; i++) {
        memset(pool.pieces[i].data, (int)i, 4096);
        check_equal(((uintptr_t)pool.pieces[i].data - (uintptr_t)pool.memory) % (4096 + 64), 0);
    }
    buffers_close(loop_here, &pool);
    return 0;
}

static void a_pool_doubles_when_all_are_out_up_to_its_limit(void **state)
{
    (void)state;
    run_on_connections(1, WHORL_CLOCK_REAL, grow, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(an_idle_stream_holds_no_memory_but_its_own),
        behaviour(a_slice_is_where_the_kernel_has_put_the_bytes),
        behaviour(a_slice_grows_by_more_than_it_is_asked_to),
        behaviour(a_stream_that_is_closed_gives_back_what_it_has_shown),
        behaviour(all_go_on_with_very_few_buffers),
        behaviour(all_go_on_while_others_hold_every_buffer),
        behaviour(so_does_one_that_waits_for_more_than_its_read_ahead),
        behaviour(all_go_on_without_buffers),
        behaviour(a_pool_grows_when_it_runs_short),
        behaviour(a_burst_makes_no_more_buffers_than_it_needs),
        behaviour(a_pool_doubles_when_all_are_out_up_to_its_limit),
    };
    return run_behaviours("buffers of streams", tests);
}
