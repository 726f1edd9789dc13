/*
 * Files sent to sockets, pipes and files: every byte once and in order, whatever the sizes, and
 * offset and position where they belong, also when it ends early.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "feature_sets.h"

#include <errno.h>
#include <fcntl.h>
#include <net/bulk_buffers.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FILE_BYTES = 1000003, CROWD = 300 };

static char *content;

/* The file, anew, and what is in it. */
static int big_file(int flags)
{
    test_path path = path_of("big");
    if (!content) {
        random_source random = random_from_seed(7);
        content = malloc(FILE_BYTES);
        for (size_t i = 0; i < FILE_BYTES; i++)
            content[i] = (char)random_next(&random);
    }
    write_whole(path.text, content, FILE_BYTES);
    int fd = open(path.text, flags | O_CLOEXEC);
    check(fd >= 0);
    return fd;
}

struct receiver {
    int fd;
    size_t at;   /* what is expected from there on */
    size_t most; /* bytes to read; then it stops */
    bool is_slow;
};

/* Reads, comparing with the file; returns how many bytes came. */
static intptr_t receive(void *arg)
{
    struct receiver *to = arg;
    char buf[10000];
    size_t got = 0;
    while (got < to->most) {
        ssize_t came = whorl_read(to->fd, buf, sizeof buf);
        if (came <= 0)
            return came < 0 ? came : (intptr_t)got;
        if (to->at + got + (size_t)came > FILE_BYTES ||
            memcmp(buf, content + to->at + got, (size_t)came) != 0) {
            check_failed("other bytes, from %zu on", to->at + got);
            return -EIO;
        }
        got += (size_t)came;
        if (to->is_slow)
            whorl_yield();
    }
    return (intptr_t)got;
}

/* --- Sizes, offsets, kinds of receivers --- */

static pair pair_of_kind(int kind)
{
    return kind == 0 ? tcp_pair() : kind == 1 ? unix_pair() : pipe_pair();
}

static void send_part(int kind, int fd, off_t from, size_t count)
{
    pair both = pair_of_kind(kind);
    struct receiver to = {.fd = both.ends[0], .at = (size_t)from, .most = SIZE_MAX};
    whorl_task *task = whorl_spawn(receive, &to);
    size_t left = FILE_BYTES - (size_t)from, expected = count < left ? count : left;
    off_t offset = from;
    check_equal(lseek(fd, 7, SEEK_SET), 7);
    check_equal(whorl_sendfile(both.ends[1], fd, &offset, count), expected);
    check_equal(offset, from + (off_t)expected);
    check_equal(lseek(fd, 0, SEEK_CUR), 7);
    check_equal(whorl_close(both.ends[1]), 0);
    both.ends[1] = -1;
    check_equal(whorl_join(task), expected);
    close_pair(&both);
}

static intptr_t send_parts(void *arg)
{
    (void)arg;
    static const size_t counts[] = {0,
                                    1,
                                    4096,
                                    BULK_SMALL + 1,
                                    BULK_LARGE - 1,
                                    BULK_LARGE,
                                    BULK_LARGE + 1,
                                    FILE_BYTES - 5,
                                    FILE_BYTES,
                                    SIZE_MAX};
    int fd = big_file(O_RDONLY);
    for (int kind = 0; kind < 3; kind++)
        for (size_t i = 0; i < count_of(counts); i++) {
            send_part(kind, fd, 0, counts[i]);
            send_part(kind, fd, 5, counts[i]);
            send_part(kind, fd, FILE_BYTES - 3, counts[i]);
            send_part(kind, fd, FILE_BYTES, counts[i]);
        }
    close(fd);
    return 0;
}

static void any_part_of_a_file_goes_to_any_kind_of_receiver(void **state)
{
    (void)state;
    run_checks(send_parts, NULL);
    whorl_config config = {.without = features_without(KNOWN_FEATURES + 1)};
    run_checks_with(&config, send_parts, NULL);
}

static intptr_t send_at_position(void *arg)
{
    (void)arg;
    int fd = digits_file(O_RDONLY);
    pair both = tcp_pair();
    check_equal(whorl_sendfile(both.ends[1], fd, NULL, 4), 4);
    check_equal(lseek(fd, 0, SEEK_CUR), 4);
    check_equal(whorl_sendfile(both.ends[1], fd, NULL, 100), 6);
    check_equal(lseek(fd, 0, SEEK_CUR), 10);
    check_equal(whorl_sendfile(both.ends[1], fd, NULL, 100), 0);
    check_unread(both.ends[0], "0123456789");
    close_pair(&both);
    close(fd);
    return 0;
}

static void without_an_offset_the_position_moves(void **state)
{
    (void)state;
    run_checks_on_all_features(send_at_position, NULL);
}

static intptr_t send_to_file(void *arg)
{
    (void)arg;
    test_path path = path_of("copy");
    int in = big_file(O_RDONLY), out = open(path.text, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    check_equal(whorl_sendfile(out, in, NULL, SIZE_MAX), FILE_BYTES);
    check_equal(lseek(out, 0, SEEK_CUR), FILE_BYTES);
    check_equal(lseek(out, 0, SEEK_SET), 0);
    struct receiver to = {.fd = out, .most = SIZE_MAX};
    check_equal(receive(&to), FILE_BYTES);
    close(in);
    close(out);
    return 0;
}

static void a_file_takes_it_too(void **state)
{
    (void)state;
    run_checks(send_to_file, NULL);
}

static intptr_t send_direct(void *arg)
{
    (void)arg;
    int fd = big_file(O_RDONLY);
    if (fcntl(fd, F_SETFL, O_DIRECT) == 0) {
        send_part(0, fd, 0, SIZE_MAX);
        send_part(2, fd, 4096, 100000);
        send_part(0, fd, 8192, FILE_BYTES - 8192);
    }
    close(fd);
    return 0;
}

static void a_file_with_o_direct_is_read_in_whole_blocks(void **state)
{
    (void)state;
    run_checks(send_direct, NULL);
}

/* --- Streams --- */

static intptr_t send_through_stream(void *arg)
{
    (void)arg;
    static const size_t counts[] = {1, 4096, BULK_LARGE + 1, FILE_BYTES, SIZE_MAX};
    int fd = big_file(O_RDONLY);
    for (size_t i = 0; i < count_of(counts); i++) {
        pair both = i % 2 == 0 ? tcp_pair() : unix_pair();
        whorl_stream *stream;
        off_t offset = 100;
        check_equal(whorl_stream_open(both.ends[1], NULL, &stream), 0);
        struct receiver to = {.fd = both.ends[0], .most = SIZE_MAX, .is_slow = true};
        whorl_task *task = whorl_spawn(receive, &to);
        size_t left = FILE_BYTES - 100, expected = counts[i] < left ? counts[i] : left;
        check_equal(whorl_stream_write(stream, content, 100), 100);
        check_equal(whorl_stream_sendfile(stream, fd, &offset, counts[i]), expected);
        check_equal(offset, 100 + expected);
        check_equal(whorl_stream_close(stream), 0);
        check_equal(whorl_join(task), 100 + expected);
        both.ends[1] = -1;
        close_pair(&both);
    }
    close(fd);
    return 0;
}

static void a_stream_takes_it_behind_what_was_written(void **state)
{
    (void)state;
    run_checks_on_all_features(send_through_stream, NULL);
}

struct stream_sender {
    whorl_stream *stream;
    int in;
    off_t offset;
    ssize_t result;
};

static intptr_t send_to_stream(void *arg)
{
    struct stream_sender *one = arg;
    one->result = whorl_stream_sendfile(one->stream, one->in, &one->offset, SIZE_MAX);
    return one->result;
}

/* A second writer is kept out; a cancel, or whoever closes the stream, ends it. */
static intptr_t end_stream_early(void *arg)
{
    (void)arg;
    for (int turns = 0; turns < 12; turns++) {
        pair both = unix_pair();
        struct stream_sender one = {.in = big_file(O_RDONLY), .result = -ECANCELED};
        struct receiver to = {.fd = both.ends[0], .most = SIZE_MAX};
        check_equal(whorl_stream_open(both.ends[1], NULL, &one.stream), 0);
        both.ends[1] = -1;
        whorl_task *task = whorl_spawn(send_to_stream, &one);
        for (int i = 0; i < turns; i++)
            whorl_yield();
        if (turns > 0)
            check_equal(whorl_stream_write(one.stream, "x", 1), -EBUSY);
        if (turns % 2 == 0)
            whorl_cancel(task);
        else
            check_equal(whorl_stream_abort(one.stream), 0);
        whorl_join(task);
        check(one.result == -ECANCELED || (one.result > 0 && one.result < FILE_BYTES));
        check_equal(one.offset, one.result < 0 ? 0 : one.result);
        whorl_task *reader = whorl_spawn(receive, &to);
        if (turns % 2 == 0) {
            check_equal(whorl_stream_close(one.stream), 0);
            check_equal(whorl_join(reader), one.offset);
        } else {
            check(whorl_join(reader) <= one.offset);
        }
        close(one.in);
        close_pair(&both);
    }
    return 0;
}

static void a_transfer_to_a_stream_ends_early_and_loses_nothing(void **state)
{
    (void)state;
    run_checks(end_stream_early, NULL);
}

static intptr_t send_wrongly_to_stream(void *arg)
{
    (void)arg;
    whorl_stream *ends[2];
    off_t before = -1, offset = 0;
    pair tube = pipe_pair();
    int fd = digits_file(O_RDONLY);
    check_equal(whorl_stream_pair(NULL, ends), 0);
    check_equal(whorl_stream_sendfile(NULL, fd, NULL, 1), -EINVAL);
    check_equal(whorl_stream_sendfile(ends[0], -1, NULL, 1), -EBADF);
    check_equal(whorl_stream_sendfile(ends[0], tube.ends[0], NULL, 1), -EINVAL);
    check_equal(whorl_stream_sendfile(ends[0], fd, &before, 1), -EINVAL);
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_stream_sendfile(ends[0], fd, &offset, 1), -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    check_equal(whorl_stream_end(ends[0]), 0);
    check_equal(whorl_stream_sendfile(ends[0], fd, NULL, 1), -EPIPE);
    check_equal(lseek(fd, 0, SEEK_CUR), 0);
    check_equal(whorl_stream_sendfile(ends[1], fd, NULL, 100), 10);
    check_equal(lseek(fd, 0, SEEK_CUR), 10);
    check_equal(whorl_stream_sendfile(ends[1], fd, NULL, 100), 0);
    check_equal(whorl_stream_close(ends[0]), 0);
    check_equal(whorl_stream_abort(ends[1]), 0);
    close(fd);
    close_pair(&tube);
    return 0;
}

static void errors_of_streams_are_told_too(void **state)
{
    (void)state;
    run_checks(send_wrongly_to_stream, NULL);
}

/* --- Errors --- */

static intptr_t send_wrongly(void *arg)
{
    (void)arg;
    int fd = digits_file(O_RDWR), dir = open("/", O_RDONLY | O_CLOEXEC);
    pair both = tcp_pair(), tube = pipe_pair();
    off_t before = -1, offset = 0;
    check_equal(whorl_sendfile(-1, fd, NULL, 1), -EBADF);
    check_equal(whorl_sendfile(both.ends[1], -1, NULL, 1), -EBADF);
    check_equal(whorl_sendfile(both.ends[1], tube.ends[0], NULL, 1), -EINVAL);
    check_equal(whorl_sendfile(both.ends[1], both.ends[0], NULL, 1), -EINVAL);
    check_equal(whorl_sendfile(both.ends[1], dir, NULL, 1), -EINVAL);
    check_equal(whorl_sendfile(both.ends[1], fd, &before, 1), -EINVAL);
    check_equal(whorl_sendfile(tube.ends[0], fd, NULL, 1), -EBADF);
    check_equal(lseek(fd, 0, SEEK_CUR), 0);
    int path = open("/dev/null", O_WRONLY | O_CLOEXEC);
    test_path digits = path_of("digits");
    int unreadable = open(digits.text, O_WRONLY | O_CLOEXEC);
    check_equal(whorl_sendfile(both.ends[1], unreadable, NULL, 1), -EBADF);
    check_equal(whorl_sendfile(path, fd, &offset, 4), 4);
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_sendfile(both.ends[1], fd, &offset, 4), -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    check_equal(offset, 4);
    check_equal(close(tube.ends[0]), 0);
    tube.ends[0] = -1;
    check_equal(whorl_sendfile(tube.ends[1], fd, NULL, 4), -EPIPE);
    check_equal(lseek(fd, 0, SEEK_CUR), 0);
    close(path);
    close(unreadable);
    close(fd);
    close(dir);
    close_pair(&both);
    close_pair(&tube);
    return 0;
}

static void errors_are_told_and_move_nothing(void **state)
{
    (void)state;
    run_checks(send_wrongly, NULL);
}

/* --- When it ends early --- */

struct sender {
    int out, in;
    bool at_position;
    off_t offset;
    ssize_t result;
};

static intptr_t send_rest(void *arg)
{
    struct sender *one = arg;
    one->result =
        whorl_sendfile(one->out, one->in, one->at_position ? NULL : &one->offset, SIZE_MAX);
    return one->result;
}

static off_t place_of(const struct sender *one)
{
    return one->at_position ? lseek(one->in, 0, SEEK_CUR) : one->offset;
}

/* Cancels it again and again, while the other end takes little, and goes on from there. */
static void send_with_cancels(int kind, bool at_position, random_source *random)
{
    pair both = pair_of_kind(kind);
    struct receiver to = {.fd = both.ends[0], .most = SIZE_MAX, .is_slow = true};
    struct sender one = {.out = both.ends[1], .in = big_file(O_RDONLY), .at_position = at_position};
    whorl_task *reader = NULL;
    off_t at = 0;
    for (int round = 0; at < FILE_BYTES; round++) {
        one.result = -ECANCELED; /* which stays, if it is cancelled before it has begun */
        whorl_task *task = whorl_spawn(send_rest, &one);
        for (uint64_t turns = random_below(random, 20); turns > 0; turns--)
            whorl_yield();
        if (round % 3 == 1)
            whorl_sleep(WHORL_US(200));
        if (round < 30)
            whorl_cancel(task);
        if (!reader)
            reader = whorl_spawn(receive, &to);
        whorl_join(task);
        check(one.result > 0 || (one.result == -ECANCELED && round < 30));
        at += one.result > 0 ? one.result : 0;
        if (!check_equal(place_of(&one), at))
            break;
    }
    check_equal(whorl_close(both.ends[1]), 0);
    both.ends[1] = -1;
    check_equal(whorl_join(reader), FILE_BYTES);
    close(one.in);
    close_pair(&both);
}

static intptr_t cancel_often(void *arg)
{
    (void)arg;
    random_source random = random_from_seed(3);
    for (long round = 0; round < test_rounds(2); round++)
        for (int kind = 0; kind < 3; kind++) {
            send_with_cancels(kind, false, &random);
            send_with_cancels(kind, true, &random);
        }
    return 0;
}

static void a_cancelled_transfer_goes_on_where_it_was_and_loses_nothing(void **state)
{
    (void)state;
    run_checks(cancel_often, NULL);
}

static intptr_t run_out_of_time(void *arg)
{
    (void)arg;
    pair both = tcp_pair();
    int fd = big_file(O_RDONLY);
    size_t sent = 0;
    whorl_timeout limit;
    whorl_timeout_begin(&limit, WHORL_MS(20));
    for (;;) {
        off_t offset = 0;
        ssize_t result = whorl_sendfile(both.ends[1], fd, &offset, SIZE_MAX);
        check_equal(offset, result < 0 ? 0 : result);
        if (result < 0) {
            check_equal(result, -ECANCELED);
            break;
        }
        sent += (size_t)result;
    }
    check_equal(whorl_timeout_end(&limit, -ECANCELED), -ETIMEDOUT);
    check(sent > 0);
    close(fd);
    close_pair(&both);
    return 0;
}

static void a_timeout_gives_the_count_so_far(void **state)
{
    (void)state;
    run_checks(run_out_of_time, NULL);
}

static intptr_t close_meanwhile(void *arg)
{
    (void)arg;
    for (int which = 0; which < 3; which++) {
        pair both = unix_pair();
        struct sender one = {.out = both.ends[1], .in = big_file(O_RDONLY)};
        struct receiver to = {.fd = both.ends[0], .most = SIZE_MAX};
        whorl_task *task = whorl_spawn(send_rest, &one);
        for (int i = 0; i < 5; i++)
            whorl_yield();
        check(!whorl_is_done(task));
        if (which == 0) {
            check_equal(whorl_close(both.ends[1]), 0);
            both.ends[1] = -1;
        } else if (which == 1) {
            check_equal(whorl_close(one.in), 0);
            one.in = digits_file(O_RDONLY);
        } else {
            check_equal(whorl_close(both.ends[0]), 0);
            both.ends[0] = -1;
        }
        whorl_task *reader = which < 2 ? whorl_spawn(receive, &to) : NULL;
        whorl_join(task);
        check(one.result > 0 && one.result < FILE_BYTES);
        check_equal(one.offset, one.result);
        if (which == 1)
            check_equal(whorl_shutdown(both.ends[1], SHUT_WR), 0);
        if (reader)
            check_equal(whorl_join(reader), one.result);
        else
            check_equal(whorl_sendfile(both.ends[1], one.in, &one.offset, 9), -EPIPE);
        close(one.in);
        close_pair(&both);
    }
    return 0;
}

static void a_close_of_either_descriptor_ends_it(void **state)
{
    (void)state;
    run_checks(close_meanwhile, NULL);
}

/* --- Many at once --- */

struct member {
    pair both;
    struct sender sender;
    struct receiver receiver;
    whorl_task *sending, *receiving;
};

static intptr_t send_to_a_crowd(void *arg)
{
    (void)arg;
    struct member *members = calloc(CROWD, sizeof *members);
    int fd = big_file(O_RDONLY);
    for (int i = 0; i < CROWD; i++) {
        struct member *one = &members[i];
        one->both = unix_pair();
        one->sender = (struct sender){.out = one->both.ends[1], .in = fd, .offset = 900000};
        one->receiver = (struct receiver){.fd = one->both.ends[0],
                                          .at = 900000,
                                          .most = FILE_BYTES - 900000,
                                          .is_slow = i % 2 == 0};
        one->sending = whorl_spawn(send_rest, &one->sender);
    }
    whorl_sleep(WHORL_MS(5));
    for (int i = 0; i < CROWD; i++)
        members[i].receiving = whorl_spawn(receive, &members[i].receiver);
    for (int i = 0; i < CROWD; i++) {
        check_equal(whorl_join(members[i].sending), FILE_BYTES - 900000);
        check_equal(whorl_join(members[i].receiving), FILE_BYTES - 900000);
        close_pair(&members[i].both);
    }
    check(bulk_buffers_kept(loop_here) <= BULK_KEPT);
    close(fd);
    free(members);
    return 0;
}

static void many_transfers_share_the_memory(void **state)
{
    (void)state;
    run_checks(send_to_a_crowd, NULL);
}

static intptr_t take_buffers(void *arg)
{
    (void)arg;
    struct loop *loop = loop_here;
    struct bulk_buffer taken[BULK_MIDDLE_MOST + 1];
    check_equal(bulk_buffers_kept(loop), 0);
    for (unsigned i = 0; i < count_of(taken); i++) {
        taken[i] = bulk_buffer_take(loop, SIZE_MAX);
        check_equal(taken[i].size, i < BULK_LARGE_MOST    ? BULK_LARGE
                                   : i < BULK_MIDDLE_MOST ? BULK_MIDDLE
                                                          : BULK_SMALL);
        check_equal((uintptr_t)taken[i].start % BULK_ALIGNMENT, 0);
    }
    for (unsigned i = 0; i < count_of(taken); i++)
        bulk_buffer_give_back(loop, taken[i]);
    check_equal(bulk_buffers_kept(loop), BULK_KEPT);
    struct bulk_buffer again = bulk_buffer_take(loop, SIZE_MAX);
    check_equal(again.size, BULK_LARGE);
    check_equal(bulk_buffers_kept(loop), BULK_KEPT - 1);
    bulk_buffer_give_back(loop, again);
    return 0;
}

static void the_more_transfers_the_smaller_their_buffers(void **state)
{
    (void)state;
    run_checks(take_buffers, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(any_part_of_a_file_goes_to_any_kind_of_receiver),
        behaviour(without_an_offset_the_position_moves),
        behaviour(a_file_takes_it_too),
        behaviour(a_file_with_o_direct_is_read_in_whole_blocks),
        behaviour(errors_are_told_and_move_nothing),
        behaviour(a_stream_takes_it_behind_what_was_written),
        behaviour(a_transfer_to_a_stream_ends_early_and_loses_nothing),
        behaviour(errors_of_streams_are_told_too),
        behaviour(a_cancelled_transfer_goes_on_where_it_was_and_loses_nothing),
        behaviour(a_timeout_gives_the_count_so_far),
        behaviour(a_close_of_either_descriptor_ends_it),
        behaviour(many_transfers_share_the_memory),
        behaviour(the_more_transfers_the_smaller_their_buffers),
    };
    int failed = run_behaviours("sendfile", tests);
    free(content);
    return failed;
}
