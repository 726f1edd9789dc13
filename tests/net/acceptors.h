/* Tasks that accept, and what becomes of their clients, in a test that runs as a task. */
#ifndef TESTS_NET_ACCEPTORS_H
#define TESTS_NET_ACCEPTORS_H

#include "net/listeners.h"

/* The peer has ended, or broken off. */
static inline void assert_turned_away(int client)
{
    char byte;
    ssize_t got = whorl_recv(client, &byte, 1, 0);
    assert_true(got == 0 || got == -ECONNRESET);
    close(client);
}

/* A task that accepts one connection. */
struct acceptor {
    whorl_listener *listener;
    int *order; /* of ends */
    int place;
    whorl_task *task;
};

static inline intptr_t accept_one(void *arg)
{
    struct acceptor *acceptor = arg;
    intptr_t fd = whorl_listener_accept(acceptor->listener);
    acceptor->place = (*acceptor->order)++;
    return fd;
}

static inline void start_acceptors(struct acceptor *acceptors, size_t count,
                                   whorl_listener *listener, int *order)
{
    for (size_t i = 0; i < count; i++) {
        acceptors[i] = (struct acceptor){.listener = listener, .order = order, .place = -1};
        acceptors[i].task = whorl_spawn(accept_one, &acceptors[i]);
        assert_non_null(acceptors[i].task);
    }
    assert_int_equal(whorl_yield(), 0);
}

static inline int timed_accept(whorl_listener *listener, int64_t ns)
{
    whorl_timeout limit;
    whorl_timeout_begin(&limit, ns);
    return (int)whorl_timeout_end(&limit, whorl_listener_accept(listener));
}

#endif
