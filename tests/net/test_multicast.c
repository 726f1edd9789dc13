/*
 * Multicast, in a network namespace of a child's own, with the loopback interface and a pair of
 * virtual ethernets. (What leaves by the loopback interface always comes back, so that most is to
 * be seen on another.) Where these cannot be made, what needs them is skipped.
 */
#include "datagrams.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/wait.h>

enum { CANNOT = 77 };

/* --- The namespace, made by a child --- */

static bool write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        close(fd);
    return done;
}

static bool enter_namespace(void)
{
    char map[64];
    if (unshare(CLONE_NEWNET) == 0)
        return true;
    unsigned uid = geteuid(), gid = getegid();
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        return false;
    snprintf(map, sizeof map, "0 %u 1", uid);
    bool mapped =
        write_text("/proc/self/setgroups", "deny") && write_text("/proc/self/uid_map", map);
    snprintf(map, sizeof map, "0 %u 1", gid);
    return mapped && write_text("/proc/self/gid_map", map);
}

/* An IPv6 address without a search for others who have it, which takes a second. */
static bool make_interfaces(void)
{
    static const char commands[] = "exec 2>/dev/null; ip link set lo up &&"
                                   "ip link add left type veth peer name right &&"
                                   "ip addr add 10.9.1.1/24 dev left &&"
                                   "ip link set left up && ip link set right up &&"
                                   "{ ip -6 addr add fd00:9::1/64 dev left nodad || :; }";
    return system(commands) == 0;
}

/* Runs `body` in a child in a namespace; the test is skipped or fails with it. */
static void run_in_namespace(whorl_fn *body)
{
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (!enter_namespace() || !make_interfaces())
            _exit(CANNOT);
        for (int i = 0; i < 2; i++) {
            whorl_config config = {.without = i ? WHORL_FEATURE_RECV_MULTISHOT : 0};
            intptr_t result = whorl_run_with(&config, body, NULL);
            if (result == CANNOT)
                _exit(CANNOT);
            check_equal(result, 0);
        }
        fflush(NULL);
        _exit(failed_checks() == 0 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == CANNOT)
        skip_because("no network namespace, or not what the test needs in it, can be made here");
    assert_int_equal(WEXITSTATUS(status), 0);
}

static whorl_datagram *open_any(int family, int port)
{
    char service[8];
    snprintf(service, sizeof service, "%d", port);
    whorl_datagram_options options = {.family = family, .timeout = WHORL_SECONDS(5)};
    whorl_datagram *one = NULL;
    check_equal(whorl_datagram_open(NULL, service, &options, &one), 0);
    return one;
}

static void expect_nothing(whorl_datagram *one)
{
    whorl_message message;
    check_equal(whorl_datagram_set_timeout(one, WHORL_MS(10)), 0);
    check_equal(whorl_datagram_receive(one, &message), -ETIMEDOUT);
    check_equal(whorl_datagram_set_timeout(one, WHORL_SECONDS(5)), 0);
}

/* --- Groups of each family --- */

static void send_to_group(whorl_datagram *from, const char *group, int port, ssize_t expected)
{
    struct sockaddr_storage addr = {0};
    struct sockaddr_in *in4 = (struct sockaddr_in *)&addr;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&addr;
    in4->sin_port = htons((in_port_t)port); /* in6's lies there too */
    bool is4 = inet_pton(AF_INET, group, &in4->sin_addr) == 1;
    addr.ss_family = is4 ? AF_INET : AF_INET6;
    if (!is4)
        check_equal(inet_pton(AF_INET6, group, &in6->sin6_addr), 1);
    check_equal(whorl_datagram_send_to(from, "group", 5, (struct sockaddr *)&addr,
                                       is4 ? sizeof *in4 : sizeof *in6),
                expected);
}

static void use_group(int family, int by_family, const char *group)
{
    whorl_datagram *member = open_any(family, 0);
    whorl_datagram *sender = open_any(by_family, 0);
    int port = whorl_datagram_port(member);
    check_equal(whorl_datagram_set_multicast_interface(sender, "left"), 0);
    check_equal(whorl_datagram_leave(member, group, "left"), -EADDRNOTAVAIL);
    check_equal(whorl_datagram_join(member, group, "left"), 0);
    check_equal(whorl_datagram_join(member, group, "left"), -EADDRINUSE);
    for (int i = 0; i < 3; i++) {
        send_to_group(sender, group, port, 5);
        check_received(member, "group");
    }
    /* Not to this machine. */
    check_equal(whorl_datagram_set_multicast_loop(sender, 0), 0);
    send_to_group(sender, group, port, 5);
    expect_nothing(member);
    check_equal(whorl_datagram_set_multicast_loop(sender, 1), 0);
    check_equal(whorl_datagram_leave(member, group, "left"), 0);
    send_to_group(sender, group, port, 5);
    expect_nothing(member);
    check_equal(whorl_datagram_close(member), 0);
    check_equal(whorl_datagram_close(sender), 0);
}

static intptr_t use_groups(void *arg)
{
    (void)arg;
    use_group(AF_INET, AF_INET, "239.255.1.2");
    return 0;
}

static void a_group_of_ipv4_is_joined_and_left(void **state)
{
    (void)state;
    run_in_namespace(use_groups);
}

static intptr_t use_groups6(void *arg)
{
    (void)arg;
    if (access("/proc/net/if_inet6", F_OK) != 0)
        return CANNOT;
    use_group(AF_INET6, AF_INET6, "ff12::4242");
    return 0;
}

static void a_group_of_ipv6_is_joined_and_left(void **state)
{
    (void)state;
    run_in_namespace(use_groups6);
}

static intptr_t use_groups_of_both(void *arg)
{
    (void)arg;
    if (access("/proc/net/if_inet6", F_OK) != 0)
        return CANNOT;
    use_group(AF_UNSPEC, AF_UNSPEC, "239.255.1.3");
    use_group(AF_UNSPEC, AF_UNSPEC, "ff12::4243");
    return 0;
}

static void one_socket_is_in_groups_of_both_families(void **state)
{
    (void)state;
    run_in_namespace(use_groups_of_both);
}

/* --- Two interfaces --- */

static intptr_t choose_interface(void *arg)
{
    (void)arg;
    const char *group = "239.255.1.4";
    whorl_datagram *on_lo = open_any(AF_INET, 0);
    whorl_datagram *on_left = open_any(AF_INET, 0);
    whorl_datagram *sender = open_any(AF_INET, 0);
    int only = 0; /* what other sockets have joined is not received */
    socklen_t len = sizeof only;
    check_equal(setsockopt(whorl_datagram_fd(on_lo), IPPROTO_IP, IP_MULTICAST_ALL, &only, len), 0);
    check_equal(setsockopt(whorl_datagram_fd(on_left), IPPROTO_IP, IP_MULTICAST_ALL, &only, len),
                0);
    check_equal(whorl_datagram_join(on_lo, group, "lo"), 0);
    check_equal(whorl_datagram_join(on_left, group, "left"), 0);
    check_equal(whorl_datagram_set_multicast_interface(sender, "left"), 0);
    send_to_group(sender, group, whorl_datagram_port(on_left), 5);
    check_received(on_left, "group");
    send_to_group(sender, group, whorl_datagram_port(on_lo), 5);
    expect_nothing(on_lo);
    check_equal(whorl_datagram_set_multicast_interface(sender, "lo"), 0);
    send_to_group(sender, group, whorl_datagram_port(on_lo), 5);
    check_received(on_lo, "group");
    check_equal(whorl_datagram_close(on_lo), 0);
    check_equal(whorl_datagram_close(on_left), 0);
    return whorl_datagram_close(sender);
}

static void the_interface_is_chosen_for_joining_and_for_sending(void **state)
{
    (void)state;
    run_in_namespace(choose_interface);
}

/* --- Options --- */

static int option_of(whorl_datagram *one, int level, int option)
{
    int value = -1;
    socklen_t len = sizeof value;
    check_equal(getsockopt(whorl_datagram_fd(one), level, option, &value, &len), 0);
    return value;
}

static intptr_t set_options(void *arg)
{
    (void)arg;
    whorl_datagram *one = open_any(AF_INET, 0), *local;
    check_equal(option_of(one, IPPROTO_IP, IP_MULTICAST_TTL), 1);
    check_equal(whorl_datagram_set_multicast_hops(one, 255), 0);
    check_equal(option_of(one, IPPROTO_IP, IP_MULTICAST_TTL), 255);
    check_equal(whorl_datagram_set_multicast_hops(one, 0), 0);
    check_equal(option_of(one, IPPROTO_IP, IP_MULTICAST_TTL), 0);
    check_equal(whorl_datagram_set_multicast_hops(one, -1), -EINVAL);
    check_equal(whorl_datagram_set_multicast_hops(one, 256), -EINVAL);
    check_equal(whorl_datagram_set_multicast_loop(one, 0), 0);
    check_equal(option_of(one, IPPROTO_IP, IP_MULTICAST_LOOP), 0);
    check_equal(whorl_datagram_set_multicast_interface(one, "no-such-one"), -ENODEV);
    check_equal(whorl_datagram_join(one, "239.255.1.5", "no-such-one"), -ENODEV);
    check_equal(whorl_datagram_join(one, "127.0.0.1", NULL), -EINVAL);
    check_equal(whorl_datagram_join(one, "::1", NULL), -EINVAL);
    check_equal(whorl_datagram_join(one, "a name", NULL), -EINVAL);
    check_equal(whorl_datagram_join(one, "ff02::114", NULL), -EAFNOSUPPORT);
    check_equal(whorl_datagram_join(NULL, "239.255.1.5", NULL), -EINVAL);
    check_equal(whorl_datagram_close(one), 0);

    check_equal(whorl_datagram_open_unix(NULL, NULL, &local), 0);
    check_equal(whorl_datagram_join(local, "239.255.1.5", NULL), -EAFNOSUPPORT);
    check_equal(whorl_datagram_set_multicast_hops(local, 1), -EAFNOSUPPORT);
    check_equal(whorl_datagram_set_multicast_loop(local, 1), -EAFNOSUPPORT);
    check_equal(whorl_datagram_set_multicast_interface(local, NULL), -EAFNOSUPPORT);
    return whorl_datagram_close(local);
}

static intptr_t set_options6(void *arg)
{
    (void)arg;
    whorl_datagram *one = open_any(AF_UNSPEC, 0);
    check_equal(whorl_datagram_set_multicast_hops(one, 7), 0);
    check_equal(option_of(one, IPPROTO_IPV6, IPV6_MULTICAST_HOPS), 7);
    check_equal(option_of(one, IPPROTO_IP, IP_MULTICAST_TTL), 7);
    check_equal(whorl_datagram_set_multicast_loop(one, 0), 0);
    check_equal(option_of(one, IPPROTO_IPV6, IPV6_MULTICAST_LOOP), 0);
    check_equal(option_of(one, IPPROTO_IP, IP_MULTICAST_LOOP), 0);
    check_equal(whorl_datagram_set_multicast_interface(one, NULL), 0);
    check_equal(whorl_datagram_close(one), 0);

    one = open_any(AF_INET6, 0);
    check_equal(whorl_datagram_join(one, "239.255.1.5", NULL), -EAFNOSUPPORT);
    check_equal(whorl_datagram_leave(one, "239.255.1.5", NULL), -EAFNOSUPPORT);
    return whorl_datagram_close(one);
}

static void options_are_set_for_each_family_or_refused(void **state)
{
    (void)state;
    run_both_ways(set_options);
    if (access("/proc/net/if_inet6", F_OK) == 0)
        run_both_ways(set_options6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_group_of_ipv4_is_joined_and_left),
        behaviour(a_group_of_ipv6_is_joined_and_left),
        behaviour(one_socket_is_in_groups_of_both_families),
        behaviour(the_interface_is_chosen_for_joining_and_for_sending),
        behaviour(options_are_set_for_each_family_or_refused),
    };
    return run_behaviours("multicast", tests);
}
