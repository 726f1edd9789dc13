/*
 * When the engine sends without copying by itself: from a size on, where the kernel does not copy
 * all the same, and in no call that has to be otherwise.
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

enum { SEVERAL = 4 };

static bool has_send_zc(void)
{
    return whorl_features() & WHORL_FEATURE_SEND_ZC;
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
        behaviour(an_op_tells_whether_the_kernel_has_copied),
        behaviour(where_the_kernel_copies_it_is_not_tried_again),
        behaviour(what_cannot_go_so_goes_plainly),
        behaviour(a_socket_that_cannot_is_sent_to_plainly),
        behaviour(where_the_kernel_does_not_copy_it_goes_on),
    };
    return run_behaviours("zero_copy", tests);
}
