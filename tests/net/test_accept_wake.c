/*
 * Several tasks at one listening socket, of which the kernel wakes one for a connection: whatever
 * befalls that one at this moment, no connection is left to wait while somebody would take it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "os/threads.h"

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE WHORL_SECONDS(30) /* for what comes at once */

static struct sockaddr_in place;

static int connect_now(void)
{
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check_equal(connect(client, (struct sockaddr *)&place, sizeof place), 0);
    return client;
}

struct acceptor {
    int listener;
    int64_t timeout;
};

static intptr_t accept_there(void *arg)
{
    const struct acceptor *self = arg;
    whorl_op op = whorl_op_accept(self->listener, NULL, NULL, SOCK_CLOEXEC);
    op.timeout = self->timeout;
    return whorl_op_await(&op);
}

static intptr_t close_it(void *arg)
{
    return whorl_close(((const struct acceptor *)arg)->listener);
}

/* Of a task that accepts, and gives `otherwise` if it took nothing. */
static bool took(whorl_task *task, intptr_t otherwise)
{
    intptr_t fd = whorl_join(task);
    if (fd >= 0)
        return whorl_close((int)fd) == 0;
    check_equal(fd, otherwise);
    return false;
}

/* A connection comes as the first of two is to end. */
static void connect_beside(whorl_task *first, whorl_task *second, intptr_t otherwise)
{
    int client = connect_now(), another = -1;
    if (took(first, otherwise))
        another = connect_now();
    check(took(second, 0));
    close(client);
    if (another >= 0)
        close(another);
}

/* --- A cancel --- */

static intptr_t cancel_who_is_woken(void *arg)
{
    struct acceptor acceptor = {tcp_listener(&place, 10), PATIENCE};
    whorl_task *first = whorl_spawn(accept_there, &acceptor);
    whorl_task *second = whorl_spawn(accept_there, &acceptor);
    check_equal(whorl_sleep(WHORL_MS(1)), 0); /* both are with the kernel */
    check_equal(whorl_cancel(first), 0);
    connect_beside(first, second, -ECANCELED);
    check_equal(whorl_close(acceptor.listener), 0);
    return (intptr_t)arg;
}

static void a_connection_that_comes_with_a_cancel_is_taken(void **state)
{
    (void)state;
    run_checks(cancel_who_is_woken, NULL);
}

/* --- A cancel, and no descriptor for the connection --- */

static void allow_descriptors(rlim_t count)
{
    struct rlimit limit;
    check_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = count;
    check_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* For a wait that would not end before. */
static intptr_t allow_later(void *arg)
{
    intptr_t error = whorl_sleep(WHORL_SECONDS(3));
    if (!error)
        allow_descriptors(*(const rlim_t *)arg);
    return error;
}

static intptr_t cancel_without_descriptors(void *arg)
{
    struct rlimit before;
    struct acceptor acceptor = {tcp_listener(&place, 10), PATIENCE};
    check_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    whorl_task *first = whorl_spawn(accept_there, &acceptor);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    whorl_task *later = whorl_spawn(allow_later, &before.rlim_cur);
    check_equal(whorl_cancel(first), 0);
    allow_descriptors((rlim_t)client + 1);
    check_equal(connect(client, (struct sockaddr *)&place, sizeof place), 0);
    intptr_t result = whorl_join(first);
    check(result == -EMFILE || result == -ECANCELED);
    check_equal(whorl_cancel(later), 0);
    check_equal(whorl_join(later), -ECANCELED);
    allow_descriptors(before.rlim_cur);
    check(took(whorl_spawn(accept_there, &acceptor), 0)); /* it is there yet */
    close(client);
    check_equal(whorl_close(acceptor.listener), 0);
    return (intptr_t)arg;
}

static void without_descriptors_a_cancelled_accept_ends(void **state)
{
    (void)state;
    run_checks(cancel_without_descriptors, NULL);
}

/* --- A close --- */

static intptr_t close_where_one_is_woken(void *arg)
{
    struct acceptor one = {tcp_listener(&place, 10), PATIENCE};
    struct acceptor other = {dup(one.listener), PATIENCE};
    whorl_task *first = whorl_spawn(accept_there, &one);
    whorl_task *second = whorl_spawn(accept_there, &other);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    whorl_task *closer = whorl_spawn(close_it, &one);
    check_equal(whorl_yield(), 0);
    connect_beside(first, second, -ECANCELED);
    check_equal(whorl_join(closer), 0);
    check_equal(whorl_close(other.listener), 0);
    return (intptr_t)arg;
}

static void a_connection_that_comes_with_a_close_is_taken(void **state)
{
    (void)state;
    run_checks(close_where_one_is_woken, NULL);
}

/* --- A timeout --- */

enum { ROUNDS = 300 };

/* Once in some rounds the time is up just as the connection comes. */
static intptr_t time_out_who_is_woken(void *arg)
{
    struct acceptor patient = {tcp_listener(&place, 10), PATIENCE}, brief = patient;
    brief.timeout = WHORL_US(200);
    for (int round = 0; round < ROUNDS; round++) {
        whorl_task *first = whorl_spawn(accept_there, &brief);
        whorl_task *second = whorl_spawn(accept_there, &patient);
        check_equal(whorl_sleep(WHORL_US(20)), 0);
        pause_for(WHORL_US(round % 150));
        connect_beside(first, second, -ETIMEDOUT);
    }
    check_equal(whorl_close(patient.listener), 0);
    return (intptr_t)arg;
}

static void a_connection_that_comes_with_a_timeout_is_taken(void **state)
{
    (void)state;
    run_checks(time_out_who_is_woken, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_connection_that_comes_with_a_cancel_is_taken),
        behaviour(without_descriptors_a_cancelled_accept_ends),
        behaviour(a_connection_that_comes_with_a_close_is_taken),
        behaviour(a_connection_that_comes_with_a_timeout_is_taken),
    };
    return run_behaviours("accept, the wake", tests);
}
