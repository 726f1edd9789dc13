/* Names and connections when memory, threads or descriptors are refused: nothing is lost, and the
 * next call does its work. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "net/places.h"
#include "refused_memory.h"

#include <sys/resource.h>

static atomic_bool refuses_threads;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*body)(void *arg), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*body)(void *arg), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*body)(void *arg), void *arg)
{
    return atomic_load(&refuses_threads) ? EAGAIN
                                         : __real_pthread_create(thread, attributes, body, arg);
}

static struct places places;

static int one_address(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **list)
{
    (void)host, (void)service, (void)hints;
    bool was = is_the_test;
    is_the_test = true;
    answer_with("127.0.0.1", 0, list);
    is_the_test = was;
    return 0;
}

static intptr_t connect_or_not(void *arg)
{
    int fd = whorl_tcp_connect("name.test", places.port, NULL);
    if (fd < 0)
        return fd;
    check_equal(whorl_close(fd), 0);
    return (intptr_t)arg;
}

static intptr_t refuse_memory(void *arg)
{
    answer_lookups_by(one_address);
    long refused = refuse_each_in_turn(connect_or_not, arg);
    check(refused >= 4); /* the table of names, the name, what was found, the race */
    check_equal(connect_or_not(NULL), 0);
    check_equal(atomic_load(&answers_held), 0);
    return 0;
}

static void without_memory_nothing_is_lost(void **state)
{
    (void)state;
    static const enum place_kind kind = LIVE;
    places_open(&places, &kind, 1);
    run_checks(refuse_memory, NULL);
    places_close(&places);
}

static intptr_t refuse_threads(void *arg)
{
    answer_lookups_by(one_address);
    atomic_store(&refuses_threads, true);
    check_equal(resolve_quickly("name.test", NULL), -ENOMEM);
    atomic_store(&refuses_threads, false);
    check_equal(resolve_quickly("name.test", NULL), 1);
    return (intptr_t)arg;
}

static void without_a_thread_a_name_is_not_found(void **state)
{
    (void)state;
    run_checks(refuse_threads, NULL);
}

static intptr_t refuse_descriptors(void *arg)
{
    struct rlimit before, now;
    answer_lookups_by(one_address);
    check_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    now = before;
    now.rlim_cur = 0;
    check_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
    check_equal(resolve_quickly("name.test", NULL), -EMFILE);
    check_equal(whorl_tcp_connect("127.0.0.1", "7", NULL), -EMFILE);
    check_equal(whorl_unix_connect("@name", NULL), -EMFILE);
    check_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    check_equal(resolve_quickly("name.test", NULL), 1);
    return (intptr_t)arg;
}

static void without_a_descriptor_it_is_told_so(void **state)
{
    (void)state;
    static const whorl_config without_inbox = {.sigint = WHORL_SIGINT_LEAVE};
    run_checks_with(&without_inbox, refuse_descriptors, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(without_memory_nothing_is_lost),
        behaviour(without_a_thread_a_name_is_not_found),
        behaviour(without_a_descriptor_it_is_told_so),
    };
    return run_behaviours("connect_refused", tests);
}
