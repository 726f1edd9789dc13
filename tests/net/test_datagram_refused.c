/* What datagram sockets refuse, and by which error. */
#include "core/child.h"
#include "core/forbid.h"
#include "datagrams.h"
#include "elsewhere.h"

#include <core/loop.h>
#include <sys/mman.h>
#include <sys/un.h>

static intptr_t use_wrongly(void *arg)
{
    (void)arg;
    whorl_datagram *one = NULL;
    whorl_message message = {.data = NULL, .len = 1};
    char byte;
    struct sockaddr_in addr;
    socklen_t len = sizeof addr;
    check_equal(whorl_datagram_open(NULL, NULL, NULL, NULL), -EINVAL);
    check_equal(whorl_datagram_open_unix("", NULL, &one), -EINVAL);
    check_equal(whorl_datagram_open_unix("@", NULL, &one), -EINVAL);
    char longest[120];
    memset(longest, 'x', sizeof longest);
    longest[108] = '\0';
    check_equal(whorl_datagram_open_unix(longest, NULL, &one), -ENAMETOOLONG);
    check_equal(whorl_datagram_open_unix("/no/such/dir/x", NULL, &one), -ENOENT);
    check(one == NULL);
    const whorl_datagram_options wrong[] = {
        {.largest = ((size_t)16 << 20) + 1}, {.queue = 1025}, {.timeout = -1}};
    for (size_t i = 0; i < count_of(wrong); i++) {
        check_equal(whorl_datagram_open(NULL, NULL, &wrong[i], &one), -EINVAL);
        check_equal(whorl_datagram_open_unix(NULL, &wrong[i], &one), -EINVAL);
        check(one == NULL);
    }
    whorl_datagram_options family = {.family = AF_UNIX};
    check_equal(whorl_datagram_open(NULL, NULL, &family, &one), -EAFNOSUPPORT);
    check_equal(whorl_datagram_open("192.0.2.77", NULL, NULL, &one), -EADDRNOTAVAIL);
    check_equal(whorl_datagram_open(NULL, "77777", NULL, &one), -ERANGE);
    check_equal(whorl_datagram_from_fd(-1, NULL, &one), -EBADF);
    pair both = unix_pair();
    check_equal(whorl_datagram_from_fd(both.ends[0], NULL, &one), -EPROTOTYPE);
    close_pair(&both);
    both = pipe_pair();
    check_equal(whorl_datagram_from_fd(both.ends[0], NULL, &one), -ENOTSOCK);
    close_pair(&both);
    int netlink = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    check_equal(whorl_datagram_from_fd(netlink, NULL, &one), -EAFNOSUPPORT);
    close(netlink);

    one = open_loopback(NULL, NULL);
    check_equal(whorl_datagram_receive(one, NULL), -EINVAL);
    check_equal(whorl_datagram_receive_from(one, NULL, 1, NULL, NULL), -EINVAL);
    check_equal(whorl_datagram_receive_from(one, &byte, 1, NULL, &len), -EINVAL);
    check_equal(whorl_datagram_receive_many(one, NULL, 1), -EINVAL);
    check_equal(whorl_datagram_receive_many(one, &message, 0), -EINVAL);
    check_equal(whorl_datagram_send(one, NULL, 1), -EINVAL);
    check_equal(whorl_datagram_send_to(one, &byte, 1, NULL, 1), -EINVAL);
    check_equal(whorl_datagram_send_many(one, NULL, 1), -EINVAL);
    check_equal(whorl_datagram_send_many(one, &message, 0), -EINVAL);
    check_equal(whorl_datagram_send_many(one, &message, 1), -EINVAL);
    message = (whorl_message){.data = &byte, .len = 1, .peer_len = 1};
    check_equal(whorl_datagram_send_many(one, &message, 1), -EINVAL);
    check_equal(whorl_datagram_connect_to(one, NULL, 0), -EINVAL);
    const struct sockaddr_un other = {.sun_family = AF_UNIX, .sun_path = "/x"};
    check_equal(whorl_datagram_connect_to(one, (const struct sockaddr *)&other, sizeof other),
                -EAFNOSUPPORT);
    check_equal(whorl_datagram_join(one, NULL, NULL), -EINVAL);
    return whorl_datagram_close(one);
}

/* An option that is refused sets none. */
static intptr_t take_over_wrongly(void *arg)
{
    (void)arg;
    whorl_datagram *datagram;
    int on = -1;
    socklen_t len = sizeof on;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const whorl_datagram_options wrong = {.broadcast = 1, .timeout = -1};
    check_equal(whorl_datagram_from_fd(fd, &wrong, &datagram), -EINVAL);
    check_equal(getsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, &len), 0);
    check_equal(on, 0);
    const whorl_datagram_options right = {.broadcast = 1};
    check_equal(whorl_datagram_from_fd(fd, &right, &datagram), 0);
    check_equal(getsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, &len), 0);
    check_equal(on, 1);
    return whorl_datagram_close(datagram);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    run_checks(use_wrongly, NULL);
    run_checks(take_over_wrongly, NULL);
}

/* --- By the system --- */

static intptr_t open_what_is_forbidden(void *arg)
{
    whorl_datagram *one;
    const whorl_datagram_options loud = {.broadcast = 1};
    int before = open_descriptors();
    check_equal(forbid_argument(SYS_setsockopt, 2, SO_BROADCAST, EPERM), 0);
    check_equal(whorl_datagram_open("127.0.0.1", NULL, &loud, &one), -EPERM);
    check_equal(whorl_datagram_open_unix(NULL, &loud, &one), -EPERM);
    check_equal(open_descriptors(), before);
    check(one == NULL);
    one = open_loopback(NULL, NULL);
    check_equal(whorl_datagram_set_broadcast(one, 1), -EPERM);
    check_equal(whorl_datagram_close(one), 0);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    check_equal(forbid_argument(SYS_getsockopt, 2, SO_DOMAIN, EACCES), 0);
    check_equal(whorl_datagram_from_fd(fd, NULL, &one), -EACCES);
    close(fd);
    return (intptr_t)arg;
}

static void what_the_system_forbids_is_told_and_leaves_nothing(void **state)
{
    (void)state;
    run_checks_in_child(NULL, open_what_is_forbidden, NULL);
}

/* Buffers that could not be kept from a child of fork(2) are not used. */
static intptr_t receive_without_shared_buffers(void *arg)
{
    struct sockaddr_in addr;
    check_equal(forbid_argument(SYS_madvise, 2, MADV_DONTFORK, EINVAL), 0);
    whorl_datagram *one = open_loopback(NULL, &addr);
    check(!loop_here->datagram_hub);
    check_equal(send_in(one, "x", 1, &addr), 1);
    check_received(one, "x");
    check_equal(whorl_datagram_close(one), 0);
    return (intptr_t)arg;
}

static void buffers_that_cannot_be_kept_from_children_are_done_without(void **state)
{
    (void)state;
    run_checks_in_child(NULL, receive_without_shared_buffers, NULL);
}

/* --- By whorl --- */

static void check_refused(whorl_datagram *one, int error)
{
    char byte = '!';
    struct sockaddr_in addr = {.sin_family = AF_INET};
    const struct sockaddr *peer = (const struct sockaddr *)&addr;
    whorl_message message = {.data = &byte, .len = 1};
    check_equal(whorl_datagram_set_timeout(one, 1), error);
    check_equal(whorl_datagram_connect(one, "127.0.0.1", "9"), error);
    check_equal(whorl_datagram_connect_to(one, peer, sizeof addr), error);
    check_equal(whorl_datagram_receive(one, &message), error);
    check_equal(whorl_datagram_receive_from(one, &byte, 1, NULL, NULL), error);
    check_equal(whorl_datagram_receive_many(one, &message, 1), error);
    check_equal(whorl_datagram_send(one, &byte, 1), error);
    check_equal(whorl_datagram_send_to(one, &byte, 1, peer, sizeof addr), error);
    message = (whorl_message){.data = &byte, .len = 1};
    check_equal(whorl_datagram_send_many(one, &message, 1), error);
    check_equal(whorl_datagram_set_broadcast(one, 1), error);
    check_equal(whorl_datagram_join(one, "239.1.2.3", NULL), error);
    check_equal(whorl_datagram_leave(one, "239.1.2.3", NULL), error);
    check_equal(whorl_datagram_set_multicast_loop(one, 1), error);
    check_equal(whorl_datagram_set_multicast_hops(one, 1), error);
    check_equal(whorl_datagram_set_multicast_interface(one, NULL), error);
    check_equal(whorl_datagram_close(one), error);
}

static intptr_t use_none(void *arg)
{
    (void)arg;
    check_equal(whorl_datagram_fd(NULL), -EINVAL);
    check_equal(whorl_datagram_port(NULL), -EINVAL);
    check_refused(NULL, -EINVAL);
    return 0;
}

static void each_call_refuses_to_be_without_a_socket(void **state)
{
    (void)state;
    run_checks(use_none, NULL);
}

static whorl_datagram *of_this_loop;

static intptr_t use_elsewhere(void *arg)
{
    (void)arg;
    check_refused(of_this_loop, -EPERM);
    return 0;
}

static intptr_t offer_elsewhere(void *arg)
{
    (void)arg;
    of_this_loop = open_loopback(NULL, NULL);
    in_another_loop(use_elsewhere);
    return whorl_datagram_close(of_this_loop);
}

static void each_call_refuses_the_socket_of_another_loop(void **state)
{
    (void)state;
    run_checks(offer_elsewhere, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(what_cannot_be_is_refused),
        behaviour(what_the_system_forbids_is_told_and_leaves_nothing),
        behaviour(buffers_that_cannot_be_kept_from_children_are_done_without),
        behaviour(each_call_refuses_to_be_without_a_socket),
        behaviour(each_call_refuses_the_socket_of_another_loop),
    };
    return run_behaviours("datagram_refused", tests);
}
