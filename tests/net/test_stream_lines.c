/* Reading up to delimiters, and lines: wherever they are split, and where they are too long. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "streams.h"

#include <stdlib.h>

static intptr_t split_everywhere(void *arg)
{
    (void)arg;
    static const char text[] = "Host: x\r\n\r\nbody\r\n";
    for (size_t split = 1; split < sizeof text - 1; split++) {
        stream_and_peer both = open_stream(NULL);
        whorl_slice slice;
        check_equal(write(both.peer, text, split), split);
        if (whorl_stream_read_exactly(both.stream, (char[1]){0}, 1) != 1)
            return -1;
        check_equal(write(both.peer, text + split, sizeof text - 1 - split),
                    sizeof text - 1 - split);
        check_equal(whorl_stream_read_until(both.stream, "\r\n\r\n", 4, 100, &slice), 10);
        check_slice(&slice, "ost: x\r\n\r\n");
        check_equal(whorl_stream_read_until(both.stream, "\r\n", 2, 6, &slice), 6);
        check_slice(&slice, "body\r\n");
        check_equal(close(both.peer), 0);
        check_equal(whorl_stream_read_until(both.stream, "\r\n", 2, 6, &slice), 0);
        check_equal(whorl_stream_close(both.stream), 0);
    }
    return 0;
}

static void a_delimiter_is_found_wherever_it_is_split(void **state)
{
    (void)state;
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, split_everywhere, NULL);
}

/* Delimiters round the places where buffers end. */
static intptr_t span_buffers(void *arg)
{
    (void)arg;
    enum { LARGE = 16384 };
    char *text = malloc(2 * LARGE + 8);
    for (size_t at = LARGE - 6; at < LARGE + 3; at++) {
        streams both = open_streams(NULL);
        whorl_slice slice;
        memset(text, 'x', 2 * LARGE);
        memcpy(text + at, "<>.!", 4);
        check_equal(whorl_stream_write(both.ends[1], text, 2 * LARGE), 2 * LARGE);
        check_equal(whorl_stream_end(both.ends[1]), connection == PIPE_PAIR ? -ENOTSOCK : 0);
        check_equal(whorl_stream_read_until(both.ends[0], "<>.!", 4, at, &slice), -EMSGSIZE);
        check_equal(whorl_stream_read_until(both.ends[0], "<>.!", 4, at + 3, &slice), -EMSGSIZE);
        check_equal(whorl_stream_read_until(both.ends[0], "<>.!", 4, at + 4, &slice), at + 4);
        check_equal(memcmp(slice.data, text, slice.len), 0);
        check_equal(whorl_stream_close(both.ends[1]), 0);
        check_equal(whorl_stream_read_until(both.ends[0], "<>.!", 4, 4 * LARGE, &slice),
                    2 * LARGE - at - 4);
        check_equal(whorl_stream_close(both.ends[0]), 0);
    }
    free(text);
    return 0;
}

static void a_delimiter_is_found_where_buffers_end(void **state)
{
    (void)state;
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, span_buffers, NULL);
}

static intptr_t read_lines(void *arg)
{
    (void)arg;
    streams both = open_streams(NULL);
    whorl_stream *reader = both.ends[0];
    whorl_line line;
    check_equal(whorl_stream_puts(both.ends[1], "first\n\nthird\r\n12345\nlast"), 24);
    check_equal(whorl_stream_close(both.ends[1]), 0);
    check_equal(whorl_stream_read_line(reader, &line, 4), -EMSGSIZE);
    check_equal(line.len, 0);
    check_equal(whorl_stream_read_line(reader, &line, 5), 1);
    check(line.len == 5 && memcmp(line.text, "first\n", 6) == 0 && line.newline == 1);
    check_equal(whorl_stream_read_line(reader, &line, 5), 1);
    check(line.len == 0 && line.newline == 1);
    check_equal(whorl_stream_read_line(reader, &line, SIZE_MAX), 1);
    check(line.len == 6 && memcmp(line.text, "third\r\n", 7) == 0);
    check_equal(whorl_stream_read_line(reader, &line, 0), -EMSGSIZE);
    check_equal(whorl_stream_read_line(reader, &line, 5), 1);
    check_equal(whorl_stream_read_line(reader, &line, 3), -EMSGSIZE);
    check_equal(whorl_stream_read_line(reader, &line, 4), 1);
    check(line.len == 4 && memcmp(line.text, "last", 4) == 0 && line.newline == 0);
    check_equal(whorl_stream_read_line(reader, &line, 5), 0);
    check_equal(line.len, 0);
    check_equal(whorl_stream_close(reader), 0);
    return 0;
}

static void lines_are_read_without_their_newlines(void **state)
{
    (void)state;
    run_on_connections(ALL_PAIRS, WHORL_CLOCK_REAL, read_lines, NULL);
}

static intptr_t read_long_line(void *arg)
{
    (void)arg;
    enum { LENGTH = 200000 };
    char *text = malloc(LENGTH);
    memset(text, 'y', LENGTH);
    stream_and_peer both = open_stream(NULL);
    whorl_line line;
    for (size_t sent = 0; sent < 50000;) {
        ssize_t did = send(both.peer, text + sent, 50000 - sent, MSG_DONTWAIT);
        sent += did > 0 ? (size_t)did : 0;
        whorl_yield();
    }
    check_equal(whorl_stream_read_line(both.stream, &line, 40000), -EMSGSIZE);
    check_equal(whorl_stream_read_exactly(both.stream, text, 40000), 40000);
    check_equal(write(both.peer, "\n", 1), 1);
    check_equal(whorl_stream_read_line(both.stream, &line, LENGTH), 1);
    check_equal(line.len, 10000);
    close(both.peer);
    check_equal(whorl_stream_close(both.stream), 0);
    free(text);
    return 0;
}

static void a_line_that_is_too_long_can_be_read_otherwise(void **state)
{
    (void)state;
    run_on_connections(SOCKET_PAIRS, WHORL_CLOCK_REAL, read_long_line, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_delimiter_is_found_wherever_it_is_split),
        behaviour(a_delimiter_is_found_where_buffers_end),
        behaviour(lines_are_read_without_their_newlines),
        behaviour(a_line_that_is_too_long_can_be_read_otherwise),
    };
    return run_behaviours("lines of streams", tests);
}
