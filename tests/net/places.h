/*
 * Places on the loopback network to connect to, at one port of several hosts: some that answer,
 * some that refuse, some that swallow whatever comes. For a program with the lookups of lookups.h.
 */
#ifndef TESTS_NET_PLACES_H
#define TESTS_NET_PLACES_H

#include "net/lookups.h"

#include <fcntl.h>

enum place_kind {
    LIVE,    /* listens */
    REFUSES, /* the port is taken, and nobody listens */
    HOLE,    /* the listener's queue is full: nothing is answered */
};

enum { PLACES_MOST = 8, FILLERS = 3 };

struct places {
    char port[8];
    size_t count;
    int fds[PLACES_MOST];
    int fillers[PLACES_MOST][FILLERS];
};

/* Place number `index` (from 0) is 127.0.0.(index + 1). */
static inline struct sockaddr_in place_address(const struct places *places, size_t index)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_port = htons((in_port_t)atoi(places->port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (in_addr_t)index);
    return address;
}

static inline void fill_place(const struct places *places, size_t index, int fillers[FILLERS])
{
    struct sockaddr_in address = place_address(places, index);
    for (int i = 0; i < FILLERS; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (connect(fillers[i], (struct sockaddr *)&address, sizeof address) != 0 &&
            errno != EINPROGRESS)
            abort();
        pause_for(WHORL_MS(1));
    }
}

static inline void places_close(struct places *places)
{
    for (size_t i = 0; i < places->count; i++) {
        if (places->fds[i] >= 0)
            close(places->fds[i]);
        for (int j = 0; j < FILLERS; j++)
            if (places->fillers[i][j] >= 0)
                close(places->fillers[i][j]);
    }
    places->count = 0;
}

/* One place; false: somebody has the port there. */
static inline bool place_open(struct places *places, enum place_kind kind)
{
    size_t index = places->count;
    struct sockaddr_in address = place_address(places, index);
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        abort();
    places->fds[index] = fd;
    for (int i = 0; i < FILLERS; i++)
        places->fillers[index][i] = -1;
    places->count++;
    if (bind(fd, (struct sockaddr *)&address, len) != 0)
        return false;
    if (kind != REFUSES && listen(fd, kind == HOLE ? 0 : 1000) != 0)
        return false;
    getsockname(fd, (struct sockaddr *)&address, &len);
    snprintf(places->port, sizeof places->port, "%u", ntohs(address.sin_port));
    if (kind == HOLE)
        fill_place(places, index, places->fillers[index]);
    return true;
}

/* Opens as many as `kinds` are, at a port that is free at all of them. */
static inline void places_open(struct places *places, const enum place_kind *kinds, size_t count)
{
    for (;;) {
        memset(places, 0, sizeof *places);
        snprintf(places->port, sizeof places->port, "0");
        while (places->count < count && place_open(places, kinds[places->count]))
            continue;
        /* The last one may have been refused. */
        struct sockaddr_in last = {0};
        socklen_t len = sizeof last;
        getsockname(places->fds[places->count - 1], (struct sockaddr *)&last, &len);
        if (places->count == count && last.sin_port == htons((in_port_t)atoi(places->port)))
            return;
        places_close(places);
    }
}

/* What every name has as its addresses: text, as for answer_with. */
static const char *addresses_of_all = "";

static inline int answer_all_alike(const char *host, const char *service,
                                   const struct addrinfo *hints, struct addrinfo **list)
{
    (void)host, (void)service, (void)hints;
    return answer_with(addresses_of_all, 0, list);
}

/* Names have these addresses from now on. */
static inline void set_addresses(const char *texts)
{
    addresses_of_all = texts;
    answer_lookups_by(answer_all_alike);
}

/* The peer's, or a socket's own, address, as text. */
static inline address_text peer_of(int fd)
{
    whorl_address address = {.len = sizeof address.in6};
    if (getpeername(fd, &address.any, &address.len) != 0)
        return (address_text){"none"};
    return text_of(&address);
}

static inline address_text own_of(int fd)
{
    whorl_address address = {.len = sizeof address.in6};
    if (getsockname(fd, &address.any, &address.len) != 0)
        return (address_text){"none"};
    return text_of(&address);
}

/* Takes a connection that waits at place `index`; -1: none does. */
static inline int accept_at(const struct places *places, size_t index)
{
    fcntl(places->fds[index], F_SETFL, O_NONBLOCK);
    return accept4(places->fds[index], NULL, NULL, SOCK_CLOEXEC);
}

#endif
