/*
 * Buffered files over streams: pipes and sockets. A reader gets what has come, and never waits for
 * more than it was asked for; what a cancelled call has read or not written stays for the next.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "as_task.h"
#include "fs/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOON WHORL_MS(5)

/* A pipe whose reading end, or writing end, is a file. */
struct tube {
    whorl_file *file;
    int other;
};

static struct tube tube_of(bool reading, int flags, const whorl_file_options *options)
{
    pair both = pipe_pair();
    int own = both.ends[!reading];
    struct tube tube = {.other = both.ends[reading]};
    assert_int_equal(fcntl(own, F_SETFL, fcntl(own, F_GETFL) | flags), 0);
    assert_int_equal(whorl_file_from_fd(own, options, &tube.file), 0);
    return tube;
}

static void tube_close(struct tube *tube)
{
    close(tube->other);
    assert_int_equal(whorl_file_close(tube->file), 0);
}

static void put(const struct tube *tube, const char *text)
{
    assert_int_equal(write(tube->other, text, strlen(text)), strlen(text));
}

/* --- Reading --- */

static void a_line_is_given_when_it_is_there(void **state)
{
    (void)state;
    struct tube tube = tube_of(true, 0, NULL);
    put(&tube, "one\ntwo\nthr");
    assert_line(tube.file, "one", 1);
    assert_line(tube.file, "two", 1);
    put(&tube, "ee\nfour");
    assert_line(tube.file, "three", 1);
    close(tube.other);
    assert_line(tube.file, "four", 0);
    assert_int_equal(whorl_file_read_line(tube.file, &(whorl_line){0}), 0);
    assert_int_equal(whorl_file_eof(tube.file), 1);
    assert_int_equal(whorl_file_close(tube.file), 0);
}

static void a_read_gives_what_has_come(void **state)
{
    (void)state;
    char buf[16];
    const void *data;
    struct tube tube = tube_of(true, 0, NULL);
    put(&tube, "abcdef");
    assert_int_equal(whorl_file_read(tube.file, buf, 2), 2);
    assert_int_equal(whorl_file_read(tube.file, buf, sizeof buf), 4);
    assert_memory_equal(buf, "cdef", 4);
    put(&tube, "ghi");
    assert_int_equal(whorl_file_peek(tube.file, &data, 1), 3);
    assert_int_equal(whorl_file_read(tube.file, buf, sizeof buf), 3);
    assert_int_equal(whorl_file_eof(tube.file), 0);
    tube_close(&tube);
}

static void a_stream_has_no_position(void **state)
{
    (void)state;
    struct tube tube = tube_of(true, 0, NULL);
    assert_int_equal(whorl_file_seek(tube.file, 0, SEEK_SET), -ESPIPE);
    assert_int_equal(whorl_file_tell(tube.file), -ESPIPE);
    assert_int_equal(whorl_file_truncate(tube.file, 0), -EINVAL);
    assert_int_equal(whorl_file_write(tube.file, "x", 1), -EBADF);
    tube_close(&tube);
}

/* A call that a timeout cuts short. */
#define cut_short(call)                                                                            \
    do {                                                                                           \
        whorl_timeout timeout;                                                                     \
        assert_int_equal(whorl_timeout_begin(&timeout, SOON), 0);                                  \
        assert_int_equal(whorl_timeout_end(&timeout, (call)), -ETIMEDOUT);                         \
    } while (0)

static void a_cancelled_read_has_read_nothing(void **state)
{
    (void)state;
    char buf[16];
    whorl_line line;
    const void *data;
    struct tube tube = tube_of(true, 0, &(whorl_file_options){.buffer_size = 2});
    put(&tube, "abc");
    cut_short(whorl_file_read_line(tube.file, &line));
    cut_short(whorl_file_read_exactly(tube.file, buf, 8));
    cut_short(whorl_file_peek(tube.file, &data, 5));
    put(&tube, "defgh\n");
    cut_short(whorl_file_read_exactly(tube.file, buf, 10));
    assert_int_equal(whorl_file_read_exactly(tube.file, buf, 4), 4);
    assert_memory_equal(buf, "abcd", 4);
    assert_line(tube.file, "efgh", 1);
    cut_short(whorl_file_read(tube.file, buf, 1));
    put(&tube, "i");
    assert_int_equal(whorl_file_read(tube.file, buf, 16), 1);
    tube_close(&tube);
}

static void fewer_than_exactly_tell_of_the_end(void **state)
{
    (void)state;
    char buf[16];
    struct tube tube = tube_of(true, 0, NULL);
    put(&tube, "abc");
    close(tube.other);
    assert_int_equal(whorl_file_read_exactly(tube.file, buf, 8), 3);
    assert_int_equal(whorl_file_eof(tube.file), 1);
    assert_int_equal(whorl_file_read_exactly(tube.file, buf, 8), 0);
    assert_int_equal(whorl_file_close(tube.file), 0);
}

static intptr_t put_later(void *arg)
{
    int error = whorl_sleep(SOON);
    return error ? error : whorl_write(*(int *)arg, "late\n", 5);
}

static void a_descriptor_that_does_not_block_is_waited_for(void **state)
{
    (void)state;
    struct tube tube = tube_of(true, O_NONBLOCK, NULL);
    whorl_task *writer = whorl_spawn(put_later, &tube.other);
    assert_line(tube.file, "late", 1);
    assert_int_equal(whorl_join(writer), 5);
    cut_short(whorl_file_read_line(tube.file, &(whorl_line){0}));
    tube_close(&tube);
}

/* --- Writing --- */

static void both_directions_of_a_socket_are_independent(void **state)
{
    (void)state;
    pair both = unix_pair();
    char buf[8];
    whorl_file *file;
    assert_int_equal(whorl_file_from_fd(both.ends[0], NULL, &file), 0);
    assert_int_equal(write(both.ends[1], "one\ntwo\n", 8), 8);
    assert_line(file, "one", 1);
    assert_int_equal(whorl_file_puts(file, "hello"), 5);
    assert_int_equal(whorl_file_flush(file), 0);
    assert_int_equal(read(both.ends[1], buf, sizeof buf), 5);
    assert_line(file, "two", 1);
    assert_int_equal(whorl_file_puts(file, "bye"), 3);
    assert_int_equal(whorl_file_close(file), 0);
    assert_int_equal(read(both.ends[1], buf, sizeof buf), 3);
    close(both.ends[1]);
}

enum { MANY = 300000 };

/* Reads numbers, each of 4 bytes, that must count up; slowly. */
static intptr_t count_up(void *arg)
{
    int fd = *(int *)arg;
    char buf[4096];
    uint32_t next = 0;
    size_t held = 0;
    for (;;) {
        ssize_t got = whorl_read(fd, buf + held, sizeof buf - held);
        if (got <= 0)
            return got < 0 ? got : held == 0 ? (intptr_t)next : -EIO;
        held += (size_t)got;
        size_t used = 0;
        for (; held - used >= 4; used += 4)
            if (memcmp(buf + used, &(uint32_t){next++}, 4) != 0)
                return -EILSEQ;
        memmove(buf, buf + used, held - used);
        held -= used;
        whorl_sleep(next % 3 * WHORL_US(100));
    }
}

/* Writes the numbers while timeouts cut its calls short, and flushes at random. */
static void write_numbers(whorl_file *file, random_source *random)
{
    for (size_t done = 0; done < (size_t)MANY * 4;) {
        uint32_t numbers[1000];
        size_t len = random_below(random, sizeof numbers);
        size_t first = done / 4;
        for (uint32_t i = 0; i < 1000; i++)
            numbers[i] = (uint32_t)first + i;
        if (len > (size_t)MANY * 4 - done)
            len = (size_t)MANY * 4 - done;
        if (len > sizeof numbers - done % 4)
            len = sizeof numbers - done % 4;
        whorl_timeout timeout;
        whorl_timeout_begin(&timeout, (int64_t)random_below(random, (uint64_t)WHORL_US(300)));
        ssize_t result = whorl_file_write(file, (char *)numbers + done % 4, len);
        if (random_below(random, 4) == 0)
            whorl_file_flush(file);
        whorl_timeout_end(&timeout, 0);
        done += result > 0 ? (size_t)result : 0;
        assert_true(result >= 0 || result == -ECANCELED);
    }
}

static void write_past_cancels(int flags)
{
    random_source random = random_from_seed(1);
    struct tube tube = tube_of(false, flags, &(whorl_file_options){.buffer_size = 3000});
    assert_true(fcntl(tube.other, F_SETPIPE_SZ, 4096) >= 0);
    whorl_task *reader = whorl_spawn(count_up, &tube.other);
    write_numbers(tube.file, &random);
    assert_int_equal(whorl_file_close(tube.file), 0);
    assert_int_equal(whorl_join(reader), MANY);
    close(tube.other);
}

static void cancelled_writes_and_flushes_lose_and_double_nothing(void **state)
{
    (void)state;
    write_past_cancels(0);
}

static void nor_do_they_on_a_descriptor_that_does_not_block(void **state)
{
    (void)state;
    write_past_cancels(O_NONBLOCK);
}

static void a_reader_that_is_gone_gives_epipe(void **state)
{
    (void)state;
    struct tube tube = tube_of(false, 0, NULL);
    close(tube.other);
    assert_int_equal(whorl_file_puts(tube.file, "text"), 4);
    assert_int_equal(whorl_file_flush(tube.file), -EPIPE);
    assert_int_equal(whorl_file_sync(tube.file), -EPIPE);
    assert_int_equal(whorl_file_close(tube.file), -EPIPE);
}

static void a_cancelled_close_gives_what_is_taken_at_once(void **state)
{
    (void)state;
    char *room = malloc(1 << 20);
    struct tube tube = tube_of(false, 0, &(whorl_file_options){.buffer_size = 100000});
    assert_true(fcntl(tube.other, F_SETPIPE_SZ, 4096) >= 0);
    memset(room, 'x', 100000);
    assert_int_equal(whorl_file_write(tube.file, room, 60000), 60000);
    whorl_cancel(whorl_self());
    assert_int_equal(whorl_file_close(tube.file), -ECANCELED);
    whorl_uncancel();
    assert_int_equal(whorl_read(tube.other, room, 100000), 4096);
    assert_int_equal(whorl_read(tube.other, room, 100000), 0);
    tube.file = NULL;
    close(tube.other);
    tube = tube_of(false, 0, NULL);
    assert_int_equal(whorl_file_puts(tube.file, "fits"), 4);
    whorl_cancel(whorl_self());
    assert_int_equal(whorl_file_close(tube.file), 0);
    whorl_uncancel();
    assert_int_equal(whorl_read(tube.other, room, 100), 4);
    close(tube.other);
    free(room);
}

static intptr_t close_it(void *arg)
{
    return whorl_file_close(arg);
}

static void a_close_that_waits_ends_when_it_is_cancelled(void **state)
{
    (void)state;
    enum { SIZE = 3000, ROOM = 4096 };
    static const unsigned flags[] = {0, O_NONBLOCK};
    char sent[2 * SIZE], got[2 * SIZE];
    for (size_t i = 0; i < count_of(flags); i++) {
        struct tube tube =
            tube_of(false, (int)flags[i], &(whorl_file_options){.buffer_size = SIZE});
        assert_true(fcntl(tube.other, F_SETPIPE_SZ, ROOM) >= 0);
        for (size_t at = 0; at < sizeof sent; at++)
            sent[at] = (char)(at * 7 % 251);
        assert_int_equal(whorl_file_write(tube.file, sent, sizeof sent), sizeof sent);
        whorl_task *closer = whorl_spawn(close_it, tube.file);
        assert_int_equal(whorl_sleep(SOON), 0);
        assert_int_equal(whorl_is_done(closer), 0);
        whorl_cancel(closer);
        assert_int_equal(whorl_join(closer), -ECANCELED);
        ssize_t len = whorl_read(tube.other, got, sizeof got);
        assert_true(len >= SIZE && len <= ROOM);
        assert_memory_equal(got, sent, (size_t)len);
        assert_int_equal(whorl_read(tube.other, got, sizeof got), 0);
        close(tube.other);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(a_line_is_given_when_it_is_there),
        as_task(a_read_gives_what_has_come),
        as_task(a_stream_has_no_position),
        as_task(a_cancelled_read_has_read_nothing),
        as_task(fewer_than_exactly_tell_of_the_end),
        as_task(a_descriptor_that_does_not_block_is_waited_for),
        as_task(both_directions_of_a_socket_are_independent),
        as_task(cancelled_writes_and_flushes_lose_and_double_nothing),
        as_task(nor_do_they_on_a_descriptor_that_does_not_block),
        as_task(a_reader_that_is_gone_gives_epipe),
        as_task(a_cancelled_close_gives_what_is_taken_at_once),
        as_task(a_close_that_waits_ends_when_it_is_cancelled),
    };
    return run_behaviours("file_stream", tests);
}
