/*
 * Sends without copying: that what arrives is what the buffer held, though it is overwritten as
 * soon as the call returns, that the buffer is the caller's again then however it ended, and when
 * the engine sends so by itself.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "feature_sets.h"

#include <core/loop.h>
#include <errno.h>
#include <fcntl.h>
#include <net/zero_copy.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 300000, SEVERAL = 4 };

static bool has_send_zc(void)
{
    return whorl_features() & WHORL_FEATURE_SEND_ZC;
}

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

/* --- What the kernel tells --- */

static bool is_marked(int fd)
{
    return *zero_copy_place(loop_here, fd) & zero_copy_bit(fd);
}

static intptr_t tell_of_a_copy(void *arg)
{
    (void)arg;
    static char buf[10000];
    pair both = tcp_pair();
    whorl_op op = whorl_op_send_zc(both.ends[1], buf, sizeof buf, 0);
    check_equal(whorl_op_has_copied(&op), -EINVAL);
    check_equal(whorl_op_await(&op), sizeof buf);
    check_equal(whorl_op_has_copied(&op), has_send_zc() ? 1 : -EINVAL);
    check_text(whorl_op_name(&op), has_send_zc() ? "send_zc" : "send");
    op = whorl_op_send(both.ends[1], buf, sizeof buf, 0);
    check_equal(whorl_op_await(&op), sizeof buf);
    check_equal(whorl_op_has_copied(&op), -EINVAL);
    check_equal(whorl_op_has_copied(NULL), -EINVAL);
    close_pair(&both);
    return 0;
}

static void an_op_tells_whether_the_kernel_has_copied(void **state)
{
    (void)state;
    run_checks_on_all_features(tell_of_a_copy, NULL);
}

static void send_whole(int fd, size_t len)
{
    static char buf[5000];
    check_equal(whorl_send(fd, buf, len, 0), len);
}

static intptr_t send_over_loopback(void *arg)
{
    (void)arg;
    pair first = tcp_pair(), second = tcp_pair(), third = tcp_pair();
    send_whole(first.ends[1], 999);
    check(!is_marked(first.ends[1]));
    send_whole(first.ends[1], 1000);
    check_equal(is_marked(first.ends[1]), has_send_zc());
    check_equal(loop_here->zero_copy_pause, has_send_zc());
    send_whole(first.ends[1], 1000);
    check_equal(loop_here->zero_copy_pause, has_send_zc());
    /* One goes by, the next is tried. */
    send_whole(second.ends[1], 1000);
    check(!is_marked(second.ends[1]));
    send_whole(second.ends[1], 1000);
    check_equal(is_marked(second.ends[1]), has_send_zc());
    check_equal(loop_here->zero_copy_pause, has_send_zc() ? 2 : 0);
    for (int i = 0; i < SEVERAL; i++)
        send_whole(third.ends[1], 1000);
    check_equal(is_marked(third.ends[1]), has_send_zc());
    check_equal(whorl_close(first.ends[1]), 0);
    check(!is_marked(first.ends[1]));
    first.ends[1] = -1;
    close_pair(&first);
    close_pair(&second);
    close_pair(&third);
    return 0;
}

static void where_the_kernel_copies_it_is_not_tried_again(void **state)
{
    (void)state;
    whorl_config config = {.zero_copy = 1000};
    run_checks_with(&config, send_over_loopback, NULL);
    config.without = WHORL_FEATURE_SEND_ZC;
    run_checks_with(&config, send_over_loopback, NULL);
}

static intptr_t send_in_other_ways(void *arg)
{
    (void)arg;
    static char buf[5000];
    pair both = tcp_pair();
    check_equal(whorl_send(both.ends[1], buf, sizeof buf, MSG_DONTWAIT), sizeof buf);
    struct iovec vector = {buf, sizeof buf};
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {.head = {.cmsg_level = SOL_SOCKET, .cmsg_type = -1, .cmsg_len = CMSG_LEN(4)}};
    struct msghdr message = {.msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    check_equal(whorl_sendmsg(both.ends[1], &message, 0), -EINVAL);
    check_equal(whorl_sendmsg(both.ends[1], NULL, 0), -EFAULT);
    check(!is_marked(both.ends[1]));
    message.msg_controllen = 0;
    check_equal(whorl_sendmsg(both.ends[1], &message, 0), sizeof buf);
    check_equal(is_marked(both.ends[1]), has_send_zc());
    close_pair(&both);
    return 0;
}

static void what_cannot_go_so_goes_plainly(void **state)
{
    (void)state;
    whorl_config config = {.zero_copy = 1000};
    run_checks_with(&config, send_in_other_ways, NULL);
}

static intptr_t send_to_unix(void *arg)
{
    (void)arg;
    static char buf[5000];
    pair both = unix_pair();
    whorl_op op = whorl_op_send_zc(both.ends[1], buf, sizeof buf, 0);
    check_equal(whorl_op_await(&op), has_send_zc() ? -EOPNOTSUPP : (int)sizeof buf);
    send_whole(both.ends[1], 2000);
    check_equal(is_marked(both.ends[1]), has_send_zc());
    check_equal(loop_here->zero_copy_pause, 0);
    send_whole(both.ends[1], 2000);
    close_pair(&both);
    return 0;
}

static void a_socket_that_cannot_is_sent_to_plainly(void **state)
{
    (void)state;
    whorl_config config = {.zero_copy = 1000};
    run_checks_with(&config, send_to_unix, NULL);
    config.without = WHORL_FEATURE_SEND_ZC;
    run_checks_with(&config, send_to_unix, NULL);
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

/* --- A device that takes the caller's memory: one that drops what it is given --- */

static int dropping_socket(void)
{
    int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), fd = -1;
    if (home < 0 || unshare(CLONE_NEWNET) != 0) {
        close(home);
        return -1;
    }
    static const char make_device[] =
        "(ip link add d0 type dummy || ip link add d0 type ifb) 2>/dev/null && "
        "ip addr add 192.0.2.1/24 dev d0 && ip link set d0 up";
    if (system(make_device) == 0)
        fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
    to.sin_addr.s_addr = htonl(0xc0000202);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof to) != 0) {
        close(fd);
        fd = -1;
    }
    assert_int_equal(setns(home, CLONE_NEWNET), 0);
    close(home);
    return fd;
}

static intptr_t send_and_drop(void *arg)
{
    static char buf[1200];
    int fd = *(int *)arg;
    whorl_op op = whorl_op_send_zc(fd, buf, sizeof buf, 0);
    check_equal(whorl_op_await(&op), sizeof buf);
    check_equal(whorl_op_has_copied(&op), 0);
    loop_here->zero_copy_doubt = 3;
    send_whole(fd, 1200);
    check(!is_marked(fd));
    check_equal(loop_here->zero_copy_doubt, 0);
    return 0;
}

static void where_the_kernel_does_not_copy_it_goes_on(void **state)
{
    (void)state;
    if (!has_send_zc())
        skip_because("the kernel does not send without copying");
    int fd = dropping_socket();
    if (fd < 0)
        skip_because("no network namespace with a device that drops all could be made");
    whorl_config config = {.zero_copy = 1000};
    run_checks_with(&config, send_and_drop, &fd);
    close(fd);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(what_was_sent_arrives_though_the_buffer_is_used_again_at_once),
        behaviour(a_cancelled_send_gives_the_count_so_far_and_the_buffer_back),
        behaviour(a_reset_by_the_peer_ends_a_send_and_is_told),
        behaviour(a_send_of_part_gives_its_count),
        behaviour(an_op_tells_whether_the_kernel_has_copied),
        behaviour(where_the_kernel_copies_it_is_not_tried_again),
        behaviour(what_cannot_go_so_goes_plainly),
        behaviour(a_socket_that_cannot_is_sent_to_plainly),
        behaviour(members_of_a_chain_are_sent_in_order),
        behaviour(where_the_kernel_does_not_copy_it_goes_on),
    };
    return run_behaviours("zero_copy", tests);
}
