/* Datagram sockets that are opened at, or connected to, a name of several addresses. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "as_task.h"
#include "net/places.h"

static whorl_datagram *open_at_name(const char *addresses)
{
    whorl_datagram *one;
    set_addresses(addresses);
    assert_int_equal(whorl_resolve_forget(NULL), 0);
    assert_int_equal(whorl_datagram_open("name.test", NULL, NULL, &one), 0);
    return one;
}

static void expect_own(const whorl_datagram *one, const char *host)
{
    assert_int_equal(strncmp(own_of(whorl_datagram_fd(one)).text, host, strlen(host)), 0);
}

static void it_is_opened_at_the_first_that_is_this_machines(void **state)
{
    (void)state;
    whorl_datagram *one = open_at_name("240.0.0.1 2001:db8::1 127.0.0.2 127.0.0.3");
    expect_own(one, "127.0.0.2:");
    assert_int_equal(whorl_datagram_close(one), 0);
    set_addresses("240.0.0.1 240.0.0.2");
    assert_int_equal(whorl_resolve_forget(NULL), 0);
    assert_int_equal(whorl_datagram_open("name.test", NULL, NULL, &one), -EADDRNOTAVAIL);
}

/* Another address is no way out of that. */
static void a_port_that_is_taken_is_told_of_the_first(void **state)
{
    (void)state;
    char port[8];
    whorl_datagram *first = open_at_name("127.0.0.2"), *second;
    snprintf(port, sizeof port, "%d", whorl_datagram_port(first));
    set_addresses("127.0.0.2 127.0.0.3");
    assert_int_equal(whorl_resolve_forget(NULL), 0);
    assert_int_equal(whorl_datagram_open("name.test", port, NULL, &second), -EADDRINUSE);
    assert_int_equal(whorl_datagram_close(first), 0);
}

static void it_is_connected_to_the_first_that_can_be(void **state)
{
    (void)state;
    whorl_datagram *one = open_at_name("127.0.0.1");
    set_addresses("255.255.255.255 127.0.0.2 127.0.0.3"); /* one may not send to all */
    assert_int_equal(whorl_resolve_forget(NULL), 0);
    assert_int_equal(whorl_datagram_connect(one, "name.test", "9"), 0);
    assert_string_equal(peer_of(whorl_datagram_fd(one)).text, "127.0.0.2:9");
    set_addresses("255.255.255.255");
    assert_int_equal(whorl_resolve_forget(NULL), 0);
    assert_int_equal(whorl_datagram_connect(one, "name.test", "9"), -EACCES);
    assert_int_equal(whorl_datagram_close(one), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(it_is_opened_at_the_first_that_is_this_machines),
        as_task(a_port_that_is_taken_is_told_of_the_first),
        as_task(it_is_connected_to_the_first_that_can_be),
    };
    return run_behaviours("datagram_names", tests);
}
