/*
 * Pairs of streams, over connections of each kind, on runs with and without the kernel's multishot
 * recv: what a test of streams needs again and again.
 */
#ifndef TESTS_NET_STREAMS_H
#define TESTS_NET_STREAMS_H

#include "support.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <whorl.h>

enum connection { UNIX_PAIR, TCP_PAIR, SOCKET_PAIRS, PIPE_PAIR = SOCKET_PAIRS, ALL_PAIRS };

static enum connection connection; /* of the body that runs */

/* ends[0] reads what is written to ends[1]; and the other way round too, but over a pipe. */
typedef struct streams {
    whorl_stream *ends[2];
} streams;

static inline pair connect_pair(void)
{
    if (connection == PIPE_PAIR)
        return pipe_pair();
    return connection == TCP_PAIR ? tcp_pair() : unix_pair();
}

static inline streams open_streams(const whorl_stream_options *options)
{
    pair both = connect_pair();
    streams opened;
    for (int i = 0; i < 2; i++)
        check_equal(whorl_stream_open(both.ends[i], options, &opened.ends[i]), 0);
    return opened;
}

/* A stream, and the bare descriptor of its peer, for plain system calls. */
typedef struct stream_and_peer {
    whorl_stream *stream;
    int peer;
} stream_and_peer;

static inline stream_and_peer open_stream(const whorl_stream_options *options)
{
    pair both = connect_pair();
    stream_and_peer opened = {.peer = both.ends[1]};
    check_equal(whorl_stream_open(both.ends[0], options, &opened.stream), 0);
    return opened;
}

static inline void close_streams(streams *both)
{
    for (int i = 1; i >= 0; i--)
        check_equal(whorl_stream_close(both->ends[i]), 0);
}

static inline void check_slice(const whorl_slice *slice, const char *expected)
{
    check_equal(slice->len, strlen(expected));
    if (slice->len == strlen(expected))
        check_equal(memcmp(slice->data, expected, slice->len), 0);
}

/* Runs body(arg) over the kinds of connection up to `kinds`, with multishot recv and without. */
static inline void run_on_connections(int kinds, enum whorl_clock clock, whorl_fn *body, void *arg)
{
    int before = open_descriptors();
    for (int i = 0; i < 2 * kinds; i++) {
        connection = (enum connection)(i / 2);
        whorl_config config = {.clock = clock, .without = i % 2 ? WHORL_FEATURE_RECV_MULTISHOT : 0};
        unsigned failed = failed_checks();
        intptr_t result = whorl_run_with(&config, body, arg);
        if (result != 0 || failed_checks() != failed)
            check_failed("ended with %jd, over connection %d, without features 0x%jx",
                         (intmax_t)result, (int)connection, (uintmax_t)config.without);
    }
    check_equal(open_descriptors(), before);
}

/* A reset, as the peer of a TCP connection may have it any time. */
static inline void reset_peer(int fd)
{
    struct linger at_once = {.l_onoff = 1};
    check_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    check_equal(close(fd), 0);
}

#endif
