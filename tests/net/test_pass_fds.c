/* Descriptors passed over unix sockets of every type, and who is at the other end. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "core/child.h"
#include "core/forbid.h"
#include "feature_sets.h"

#include <core/loop.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* SO_PASSPIDFD and SCM_PIDFD, which not every C library has. */
#define PASS_PIDFD 76
#define A_PIDFD 4

static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};

static pair make_pair(int type)
{
    pair both;
    check_equal(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, both.ends), 0);
    return both;
}

static bool is_same_file(int one, int other)
{
    struct stat first, second;
    return fstat(one, &first) == 0 && fstat(other, &second) == 0 && first.st_ino == second.st_ino &&
           first.st_dev == second.st_dev;
}

static void check_fd(int fd, int expected)
{
    check_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    check(is_same_file(fd, expected));
    check_equal(close(fd), 0);
}

/* --- Arriving --- */

static intptr_t pass_over_each(void *arg)
{
    (void)arg;
    pair pipes = pipe_pair();
    for (size_t t = 0; t < count_of(types); t++) {
        pair both = make_pair(types[t]);
        for (size_t n = 0; n <= 2; n++) {
            int fds[3] = {-1, -1, -1};
            char buf[8];
            whorl_received received;
            check_equal(whorl_send_fds(both.ends[0], "hello", 5, pipes.ends, n), 5);
            check_equal(whorl_receive_fds(both.ends[1], buf, sizeof buf, fds, 3, &received), 5);
            check(memcmp(buf, "hello", 5) == 0);
            check_equal(received.fds, n);
            check_equal(received.flags & (MSG_CTRUNC | MSG_TRUNC), 0);
            check_equal(fds[2], -1);
            for (size_t i = 0; i < n; i++)
                check_fd(fds[i], pipes.ends[i]);
        }
        close_pair(&both);
    }
    close_pair(&pipes);
    return 0;
}

static void descriptors_arrive_over_sockets_of_every_type(void **state)
{
    (void)state;
    run_checks_on_all_features(pass_over_each, NULL);
}

static intptr_t pass_most(void *arg)
{
    (void)arg;
    static int fds[WHORL_PASS_MAX + 1];
    pair pipes = pipe_pair();
    for (size_t t = 0; t < count_of(types); t++) {
        pair both = make_pair(types[t]);
        char byte;
        whorl_received received;
        for (size_t i = 0; i < count_of(fds); i++)
            fds[i] = pipes.ends[0];
        check_equal(whorl_send_fds(both.ends[0], "x", 1, fds, WHORL_PASS_MAX + 1), -EINVAL);
        check_equal(whorl_send_fds(both.ends[0], "x", 1, fds, WHORL_PASS_MAX), 1);
        check_equal(whorl_receive_fds(both.ends[1], &byte, 1, fds, count_of(fds), &received), 1);
        check_equal(received.fds, WHORL_PASS_MAX);
        check_equal(received.flags & MSG_CTRUNC, 0);
        for (size_t i = 0; i < received.fds; i++)
            check_fd(fds[i], pipes.ends[0]);
        close_pair(&both);
    }
    close_pair(&pipes);
    return 0;
}

static void as_many_go_as_the_kernel_takes(void **state)
{
    (void)state;
    run_checks(pass_most, NULL);
}

/* What a socket of another family tells beside the bytes is nothing to them. */
static intptr_t receive_other_company(void *arg)
{
    (void)arg;
    int on = 1, fd = -1;
    char byte;
    whorl_received received;
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof own;
    int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    check_equal(bind(udp, (struct sockaddr *)&own, len), 0);
    check_equal(getsockname(udp, (struct sockaddr *)&own, &len), 0);
    check_equal(setsockopt(udp, IPPROTO_IP, IP_RECVTTL, &on, sizeof on), 0);
    check_equal(sendto(udp, "x", 1, 0, (struct sockaddr *)&own, len), 1);
    check_equal(whorl_receive_fds(udp, &byte, 1, &fd, 1, &received), 1);
    check_equal(received.fds, 0);
    check_equal(received.flags & MSG_CTRUNC, 0);
    check_equal(fd, -1);
    close(udp);
    return 0;
}

static void what_comes_beside_them_over_other_sockets_is_passed_over(void **state)
{
    (void)state;
    run_checks(receive_other_company, NULL);
}

/* --- Too many --- */

/* Options with which the kernel says more, before the descriptors. */
enum { COMPANIES = 4 };

static void set_company(int fd, int company)
{
    int on = 1, times = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
    if (company > 2) {
        check_equal(setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on), 0);
        check_equal(setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &times, sizeof times), 0);
    }
    if (company > 0)
        check_equal(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on), 0);
    if (company > 1)
        setsockopt(fd, SOL_SOCKET, PASS_PIDFD, &on, sizeof on); /* Linux 6.5 */
}

typedef struct wait_for_two {
    int fd;
    int flags;  /* of recvmsg */
    int fds[2]; /* what came */
    whorl_received received;
} wait_for_two;

static intptr_t await_two(void *arg)
{
    wait_for_two *one = arg;
    char byte;
    return whorl_receive_fds(one->fd, &byte, 1, one->fds, 2, &one->received);
}

/* By recvmsg's own name, with room for the sender's credentials. */
static intptr_t await_two_in_a_message(void *arg)
{
    wait_for_two *one = arg;
    union {
        struct cmsghdr align;
        char bytes[256];
    } control;
    char bytes[2];
    struct iovec data = {bytes, sizeof bytes};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control};
    ssize_t result = whorl_recvmsg(one->fd, &message, MSG_CMSG_CLOEXEC | one->flags);
    one->received.flags = message.msg_flags;
    for (struct cmsghdr *head = CMSG_FIRSTHDR(&message); head; head = CMSG_NXTHDR(&message, head)) {
        int process;
        memcpy(&process, CMSG_DATA(head), sizeof process);
        if (head->cmsg_type == A_PIDFD)
            close(process);
        if (head->cmsg_type != SCM_RIGHTS || head->cmsg_len != CMSG_LEN(sizeof one->fds))
            continue;
        memcpy(one->fds, CMSG_DATA(head), sizeof one->fds);
        one->received.fds = 2;
    }
    return result;
}

static intptr_t pass_to_one_who_waits(void *arg)
{
    whorl_fn *const bodies[] = {await_two, await_two_in_a_message};
    (void)arg;
    pair pipes = pipe_pair();
    int before = open_descriptors();
    for (size_t round = 0; round < COMPANIES * count_of(types) * count_of(bodies); round++) {
        pair both = make_pair(types[round % 3]);
        set_company(both.ends[1], (int)(round / 3 % COMPANIES));
        wait_for_two one = {.fd = both.ends[1], .fds = {-1, -1}};
        whorl_task *task = whorl_spawn(bodies[round / 3 / COMPANIES], &one);
        check_equal(whorl_sleep(WHORL_MS(1)), 0);
        check_equal(whorl_send_fds(both.ends[0], "x", 1, pipes.ends, 2), 1);
        check_equal(whorl_join(task), 1);
        check_equal(one.received.fds, 2);
        check_equal(one.received.flags & MSG_CTRUNC, 0);
        for (int i = 0; i < 2; i++)
            check_fd(one.fds[i], pipes.ends[i]);
        close_pair(&both);
        check_equal(open_descriptors(), before);
    }
    close_pair(&pipes);
    return 0;
}

static void one_who_waits_gets_them_in_any_company(void **state)
{
    (void)state;
    run_checks(pass_to_one_who_waits, NULL);
}

/* With MSG_PEEK they are opened, and come again; with MSG_WAITALL no byte is waited for behind
 * them, with which the kernel would lose them. */
static intptr_t peek_and_take(void *arg)
{
    (void)arg;
    static const int flags[] = {MSG_PEEK, 0, MSG_WAITALL};
    pair pipes = pipe_pair();
    int before = open_descriptors();
    for (int company = 0; company < COMPANIES; company++) {
        pair both = make_pair(SOCK_STREAM);
        set_company(both.ends[1], company);
        for (size_t i = 0; i < count_of(flags); i++) {
            wait_for_two one = {.fd = both.ends[1], .flags = flags[i]};
            whorl_task *task = whorl_spawn(await_two_in_a_message, &one);
            check_equal(whorl_sleep(WHORL_MS(1)), 0);
            if (i != 1) /* which takes what was peeked at */
                check_equal(whorl_send_fds(both.ends[0], "x", 1, pipes.ends, 2), 1);
            check_equal(whorl_join(task), 1);
            check_equal(one.received.fds, 2);
            for (int j = 0; j < 2; j++)
                check_fd(one.fds[j], pipes.ends[j]);
        }
        close_pair(&both);
        check_equal(open_descriptors(), before);
    }
    close_pair(&pipes);
    return 0;
}

static void one_who_peeks_or_waits_for_all_loses_none(void **state)
{
    (void)state;
    run_checks(peek_and_take, NULL);
}

/* A poll tells of a byte out of band, at which one who peeks finds nothing: there are pauses. */
static intptr_t peek_at_a_byte_out_of_band(void *arg)
{
    (void)arg;
    pair both = make_pair(SOCK_STREAM);
    wait_for_two one = {.fd = both.ends[1], .flags = MSG_PEEK};
    check_equal(send(both.ends[0], "!", 1, MSG_OOB), 1);
    whorl_task *task = whorl_spawn(await_two_in_a_message, &one);
    check_equal(whorl_sleep(WHORL_MS(100)), 0); /* until the pauses are long */
    uint64_t before = loop_here->rounds;
    check_equal(whorl_sleep(WHORL_MS(300)), 0);
    check(loop_here->rounds - before < 1000);
    check(!whorl_is_done(task));
    check_equal(whorl_cancel(task), 0);
    check_equal(whorl_join(task), -ECANCELED);
    close_pair(&both);
    return 0;
}

static void one_who_peeks_in_vain_is_no_burden(void **state)
{
    (void)state;
    run_checks(peek_at_a_byte_out_of_band, NULL);
}

static intptr_t close_under_one_who_waits(void *arg)
{
    whorl_fn *const bodies[] = {await_two, await_two_in_a_message};
    (void)arg;
    for (size_t i = 0; i < 6 * count_of(types) * count_of(bodies); i++) {
        pair both = make_pair(types[i % 3]);
        wait_for_two one = {.fd = both.ends[1], .fds = {-1, -1}};
        whorl_task *task = whorl_spawn(bodies[i / 18], &one);
        for (size_t turns = 1 + i / 3 % 6; turns > 0; turns--)
            check_equal(whorl_yield(), 0);
        check_equal(whorl_close(both.ends[1]), 0);
        check_equal(whorl_join(task), -ECANCELED);
        check_equal(one.received.fds, 0);
        close(both.ends[0]);
    }
    return 0;
}

static void a_close_ends_one_who_waits(void **state)
{
    (void)state;
    run_checks(close_under_one_who_waits, NULL);
}

/* Another socket has the descriptor, after so many turns of one who waits on it; not in the first,
 * in which the kernel has not been asked yet, and finds the other. */
static intptr_t exchange_under_one_who_waits(void *arg)
{
    (void)arg;
    int before = open_descriptors();
    for (int turns = 2; turns < 7; turns++) {
        pair old = make_pair(SOCK_STREAM), other = make_pair(SOCK_STREAM);
        char byte = 0;
        wait_for_two one = {.fd = old.ends[1], .fds = {-1, -1}};
        whorl_task *task = whorl_spawn(await_two, &one);
        for (int i = 0; i < turns; i++)
            check_equal(whorl_yield(), 0);
        check_equal(dup2(other.ends[1], old.ends[1]), old.ends[1]);
        check_equal(send(other.ends[0], "y", 1, 0), 1);
        close(old.ends[0]);
        check_equal(whorl_join(task), -ECANCELED);
        check_equal(recv(other.ends[1], &byte, 1, MSG_DONTWAIT), 1);
        check_equal(byte, 'y');
        close(old.ends[1]);
        close_pair(&other);
        check_equal(open_descriptors(), before);
    }
    return 0;
}

static void one_who_waits_takes_nothing_from_the_next_socket_of_that_number(void **state)
{
    (void)state;
    run_checks(exchange_under_one_who_waits, NULL);
}

static intptr_t pass_too_many(void *arg)
{
    (void)arg;
    pair pipes = pipe_pair();
    int many[5];
    for (int i = 0; i < 5; i++)
        many[i] = pipes.ends[0];
    for (int company = 0; company < COMPANIES; company++) {
        for (size_t t = 0; t < count_of(types); t++) {
            pair both = make_pair(types[t]);
            set_company(both.ends[1], company);
            int before = open_descriptors();
            for (size_t room = 0; room <= 5; room++) {
                int fds[6] = {-1, -1, -1, -1, -1, -1};
                char byte;
                whorl_received received;
                check_equal(whorl_send_fds(both.ends[0], "x", 1, many, 5), 1);
                check_equal(whorl_receive_fds(both.ends[1], &byte, 1, fds, room, &received), 1);
                check_equal(received.fds, room);
                check_equal((received.flags & MSG_CTRUNC) != 0, room < 5);
                check_equal(fds[room], -1);
                check_equal(open_descriptors(), before + (int)room);
                for (size_t i = 0; i < room; i++)
                    check_fd(fds[i], pipes.ends[0]);
            }
            /* Who asks for none. */
            char byte;
            check_equal(whorl_send_fds(both.ends[0], "x", 1, many, 5), 1);
            check_equal(whorl_receive_fds(both.ends[1], &byte, 1, NULL, 0, NULL), 1);
            check_equal(open_descriptors(), before);
            close_pair(&both);
        }
    }
    close_pair(&pipes);
    return 0;
}

static void those_without_room_are_closed_and_told_of(void **state)
{
    (void)state;
    run_checks(pass_too_many, NULL);
}

static intptr_t pass_beyond_the_limit(void *arg)
{
    (void)arg;
    pair pipes = pipe_pair(), both = make_pair(SOCK_STREAM);
    int many[8], fds[8];
    for (int i = 0; i < 8; i++)
        many[i] = pipes.ends[0];
    char byte;
    whorl_received received;
    struct rlimit before, lower;
    check_equal(whorl_send_fds(both.ends[0], "x", 1, many, 8), 1);
    int next = dup(pipes.ends[0]);
    close(next);
    check_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    lower = before;
    lower.rlim_cur = (rlim_t)next + 3;
    check_equal(setrlimit(RLIMIT_NOFILE, &lower), 0);
    ssize_t result = whorl_receive_fds(both.ends[1], &byte, 1, fds, 8, &received);
    check_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    check_equal(result, 1);
    check(received.fds <= 3);
    check((received.flags & MSG_CTRUNC) != 0);
    for (size_t i = 0; i < received.fds; i++)
        check_fd(fds[i], pipes.ends[0]);
    close_pair(&both);
    close_pair(&pipes);
    return 0;
}

static void those_beyond_the_process_limit_are_told_of(void **state)
{
    (void)state;
    run_checks(pass_beyond_the_limit, NULL);
}

static intptr_t cut_messages(void *arg)
{
    (void)arg;
    pair pipes = pipe_pair();
    for (size_t t = 1; t < count_of(types); t++) {
        pair both = make_pair(types[t]);
        char buf[2];
        int fd;
        whorl_received received;
        check_equal(whorl_send_fds(both.ends[0], "long", 4, pipes.ends, 1), 4);
        check_equal(whorl_receive_fds(both.ends[1], buf, 2, &fd, 1, &received), 2);
        check((received.flags & MSG_TRUNC) != 0);
        check_equal(received.fds, 1);
        check_fd(fd, pipes.ends[0]);
        check_equal(whorl_send_fds(both.ends[0], NULL, 0, pipes.ends, 1), 0);
        check_equal(whorl_receive_fds(both.ends[1], NULL, 0, &fd, 1, &received), 0);
        check_equal(received.fds, 1);
        check_fd(fd, pipes.ends[0]);
        close_pair(&both);
    }
    close_pair(&pipes);
    return 0;
}

static void a_message_that_is_cut_or_empty_brings_them_too(void **state)
{
    (void)state;
    run_checks(cut_messages, NULL);
}

/* --- Cancels --- */

enum { ROUNDS = 300 };

typedef struct relay {
    pair both;
    pair pipes;
    random_source random;
    whorl_task *receiver;
    unsigned received;
    unsigned stopped;
} relay;

static intptr_t receive_amid_cancels(void *arg)
{
    relay *one = arg;
    while (one->received < ROUNDS) {
        char byte;
        int fds[2];
        whorl_received received;
        ssize_t result = whorl_receive_fds(one->both.ends[1], &byte, 1, fds, 2, &received);
        if (result == -ECANCELED) {
            one->stopped++;
            whorl_uncancel();
            continue;
        }
        if (!check_equal(result, 1) || !check_equal(received.fds, 2))
            return -1;
        check_equal(received.flags & MSG_CTRUNC, 0);
        check_fd(fds[0], one->pipes.ends[0]);
        check_fd(fds[1], one->pipes.ends[1]);
        one->received++;
    }
    return 0;
}

static intptr_t cancel_at_random(void *arg)
{
    relay *one = arg;
    while (whorl_cancel(one->receiver) == 0) {
        if (random_below(&one->random, 2))
            whorl_sleep(WHORL_US(random_below(&one->random, 50)));
        else
            whorl_yield();
    }
    return 0;
}

static intptr_t relay_amid_cancels(void *arg)
{
    (void)arg;
    for (size_t t = 0; t < count_of(types); t++) {
        relay one = {.both = make_pair(types[t]), .pipes = pipe_pair()};
        one.random = random_from_seed(t);
        one.receiver = whorl_spawn(receive_amid_cancels, &one);
        whorl_task *canceller = whorl_spawn(cancel_at_random, &one);
        for (int i = 0; i < ROUNDS; i++) {
            check_equal(whorl_send_fds(one.both.ends[0], "x", 1, one.pipes.ends, 2), 1);
            if (random_below(&one.random, 3) == 0)
                whorl_sleep(WHORL_US(random_below(&one.random, 50)));
        }
        check_equal(whorl_join(canceller), 0);
        check_equal(whorl_join(one.receiver), 0);
        check(one.stopped > 0);
        close_pair(&one.both);
        close_pair(&one.pipes);
    }
    return 0;
}

static void a_cancelled_receive_loses_no_descriptor(void **state)
{
    (void)state;
    int before = open_descriptors();
    run_checks(relay_amid_cancels, NULL);
    assert_int_equal(open_descriptors(), before);
}

/* --- Refusals --- */

static intptr_t pass_wrongly(void *arg)
{
    (void)arg;
    pair both = make_pair(SOCK_STREAM);
    int fds[1] = {both.ends[0]};
    char byte = 'x';
    whorl_received received;
    check_equal(whorl_send_fds(both.ends[0], &byte, 1, NULL, 1), -EINVAL);
    check_equal(whorl_send_fds(both.ends[0], NULL, 1, fds, 1), -EINVAL);
    check_equal(whorl_send_fds(both.ends[0], &byte, 0, fds, 1), -EINVAL);
    check_equal(whorl_send_fds(-1, &byte, 1, fds, 1), -EBADF);
    fds[0] = -1;
    check_equal(whorl_send_fds(both.ends[0], &byte, 1, fds, 1), -EBADF);
    check_equal(whorl_receive_fds(both.ends[1], &byte, 1, NULL, 1, &received), -EINVAL);
    check_equal(whorl_receive_fds(both.ends[1], &byte, 1, fds, 1, NULL), -EINVAL);
    check_equal(whorl_receive_fds(both.ends[1], NULL, 1, fds, 1, &received), -EINVAL);
    check_equal(whorl_receive_fds(-1, &byte, 1, fds, 1, &received), -EBADF);
    check_equal(close(both.ends[0]), 0);
    both.ends[0] = -1;
    check_equal(whorl_receive_fds(both.ends[1], &byte, 1, fds, 1, &received), 0);
    check_equal(received.fds, 0);
    check_equal(whorl_send_fds(both.ends[1], &byte, 1, &both.ends[1], 1), -EPIPE);
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_receive_fds(both.ends[1], &byte, 1, fds, 1, &received), -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    close_pair(&both);
    both = tcp_pair();
    check(whorl_send_fds(both.ends[0], &byte, 1, &both.ends[0], 1) != -EPERM);
    close_pair(&both);
    return 0;
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    run_checks(pass_wrongly, NULL);
    char byte;
    assert_int_equal(whorl_send_fds(0, &byte, 1, NULL, 0), -EPERM);
    assert_int_equal(whorl_receive_fds(0, &byte, 1, NULL, 0, NULL), -EPERM);
}

static void the_peers_credentials_are_told(void **state)
{
    (void)state;
    whorl_credentials peer;
    for (size_t t = 0; t < count_of(types); t++) {
        pair both = make_pair(types[t]);
        assert_int_equal(whorl_peer_credentials(both.ends[0], &peer), 0);
        assert_int_equal(peer.pid, getpid());
        assert_int_equal(peer.uid, geteuid());
        assert_int_equal(peer.gid, getegid());
        close_pair(&both);
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(whorl_peer_credentials(fd, &peer), -ENOTCONN);
    assert_int_equal(whorl_peer_credentials(fd, NULL), -EINVAL);
    struct sockaddr_un unnamed = {.sun_family = AF_UNIX};
    assert_int_equal(bind(fd, (struct sockaddr *)&unnamed, sizeof unnamed.sun_family), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(whorl_peer_credentials(fd, &peer), -ENOTCONN);
    close(fd);
    assert_int_equal(whorl_peer_credentials(-1, &peer), -EBADF);
    pair both = tcp_pair();
    assert_int_equal(whorl_peer_credentials(both.ends[0], &peer), -EOPNOTSUPP);
    close_pair(&both);
    both = pipe_pair();
    assert_int_equal(whorl_peer_credentials(both.ends[0], &peer), -ENOTSOCK);
    close_pair(&both);
}

static int ask_what_is_forbidden(void *arg)
{
    (void)arg;
    whorl_credentials peer = {.pid = 7};
    pair both = make_pair(SOCK_STREAM);
    check_equal(forbid_argument(SYS_getsockopt, 2, SO_PEERCRED, EACCES), 0);
    check_equal(whorl_peer_credentials(both.ends[0], &peer), -EACCES);
    check_equal(peer.pid, 7);
    return 0;
}

static void who_may_not_ask_for_them_is_told(void **state)
{
    (void)state;
    run_in_child(ask_what_is_forbidden, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(descriptors_arrive_over_sockets_of_every_type),
        behaviour(as_many_go_as_the_kernel_takes),
        behaviour(what_comes_beside_them_over_other_sockets_is_passed_over),
        behaviour(one_who_waits_gets_them_in_any_company),
        behaviour(one_who_peeks_or_waits_for_all_loses_none),
        behaviour(one_who_peeks_in_vain_is_no_burden),
        behaviour(a_close_ends_one_who_waits),
        behaviour(one_who_waits_takes_nothing_from_the_next_socket_of_that_number),
        behaviour(those_without_room_are_closed_and_told_of),
        behaviour(those_beyond_the_process_limit_are_told_of),
        behaviour(a_message_that_is_cut_or_empty_brings_them_too),
        behaviour(a_cancelled_receive_loses_no_descriptor),
        behaviour(what_cannot_be_is_refused),
        behaviour(the_peers_credentials_are_told),
        behaviour(who_may_not_ask_for_them_is_told),
    };
    return run_behaviours("pass_fds", tests);
}
