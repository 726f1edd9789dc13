/* Addresses as text. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "streams.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void expect_text(const void *addr, size_t len, const char *expected)
{
    char text[WHORL_ADDRESS_TEXT_MAX];
    int count = whorl_address_text(addr, (socklen_t)len, text, sizeof text);
    assert_int_equal(count, strlen(expected));
    assert_string_equal(text, expected);
}

static void ipv4_is_host_and_port(void **state)
{
    (void)state;
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(80)};
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    expect_text(&addr, sizeof addr, "127.0.0.1:80");
    addr.sin_addr.s_addr = INADDR_BROADCAST;
    addr.sin_port = htons(65535);
    expect_text(&addr, sizeof addr, "255.255.255.255:65535");
}

static void ipv6_is_in_brackets_and_has_its_scope(void **state)
{
    (void)state;
    struct sockaddr_in6 addr = {.sin6_family = AF_INET6, .sin6_port = htons(80)};
    addr.sin6_addr = in6addr_loopback;
    expect_text(&addr, sizeof addr, "[::1]:80");
    assert_int_equal(inet_pton(AF_INET6, "fe80::1", &addr.sin6_addr), 1);
    addr.sin6_scope_id = 2;
    expect_text(&addr, sizeof addr, "[fe80::1%2]:80");
    addr.sin6_scope_id = UINT32_MAX;
    assert_int_equal(
        inet_pton(AF_INET6, "ffff:eeee:dddd:cccc:bbbb:aaaa:9999:8888", &addr.sin6_addr), 1);
    addr.sin6_port = htons(65535);
    expect_text(&addr, sizeof addr, "[ffff:eeee:dddd:cccc:bbbb:aaaa:9999:8888%4294967295]:65535");
}

static size_t unix_address(struct sockaddr_un *addr, const char *name, size_t len)
{
    *addr = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(addr->sun_path, name, len);
    return offsetof(struct sockaddr_un, sun_path) + len;
}

static void unix_is_a_path_or_an_abstract_name_or_unnamed(void **state)
{
    (void)state;
    struct sockaddr_un addr;
    expect_text(&addr, unix_address(&addr, "/run/log", 9), "/run/log");
    expect_text(&addr, unix_address(&addr, "/run/log", 8), "/run/log");
    expect_text(&addr, unix_address(&addr, "\0name", 5), "@name");
    expect_text(&addr, unix_address(&addr, "\0", 1), "@");
    expect_text(&addr, unix_address(&addr, "", 0), "(unnamed)");
    expect_text(&addr, 0, "(unnamed)");
    expect_text(NULL, 0, "(unnamed)");
}

static void what_would_break_the_line_is_escaped(void **state)
{
    (void)state;
    struct sockaddr_un addr;
    expect_text(&addr, unix_address(&addr, "\0a\nb\\c\0d", 8), "@a\\x0ab\\x5cc\\x00d");
    expect_text(&addr, unix_address(&addr, "/\x7f/\xc3\xa4", 6), "/\\x7f/\xc3\xa4");
}

static void the_longest_names_fit(void **state)
{
    (void)state;
    struct sockaddr_un addr;
    char text[WHORL_ADDRESS_TEXT_MAX];
    char name[sizeof addr.sun_path];
    memset(name, 'x', sizeof name);
    size_t len = unix_address(&addr, name, sizeof name);
    assert_int_equal(whorl_address_text((void *)&addr, (socklen_t)len, text, sizeof text), 108);
    memset(name, 0, sizeof name);
    len = unix_address(&addr, name, sizeof name);
    assert_int_equal(whorl_address_text((void *)&addr, (socklen_t)len, text, sizeof text),
                     1 + 107 * 4);
    /* A length beyond the struct is cut to it. */
    assert_int_equal(whorl_address_text((void *)&addr, (socklen_t)len + 9, text, sizeof text),
                     1 + 107 * 4);
}

static void what_cannot_be_told_is_refused(void **state)
{
    (void)state;
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(80)};
    const struct sockaddr *any = (const struct sockaddr *)&addr;
    char text[WHORL_ADDRESS_TEXT_MAX] = "before";
    assert_int_equal(whorl_address_text(any, sizeof addr, text, strlen("0.0.0.0:80")), -ENOSPC);
    assert_string_equal(text, "");
    assert_int_equal(whorl_address_text(any, sizeof addr, text, strlen("0.0.0.0:80") + 1), 10);
    assert_string_equal(text, "0.0.0.0:80");
    assert_int_equal(whorl_address_text(any, sizeof addr, NULL, 0), -ENOSPC);
    assert_int_equal(whorl_address_text(any, sizeof addr, NULL, 5), -EINVAL);
    assert_int_equal(whorl_address_text(NULL, sizeof addr, text, sizeof text), -EINVAL);
    assert_int_equal(whorl_address_text(any, sizeof addr - 9, text, sizeof text), -EAFNOSUPPORT);
    assert_string_equal(text, "");
    assert_int_equal(whorl_address_text(any, 1, text, sizeof text), -EAFNOSUPPORT);
    addr.sin_family = AF_INET6;
    assert_int_equal(whorl_address_text(any, sizeof addr, text, sizeof text), -EAFNOSUPPORT);
    addr.sin_family = AF_NETLINK;
    assert_int_equal(whorl_address_text(any, sizeof addr, text, sizeof text), -EAFNOSUPPORT);
}

static void the_kernels_own_addresses_are_understood(void **state)
{
    (void)state;
    pair both = unix_pair();
    struct sockaddr_storage addr;
    socklen_t len = sizeof addr;
    assert_int_equal(whorl_peer_address(both.ends[0], (struct sockaddr *)&addr, &len), 0);
    expect_text(&addr, len, "(unnamed)");
    close_pair(&both);
    test_path path = path_of("socket");
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    strcpy(name.sun_path, path.text);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
    len = sizeof addr;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    expect_text(&addr, len, path.text);
    close(fd);
}

/* --- Peers --- */

/* A connection whose client has bound to the loopback, has its address in *client, and has reset
 * before it was accepted. */
static int accept_reset(int family, struct sockaddr_in6 *client)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = family == AF_INET ? sizeof own : sizeof address;
    struct sockaddr *any = family == AF_INET ? (void *)&own : (void *)&address;
    int server = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server, any, len), 0);
    assert_int_equal(listen(server, 1), 0);
    assert_int_equal(getsockname(server, any, &len), 0);
    assert_int_equal(connect(fd, any, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)client, &len), 0);
    reset_peer(fd);
    int accepted = accept4(server, NULL, NULL, SOCK_CLOEXEC);
    close(server);
    return accepted;
}

static void a_peer_that_has_broken_off_is_known_still(void **state)
{
    (void)state;
    static const int families[] = {AF_INET, AF_INET6};
    for (size_t i = 0; i < count_of(families); i++) {
        struct sockaddr_in6 client, addr;
        size_t size = i == 0 ? sizeof(struct sockaddr_in) : sizeof addr;
        for (socklen_t room = 0; room <= sizeof addr; room += 4) {
            int fd = accept_reset(families[i], &client);
            memset(&addr, 0x55, sizeof addr);
            socklen_t len = room;
            assert_int_equal(getpeername(fd, (struct sockaddr *)&addr, &len), -1);
            len = room;
            assert_int_equal(whorl_peer_address(fd, (struct sockaddr *)&addr, &len), 0);
            assert_int_equal(len, size);
            assert_memory_equal(&addr, &client, room < size ? room : size);
            if (room < sizeof addr)
                assert_int_equal(((const char *)&addr)[room], 0x55);
            close(fd);
        }
    }
}

static void where_there_is_no_peer_that_is_told(void **state)
{
    (void)state;
    struct sockaddr_storage addr;
    socklen_t len = sizeof addr;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(whorl_peer_address(fd, (struct sockaddr *)&addr, &len), -ENOTCONN);
    assert_int_equal(whorl_peer_address(fd, NULL, &len), -EINVAL);
    assert_int_equal(whorl_peer_address(fd, (struct sockaddr *)&addr, NULL), -EINVAL);
    close(fd);
    assert_int_equal(whorl_peer_address(-1, (struct sockaddr *)&addr, &len), -EBADF);
    pair pipe = pipe_pair();
    assert_int_equal(whorl_peer_address(pipe.ends[0], (struct sockaddr *)&addr, &len), -ENOTSOCK);
    close_pair(&pipe);
    pair both = tcp_pair();
    len = UINT32_MAX;
    assert_int_equal(whorl_peer_address(both.ends[0], (struct sockaddr *)&addr, &len), -EINVAL);
    close_pair(&both);
    struct sockaddr_in6 client;
    fd = accept_reset(AF_INET, &client);
    assert_int_equal(whorl_peer_address(fd, (struct sockaddr *)&addr, &len), -EINVAL);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(ipv4_is_host_and_port),
        behaviour(ipv6_is_in_brackets_and_has_its_scope),
        behaviour(unix_is_a_path_or_an_abstract_name_or_unnamed),
        behaviour(what_would_break_the_line_is_escaped),
        behaviour(the_longest_names_fit),
        behaviour(what_cannot_be_told_is_refused),
        behaviour(the_kernels_own_addresses_are_understood),
        behaviour(a_peer_that_has_broken_off_is_known_still),
        behaviour(where_there_is_no_peer_that_is_told),
    };
    return run_behaviours("address", tests);
}
