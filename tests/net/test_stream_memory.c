/* Memory that is refused: each call of a stream says so, or does without, and loses nothing. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "refused_memory.h"
#include "starve.h"

#include "streams.h"

#include <core/loop.h>
#include <net/stream_hub.h>
#include <sys/socket.h>

enum { LARGE = 40000 };

static char large[LARGE];

/* Opens, and closes again. */
static intptr_t open_refused(void *arg)
{
    (void)arg;
    whorl_stream *two[2];
    int error = whorl_stream_pair(NULL, two);
    check(error == 0 || error == -ENOMEM);
    if (error) {
        check(!two[0] && !two[1]);
        return error;
    }
    check_equal(whorl_stream_close(two[0]), 0);
    check_equal(whorl_stream_close(two[1]), 0);
    return 0;
}

/* Bytes go to and fro, whatever is refused: reading says -ENOMEM at most, and is made again. */
static intptr_t exchange_refused(void *arg)
{
    streams *both = arg;
    char buf[3000];
    for (int i = 0; i < 3; i++) {
        check_equal(whorl_stream_write(both->ends[1], large, 1000 + i * 1000), 1000 + i * 1000);
        ssize_t got;
        while ((got = whorl_stream_read_exactly(both->ends[0], buf, (size_t)(1000 + i * 1000))) ==
               -ENOMEM)
            ;
        check_equal(got, 1000 + i * 1000);
        check_equal(memcmp(buf, large, (size_t)got), 0);
    }
    return 0;
}

/* Fills the chunks' and buffers' ends: what spans two is brought together. */
static intptr_t search_refused(void *arg)
{
    streams *both = arg;
    whorl_slice slice;
    ssize_t got;
    check_equal(whorl_stream_write(both->ends[1], large, LARGE), LARGE);
    check_equal(whorl_stream_puts(both->ends[1], "!?"), 2);
    while ((got = whorl_stream_peek(both->ends[0], 20000, &slice)) == -ENOMEM)
        ;
    check(got >= 20000);
    while ((got = whorl_stream_read_until(both->ends[0], "!?", 2, LARGE + 2, &slice)) == -ENOMEM)
        ;
    check_equal(got, LARGE + 2);
    check_equal(memcmp(slice.data, large, LARGE), 0);
    check_equal(whorl_stream_buffered(both->ends[0]), 0);
    return 0;
}

static intptr_t search_at_once_refused(void *arg)
{
    streams *both = arg;
    whorl_slice slice;
    ssize_t got;
    check_equal(whorl_stream_write(both->ends[1], large, LARGE), LARGE);
    check_equal(whorl_stream_puts(both->ends[1], "!?"), 2);
    while ((got = whorl_stream_read_until(both->ends[0], "!?", 2, LARGE + 2, &slice)) == -ENOMEM)
        ;
    check_equal(got, LARGE + 2);
    check_equal(memcmp(slice.data, large, LARGE), 0);
    return 0;
}

static intptr_t print_refused(void *arg)
{
    streams *both = arg;
    char buf[700];
    ssize_t did = whorl_stream_printf(both->ends[1], "%700d", 1);
    if (did == -ENOMEM)
        return did;
    check_equal(did, 700);
    ssize_t got;
    while ((got = whorl_stream_read_exactly(both->ends[0], buf, 700)) == -ENOMEM)
        ;
    return got == 700 ? 0 : -EIO;
}

/* A cancelled read of a lot, with no memory for what it had: then it gives that. */
static intptr_t cancel_refused(void *arg)
{
    streams *both = arg;
    static char buf[1 << 20];
    check_equal(whorl_stream_write(both->ends[1], large, LARGE), LARGE);
    whorl_timeout limit;
    check_equal(whorl_timeout_begin(&limit, WHORL_MS(20)), 0);
    ssize_t got;
    while ((got = whorl_stream_read_exactly(both->ends[0], buf, sizeof buf)) == -ENOMEM)
        ;
    whorl_timeout_end(&limit, 0);
    check(got == -ECANCELED || got > 0);
    size_t had = got > 0 ? (size_t)got : 0;
    while (had < LARGE) {
        got = whorl_stream_read(both->ends[0], buf + had, LARGE - had);
        if (got > 0)
            had += (size_t)got;
        else if (!check(got == -ENOMEM))
            break;
    }
    check_equal(memcmp(buf, large, LARGE), 0);
    return 0;
}

static intptr_t refuse_all(void *arg)
{
    (void)arg;
    static may_be_refused *const bodies[] = {exchange_refused, search_refused,
                                             search_at_once_refused, print_refused, cancel_refused};
    refuse_each_in_turn(open_refused, NULL);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        /* A read of a lot is to copy some before it is cancelled. */
        whorl_stream_options options = {.read_ahead = bodies[i] == cancel_refused ? LARGE / 4 : 0};
        streams both = open_streams(&options);
        refuse_each_in_turn(bodies[i], &both);
        close_streams(&both);
    }
    return 0;
}

static void no_byte_is_lost_for_want_of_memory(void **state)
{
    (void)state;
    for (int i = 0; i < LARGE; i++)
        large[i] = (char)('a' + i % 23);
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, refuse_all, NULL);
}

/* --- A peer that takes nothing, while there is no memory at all --- */

enum { SHORT = 300 };

static intptr_t write_short(void *stream)
{
    return whorl_stream_write(stream, large, SHORT);
}

static intptr_t write_to_a_full_peer(void *arg)
{
    (void)arg;
    streams both = open_streams(NULL);
    size_t filled = fill_descriptor(whorl_stream_fd(both.ends[1]));
    whorl_task *task = whorl_spawn(write_short, both.ends[1]);
    refuse_all_memory(true);
    check_equal(whorl_yield(), 0);
    uint64_t rounds = loop_here->rounds;
    check_equal(whorl_sleep(WHORL_MS(50)), 0);
    check(!whorl_is_done(task));
    check(loop_here->rounds - rounds < 20);
    refuse_all_memory(false);
    for (size_t had = 0; had < filled;) {
        char buf[4096];
        size_t len = filled - had < sizeof buf ? filled - had : sizeof buf;
        ssize_t got = whorl_stream_read(both.ends[0], buf, len);
        if (!check(got > 0))
            break;
        had += (size_t)got;
    }
    check_equal(whorl_join(task), SHORT);
    char last[SHORT];
    check_equal(whorl_stream_read_exactly(both.ends[0], last, SHORT), SHORT);
    check_equal(memcmp(last, large, SHORT), 0);
    close_streams(&both);
    return 0;
}

static void a_write_without_memory_waits_for_room(void **state)
{
    (void)state;
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, write_to_a_full_peer, NULL);
}

/* --- No address space for the buffers that all streams share --- */

static intptr_t exchange_without_buffers(void *arg)
{
    rlim_t before = leave_memory(*(size_t *)arg);
    streams both = open_streams(NULL);
    check_equal(exchange_refused(&both), 0);
    close_streams(&both);
    check(!loop_here->stream_hub->pool_is_open);
    limit_memory_to(before);
    return 0;
}

/* In the second case all but what describes them can be had. */
static void streams_do_without_buffers_that_cannot_be_had(void **state)
{
    (void)state;
    static size_t spares[] = {SPARE_BYTES, ((16 << 10) + TASK_LINE) * 4096 + (128 << 10)};
    for (size_t i = 0; i < sizeof spares / sizeof spares[0]; i++)
        run_checks_in_child(NULL, exchange_without_buffers, &spares[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(no_byte_is_lost_for_want_of_memory),
        behaviour(a_write_without_memory_waits_for_room),
        behaviour(streams_do_without_buffers_that_cannot_be_had),
    };
    return run_behaviours("streams without memory", tests);
}
