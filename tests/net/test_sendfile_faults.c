/*
 * Files sent to sockets from the page cache, by a sendfile(2) of the test's own: one that finds no
 * memory, for a while or for good; none that would wait for the receiver; and one that sees whether
 * the socket is corked.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "net/big_file.h"

#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <unistd.h>

static unsigned shortages; /* to come */
static int shortage = ENOBUFS;
static unsigned calls;
static bool might_wait; /* one was for a socket that blocks */
static unsigned corked; /* were for a socket that was corked */

static bool is_corked(int fd)
{
    int value = 0;
    socklen_t len = sizeof value;
    return getsockopt(fd, IPPROTO_TCP, TCP_CORK, &value, &len) == 0 && value;
}

ssize_t __wrap_sendfile(int out, int in, off_t *offset, size_t count);

ssize_t __wrap_sendfile(int out, int in, off_t *offset, size_t count)
{
    calls++;
    corked += is_corked(out);
    bool is_blocking = !(fcntl(out, F_GETFL) & O_NONBLOCK);
    might_wait |= is_blocking;
    if (is_blocking || shortages > 0) {
        shortages -= !is_blocking;
        errno = is_blocking ? EINVAL : shortage;
        return -1;
    }
    return syscall(SYS_sendfile, out, in, offset, count);
}

static const whorl_config virtual_time = {.clock = WHORL_CLOCK_VIRTUAL};

static void run_with_pages(whorl_fn *fn, void *arg)
{
    need_cachestat();
    calls = corked = 0;
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

/* A poll tells of room, and none is found: after that there is a pause, but not before. */
static intptr_t send_into_vain_room(void *arg)
{
    (void)arg;
    pair both = unix_pair();
    whorl_stream *stream;
    off_t offset = 0;
    int fd = big_file(O_RDONLY);
    check_equal(whorl_stream_open(both.ends[1], NULL, &stream), 0);
    int64_t before = whorl_now();
    shortages = 5;
    check_equal(whorl_stream_sendfile(stream, fd, &offset, 20000), 20000);
    check_equal(calls, 5 + 1);
    check(whorl_now() - before >= WHORL_MS(1 + 2));
    check(whorl_now() - before < WHORL_MS(4));
    check_equal(whorl_stream_close(stream), 0);
    both.ends[1] = -1;
    close(fd);
    close_pair(&both);
    return 0;
}

/* Without a stream, the ring's send waits for what lacks. */
static intptr_t send_past_vain_room(void *arg)
{
    (void)arg;
    pair both = pair_of_kind(KIND_NONBLOCKING + 1);
    struct receiver to = {.fd = both.ends[0], .most = 20000};
    off_t offset = 0;
    int fd = big_file(O_RDONLY);
    shortages = 1000;
    check_equal(whorl_sendfile(both.ends[1], fd, &offset, 20000), 20000);
    check_equal(calls, 2);
    check_equal(receive(&to), 20000);
    close(fd);
    close_pair(&both);
    return 0;
}

static void room_that_takes_nothing_is_not_asked_for_at_once(void **state)
{
    (void)state;
    shortage = EAGAIN;
    run_with_pages(send_into_vain_room, NULL);
    run_with_pages(send_past_vain_room, NULL);
    shortage = ENOBUFS;
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

/* --- Sockets that block --- */

static void set_blocking(int fd)
{
    check_equal(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK), 0);
}

/* Whoever else has the socket sets it to block, while the sender waits for room. */
static void play_blocker(whorl_task *sender, pair *both)
{
    struct receiver to = {.fd = both->ends[0], .most = FILE_BYTES};
    while (calls == 0)
        check_equal(whorl_yield(), 0);
    check(!whorl_is_done(sender));
    set_blocking(both->ends[1]);
    check_equal(receive(&to), FILE_BYTES);
    check_equal(whorl_join(sender), FILE_BYTES);
    check(!might_wait);
}

struct sender {
    whorl_stream *stream;
    int out, in;
};

static intptr_t send_to_one(void *arg)
{
    const struct sender *one = arg;
    off_t offset = 0;
    return one->stream ? whorl_stream_sendfile(one->stream, one->in, &offset, SIZE_MAX)
                       : whorl_sendfile(one->out, one->in, &offset, SIZE_MAX);
}

static intptr_t block_a_socket(void *arg)
{
    (void)arg;
    pair both = pair_of_kind(KIND_NONBLOCKING + 1);
    struct sender one = {.out = both.ends[1], .in = big_file(O_RDONLY)};
    play_blocker(whorl_spawn(send_to_one, &one), &both);
    close(one.in);
    close_pair(&both);
    return 0;
}

static intptr_t block_a_stream(void *arg)
{
    (void)arg;
    pair both = unix_pair();
    struct sender one = {.in = big_file(O_RDONLY)};
    check_equal(whorl_stream_open(dup(both.ends[1]), NULL, &one.stream), 0);
    play_blocker(whorl_spawn(send_to_one, &one), &both);
    check_equal(whorl_stream_close(one.stream), 0);
    close(one.in);
    close_pair(&both);
    return 0;
}

static void a_socket_that_blocks_again_does_not_hold_up_the_loop(void **state)
{
    (void)state;
    run_with_pages(block_a_socket, NULL);
    run_with_pages(block_a_stream, NULL);
}

/* --- Signals --- */

static intptr_t send_amid_signals(void *arg)
{
    (void)arg;
    pair both = pair_of_kind(KIND_NONBLOCKING), streamed = tcp_pair();
    struct sender bare = {.out = both.ends[1], .in = big_file(O_RDONLY)}, one = bare;
    off_t offset = 0;
    check_equal(whorl_stream_open(streamed.ends[1], NULL, &one.stream), 0);
    shortage = EINTR;
    shortages = 3;
    check_equal(whorl_sendfile(bare.out, bare.in, &offset, 20000), 20000);
    check_equal(calls, 4);
    shortages = 3;
    check_equal(whorl_stream_sendfile(one.stream, one.in, &offset, 20000), 20000);
    check_equal(calls, 8);
    check_equal(whorl_stream_close(one.stream), 0);
    streamed.ends[1] = -1;
    close(bare.in);
    close_pair(&streamed);
    close_pair(&both);
    return 0;
}

static void a_signal_ends_no_transfer(void **state)
{
    (void)state;
    run_with_pages(send_amid_signals, NULL);
    shortage = ENOBUFS;
}

/* --- Peers that have sent their end, and errors that are none --- */

/* Each call is for room that the peer has made, or for what a poll has taken for an error. */
static void check_waits(whorl_task *sender, struct receiver *to)
{
    check_equal(whorl_sleep(WHORL_MS(20)), 0);
    check(!whorl_is_done(sender));
    check(calls <= 5);
    check_equal(receive(to), FILE_BYTES);
    check_equal(whorl_join(sender), FILE_BYTES);
}

static void leave_little_room(const pair *both)
{
    int bytes = 50000;
    check_equal(setsockopt(both->ends[1], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes), 0);
    check_equal(setsockopt(both->ends[0], SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes), 0);
}

static void end_with_little_room(const pair *both)
{
    leave_little_room(both);
    check_equal(shutdown(both->ends[0], SHUT_WR), 0);
}

/* By a socket, and by a stream over it. */
static intptr_t send_and_wait(pair both)
{
    struct receiver to = {.fd = both.ends[0], .most = FILE_BYTES};
    struct sender one = {.out = both.ends[1], .in = big_file(O_RDONLY)};
    check_waits(whorl_spawn(send_to_one, &one), &to);
    to = (struct receiver){.fd = both.ends[0], .most = FILE_BYTES};
    check_equal(whorl_stream_open(dup(both.ends[1]), NULL, &one.stream), 0);
    calls = 0;
    check_waits(whorl_spawn(send_to_one, &one), &to);
    check_equal(whorl_stream_close(one.stream), 0);
    close(one.in);
    close_pair(&both);
    return 0;
}

static intptr_t send_to_half_closed(void *arg)
{
    const int *kind = arg;
    pair both = pair_of_kind(*kind + KIND_NONBLOCKING);
    end_with_little_room(&both);
    return send_and_wait(both);
}

static intptr_t give_up_half_closed(void *arg)
{
    const int *kind = arg;
    const whorl_stream_options options = {.idle_timeout = WHORL_MS(40)};
    pair both = pair_of_kind(*kind);
    end_with_little_room(&both);
    struct sender one = {.in = big_file(O_RDONLY)};
    check_equal(whorl_stream_open(both.ends[1], &options, &one.stream), 0);
    intptr_t sent = send_to_one(&one);
    check(sent == -ETIMEDOUT || (sent > 0 && sent < FILE_BYTES));
    check_equal(whorl_stream_abort(one.stream), 0);
    both.ends[1] = -1;
    close(one.in);
    close_pair(&both);
    return 0;
}

static void one_who_has_sent_its_end_is_waited_for_and_not_asked_again_and_again(void **state)
{
    (void)state;
    need_cachestat();
    for (int kind = 0; kind < 2; kind++) {
        calls = 0;
        run_checks(send_to_half_closed, &kind);
        run_checks(give_up_half_closed, &kind);
    }
}

/* What lies in the error queue ends each poll that looks at it. */
static intptr_t send_beside_errors(void *arg)
{
    (void)arg;
    pair both = pair_of_kind(KIND_NONBLOCKING);
    leave_little_room(&both);
    leave_mark_in_error_queue(&both, 1);
    return send_and_wait(both);
}

static void what_lies_in_the_error_queue_ends_no_transfer(void **state)
{
    (void)state;
    need_cachestat();
    calls = 0;
    run_checks(send_beside_errors, NULL);
}

/* --- Corks --- */

struct corking {
    size_t count; /* of bytes to be sent */
    bool was_corked;
    unsigned shortages; /* calls that find no memory first */
};

static intptr_t send_and_see_the_cork(void *arg)
{
    const struct corking *corking = arg;
    pair both = tcp_pair();
    int own = dup(both.ends[1]), value = corking->was_corked;
    check_equal(setsockopt(own, IPPROTO_TCP, TCP_CORK, &value, sizeof value), 0);
    struct receiver to = {.fd = both.ends[0], .most = SIZE_MAX};
    whorl_task *receiver = whorl_spawn(receive, &to);
    struct sender one = {.in = big_file(O_RDONLY)};
    check_equal(whorl_stream_open(both.ends[1], NULL, &one.stream), 0);
    shortages = corking->shortages;
    off_t offset = 0;
    check_equal(whorl_stream_sendfile(one.stream, one.in, &offset, corking->count), corking->count);
    check_equal(is_corked(own), corking->was_corked);
    check_equal(corked, corking->was_corked || corking->count > 65536 ? calls : 0);
    check_equal(whorl_stream_close(one.stream), 0);
    both.ends[1] = -1;
    close(own);
    check_equal(whorl_join(receiver), corking->count);
    close(one.in);
    close_pair(&both);
    return 0;
}

static void what_is_more_than_a_segment_is_corked_while_it_is_handed_over(void **state)
{
    (void)state;
    struct corking large = {.count = FILE_BYTES}, refused = {.count = FILE_BYTES, .shortages = 3},
                   small = {.count = 65536}, own = {.count = FILE_BYTES, .was_corked = true};
    run_with_pages(send_and_see_the_cork, &large);
    run_with_pages(send_and_see_the_cork, &refused);
    run_with_pages(send_and_see_the_cork, &small);
    run_with_pages(send_and_see_the_cork, &own);
}

/* --- Streams that end --- */

/* How the stream goes. */
enum parting { CLOSE, ABORT, LEAVE };

struct parted {
    pair both;
    enum parting parting;
};

static intptr_t part(void *arg)
{
    const struct parted *parted = arg;
    whorl_stream *stream;
    off_t offset = 0;
    int in = big_file(O_RDONLY);
    check_equal(whorl_stream_open(dup(parted->both.ends[1]), NULL, &stream), 0);
    check_equal(whorl_stream_sendfile(stream, in, &offset, 20000), 20000);
    check_equal(calls, 1);
    check((fcntl(parted->both.ends[1], F_GETFL) & O_NONBLOCK) != 0);
    close(in);
    if (parted->parting == CLOSE)
        return whorl_stream_close(stream);
    return parted->parting == ABORT ? whorl_stream_abort(stream) : 0;
}

static void who_else_has_a_streams_socket_finds_it_as_it_was(void **state)
{
    (void)state;
    for (enum parting parting = CLOSE; parting <= LEAVE; parting++) {
        struct parted parted = {unix_pair(), parting};
        int was = fcntl(parted.both.ends[1], F_GETFL);
        run_with_pages(part, &parted);
        assert_int_equal(fcntl(parted.both.ends[1], F_GETFL), was);
        close_pair(&parted.both);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_shortage_is_waited_out_and_the_next_one_begins_anew),
        behaviour(room_that_takes_nothing_is_not_asked_for_at_once),
        behaviour(the_idle_timeout_ends_the_wait_in_a_shortage),
        behaviour(a_socket_that_blocks_again_does_not_hold_up_the_loop),
        behaviour(a_signal_ends_no_transfer),
        behaviour(one_who_has_sent_its_end_is_waited_for_and_not_asked_again_and_again),
        behaviour(what_lies_in_the_error_queue_ends_no_transfer),
        behaviour(what_is_more_than_a_segment_is_corked_while_it_is_handed_over),
        behaviour(who_else_has_a_streams_socket_finds_it_as_it_was),
    };
    int failed = run_behaviours("sendfile_faults", tests);
    free(content);
    return failed;
}
