/*
 * Files sent, where it ends early: by a cancel, a timeout, a close; offset and position tell what
 * arrived, and the rest can follow. And many at once.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "net/big_file.h"
#include "run/landing.h"

enum { CROWD = 300 };

static int descriptors[2][3]; /* of a run that is left */

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
static void send_with_cancels(int kind, int flags, bool at_position, random_source *random)
{
    pair both = pair_of_kind(kind);
    struct receiver to = {.fd = both.ends[0], .most = SIZE_MAX, .is_slow = true};
    struct sender one = {
        .out = both.ends[1], .in = big_file(O_RDONLY | flags), .at_position = at_position};
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
        for (int kind = 0; kind < KINDS; kind++) {
            send_with_cancels(kind, 0, false, &random);
            send_with_cancels(kind, 0, true, &random);
        }
    return 0;
}

static void a_cancelled_transfer_goes_on_where_it_was_and_loses_nothing(void **state)
{
    (void)state;
    run_checks(cancel_often, NULL);
}

/* It goes on in the middle of a block, where O_DIRECT alone would not. */
static intptr_t cancel_direct(void *arg)
{
    (void)arg;
    random_source random = random_from_seed(4);
    int fd = big_file(O_RDONLY);
    bool is_direct = fcntl(fd, F_SETFL, O_DIRECT) == 0;
    close(fd);
    for (long round = 0; is_direct && round < test_rounds(2); round++)
        for (int kind = 0; kind < KINDS; kind++)
            send_with_cancels(kind, O_DIRECT, round % 2 == 0, &random);
    return 0;
}

static void so_does_one_from_a_file_with_o_direct(void **state)
{
    (void)state;
    run_checks(cancel_direct, NULL);
}

static intptr_t run_out_of_time(void *arg)
{
    pair both = pair_of_kind(*(int *)arg);
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
    for (int kind = 0; kind < KINDS; kind++)
        run_checks(run_out_of_time, &kind);
}

static intptr_t close_meanwhile(void *arg)
{
    for (int which = 0; which < 3; which++) {
        pair both = pair_of_kind(*(int *)arg);
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
    for (int kind = 1; kind < KINDS; kind += KIND_NONBLOCKING)
        run_checks(close_meanwhile, &kind);
}

/* The file has been read, and is being sent: so nothing is in flight on its descriptor. */
static intptr_t replace_meanwhile(void *arg)
{
    for (int has_more = 0; has_more < 2; has_more++) {
        pair both = pair_of_kind(*(int *)arg);
        struct sender one = {.out = both.ends[1], .in = big_file(O_RDONLY), .at_position = true};
        struct receiver to = {.fd = both.ends[0], .at = FILE_BYTES, .most = SIZE_MAX};
        to.at = has_more ? 0 : (size_t)lseek(one.in, FILE_BYTES - 250000, SEEK_SET);
        whorl_task *task = whorl_spawn(send_rest, &one);
        for (int i = 0; i < 5; i++)
            whorl_yield();
        check(!whorl_is_done(task));
        int former = one.in;
        check_equal(whorl_close(one.in), 0);
        one.in = digits_file(O_RDONLY);
        check_equal(one.in, former);
        whorl_task *reader = whorl_spawn(receive, &to);
        check(whorl_join(task) > 0);
        check_equal(lseek(one.in, 0, SEEK_CUR), 0);
        check_equal(whorl_shutdown(both.ends[1], SHUT_WR), 0);
        check_equal(whorl_join(reader), one.result);
        close(one.in);
        close_pair(&both);
    }
    return 0;
}

static void a_file_that_takes_the_descriptor_keeps_its_position(void **state)
{
    (void)state;
    for (int kind = 1; kind < KINDS; kind += KIND_NONBLOCKING)
        run_checks(replace_meanwhile, &kind);
}

static intptr_t leave_amid_transfers(void *arg)
{
    static struct sender senders[2];
    for (unsigned i = 0; i < count_of(senders); i++) {
        pair both = unix_pair();
        senders[i] = (struct sender){.out = both.ends[1], .in = big_file(O_RDONLY)};
        whorl_spawn(send_rest, &senders[i]);
        descriptors[i][0] = both.ends[0], descriptors[i][1] = both.ends[1];
        descriptors[i][2] = senders[i].in;
    }
    for (int i = 0; i < 5; i++)
        whorl_yield();
    return leave(arg);
}

static void a_run_that_is_left_by_a_jump_leaves_no_buffers(void **state)
{
    (void)state;
    skip_without_longjmp();
    assert_int_equal(run_and_land(NULL, leave_amid_transfers, NULL), -ECANCELED);
    for (unsigned i = 0; i < count_of(descriptors); i++)
        for (unsigned k = 0; k < count_of(descriptors[i]); k++)
            close(descriptors[i][k]);
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

/* Waits for that, for some 20 seconds. */
static bool some_comes(int fd)
{
    char byte;
    ssize_t got = -1;
    for (int i = 0; got != 1 && i < 2000; i++) {
        got = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        whorl_sleep(WHORL_US(10 * i));
    }
    return got == 1;
}

/* A file that the kernel reads in one of its workers, which are few: none of them waits for a
 * receiver. */
static intptr_t send_from_workers(void *arg)
{
    enum { SLOW = 64 };
    static struct sender senders[SLOW];
    whorl_task *tasks[SLOW];
    pair pairs[SLOW];
    whorl_timeout limit;
    int in = memory_file(), other = open(path_of("other").text, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    for (int i = 0; i < SLOW; i++) {
        pairs[i] = unix_pair();
        senders[i] = (struct sender){.out = pairs[i].ends[1], .in = in};
        tasks[i] = whorl_spawn(send_rest, &senders[i]);
    }
    for (int i = 0; i < SLOW && check(some_comes(pairs[i].ends[0])); i++)
        ;
    check_equal(write(other, "x", 1), 1);
    whorl_timeout_begin(&limit, WHORL_SECONDS(20));
    check_equal(whorl_timeout_end(&limit, whorl_fsync(other)), 0);
    for (int i = 0; i < SLOW; i++) {
        check(!whorl_is_done(tasks[i]));
        whorl_cancel(tasks[i]);
        check(whorl_join(tasks[i]) > 0);
        close_pair(&pairs[i]);
    }
    close(other);
    close(in);
    return (intptr_t)arg;
}

static void slow_receivers_keep_nobody_from_the_files(void **state)
{
    (void)state;
    run_checks_on_all_features(send_from_workers, NULL);
}

static intptr_t take_buffers(void *arg)
{
    (void)arg;
    struct loop *loop = loop_here;
    struct bulk_buffer taken[BULK_MIDDLE_MOST + 1];
    check_equal(bulk_buffers_kept(loop), 0);
    for (unsigned i = 0; i < count_of(taken); i++) {
        check(bulk_buffer_take(loop, &taken[i], SIZE_MAX));
        check_equal(taken[i].size, i < BULK_LARGE_MOST    ? BULK_LARGE
                                   : i < BULK_MIDDLE_MOST ? BULK_MIDDLE
                                                          : BULK_SMALL);
        check_equal((uintptr_t)taken[i].start % BULK_ALIGNMENT, 0);
    }
    for (unsigned i = 0; i < count_of(taken); i++)
        bulk_buffer_give_back(loop, &taken[i]);
    check_equal(bulk_buffers_kept(loop), BULK_KEPT);
    struct bulk_buffer again;
    check(bulk_buffer_take(loop, &again, SIZE_MAX));
    check_equal(again.size, BULK_LARGE);
    check_equal(bulk_buffers_kept(loop), BULK_KEPT - 1);
    bulk_buffer_give_back(loop, &again);
    return 0;
}

static void the_more_transfers_the_smaller_their_buffers(void **state)
{
    (void)state;
    run_checks(take_buffers, NULL);
}

/* A file that takes the descriptor's number is not sent. */
static intptr_t replace_while_sending(void *arg)
{
    enum { SIZE = 8 << 20 };
    char *bytes = malloc(SIZE);
    (void)arg;
    pair both = unix_pair();
    int in = open(path_of("in").text, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int other = open(path_of("other").text, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    check_equal(fcntl(both.ends[0], F_SETFL, O_NONBLOCK), 0);
    memset(bytes, 'a', SIZE);
    check_equal(write(in, bytes, SIZE), SIZE);
    memset(bytes, 'b', SIZE);
    check_equal(write(other, bytes, SIZE), SIZE);
    struct sender one = {.out = both.ends[0], .in = in};
    whorl_task *task = whorl_spawn(send_rest, &one);
    check_equal(whorl_sleep(WHORL_MS(20)), 0);
    check_equal(dup2(other, in), in);
    while (!whorl_is_done(task)) {
        ssize_t got = recv(both.ends[1], bytes, SIZE, MSG_DONTWAIT);
        check(got <= 0 || !memchr(bytes, 'b', (size_t)got));
        check_equal(whorl_sleep(WHORL_MS(1)), 0);
    }
    check(whorl_join(task) > 0);
    check(one.result < SIZE);
    free(bytes);
    close(in);
    close(other);
    close_pair(&both);
    return 0;
}

static void a_file_that_takes_the_descriptor_is_not_sent(void **state)
{
    (void)state;
    run_checks(replace_while_sending, NULL);
}

/* Nor does one get anything that takes the receiver's number: while a piece is sent, some of which
 * has gone, or while the file is read. */
static intptr_t replace_receiver(void *arg)
{
    for (int reads = 0; reads < 2; reads++) {
        pair both = unix_pair(), other = unix_pair();
        struct sender one = {.out = both.ends[1], .in = reads ? memory_file() : big_file(O_RDONLY)};
        whorl_task *task = whorl_spawn(send_rest, &one);
        check_equal(whorl_yield(), 0);
        check(!whorl_is_done(task));
        if (!reads)
            check_equal(whorl_sleep(WHORL_MS(5)), 0);
        check_equal(whorl_close(both.ends[1]), 0);
        check_equal(dup2(other.ends[1], both.ends[1]), both.ends[1]);
        whorl_join(task);
        check(one.result == -EBADF || (!reads && one.result > 0 && one.result < FILE_BYTES));
        check_equal(one.offset, one.result < 0 ? 0 : one.result);
        check(recv(other.ends[0], content, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN);
        close(one.in);
        close_pair(&both);
        close_pair(&other);
    }
    return (intptr_t)arg;
}

static void nor_is_any_sent_to_who_takes_the_receivers_descriptor(void **state)
{
    (void)state;
    run_checks(replace_receiver, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_cancelled_transfer_goes_on_where_it_was_and_loses_nothing),
        behaviour(so_does_one_from_a_file_with_o_direct),
        behaviour(a_timeout_gives_the_count_so_far),
        behaviour(a_close_of_either_descriptor_ends_it),
        behaviour(a_file_that_takes_the_descriptor_keeps_its_position),
        behaviour(a_file_that_takes_the_descriptor_is_not_sent),
        behaviour(nor_is_any_sent_to_who_takes_the_receivers_descriptor),
        behaviour(a_run_that_is_left_by_a_jump_leaves_no_buffers),
        behaviour(many_transfers_share_the_memory),
        behaviour(slow_receivers_keep_nobody_from_the_files),
        behaviour(the_more_transfers_the_smaller_their_buffers),
    };
    int failed = run_behaviours("sendfile_end", tests);
    free(content);
    return failed;
}
