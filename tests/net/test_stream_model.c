/*
 * Two streams against a model: each end writes a known sequence of bytes in pieces of random sizes,
 * with corks, drains and cancels at random moments, and reads the other's with calls at random,
 * cancelled likewise. No byte is lost, doubled or out of place.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "streams.h"

#include <stdlib.h>

enum { BYTES = 400 * 1000, LARGEST = 150 * 1000 };

struct direction {
    whorl_stream *from, *to;
    uint64_t seed;
    random_source writing, reading;
    size_t written, seen;
};

/* The byte at a place of the sequence; of few different ones, so that delimiters come up. */
static char byte_at(uint64_t seed, size_t at)
{
    uint64_t x = (seed + at) * UINT64_C(0x9e3779b97f4a7c15);
    x ^= x >> 29;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    return "abcdefghijklmnopqrstuvw\r\n<>."[(x >> 32) % 28];
}

/* Mostly small, sometimes of the size of buffers, seldom large. */
static size_t random_size(random_source *random)
{
    switch (random_below(random, 8)) {
    case 0:
        return random_below(random, LARGEST) + 1;
    case 1:
    case 2:
        return random_below(random, 40000) + 1;
    case 3:
        return 16384 - 40 + random_below(random, 80);
    default:
        return random_below(random, 300) + 1;
    }
}

/* A timeout round a call; it may run out before, within, or never. */
static void begin_timeout(whorl_timeout *timeout, random_source *random)
{
    int64_t ns = random_below(random, 4) > 0 ? WHORL_SECONDS(100)
                                             : (int64_t)random_below(random, WHORL_US(200));
    check_equal(whorl_timeout_begin(timeout, ns), 0);
}

/* --- Writing --- */

static ssize_t write_somehow(struct direction *way, const char *data, size_t len)
{
    if (random_below(&way->writing, 3) > 0)
        return whorl_stream_write(way->from, data, len);
    size_t first = random_below(&way->writing, len + 1);
    struct iovec pieces[] = {{(void *)(uintptr_t)data, first},
                             {NULL, 0},
                             {(void *)(uintptr_t)(data + first), len - first}};
    return whorl_stream_writev(way->from, pieces, 3);
}

static void write_once(struct direction *way, char *buf)
{
    size_t len = random_size(&way->writing);
    if (len > BYTES - way->written)
        len = BYTES - way->written;
    for (size_t i = 0; i < len; i++)
        buf[i] = byte_at(way->seed, way->written + i);
    whorl_timeout timeout;
    begin_timeout(&timeout, &way->writing);
    ssize_t done = write_somehow(way, buf, len);
    memset(buf, '!', len);
    if (done < 0)
        check(done == -ECANCELED || done == -ETIMEDOUT);
    else
        way->written += (size_t)done;
    whorl_timeout_end(&timeout, done < 0 ? done : 0);
}

static void between_writes(struct direction *way, int *corks)
{
    whorl_timeout timeout;
    begin_timeout(&timeout, &way->writing);
    switch (random_below(&way->writing, 6)) {
    case 0:
        check_equal(whorl_stream_cork(way->from), 0);
        ++*corks;
        break;
    case 1:
        if (whorl_stream_drain(way->from) == 0)
            check_equal(whorl_stream_pending(way->from), 0);
        break;
    case 2:
        whorl_sleep((int64_t)random_below(&way->writing, WHORL_US(100)));
        break;
    default:
        if (*corks > 0) {
            check_equal(whorl_stream_uncork(way->from), 0);
            --*corks;
        }
    }
    whorl_timeout_end(&timeout, 0);
}

static intptr_t write_all(void *arg)
{
    struct direction *way = arg;
    char *buf = malloc(LARGEST);
    int corks = 0;
    while (way->written < BYTES) {
        write_once(way, buf);
        if (random_below(&way->writing, 4) == 0)
            between_writes(way, &corks);
    }
    int ended;
    while ((ended = whorl_stream_end(way->from)) == -ETIMEDOUT)
        ;
    check_equal(ended, 0);
    check_equal(whorl_stream_write(way->from, "x", 1), -EPIPE);
    free(buf);
    return 0;
}

/* --- Reading --- */

static void see(struct direction *way, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++, way->seen++)
        if (data[i] != byte_at(way->seed, way->seen)) {
            check_failed("byte %zu is %d and not %d", way->seen, data[i],
                         byte_at(way->seed, way->seen));
            return;
        }
}

/* Whether there is no delimiter within the next bytes. */
static bool is_absent(const struct direction *way, const char *delimiter, size_t limit)
{
    size_t len = strlen(delimiter);
    for (size_t at = 0; at + len <= limit && way->seen + at + len <= BYTES; at++) {
        size_t same = 0;
        while (same < len && byte_at(way->seed, way->seen + at + same) == delimiter[same])
            same++;
        if (same == len)
            return false;
    }
    return true;
}

static ssize_t read_up_to(struct direction *way)
{
    static const char *const delimiters[] = {"\n", "\r\n", "<>.", "a", "aa", "bcb"};
    const char *delimiter = delimiters[random_below(&way->reading, 6)];
    size_t len = strlen(delimiter);
    size_t limit = len + random_size(&way->reading);
    whorl_slice slice;
    ssize_t got = whorl_stream_read_until(way->to, delimiter, len, limit, &slice);
    if (got == -EMSGSIZE)
        check(is_absent(way, delimiter, limit));
    if (got <= 0)
        return got;
    check_equal(slice.len, got);
    const char *end = memmem(slice.data, slice.len, delimiter, len);
    if (end)
        check_equal(end + len - slice.data, got);
    else
        check_equal(way->seen + (size_t)got, BYTES);
    see(way, slice.data, slice.len);
    return got;
}

static ssize_t read_a_line(struct direction *way)
{
    whorl_line line;
    size_t limit = random_below(&way->reading, 400);
    int got = whorl_stream_read_line(way->to, &line, limit);
    if (got == -EMSGSIZE)
        check(is_absent(way, "\n", limit + 1));
    if (got <= 0)
        return got;
    check(line.len <= limit && !memchr(line.text, '\n', line.len));
    see(way, line.text, line.len + (size_t)line.newline);
    return 1;
}

static ssize_t look_ahead(struct direction *way)
{
    whorl_slice slice;
    size_t least = random_below(&way->reading, 4) ? 1 : random_below(&way->reading, 65537);
    ssize_t got = whorl_stream_peek(way->to, least, &slice);
    if (got <= 0)
        return got;
    check_equal(got, slice.len);
    check(slice.len >= least || way->seen + slice.len == BYTES);
    for (size_t left = slice.len; left > 0;) {
        size_t part = random_below(&way->reading, left + 1);
        see(way, slice.data + slice.len - left, part);
        check_equal(whorl_stream_consume(way->to, part), 0);
        left -= part;
        if (random_below(&way->reading, 2) == 0)
            break;
    }
    return got;
}

static ssize_t read_somehow(struct direction *way, char *buf)
{
    size_t len = random_size(&way->reading);
    ssize_t got;
    switch (random_below(&way->reading, 5)) {
    case 0:
        return read_up_to(way);
    case 1:
        return read_a_line(way);
    case 2:
        return look_ahead(way);
    case 3:
        got = whorl_stream_read_exactly(way->to, buf, len);
        if (got >= 0 && (size_t)got < len)
            check_equal(way->seen + (size_t)got, BYTES);
        break;
    default:
        got = whorl_stream_read(way->to, buf, len);
    }
    if (got > 0)
        see(way, buf, (size_t)got);
    return got;
}

static intptr_t read_all(void *arg)
{
    struct direction *way = arg;
    char *buf = malloc(LARGEST);
    for (;;) {
        whorl_timeout timeout;
        begin_timeout(&timeout, &way->reading);
        ssize_t got = read_somehow(way, buf);
        whorl_timeout_end(&timeout, got < 0 ? got : 0);
        if (got == 0 && way->seen == BYTES)
            break;
        check(got > 0 || got == -ECANCELED || got == -EMSGSIZE || got == -ETIMEDOUT);
        if (got == 0 || failed_checks() > 0)
            break;
        if (got == -EMSGSIZE) {
            ssize_t one = whorl_stream_read(way->to, buf, 100);
            if (one > 0)
                see(way, buf, (size_t)one);
        }
        if (random_below(&way->reading, 50) == 0)
            whorl_sleep((int64_t)random_below(&way->reading, WHORL_US(300)));
    }
    check_equal(way->seen, BYTES);
    check(whorl_stream_at_end(way->to));
    free(buf);
    return 0;
}

static intptr_t exchange(void *arg)
{
    const uint64_t *round = arg;
    random_source random = random_from_seed(*round);
    whorl_stream_options options = {0};
    if (random_below(&random, 2)) {
        options.high_water = random_below(&random, 100000) + 1;
        options.read_ahead = random_below(&random, 100000) + 1;
        options.idle_timeout =
            random_below(&random, 2) ? WHORL_US(50) + (int64_t)random_below(&random, 100) : 0;
    }
    streams both = open_streams(&options);
    struct direction ways[2];
    whorl_task *tasks[4];
    for (int i = 0; i < 2; i++) {
        ways[i] = (struct direction){.from = both.ends[i],
                                     .to = both.ends[1 - i],
                                     .seed = random_next(&random),
                                     .writing = random_from_seed(random_next(&random)),
                                     .reading = random_from_seed(random_next(&random))};
        tasks[2 * i] = whorl_spawn(write_all, &ways[i]);
        tasks[2 * i + 1] = whorl_spawn(read_all, &ways[i]);
    }
    for (int i = 0; i < 4; i++)
        check_equal(whorl_join(tasks[i]), 0);
    close_streams(&both);
    return 0;
}

static void no_byte_is_lost_doubled_or_out_of_place(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < (uint64_t)test_rounds(4); round++)
        run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, exchange, &round);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(no_byte_is_lost_doubled_or_out_of_place),
    };
    return run_behaviours("stream model", tests);
}
