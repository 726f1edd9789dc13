/*
 * Files sent to sockets from the page cache, by a sendfile(2) of the test's own: one that finds no
 * memory, for a while or for good; and none that would wait for the receiver.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "net/big_file.h"

#include <limits.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <unistd.h>

static unsigned shortages; /* to come */
static unsigned calls;
static bool might_wait; /* one was for a socket that blocks */

ssize_t __wrap_sendfile(int out, int in, off_t *offset, size_t count);

ssize_t __wrap_sendfile(int out, int in, off_t *offset, size_t count)
{
    calls++;
    bool is_blocking = !(fcntl(out, F_GETFL) & O_NONBLOCK);
    might_wait |= is_blocking;
    if (is_blocking || shortages > 0) {
        shortages -= !is_blocking;
        errno = is_blocking ? EINVAL : ENOBUFS;
        return -1;
    }
    return syscall(SYS_sendfile, out, in, offset, count);
}

static const whorl_config virtual_time = {.clock = WHORL_CLOCK_VIRTUAL};

/* Streams come to it where the kernel tells what is cached. */
static void run_with_pages(whorl_fn *fn, void *arg)
{
    if (syscall(451, -1, NULL, NULL, 0) != 0 && errno == ENOSYS) {
        print_message("the kernel has no cachestat(2)\n");
        skip();
    }
    calls = 0;
    might_wait = false;
    run_checks_with(&virtual_time, fn, arg);
    shortages = 0;
}

/* --- Shortages --- */

static intptr_t send_in_shortages(void *arg)
{
    (void)arg;
    pair both = unix_pair();
    whorl_stream *stream;
    off_t offset = 0;
    int fd = big_file(O_RDONLY);
    check_equal(whorl_stream_open(both.ends[1], NULL, &stream), 0);
    int64_t before = whorl_now();
    for (int i = 0; i < 2; i++) {
        shortages = 3;
        check_equal(whorl_stream_sendfile(stream, fd, &offset, 20000), 20000);
        check(whorl_now() - before >= WHORL_MS(1 + 2 + 4));
        check(whorl_now() - before < WHORL_MS(8));
        before = whorl_now();
    }
    check_equal(calls, 2 * (3 + 1));
    check_equal(whorl_stream_close(stream), 0);
    both.ends[1] = -1;
    close(fd);
    close_pair(&both);
    return 0;
}

static void a_shortage_is_waited_out_and_the_next_one_begins_anew(void **state)
{
    (void)state;
    run_with_pages(send_in_shortages, NULL);
}

static intptr_t send_in_vain(void *arg)
{
    (void)arg;
    const whorl_stream_options options = {.idle_timeout = WHORL_SECONDS(10)};
    pair both = unix_pair();
    whorl_stream *stream;
    whorl_timeout limit;
    off_t offset = 0;
    int fd = big_file(O_RDONLY);
    check_equal(whorl_stream_open(both.ends[1], &options, &stream), 0);
    int64_t before = whorl_now();
    shortages = UINT_MAX;
    whorl_timeout_begin(&limit, WHORL_SECONDS(1000));
    check_equal(whorl_timeout_end(&limit, whorl_stream_sendfile(stream, fd, &offset, SIZE_MAX)),
                -ETIMEDOUT);
    check(whorl_now() - before < WHORL_SECONDS(11));
    check(calls >= 10000 / 128);
    check_equal(whorl_stream_close(stream), 0);
    both.ends[1] = -1;
    close(fd);
    close_pair(&both);
    return 0;
}

static void the_idle_timeout_ends_the_wait_in_a_shortage(void **state)
{
    (void)state;
    run_with_pages(send_in_vain, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_shortage_is_waited_out_and_the_next_one_begins_anew),
        behaviour(the_idle_timeout_ends_the_wait_in_a_shortage),
    };
    int failed = run_behaviours("sendfile_faults", tests);
    free(content);
    return failed;
}
