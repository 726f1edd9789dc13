/*
 * What goes over a connection: recv, send, recvmsg, sendmsg, poll, their flags and errors. Each
 * body runs on every set of features.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "feature_sets.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- recv, send --- */

static intptr_t exchange(void *arg)
{
    (void)arg;
    for (int kind = 0; kind < 2; kind++) {
        char buf[16] = {0};
        pair both = kind == 0 ? unix_pair() : tcp_pair();
        check_equal(whorl_send(both.ends[0], "question", 8, 0), 8);
        check_equal(recv(both.ends[1], buf, sizeof buf, 0), 8);
        check_text(buf, "question");
        check_equal(send(both.ends[1], "answer", 6, 0), 6);
        memset(buf, 0, sizeof buf);
        check_equal(whorl_recv(both.ends[0], buf, 2, 0), 2);
        check_text(buf, "an");
        check_equal(whorl_recv(both.ends[0], buf, sizeof buf, MSG_PEEK), 4);
        check_equal(whorl_recv(both.ends[0], buf, sizeof buf, 0), 4);
        check_text(buf, "swer");
        check_equal(close(both.ends[1]), 0);
        both.ends[1] = -1;
        check_equal(whorl_recv(both.ends[0], buf, sizeof buf, 0), 0);
        close_pair(&both);
    }
    return 0;
}

static void bytes_go_both_ways(void **state)
{
    (void)state;
    run_checks_on_all_features(exchange, NULL);
}

static intptr_t transfer_wrongly(void *arg)
{
    (void)arg;
    char byte = '!';
    pair both = pipe_pair();
    check_equal(whorl_recv(both.ends[0], &byte, 1, 0), -ENOTSOCK);
    check_equal(whorl_send(both.ends[1], &byte, 1, 0), -ENOTSOCK);
    close_pair(&both);
    check_equal(whorl_recv(-1, &byte, 1, 0), -EBADF);
    check_equal(whorl_send(-1, &byte, 1, 0), -EBADF);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check_equal(whorl_recv(fd, &byte, 1, 0), -ENOTCONN);
    check_equal(whorl_send(fd, &byte, 1, 0), -EPIPE);
    check_equal(close(fd), 0);
    both = unix_pair();
    check_equal(send(both.ends[1], "x", 1, 0), 1);
    check_equal(whorl_recv(both.ends[0], NULL, 1, 0), -EFAULT);
    check_equal(whorl_send(both.ends[0], NULL, 1, 0), -EFAULT);
    check_equal(whorl_recv(both.ends[0], &byte, 1, MSG_OOB | MSG_DONTWAIT),
                recv(both.ends[0], &byte, 1, MSG_OOB | MSG_DONTWAIT) < 0 ? -errno : 1);
    close_pair(&both);
    return 0;
}

static void recv_and_send_give_the_errors_of_their_pages(void **state)
{
    (void)state;
    run_checks_on_all_features(transfer_wrongly, NULL);
}

static intptr_t transfer_without_waiting(void *arg)
{
    (void)arg;
    char byte = '!';
    struct iovec one = {&byte, 1};
    struct msghdr message = {.msg_iov = &one, .msg_iovlen = 1};
    pair both = unix_pair();
    check_equal(whorl_recv(both.ends[0], &byte, 1, MSG_DONTWAIT), -EAGAIN);
    check_equal(whorl_recvmsg(both.ends[0], &message, MSG_DONTWAIT), -EAGAIN);
    check(fill_descriptor(both.ends[0]) > 0);
    check_equal(whorl_send(both.ends[0], &byte, 1, MSG_DONTWAIT), -EAGAIN);
    check_equal(whorl_sendmsg(both.ends[0], &message, MSG_DONTWAIT), -EAGAIN);
    close_pair(&both);
    return 0;
}

static void a_call_that_is_told_not_to_wait_does_not(void **state)
{
    (void)state;
    run_checks_on_all_features(transfer_without_waiting, NULL);
}

static intptr_t transfer_odd_lengths(void *arg)
{
    (void)arg;
    size_t room = (size_t)5 << 30;
    char *reserved =
        mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (!check(reserved != MAP_FAILED))
        return -1;
    check_equal(mprotect(reserved, 4096, PROT_READ | PROT_WRITE), 0);
    pair both = unix_pair();
    check_equal(send(both.ends[1], "0123456789", 10, 0), 10);
    check_equal(whorl_recv(both.ends[0], reserved, 0, 0), 0);
    check_equal(whorl_recv(both.ends[0], reserved, room, 0), 10);
    check_equal(memcmp(reserved, "0123456789", 10), 0);
    check_equal(whorl_send(both.ends[0], "", 0, 0), 0);
    close_pair(&both);
    return munmap(reserved, room);
}

static void lengths_of_zero_and_of_gigabytes_are_fine(void **state)
{
    (void)state;
    run_checks_on_all_features(transfer_odd_lengths, NULL);
}

/* --- MSG_WAITALL --- */

typedef struct waitall {
    int fd;
    int first, second;
    char buf[10];
} waitall;

static intptr_t recv_all(void *arg)
{
    waitall *one = arg;
    one->first = (int)whorl_recv(one->fd, one->buf, sizeof one->buf, MSG_WAITALL);
    char rest;
    one->second = (int)whorl_recv(one->fd, &rest, 1, 0);
    return 0;
}

static intptr_t cancel_a_recv_of_all(void *arg)
{
    (void)arg;
    pair both = unix_pair();
    waitall one = {.fd = both.ends[0]};
    whorl_task *reader = whorl_spawn(recv_all, &one);
    check_equal(send(both.ends[1], "abc", 3, 0), 3);
    check_equal(whorl_sleep(WHORL_MS(2)), 0);
    check_equal(whorl_is_done(reader), 0);
    check_equal(whorl_cancel(reader), 0);
    check_equal(whorl_join(reader), 0);
    check_equal(one.first, 3);
    check_equal(memcmp(one.buf, "abc", 3), 0);
    check_equal(one.second, -ECANCELED); /* the cancel shows at the next call */
    close_pair(&both);
    return 0;
}

static void a_cancelled_recv_of_all_gives_the_count_so_far(void **state)
{
    (void)state;
    run_checks_on_all_features(cancel_a_recv_of_all, NULL);
}

static intptr_t recv_all_in_pieces(void *arg)
{
    (void)arg;
    pair both = tcp_pair();
    waitall one = {.fd = both.ends[0]};
    whorl_task *reader = whorl_spawn(recv_all, &one);
    for (int i = 0; i < 11; i++) {
        check_equal(whorl_is_done(reader), 0);
        check_equal(send(both.ends[1], &"0123456789x"[i], 1, 0), 1);
        check_equal(whorl_sleep(WHORL_US(200)), 0);
    }
    check_equal(whorl_join(reader), 0);
    check_equal(one.first, 10);
    check_equal(memcmp(one.buf, "0123456789", 10), 0);
    check_equal(one.second, 1);
    close_pair(&both);
    return 0;
}

static void a_recv_of_all_goes_on_until_all_is_there(void **state)
{
    (void)state;
    run_checks_on_all_features(recv_all_in_pieces, NULL);
}

enum { LARGE = 4 << 20 };

static char large[LARGE];

static intptr_t send_all(void *arg)
{
    return whorl_send(*(int *)arg, large, LARGE, MSG_WAITALL);
}

/* Sends more than a socket holds; cancels when it stands still, or reads it all on the way. */
static intptr_t send_more_than_fits(void *arg)
{
    bool cancelling = arg != NULL;
    static char sink[1 << 16];
    pair both = unix_pair();
    whorl_task *sender = whorl_spawn(send_all, &both.ends[0]);
    check_equal(whorl_sleep(WHORL_MS(2)), 0);
    check_equal(whorl_is_done(sender), 0);
    intptr_t received = 0, sent = 0;
    if (cancelling) {
        check_equal(whorl_cancel(sender), 0);
        sent = whorl_join(sender);
        check(sent > 0 && sent < LARGE);
    }
    while (received < (cancelling ? sent : LARGE)) {
        ssize_t got = whorl_recv(both.ends[1], sink, sizeof sink, 0);
        if (!check(got > 0))
            break;
        received += got;
    }
    if (!cancelling)
        sent = whorl_join(sender);
    check_equal(received, sent);
    check_equal(recv(both.ends[1], sink, 1, MSG_DONTWAIT), -1);
    close_pair(&both);
    return cancelling || sent == LARGE ? 0 : -1;
}

static void a_send_of_all_goes_on_until_all_is_sent(void **state)
{
    (void)state;
    run_checks_on_all_features(send_more_than_fits, NULL);
}

static void a_cancelled_send_of_all_gives_the_count_so_far(void **state)
{
    (void)state;
    run_checks_on_all_features(send_more_than_fits, large);
}

/* --- Messages --- */

static intptr_t exchange_messages(void *arg)
{
    (void)arg;
    char first[4] = {0}, second[8] = {0};
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0}, received = {0};
    pair both = unix_pair();
    struct iovec out[] = {{(void *)"one", 3}, {(void *)"second", 6}};
    struct iovec in[] = {{first, 3}, {second, 7}};
    struct msghdr outgoing = {.msg_iov = out, .msg_iovlen = 2};
    struct msghdr incoming = {.msg_iov = in, .msg_iovlen = 2};
    outgoing.msg_control = &control;
    outgoing.msg_controllen = sizeof control;
    struct cmsghdr *header = CMSG_FIRSTHDR(&outgoing);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &both.ends[0], sizeof(int));
    incoming.msg_control = &received;
    incoming.msg_controllen = sizeof received;

    check_equal(whorl_sendmsg(both.ends[0], &outgoing, 0), 9);
    check_equal(whorl_recvmsg(both.ends[1], &incoming, MSG_CMSG_CLOEXEC), 9);
    check_text(first, "one");
    check_text(second, "second");
    header = CMSG_FIRSTHDR(&incoming);
    if (check(header != NULL && header->cmsg_type == SCM_RIGHTS)) {
        int passed;
        memcpy(&passed, CMSG_DATA(header), sizeof passed);
        check_equal(close(passed), 0);
    }
    close_pair(&both);
    return 0;
}

static void messages_carry_vectors_and_descriptors(void **state)
{
    (void)state;
    run_checks_on_all_features(exchange_messages, NULL);
}

static intptr_t exchange_messages_wrongly(void *arg)
{
    (void)arg;
    char byte = '!';
    struct iovec one = {&byte, 1};
    struct msghdr message = {.msg_iov = &one, .msg_iovlen = 1};
    struct msghdr too_many = {.msg_iov = &one, .msg_iovlen = 1025};
    pair both = pipe_pair();
    check_equal(whorl_sendmsg(both.ends[1], &message, 0), -ENOTSOCK);
    check_equal(whorl_recvmsg(both.ends[0], &message, 0), -ENOTSOCK);
    close_pair(&both);
    check_equal(whorl_sendmsg(-1, &message, 0), -EBADF);
    check_equal(whorl_recvmsg(-1, &message, 0), -EBADF);
    both = unix_pair();
    check_equal(whorl_sendmsg(both.ends[0], NULL, 0), -EFAULT);
    check_equal(whorl_recvmsg(both.ends[0], NULL, 0), -EFAULT);
    check_equal(whorl_sendmsg(both.ends[0], &too_many, 0), -EMSGSIZE);
    check_equal(whorl_recvmsg(both.ends[0], &too_many, 0), -EMSGSIZE);
    close_pair(&both);
    return 0;
}

static void messages_give_the_errors_of_their_pages(void **state)
{
    (void)state;
    run_checks_on_all_features(exchange_messages_wrongly, NULL);
}

/* --- poll --- */

static intptr_t poll_once(void *arg)
{
    return whorl_poll(*(int *)arg, POLLIN);
}

static intptr_t poll_descriptors(void *arg)
{
    (void)arg;
    pair both = unix_pair();
    check_equal(whorl_poll(both.ends[0], POLLOUT), POLLOUT);
    check_equal(whorl_poll(both.ends[0], POLLIN | POLLOUT), POLLOUT);
    whorl_task *poller = whorl_spawn(poll_once, &both.ends[0]);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    check_equal(whorl_is_done(poller), 0);
    check_equal(send(both.ends[1], "x", 1, 0), 1);
    check_equal(whorl_join(poller), POLLIN);
    check_equal(whorl_poll(both.ends[0], POLLIN | POLLOUT), POLLIN | POLLOUT);
    check_equal(close(both.ends[1]), 0);
    both.ends[1] = -1;
    check_equal(whorl_poll(both.ends[0], 0) & ~POLLRDHUP, POLLHUP);
    check_equal(whorl_poll(both.ends[0], POLLIN | POLLRDHUP), POLLIN | POLLRDHUP | POLLHUP);
    close_pair(&both);
    check_equal(whorl_poll(-1, POLLIN), -EBADF);

    both = pipe_pair();
    check_equal(close(both.ends[0]), 0);
    both.ends[0] = -1;
    check_equal(whorl_poll(both.ends[1], POLLIN), POLLERR);
    close_pair(&both);
    return 0;
}

static void poll_tells_what_is_there(void **state)
{
    (void)state;
    run_checks_on_all_features(poll_descriptors, NULL);
}

/* Bytes that are shown are shown once, and messages come one by one. */
static intptr_t ask_for_all(void *arg)
{
    (void)arg;
    char buf[20];
    struct iovec room = {buf, sizeof buf};
    struct msghdr message = {.msg_iov = &room, .msg_iovlen = 1};
    for (int kind = 0; kind < 2; kind++) {
        pair both = kind == 0 ? unix_pair() : tcp_pair();
        check_equal(send(both.ends[1], "hello", 5, 0), 5);
        check_equal(whorl_poll(both.ends[0], POLLIN), POLLIN);
        check_equal(whorl_recv(both.ends[0], buf, sizeof buf, MSG_PEEK | MSG_WAITALL), 5);
        check_equal(whorl_recvmsg(both.ends[0], &message, MSG_PEEK | MSG_WAITALL), 5);
        whorl_op op = whorl_op_recv(both.ends[0], buf, sizeof buf, MSG_PEEK | MSG_WAITALL);
        check_equal(whorl_op_await(&op), 5);
        check_equal(whorl_recv(both.ends[0], buf, sizeof buf, 0), 5);
        check_equal(memcmp(buf, "hello", 5), 0);
        close_pair(&both);
    }
    pair both;
    check_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, both.ends), 0);
    static const char *const words[] = {"one", "three", "last"};
    for (int i = 0; i < 3; i++)
        check_equal(send(both.ends[1], words[i], strlen(words[i]), 0), strlen(words[i]));
    check_equal(whorl_recv(both.ends[0], buf, sizeof buf, MSG_WAITALL), 3);
    check_equal(whorl_recvmsg(both.ends[0], &message, MSG_WAITALL), 5);
    check_equal(whorl_recv(both.ends[0], buf, 2, MSG_WAITALL), 2);
    check_equal(memcmp(buf, "la", 2), 0);
    close_pair(&both);
    return 0;
}

static void a_peek_and_a_message_are_given_as_they_have_come(void **state)
{
    (void)state;
    run_checks_on_all_features(ask_for_all, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(bytes_go_both_ways),
        behaviour(recv_and_send_give_the_errors_of_their_pages),
        behaviour(a_call_that_is_told_not_to_wait_does_not),
        behaviour(lengths_of_zero_and_of_gigabytes_are_fine),
        behaviour(a_cancelled_recv_of_all_gives_the_count_so_far),
        behaviour(a_recv_of_all_goes_on_until_all_is_there),
        behaviour(a_peek_and_a_message_are_given_as_they_have_come),
        behaviour(a_send_of_all_goes_on_until_all_is_sent),
        behaviour(a_cancelled_send_of_all_gives_the_count_so_far),
        behaviour(messages_carry_vectors_and_descriptors),
        behaviour(messages_give_the_errors_of_their_pages),
        behaviour(poll_tells_what_is_there),
    };
    return run_behaviours("transfer", tests);
}
