/* Connections by name to one place: what comes of them, and which errors. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "as_task.h"
#include "net/places.h"

#include <netinet/tcp.h>

static int opened_with(int fd, int level, int option)
{
    int value = -1;
    socklen_t len = sizeof value;
    check_equal(getsockopt(fd, level, option, &value, &len), 0);
    return value;
}

static void open_one(struct places *places, enum place_kind kind)
{
    places_open(places, &kind, 1);
}

static void a_name_is_connected_to(void **state)
{
    (void)state;
    struct places places;
    char byte;
    open_one(&places, LIVE);
    set_addresses("127.0.0.1");
    int fd = whorl_tcp_connect("name.test", places.port, NULL);
    assert_true(fd >= 0);
    int peer = accept_at(&places, 0);
    assert_string_equal(peer_of(peer).text, own_of(fd).text);
    assert_int_equal(whorl_send(fd, "w", 1, 0), 1);
    assert_int_equal(whorl_recv(peer, &byte, 1, 0), 1);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(opened_with(fd, IPPROTO_TCP, TCP_NODELAY), 1);
    assert_int_equal(whorl_close(fd), 0);
    assert_int_equal(whorl_close(peer), 0);
    places_close(&places);
}

static void small_writes_wait_if_the_program_wants_that(void **state)
{
    (void)state;
    struct places places;
    const whorl_connect_options nagle = {.nagle = 1};
    open_one(&places, LIVE);
    int fd = whorl_tcp_connect("127.0.0.1", places.port, &nagle);
    assert_int_equal(opened_with(fd, IPPROTO_TCP, TCP_NODELAY), 0);
    assert_int_equal(whorl_close(fd), 0);
    places_close(&places);
}

static void localhost_and_no_host_are_this_machine(void **state)
{
    (void)state;
    struct places places;
    open_one(&places, LIVE);
    answer_lookups_by(NULL);
    int fd = whorl_tcp_connect("localhost", places.port, NULL);
    assert_string_not_equal(peer_of(fd).text, "none");
    assert_int_equal(whorl_close(fd), 0);
    fd = whorl_tcp_connect(NULL, places.port, NULL);
    assert_string_not_equal(peer_of(fd).text, "none");
    assert_int_equal(whorl_close(fd), 0);
    places_close(&places);
}

static void a_service_has_its_port(void **state)
{
    (void)state;
    const whorl_connect_options short_time = {.timeout = WHORL_SECONDS(20)};
    answer_lookups_by(NULL);
    whorl_address address;
    if (whorl_resolve("127.0.0.1", "discard", NULL, &address, 1) != 1)
        skip_because("there is no services(5)");
    /* Nobody listens there, as a rule. */
    int fd = whorl_tcp_connect("127.0.0.1", "discard", &short_time);
    if (fd >= 0) {
        assert_string_equal(peer_of(fd).text, "127.0.0.1:9");
        assert_int_equal(whorl_close(fd), 0);
    } else {
        assert_int_equal(fd, -ECONNREFUSED);
    }
}

/* --- IPv6 --- */

static void an_address_of_ipv6_is_connected_to(void **state)
{
    (void)state;
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    socklen_t len = sizeof address;
    char port[8];
    int listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool has_in6 = listener >= 0 && bind(listener, (struct sockaddr *)&address, len) == 0;
    if (!has_in6 && listener >= 0)
        close(listener);
    if (!has_in6)
        skip_because("there is no IPv6");
    assert_int_equal(listen(listener, 5), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    snprintf(port, sizeof port, "%u", ntohs(address.sin6_port));
    int fd = whorl_tcp_connect("::1", port, NULL);
    assert_int_equal(strncmp(peer_of(fd).text, "[::1]:", 6), 0);
    assert_int_equal(whorl_close(fd), 0);
    const whorl_connect_options from = {.local_host = "::1"};
    fd = whorl_tcp_connect("::1", port, &from);
    assert_int_equal(strncmp(own_of(fd).text, "[::1]:", 6), 0);
    assert_int_equal(whorl_close(fd), 0);
    assert_int_equal(whorl_close(listener), 0);
}

/* --- Errors --- */

static void where_nobody_listens_it_is_refused(void **state)
{
    (void)state;
    struct places places;
    open_one(&places, REFUSES);
    set_addresses("127.0.0.1");
    assert_int_equal(whorl_tcp_connect("name.test", places.port, NULL), -ECONNREFUSED);
    places_close(&places);
}

static int no_such_name(const char *host, const char *service, const struct addrinfo *hints,
                        struct addrinfo **list)
{
    (void)host, (void)service, (void)hints, (void)list;
    return EAI_NONAME;
}

static void what_cannot_be_resolved_is_not_tried(void **state)
{
    (void)state;
    const whorl_connect_options in6 = {.family = AF_INET6};
    answer_lookups_by(no_such_name);
    assert_int_equal(whorl_tcp_connect("name.test", "80", NULL), -ENOENT);
    assert_int_equal(whorl_tcp_connect("127.0.0.1", "65536", NULL), -ERANGE);
    assert_int_equal(whorl_tcp_connect("127.0.0.1", "80", &in6), -ENODATA);
    answer_lookups_by(NULL);
    assert_int_equal(whorl_tcp_connect("127.0.0.1", "no-such-service", NULL), -EPROTONOSUPPORT);
}

static void misuse_is_refused(void **state)
{
    (void)state;
    assert_int_equal(whorl_tcp_connect("127.0.0.1", NULL, NULL), -EINVAL);
    const whorl_connect_options wrong[] = {
        {.timeout = -1}, {.attempt_delay = -1}, {.attempt_delay = WHORL_MS(10) - 1}};
    for (size_t i = 0; i < count_of(wrong); i++)
        assert_int_equal(whorl_tcp_connect("127.0.0.1", "80", &wrong[i]), -EINVAL);
    const whorl_connect_options family = {.family = 12345};
    assert_int_equal(whorl_tcp_connect("127.0.0.1", "80", &family), -EAFNOSUPPORT);
    assert_int_equal(whorl_cancel(whorl_self()), 0);
    assert_int_equal(whorl_tcp_connect("127.0.0.1", "80", NULL), -ECANCELED);
    assert_int_equal(whorl_uncancel(), 1);
}

static void outside_a_task_it_is_refused(void **state)
{
    (void)state;
    check_equal(whorl_tcp_connect("127.0.0.1", "80", NULL), -EPERM);
}

static int hang(const char *host, const char *service, const struct addrinfo *hints,
                struct addrinfo **list)
{
    (void)host, (void)service, (void)hints;
    await_number(&lookups_may_end, 1);
    return answer_with("127.0.0.1", 0, list);
}

static void the_timeout_counts_the_lookup_too(void **state)
{
    (void)state;
    const whorl_connect_options soon = {.timeout = WHORL_MS(20)};
    answer_lookups_by(hang);
    assert_int_equal(whorl_tcp_connect("name.test", "80", &soon), -ETIMEDOUT);
    assert_int_equal(atomic_load(&lookups_ended), 0);
    atomic_store(&lookups_may_end, 1);
}

static intptr_t connect_to_name(void *arg)
{
    return whorl_tcp_connect("name.test", arg, NULL);
}

static void a_cancel_ends_the_lookup_too(void **state)
{
    (void)state;
    answer_lookups_by(hang);
    whorl_task *task = whorl_spawn(connect_to_name, "80");
    yield_until(&lookups_begun, 1);
    assert_int_equal(whorl_cancel(task), 0);
    assert_int_equal(whorl_join(task), -ECANCELED);
    assert_int_equal(atomic_load(&lookups_ended), 0);
    atomic_store(&lookups_may_end, 1);
}

/* --- From where --- */

static void a_connection_comes_from_the_local_address_that_is_asked_for(void **state)
{
    (void)state;
    struct places places;
    open_one(&places, LIVE);
    const whorl_connect_options from = {.local_host = "127.0.0.77"};
    int fd = whorl_tcp_connect("127.0.0.1", places.port, &from);
    assert_int_equal(strncmp(own_of(fd).text, "127.0.0.77:", 11), 0);
    /* There may be more of them than ports, if they go to several places. */
    assert_int_equal(opened_with(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT), 1);
    assert_int_equal(whorl_close(fd), 0);

    set_addresses("::1 127.0.0.78");
    const whorl_connect_options from_name = {.local_host = "name.test"};
    fd = whorl_tcp_connect("127.0.0.1", places.port, &from_name);
    assert_int_equal(strncmp(own_of(fd).text, "127.0.0.78:", 11), 0);
    assert_int_equal(whorl_close(fd), 0);

    set_addresses("::1 ::2 ::3 ::4 ::5 ::6 ::7 ::8 ::9 127.0.0.79 127.0.0.80");
    const whorl_connect_options from_many = {.local_host = "many.test"};
    fd = whorl_tcp_connect("127.0.0.1", places.port, &from_many);
    assert_int_equal(strncmp(own_of(fd).text, "127.0.0.79:", 11), 0);
    assert_int_equal(whorl_close(fd), 0);
    places_close(&places);
}

static void a_connection_comes_from_the_local_port_that_is_asked_for(void **state)
{
    (void)state;
    struct places places, other;
    char expected[32];
    open_one(&places, LIVE);
    open_one(&other, REFUSES);
    const whorl_connect_options from = {.local_host = "127.0.0.79", .local_service = other.port};
    int fd = whorl_tcp_connect("127.0.0.1", places.port, &from);
    snprintf(expected, sizeof expected, "127.0.0.79:%s", other.port);
    assert_string_equal(own_of(fd).text, expected);
    /* Once more to the same place is one connection too many. */
    assert_int_equal(whorl_tcp_connect("127.0.0.1", places.port, &from), -EADDRNOTAVAIL);
    assert_int_equal(whorl_close(fd), 0);
    const whorl_connect_options taken = {.local_host = "127.0.0.1", .local_service = other.port};
    assert_int_equal(whorl_tcp_connect("127.0.0.1", places.port, &taken), -EADDRINUSE);
    places_close(&places);
    places_close(&other);
}

static void where_no_local_address_leads_nothing_is_tried(void **state)
{
    (void)state;
    struct places places;
    open_one(&places, LIVE);
    const whorl_connect_options foreign = {.local_host = "192.0.2.1"};
    assert_int_equal(whorl_tcp_connect("127.0.0.1", places.port, &foreign), -EADDRNOTAVAIL);
    const whorl_connect_options other_family = {.local_host = "::1"};
    assert_int_equal(whorl_tcp_connect("127.0.0.1", places.port, &other_family), -EADDRNOTAVAIL);
    const whorl_connect_options wrong = {.local_host = "127.0.0.1", .local_service = "99999"};
    assert_int_equal(whorl_tcp_connect("127.0.0.1", places.port, &wrong), -ERANGE);
    check_equal(accept_at(&places, 0), -1);
    places_close(&places);
}

static void a_connection_with_itself_is_none(void **state)
{
    (void)state;
    struct places places;
    open_one(&places, REFUSES);
    char port[8];
    snprintf(port, sizeof port, "%s", places.port);
    places_close(&places);
    const whorl_connect_options from = {.local_host = "127.0.0.1", .local_service = port};
    assert_int_equal(whorl_tcp_connect("127.0.0.1", port, &from), -ECONNREFUSED);
}

/* --- Room --- */

static intptr_t connect_in_many_ways(void *arg)
{
    const struct places *places = arg;
    whorl_address address;
    check_equal(whorl_resolve("fe80::1%lo", "80", NULL, &address, 1), 1);
    const whorl_connect_options from = {.local_host = "other.test", .timeout = WHORL_SECONDS(50)};
    set_addresses("127.0.0.1");
    int fd = whorl_tcp_connect("name.test", places->port, &from);
    check(fd >= 0);
    return fd < 0 ? fd : whorl_close(fd);
}

static void the_smallest_stack_is_large_enough(void **state)
{
    (void)state;
    if (UNDER_SANITIZER)
        skip_because("sanitizers take more stack than the program");
    static const whorl_config smallest = {.stack_size = WHORL_STACK_MIN};
    struct places places;
    open_one(&places, LIVE);
    run_checks_with(&smallest, connect_in_many_ways, &places);
    places_close(&places);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(a_name_is_connected_to),
        as_task(small_writes_wait_if_the_program_wants_that),
        as_task(localhost_and_no_host_are_this_machine),
        as_task(a_service_has_its_port),
        as_task(an_address_of_ipv6_is_connected_to),
        as_task(where_nobody_listens_it_is_refused),
        as_task(what_cannot_be_resolved_is_not_tried),
        as_task(misuse_is_refused),
        behaviour(outside_a_task_it_is_refused),
        as_task(the_timeout_counts_the_lookup_too),
        as_task(a_cancel_ends_the_lookup_too),
        as_task(a_connection_comes_from_the_local_address_that_is_asked_for),
        as_task(a_connection_comes_from_the_local_port_that_is_asked_for),
        as_task(where_no_local_address_leads_nothing_is_tried),
        as_task(a_connection_with_itself_is_none),
        behaviour(the_smallest_stack_is_large_enough),
    };
    return run_behaviours("connect", tests);
}
