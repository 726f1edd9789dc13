/* Files sent through streams: behind what was written, and like a write in all that may befall
 * it. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "net/big_file.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <unistd.h>

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

/* A head and what it announces, which a receiver is to have in one piece. */
static intptr_t send_head_and_file(void *arg)
{
    (void)arg;
    pair both = tcp_pair();
    whorl_stream *stream;
    struct tcp_info info;
    socklen_t len = sizeof info;
    off_t offset = 100;
    int fd = big_file(O_RDONLY), former = both.ends[1], was = fcntl(former, F_GETFL);
    struct receiver to = {.fd = both.ends[0], .most = 20100};
    check_equal(whorl_stream_open(former, NULL, &stream), 0);
    check_equal(whorl_stream_write(stream, content, 100), 100);
    check_equal(whorl_stream_sendfile(stream, fd, &offset, 20000), 20000);
    check_equal(whorl_stream_pending(stream), 0);
    check_equal(getsockopt(former, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
    check_equal(info.tcpi_data_segs_out, 1);
    check_equal(bulk_buffers_kept(loop_here), 0);
    check_equal(receive(&to), 20100);
    check_equal(whorl_stream_detach(stream, &both.ends[1]), 0);
    check_equal(both.ends[1], former);
    check_equal(fcntl(former, F_GETFL), was);
    close(fd);
    close_pair(&both);
    return 0;
}

static void a_file_in_the_page_cache_goes_in_one_segment_with_what_is_before_it(void **state)
{
    (void)state;
    need_cachestat();
    run_checks(send_head_and_file, NULL);
}

/* What a cork holds back is held back as from a write. */
static intptr_t send_under_cork(void *arg)
{
    (void)arg;
    static const size_t counts[] = {4, 12000, 40000};
    int fd = big_file(O_RDONLY);
    for (size_t i = 0; i < count_of(counts); i++) {
        pair both = unix_pair();
        whorl_stream *stream;
        off_t offset = 0;
        struct receiver to = {.fd = both.ends[0], .most = SIZE_MAX};
        check_equal(whorl_stream_open(both.ends[1], NULL, &stream), 0);
        check_equal(whorl_stream_cork(stream), 0);
        check_equal(whorl_stream_sendfile(stream, fd, &offset, counts[i]), counts[i]);
        if (counts[i] < 16000) { /* which does not fill a buffer */
            check_equal(whorl_stream_pending(stream), counts[i]);
            check_equal(unread_in(both.ends[0]), 0);
        }
        check_equal(whorl_stream_uncork(stream), 0);
        check_equal(whorl_stream_close(stream), 0);
        both.ends[1] = -1;
        check_equal(receive(&to), counts[i]);
        close_pair(&both);
    }
    close(fd);
    return 0;
}

static void a_cork_holds_back_files_too(void **state)
{
    (void)state;
    run_checks(send_under_cork, NULL);
}

struct late_receiver {
    struct receiver to;
    size_t before; /* bytes that are not the file's */
};

static intptr_t receive_late(void *arg)
{
    struct late_receiver *late = arg;
    char zeros[4096];
    while (late->before > 0) {
        size_t len = late->before < sizeof zeros ? late->before : sizeof zeros;
        ssize_t got = whorl_read(late->to.fd, zeros, len);
        if (!check(got > 0))
            return got;
        late->before -= (size_t)got;
    }
    return receive(&late->to);
}

/* What was written before is in flight, or has found no room. */
static intptr_t send_behind_what_waits(void *arg)
{
    (void)arg;
    static const size_t written[] = {100, 300000};
    for (size_t i = 0; i < 2 * count_of(written); i++) {
        pair both = i % 2 == 0 ? unix_pair() : tcp_pair();
        size_t first = written[i / 2];
        struct stream_sender one = {.in = big_file(O_RDONLY), .offset = (off_t)first};
        struct late_receiver late = {.to = {.fd = both.ends[0], .most = SIZE_MAX}};
        whorl_stream_options options = {.high_water = 1 << 20};
        late.before = fill_descriptor(both.ends[1]);
        check_equal(whorl_stream_open(both.ends[1], &options, &one.stream), 0);
        both.ends[1] = -1;
        check_equal(whorl_stream_write(one.stream, content, first), first);
        whorl_task *sender = whorl_spawn(send_to_stream, &one);
        for (int turn = 0; turn < 5; turn++)
            check_equal(whorl_yield(), 0);
        check(!whorl_is_done(sender));
        whorl_task *receiver = whorl_spawn(receive_late, &late);
        check_equal(whorl_join(sender), FILE_BYTES - first);
        check_equal(whorl_stream_close(one.stream), 0);
        check_equal(whorl_join(receiver), FILE_BYTES);
        close(one.in);
        close_pair(&both);
    }
    return 0;
}

static void it_keeps_its_place_behind_what_waits(void **state)
{
    (void)state;
    run_checks(send_behind_what_waits, NULL);
}

/* It ends without having sent anything, when it has waited for the socket: what was written before
 * goes all the same. */
static intptr_t send_what_has_gone(void *arg)
{
    (void)arg;
    pair both = unix_pair();
    struct stream_sender one = {.in = big_file(O_RDWR)};
    struct late_receiver late = {.to = {.fd = both.ends[0]}};
    char tail[5];
    late.before = fill_descriptor(both.ends[1]);
    check_equal(whorl_stream_open(both.ends[1], NULL, &one.stream), 0);
    both.ends[1] = -1;
    check_equal(whorl_stream_write(one.stream, "A", 1), 1);
    check_equal(whorl_sleep(WHORL_MS(1)), 0); /* it is in flight, and what follows is not */
    check_equal(whorl_stream_write(one.stream, "tail", 4), 4);
    whorl_task *sender = whorl_spawn(send_to_stream, &one);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_yield(), 0);
    check(!whorl_is_done(sender));
    check_equal(ftruncate(one.in, 0), 0);
    check_equal(receive_late(&late), 0);
    check_equal(whorl_join(sender), 0);
    check_equal(whorl_read(both.ends[0], tail, 1), 1);
    check_equal(whorl_recv(both.ends[0], tail + 1, 4, MSG_WAITALL), 4);
    check(memcmp(tail, "Atail", 5) == 0);
    check_equal(whorl_stream_pending(one.stream), 0);
    check_equal(whorl_stream_close(one.stream), 0);
    close(one.in);
    close_pair(&both);
    return 0;
}

static void one_that_sends_nothing_lets_go_what_was_before_it(void **state)
{
    (void)state;
    run_checks(send_what_has_gone, NULL);
}

/* Nobody reads: it gives up by the stream's clock, with what was taken until then. */
static intptr_t send_to_nobody(void *arg)
{
    (void)arg;
    pair both = unix_pair();
    whorl_stream_options options = {.idle_timeout = WHORL_MS(20)};
    struct stream_sender one = {.in = big_file(O_RDONLY)};
    check_equal(whorl_stream_open(both.ends[1], &options, &one.stream), 0);
    check_equal(whorl_stream_write(one.stream, content, 100), 100);
    one.offset = 100;
    send_to_stream(&one);
    check(one.result > 0 && one.result < FILE_BYTES - 100);
    check_equal(send_to_stream(&one), -ETIMEDOUT);
    check_equal(whorl_stream_set_idle_timeout(one.stream, 0), 0);
    struct receiver to = {.fd = both.ends[0], .most = SIZE_MAX};
    whorl_task *task = whorl_spawn(receive, &to);
    check(send_to_stream(&one) > 0);
    check_equal(one.offset, FILE_BYTES);
    check_equal(whorl_stream_close(one.stream), 0);
    check_equal(whorl_join(task), FILE_BYTES);
    both.ends[1] = -1;
    close(one.in);
    close_pair(&both);
    return 0;
}

static void a_receiver_that_takes_nothing_is_given_up_and_may_have_the_rest_later(void **state)
{
    (void)state;
    run_checks(send_to_nobody, NULL);
}

/* The peer has gone: the stream says so from then on. */
static intptr_t send_to_the_dead(void *arg)
{
    (void)arg;
    whorl_stream *ends[2];
    off_t offset = 0;
    int fd = big_file(O_RDONLY);
    check_equal(whorl_stream_pair(NULL, ends), 0);
    check_equal(whorl_stream_close(ends[1]), 0);
    check_equal(whorl_stream_sendfile(ends[0], fd, &offset, SIZE_MAX), -EPIPE);
    check_equal(whorl_stream_sendfile(ends[0], fd, &offset, SIZE_MAX), -EPIPE);
    check_equal(whorl_stream_write(ends[0], "x", 1), -EPIPE);
    check_equal(offset, 0);
    check_equal(whorl_stream_abort(ends[0]), 0);
    /* It is what was written before that finds nobody. */
    pair both = unix_pair();
    check_equal(whorl_stream_open(both.ends[1], NULL, &ends[0]), 0);
    close(both.ends[0]);
    check_equal(whorl_stream_write(ends[0], "x", 1), 1);
    check_equal(whorl_stream_sendfile(ends[0], fd, &offset, SIZE_MAX), -EPIPE);
    check_equal(offset, 0);
    check_equal(whorl_stream_abort(ends[0]), 0);
    /* A pipe's stream takes what goes through buffers, and finds out then. */
    both = pipe_pair();
    check_equal(whorl_stream_open(both.ends[1], NULL, &ends[0]), 0);
    close(both.ends[0]);
    ssize_t sent = whorl_stream_sendfile(ends[0], fd, &offset, SIZE_MAX);
    check(sent == -EPIPE || (sent > 0 && sent < FILE_BYTES));
    check_equal(whorl_stream_sendfile(ends[0], fd, &offset, SIZE_MAX), -EPIPE);
    check_equal(whorl_stream_abort(ends[0]), 0);
    close(fd);
    return 0;
}

static void a_peer_that_has_gone_is_told(void **state)
{
    (void)state;
    run_checks(send_to_the_dead, NULL);
}

/* A second writer is kept out; a cancel, or whoever closes the stream, ends it. */
static intptr_t end_stream_early(void *arg)
{
    for (int turns = 0; turns < 12; turns++) {
        pair both = unix_pair();
        struct stream_sender one = {.in = big_file(O_RDONLY), .result = -ECANCELED};
        if (arg)
            fcntl(one.in, F_SETFL, O_DIRECT); /* where it can be: then each piece is waited for */
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

/* The cancel comes when there is room, and the transfer has not gone on. */
static intptr_t cancel_at_room(void *arg)
{
    for (int turns = 0; turns < 5; turns++) {
        pair both = unix_pair();
        struct stream_sender one = {.in = big_file(O_RDONLY)};
        size_t filled = fill_descriptor(both.ends[1]);
        check_equal(whorl_stream_open(both.ends[1], NULL, &one.stream), 0);
        both.ends[1] = -1;
        whorl_task *task = whorl_spawn(send_to_stream, &one);
        for (int i = 0; i < 3; i++)
            check_equal(whorl_yield(), 0);
        for (char buf[4096]; filled > 0;)
            filled -= (size_t)read(both.ends[0], buf, filled < sizeof buf ? filled : sizeof buf);
        for (int i = 0; i < turns; i++)
            check_equal(whorl_yield(), 0);
        whorl_cancel(task);
        whorl_join(task);
        check(one.result == -ECANCELED || (one.result > 0 && one.result < FILE_BYTES));
        check_equal(one.offset, one.result < 0 ? 0 : one.result);
        check_equal(whorl_stream_abort(one.stream), 0);
        close(one.in);
        close_pair(&both);
    }
    return (intptr_t)arg;
}

static void a_transfer_to_a_stream_ends_early_and_loses_nothing(void **state)
{
    run_checks(end_stream_early, NULL);
    run_checks(end_stream_early, state);
    run_checks(cancel_at_room, NULL);
}

struct refused {
    whorl_stream *stream;
    bool is_closed;
    int in;
};

static intptr_t send_cancelled(void *arg)
{
    struct refused *one = arg;
    check_equal(whorl_cancel(whorl_self()), 0);
    while (!one->is_closed) {
        off_t offset = 0;
        check_equal(whorl_stream_sendfile(one->stream, one->in, &offset, FILE_BYTES), -ECANCELED);
        check_equal(offset, 0);
    }
    return 0;
}

/* A task that is cancelled already lets others run, and one of them gives the stream back. */
static intptr_t be_refused(void *arg)
{
    (void)arg;
    pair both = unix_pair();
    struct refused one = {.in = big_file(O_RDONLY)};
    check_equal(whorl_stream_open(both.ends[1], NULL, &one.stream), 0);
    both.ends[1] = -1;
    whorl_task *task = whorl_spawn(send_cancelled, &one);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_stream_abort(one.stream), 0);
    one.is_closed = true;
    check_equal(whorl_join(task), 0);
    close(one.in);
    close_pair(&both);
    return 0;
}

static void one_that_is_refused_leaves_a_stream_that_is_gone_alone(void **state)
{
    (void)state;
    run_checks(be_refused, NULL);
}

/* While it waits for room its file is closed, or another one takes its descriptor. */
static intptr_t lose_the_file(void *arg)
{
    (void)arg;
    for (int is_replaced = 0; is_replaced < 2; is_replaced++) {
        pair both = unix_pair();
        struct stream_sender one = {.in = big_file(O_RDONLY)};
        int other = digits_file(O_RDONLY);
        size_t filled = fill_descriptor(both.ends[1]);
        check_equal(whorl_stream_open(both.ends[1], NULL, &one.stream), 0);
        whorl_task *task = whorl_spawn(send_to_stream, &one);
        for (int i = 0; i < 3; i++)
            check_equal(whorl_yield(), 0);
        check(!whorl_is_done(task));
        if (is_replaced)
            check_equal(dup2(other, one.in), one.in);
        else
            close(one.in);
        for (char buf[4096]; filled > 0;) {
            ssize_t got = whorl_read(both.ends[0], buf, filled < sizeof buf ? filled : sizeof buf);
            if (!check(got > 0))
                break;
            filled -= (size_t)got;
        }
        check_equal(whorl_join(task), -EBADF);
        check_equal(one.offset, 0);
        check_equal(whorl_stream_puts(one.stream, "goes on"), 7);
        check_equal(whorl_stream_close(one.stream), 0);
        check_unread(both.ends[0], "goes on");
        if (is_replaced)
            close(one.in);
        close(other);
        both.ends[1] = -1;
        close_pair(&both);
    }
    return 0;
}

static void a_file_that_is_closed_meanwhile_is_told_of(void **state)
{
    (void)state;
    need_cachestat();
    run_checks(lose_the_file, NULL);
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

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_stream_takes_it_behind_what_was_written),
        behaviour(a_file_in_the_page_cache_goes_in_one_segment_with_what_is_before_it),
        behaviour(a_cork_holds_back_files_too),
        behaviour(it_keeps_its_place_behind_what_waits),
        behaviour(one_that_sends_nothing_lets_go_what_was_before_it),
        behaviour(a_receiver_that_takes_nothing_is_given_up_and_may_have_the_rest_later),
        behaviour(a_peer_that_has_gone_is_told),
        behaviour(a_transfer_to_a_stream_ends_early_and_loses_nothing),
        behaviour(one_that_is_refused_leaves_a_stream_that_is_gone_alone),
        behaviour(a_file_that_is_closed_meanwhile_is_told_of),
        behaviour(errors_of_streams_are_told_too),
    };
    int failed = run_behaviours("stream_sendfile", tests);
    free(content);
    return failed;
}
