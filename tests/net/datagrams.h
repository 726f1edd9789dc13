/* What the tests of datagrams share. Each body runs with multishot receives and without. */
#ifndef TESTS_NET_DATAGRAMS_H
#define TESTS_NET_DATAGRAMS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static inline void run_both_ways(whorl_fn *fn)
{
    run_checks(fn, NULL);
    whorl_config config = {.without = WHORL_FEATURE_RECV_MULTISHOT};
    run_checks_with(&config, fn, NULL);
}

static inline struct sockaddr_in loopback_at(int port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((in_port_t)port)};
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return addr;
}

/* A socket on a free port of 127.0.0.1, whose address goes to *addr. */
static inline whorl_datagram *open_loopback(const whorl_datagram_options *options,
                                            struct sockaddr_in *addr)
{
    whorl_datagram *one = NULL;
    check_equal(whorl_datagram_open("127.0.0.1", NULL, options, &one), 0);
    if (addr)
        *addr = loopback_at(whorl_datagram_port(one));
    return one;
}

static inline ssize_t send_in(whorl_datagram *from, const void *buf, size_t len,
                              const struct sockaddr_in *to)
{
    return whorl_datagram_send_to(from, buf, len, (const struct sockaddr *)to, sizeof *to);
}

static inline void check_message(const whorl_message *message, const char *expected)
{
    check_equal(message->size, strlen(expected));
    if (check_equal(message->len, strlen(expected)))
        check(memcmp(message->data, expected, message->len) == 0);
}

static inline void check_received(whorl_datagram *at, const char *expected)
{
    whorl_message message;
    if (check_equal(whorl_datagram_receive(at, &message), 0))
        check_message(&message, expected);
}

#endif
