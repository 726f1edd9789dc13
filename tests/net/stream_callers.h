/* Calls of a stream that wait, each in a task of its own. */
#ifndef TESTS_NET_STREAM_CALLERS_H
#define TESTS_NET_STREAM_CALLERS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "streams.h"

enum { LARGE = 8 << 20 };

/* A call on a stream, in a task of its own. */
enum call { READ, READ_EXACTLY, PEEK, READ_UNTIL, READ_LINE, WRITE, DRAIN, END, CALLS };

struct caller {
    whorl_stream *stream;
    enum call call;
    const char *large;
    whorl_task *task;
};

static inline intptr_t make_call(void *arg)
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

static inline bool writes(enum call call)
{
    return call >= WRITE;
}

static inline void start(struct caller *caller, whorl_stream *stream, enum call call,
                         const char *large)
{
    *caller = (struct caller){.stream = stream, .call = call, .large = large};
    caller->task = whorl_spawn(make_call, caller);
}

/* Has the call of the task wait. */
static inline void let_wait(void)
{
    for (int i = 0; i < 10; i++)
        check_equal(whorl_yield(), 0);
}

/* What is written is taken, however much the kernel takes of it. */
static const whorl_stream_options much = {.high_water = LARGE};

/* Has much be pending, more than the kernel would take after a while. Returns how much was written.
 */
static inline size_t fill(whorl_stream *stream, const char *large)
{
    check_equal(whorl_stream_write(stream, large, LARGE), LARGE);
    let_wait();
    check(whorl_stream_pending(stream) > LARGE / 8);
    return LARGE;
}

#endif
