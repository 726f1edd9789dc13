/*
 * Hosts and services that are numbers, held against what getaddrinfo(3) makes of them.
 *
 * Input: a byte for the family, and two strings, the host and the service.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fuzz/fuzz.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <whorl.h>

struct asked {
    int family;
    const char *host;
    const char *service;
};

/* By the rule: digits, and at most 65535. -1: it is none; -ERANGE: it is too high. */
static int model_port(const char *service)
{
    int port = 0;
    for (const char *at = service; *at != '\0'; at++) {
        if (*at < '0' || *at > '9')
            return -1;
        port = port > 65535 ? port : port * 10 + (*at - '0');
    }
    return *service == '\0' ? -1 : port > 65535 ? -ERANGE : port;
}

static int ask_the_library(const struct asked *asked, struct addrinfo **found)
{
    struct addrinfo hints = {.ai_family = asked->family,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    return getaddrinfo(asked->host, NULL, &hints, found);
}

static void check_address(const whorl_address *mine, const struct addrinfo *its, int port)
{
    hold(mine->any.sa_family == its->ai_family && mine->len == its->ai_addrlen);
    if (its->ai_family == AF_INET) {
        const struct sockaddr_in *in4 = (const struct sockaddr_in *)(const void *)its->ai_addr;
        hold(memcmp(&mine->in4.sin_addr, &in4->sin_addr, sizeof in4->sin_addr) == 0);
        hold(ntohs(mine->in4.sin_port) == port);
    } else {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)its->ai_addr;
        hold(memcmp(&mine->in6.sin6_addr, &in6->sin6_addr, sizeof in6->sin6_addr) == 0);
        hold(mine->in6.sin6_scope_id == in6->sin6_scope_id);
        hold(ntohs(mine->in6.sin6_port) == port);
    }
}

static intptr_t ask(void *arg)
{
    const struct asked *asked = arg;
    whorl_address mine[2];
    whorl_resolve_options options = {.family = asked->family, .numeric = 1};
    int port = model_port(asked->service);
    int count = whorl_resolve(asked->host, asked->service, &options, mine, 2);
    if (strlen(asked->host) > 255) {
        hold(count == -ENAMETOOLONG);
        return 0;
    }
    if (*asked->host == '\0') {
        hold(count == -ENOENT);
        return 0;
    }
    if (port < 0) {
        hold(count == -ERANGE || count == -ENAMETOOLONG || count == -EPROTONOSUPPORT);
        hold((count == -ERANGE) == (port == -ERANGE));
        return 0;
    }
    struct addrinfo *its = NULL;
    int error = ask_the_library(asked, &its);
    hold((error == 0) == (count == 1));
    hold(error == 0 || count == -ENOENT || count == -ENODATA);
    if (error == 0) {
        check_address(&mine[0], its, port);
        freeaddrinfo(its);
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int families[] = {AF_UNSPEC, AF_INET, AF_INET6};
    input rest = {data, size};
    int family = families[take_byte(&rest) % 3];
    char *host = take_string(&rest);
    char *service = take_string(&rest);
    whorl_config config = {.entries = 16, .completions = 32, .pooled_stacks = 4};
    hold(whorl_run_with(&config, ask, &(struct asked){family, host, service}) == 0);
    free(host);
    free(service);
    return 0;
}
