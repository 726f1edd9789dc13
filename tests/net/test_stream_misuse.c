/* What the calls of streams give who calls them wrongly. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "streams.h"

#include <pthread.h>

static void check_refused(whorl_stream *stream, int error)
{
    whorl_slice slice;
    whorl_line line;
    struct iovec piece = {"x", 1};
    char byte;
    int fd;
    check_equal(whorl_stream_read(stream, &byte, 1), error);
    check_equal(whorl_stream_read_exactly(stream, &byte, 1), error);
    check_equal(whorl_stream_peek(stream, 1, &slice), error);
    check_equal(whorl_stream_consume(stream, 0), error);
    check_equal(whorl_stream_read_until(stream, "x", 1, 1, &slice), error);
    check_equal(whorl_stream_read_line(stream, &line, 1), error);
    check_equal(whorl_stream_write(stream, "x", 1), error);
    check_equal(whorl_stream_writev(stream, &piece, 1), error);
    check_equal(whorl_stream_puts(stream, "x"), error);
    check_equal(whorl_stream_printf(stream, "x"), error);
    check_equal(whorl_stream_cork(stream), error);
    check_equal(whorl_stream_uncork(stream), error);
    check_equal(whorl_stream_drain(stream), error);
    check_equal(whorl_stream_end(stream), error);
    check_equal(whorl_stream_set_idle_timeout(stream, 1), error);
    check_equal(whorl_stream_detach(stream, &fd), error);
    check_equal(whorl_stream_close(stream), error);
    check_equal(whorl_stream_abort(stream), error);
}

static void *be_elsewhere(void *stream)
{
    check_refused(stream, -EPERM);
    return NULL;
}

static __attribute__((format(printf, 2, 3))) ssize_t print(whorl_stream *stream, const char *format,
                                                           ...)
{
    va_list arguments;
    va_start(arguments, format);
    ssize_t result = whorl_stream_vprintf(stream, format, arguments);
    va_end(arguments);
    return result;
}

static intptr_t misuse(void *arg)
{
    (void)arg;
    whorl_stream *two[2];
    whorl_slice slice;
    char byte;
    check_equal(whorl_stream_pair(NULL, two), 0);
    check_refused(NULL, -EINVAL);
    check_equal(whorl_stream_fd(NULL), -EINVAL);
    check_equal(whorl_stream_buffered(NULL), 0);
    check_equal(whorl_stream_pending(NULL), 0);
    check_equal(whorl_stream_at_end(NULL), 0);
    pthread_t thread;
    check_equal(pthread_create(&thread, NULL, be_elsewhere, two[0]), 0);
    pthread_join(thread, NULL);
    check_equal(whorl_stream_open(0, NULL, NULL), -EINVAL);
    check_equal(whorl_stream_pair(NULL, NULL), -EINVAL);
    check_equal(whorl_stream_read(two[0], NULL, 1), -EINVAL);
    check_equal(whorl_stream_read_exactly(two[0], NULL, 1), -EINVAL);
    check_equal(whorl_stream_read_exactly(two[0], &byte, SIZE_MAX), -EINVAL);
    check_equal(whorl_stream_peek(two[0], 1, NULL), -EINVAL);
    check_equal(whorl_stream_consume(two[0], 1), -EINVAL);
    check_equal(whorl_stream_read_until(two[0], NULL, 1, 1, &slice), -EINVAL);
    check_equal(whorl_stream_read_until(two[0], "x", 1, 1, NULL), -EINVAL);
    check_equal(whorl_stream_read_until(two[0], "x", 0, 1, &slice), -EINVAL);
    check_equal(whorl_stream_read_until(two[0], "xx", 2, 1, &slice), -EINVAL);
    check_equal(whorl_stream_read_line(two[0], NULL, 1), -EINVAL);
    check_equal(whorl_stream_write(two[0], NULL, 1), -EINVAL);
    check_equal(whorl_stream_writev(two[0], NULL, 1), -EINVAL);
    check_equal(whorl_stream_writev(two[0], &(struct iovec){"x", 1}, -1), -EINVAL);
    check_equal(whorl_stream_writev(two[0], &(struct iovec){"x", 1}, 1025), -EINVAL);
    check_equal(whorl_stream_writev(two[0], &(struct iovec){NULL, 1}, 1), -EINVAL);
    check_equal(whorl_stream_writev(two[0], (struct iovec[]){{"x", SIZE_MAX / 2}, {"x", 1}}, 2),
                -EINVAL);
    check_equal(whorl_stream_puts(two[0], NULL), -EINVAL);
    check_equal(print(two[0], NULL), -EINVAL);
    check_equal(whorl_stream_set_idle_timeout(two[0], -1), -EINVAL);
    check_equal(whorl_stream_detach(two[0], NULL), -EINVAL);
    check_equal(whorl_stream_close(two[0]), 0);
    check_equal(whorl_stream_close(two[1]), 0);
    return 0;
}

static void misuse_is_told_and_has_no_effect(void **state)
{
    (void)state;
    whorl_stream *stream;
    whorl_stream *two[2];
    check_refused(NULL, -EINVAL);
    check_equal(whorl_stream_open(0, NULL, &stream), -EPERM);
    check_equal(whorl_stream_pair(NULL, two), -EPERM);
    run_on_connections(1, WHORL_CLOCK_REAL, misuse, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(misuse_is_told_and_has_no_effect),
    };
    return run_behaviours("misuse of streams", tests);
}
