/*
 * Names and connections in a network of the test's own: hosts that swallow all, hosts that cannot
 * be reached, and names that the C library itself finds, or does not.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "net/own_network.h"
#include "net/places.h"

static intptr_t connect_to(void *arg)
{
    return whorl_tcp_connect(arg, "80", NULL);
}

static intptr_t fall_into_the_hole(void *arg)
{
    const whorl_connect_options soon = {.timeout = WHORL_MS(30)};
    int before = open_descriptors();
    check_equal(whorl_tcp_connect("10.9.8.7", "80", &soon), -ETIMEDOUT);
    whorl_task *task = whorl_spawn(connect_to, "10.9.8.7");
    check_equal(whorl_sleep(WHORL_MS(10)), 0);
    check_equal(whorl_is_done(task), 0);
    check_equal(open_descriptors(), before + 1);
    check_equal(whorl_cancel(task), 0);
    check_equal(whorl_join(task), -ECANCELED);
    check_equal(open_descriptors(), before);
    return (intptr_t)arg;
}

static void a_black_hole_is_left_by_timeout_and_by_cancel(void **state)
{
    (void)state;
    run_in_own_network(__func__, fall_into_the_hole);
}

static intptr_t go_nowhere(void *arg)
{
    check_equal(connect_to("192.0.2.1"), -ENETUNREACH);
    check_equal(connect_to("2001:db8::1"), -ENETUNREACH);
    return (intptr_t)arg;
}

static void where_no_way_leads_it_is_told_so(void **state)
{
    (void)state;
    run_in_own_network(__func__, go_nowhere);
}

static intptr_t ask_for_names(void *arg)
{
    const whorl_connect_options soon = {.timeout = WHORL_MS(30)};
    answer_lookups_by(NULL);
    check_resolves("alive.test", "80", NULL, "127.0.0.1:80");
    check_resolves("dead.test", "81", NULL, "10.9.8.7:81");
    check_equal(connect_to("no-such-name.test"), -ENOENT);
    check_equal(whorl_tcp_connect("dead.test", "80", &soon), -ETIMEDOUT);
    return (intptr_t)arg;
}

static void names_are_those_of_the_system(void **state)
{
    (void)state;
    run_in_own_network(__func__, ask_for_names);
}

static intptr_t race_to_a_mixed_name(void *arg)
{
    static const enum place_kind kind = LIVE;
    struct places places;
    answer_lookups_by(NULL);
    places_open(&places, &kind, 1);
    int fd = whorl_tcp_connect("mixed.test", places.port, NULL);
    check_equal(strncmp(peer_of(fd).text, "127.0.0.1:", 10), 0);
    check_equal(whorl_close(fd), 0);
    places_close(&places);
    return (intptr_t)arg;
}

static void of_a_dead_address_and_a_live_one_the_live_one_is_connected(void **state)
{
    (void)state;
    run_in_own_network(__func__, race_to_a_mixed_name);
}

static intptr_t connect_within_a_scope(void *arg)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6};
    socklen_t len = sizeof address;
    char port[8];
    run_ip("addr add fe80::77/64 dev " HOLE_DEVICE " nodad");
    int listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check_equal(bind(listener, (struct sockaddr *)&address, len), 0);
    check_equal(listen(listener, 5), 0);
    check_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    snprintf(port, sizeof port, "%u", ntohs(address.sin6_port));
    int fd = whorl_tcp_connect("fe80::77%" HOLE_DEVICE, port, NULL);
    check_equal(strncmp(peer_of(fd).text, "[fe80::77%", 10), 0);
    check_equal(whorl_close(fd), 0);
    /* Without its scope it is no place. */
    check_equal(whorl_tcp_connect("fe80::77", port, NULL), -EINVAL);
    check_equal(close(listener), 0);
    return (intptr_t)arg;
}

static void a_scope_leads_to_its_interface(void **state)
{
    (void)state;
    run_in_own_network(__func__, connect_within_a_scope);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_black_hole_is_left_by_timeout_and_by_cancel),
        behaviour(where_no_way_leads_it_is_told_so),
        behaviour(names_are_those_of_the_system),
        behaviour(of_a_dead_address_and_a_live_one_the_live_one_is_connected),
        behaviour(a_scope_leads_to_its_interface),
    };
    return run_behaviours("black_hole", tests);
}
