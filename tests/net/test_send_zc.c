/*
 * Ops that send without copying: that what arrives is what the buffer held, though it is
 * overwritten as soon as the call returns, and that the buffer is the caller's again then, however
 * it ended.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "feature_sets.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 300000, SEVERAL = 4 };

/* --- What arrives --- */

static char byte_at(size_t position)
{
    return (char)(position * 2654435761u >> 13);
}

struct stream_of_bytes {
    int fd;
    size_t expected; /* bytes */
};

/* Reads to the end, with a pause now and then, so that the sender has to wait. */
static intptr_t read_pattern(void *arg)
{
    const struct stream_of_bytes *from = arg;
    static char buf[20000];
    size_t at = 0;
    ssize_t got;
    while ((got = whorl_recv(from->fd, buf, sizeof buf, 0)) > 0) {
        for (ssize_t i = 0; i < got; i++)
            if (buf[i] != byte_at(at + (size_t)i)) {
                check_failed("byte %zu is another", at + (size_t)i);
                return -EIO;
            }
        at += (size_t)got;
        if (at % 3 == 0)
            whorl_yield();
    }
    check_equal(got, 0);
    return (intptr_t)at;
}

enum way { BY_OP, BY_MESSAGE_OP, BY_CALL, BY_MESSAGE, WAYS };

static ssize_t send_by(enum way way, int fd, char *buf, size_t len)
{
    struct iovec pieces[2] = {{buf, len / 3}, {buf + len / 3, len - len / 3}};
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2};
    whorl_op op;
    switch (way) {
    case BY_OP:
        op = whorl_op_send_zc(fd, buf, len, 0);
        return whorl_op_await(&op);
    case BY_MESSAGE_OP:
        op = whorl_op_sendmsg_zc(fd, &message, MSG_WAITALL);
        return whorl_op_await(&op);
    case BY_CALL:
        return whorl_send(fd, buf, len, MSG_WAITALL);
    default:
        return whorl_sendmsg(fd, &message, 0);
    }
}

static intptr_t send_and_overwrite(void *arg)
{
    (void)arg;
    pair both = tcp_pair();
    char *buf = malloc(MOST);
    random_source random = random_from_seed(1);
    struct stream_of_bytes stream = {.fd = both.ends[0]};
    whorl_task *reader = whorl_spawn(read_pattern, &stream);
    size_t at = 0;
    for (long round = 0; round < test_rounds(12); round++) {
        size_t len = 1 + random_below(&random, MOST);
        for (size_t i = 0; i < len; i++)
            buf[i] = byte_at(at + i);
        ssize_t sent = send_by((enum way)(round % WAYS), both.ends[1], buf, len);
        memset(buf, '!', len);
        check(sent > 0 && (size_t)sent <= len);
        at += (size_t)sent;
    }
    check_equal(whorl_shutdown(both.ends[1], SHUT_WR), 0);
    check_equal(whorl_join(reader), at);
    free(buf);
    close_pair(&both);
    return 0;
}

static void what_was_sent_arrives_though_the_buffer_is_used_again_at_once(void **state)
{
    (void)state;
    run_checks_on_all_features(send_and_overwrite, NULL);
    whorl_config config = {.zero_copy = 1};
    run_checks_with(&config, send_and_overwrite, NULL);
}

/* --- When it ends early --- */

struct sender {
    int fd;
    char *buf;
    ssize_t result;
    bool is_message;
};

static intptr_t send_much(void *arg)
{
    struct sender *one = arg;
    one->result =
        send_by(one->is_message ? BY_MESSAGE_OP : BY_OP, one->fd, one->buf, (size_t)4 * MOST);
    memset(one->buf, '!', (size_t)4 * MOST);
    return 0;
}

static void set_pattern(struct sender *one)
{
    one->buf = malloc((size_t)4 * MOST);
    for (size_t i = 0; i < (size_t)4 * MOST; i++)
        one->buf[i] = byte_at(i);
}

/* The peer reads nothing, so that it does not come to its end by itself. */
static intptr_t cancel_sender(void *arg)
{
    (void)arg;
    for (int kind = 0; kind < 2; kind++) {
        pair both = tcp_pair();
        int small = 8192;
        setsockopt(both.ends[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
        setsockopt(both.ends[0], SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        struct sender one = {.fd = both.ends[1], .is_message = true};
        set_pattern(&one);
        whorl_task *task = whorl_spawn(send_much, &one);
        for (int i = 0; i < SEVERAL; i++)
            whorl_sleep(WHORL_MS(kind));
        check(!whorl_is_done(task));
        struct stream_of_bytes stream = {.fd = both.ends[0]};
        check_equal(whorl_cancel(task), 0);
        /* What the kernel holds of the buffer goes out as the peer makes room. */
        whorl_task *reader = whorl_spawn(read_pattern, &stream);
        whorl_join(task);
        check_equal(whorl_shutdown(both.ends[1], SHUT_WR), 0);
        check_equal(whorl_join(reader), one.result < 0 ? 0 : one.result);
        check(one.result > 0 || one.result == -ECANCELED);
        free(one.buf);
        close_pair(&both);
    }
    return 0;
}

static void a_cancelled_send_gives_the_count_so_far_and_the_buffer_back(void **state)
{
    (void)state;
    run_checks(cancel_sender, NULL);
    whorl_config config = {.without = WHORL_FEATURE_SEND_ZC};
    run_checks_with(&config, cancel_sender, NULL);
}

static intptr_t reset_by_peer(void *arg)
{
    (void)arg;
    pair both = tcp_pair();
    struct sender one = {.fd = both.ends[1], .is_message = true};
    set_pattern(&one);
    whorl_task *task = whorl_spawn(send_much, &one);
    whorl_sleep(WHORL_MS(5));
    struct linger at_once = {.l_onoff = 1};
    setsockopt(both.ends[0], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    check_equal(whorl_close(both.ends[0]), 0);
    both.ends[0] = -1;
    whorl_join(task);
    if (one.result < 0)
        check(one.result == -ECONNRESET || one.result == -EPIPE);
    whorl_op op = whorl_op_send_zc(both.ends[1], one.buf, MOST, 0);
    int result = whorl_op_await(&op);
    check(result == -ECONNRESET || result == -EPIPE);
    check_equal(whorl_op_has_copied(&op), -EINVAL);
    free(one.buf);
    close_pair(&both);
    return 0;
}

static void a_reset_by_the_peer_ends_a_send_and_is_told(void **state)
{
    (void)state;
    run_checks(reset_by_peer, NULL);
}

static intptr_t send_part(void *arg)
{
    (void)arg;
    pair both = tcp_pair();
    struct sender one = {.fd = both.ends[1]};
    set_pattern(&one);
    struct stream_of_bytes stream = {.fd = both.ends[0]};
    whorl_task *task = whorl_spawn(send_much, &one);
    whorl_task *reader = whorl_spawn(read_pattern, &stream);
    whorl_join(task);
    check(one.result > 0 && one.result <= 4 * MOST);
    check_equal(whorl_shutdown(both.ends[1], SHUT_WR), 0);
    check_equal(whorl_join(reader), one.result);
    free(one.buf);
    close_pair(&both);
    return 0;
}

static void a_send_of_part_gives_its_count(void **state)
{
    (void)state;
    run_checks(send_part, NULL);
}

static intptr_t link_sends(void *arg)
{
    (void)arg;
    char buf[8] = "12345678", got[8];
    struct iovec vector = {buf + 4, 4};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    pair both = tcp_pair();
    whorl_op ops[] = {whorl_op_send_zc(both.ends[1], buf, 4, MSG_WAITALL),
                      whorl_op_sendmsg_zc(both.ends[1], &message, MSG_WAITALL)};
    check_equal(whorl_link_ops(ops, 2), 0);
    check_equal(whorl_recv(both.ends[0], got, 8, MSG_WAITALL), 8);
    check_equal(memcmp(buf, got, 8), 0);
    close_pair(&both);
    return 0;
}

static void members_of_a_chain_are_sent_in_order(void **state)
{
    (void)state;
    run_checks_on_all_features(link_sends, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(what_was_sent_arrives_though_the_buffer_is_used_again_at_once),
        behaviour(a_cancelled_send_gives_the_count_so_far_and_the_buffer_back),
        behaviour(a_reset_by_the_peer_ends_a_send_and_is_told),
        behaviour(a_send_of_part_gives_its_count),
        behaviour(members_of_a_chain_are_sent_in_order),
    };
    return run_behaviours("send_zc", tests);
}
