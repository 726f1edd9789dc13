/* What was looked up and is kept: shared by who asks meanwhile, taken by who asks soon after. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "as_task.h"
#include "net/lookups.h"

#include <errno.h>

static int begun(void)
{
    return atomic_load(&lookups_begun);
}

static int one_address(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **list)
{
    (void)host;
    return answer_with(hints->ai_family == AF_INET6 ? "2001:db8::1" : "10.0.0.1", service ? 99 : 0,
                       list);
}

/* The same, when the test lets it. */
static int one_when_let(const char *host, const char *service, const struct addrinfo *hints,
                        struct addrinfo **list)
{
    int number = begun();
    await_number(&lookups_may_end, number);
    return one_address(host, service, hints, list);
}

/* --- At the same time --- */

enum { CROWD = CROWD_OF(10000) };

static intptr_t ask_for_one(void *arg)
{
    whorl_address address;
    char port[16];
    snprintf(port, sizeof port, "%d", (int)(intptr_t)arg);
    int count = whorl_resolve("name.test", port, NULL, &address, 1);
    if (count == 1)
        check_equal(ntohs(address.in4.sin_port), (intptr_t)arg);
    return count;
}

static void ten_thousand_tasks_share_one_lookup(void **state)
{
    (void)state;
    static whorl_task *tasks[CROWD];
    tell_crowd(CROWD);
    answer_lookups_by(one_when_let);
    for (int i = 0; i < CROWD; i++)
        assert_non_null(tasks[i] = whorl_spawn(ask_for_one, (void *)(intptr_t)(i + 1)));
    yield_until(&lookups_begun, 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(whorl_yield(), 0);
    atomic_store(&lookups_may_end, 1);
    for (int i = 0; i < CROWD; i++)
        assert_int_equal(whorl_join(tasks[i]), 1);
    assert_int_equal(begun(), 1);
}

static void one_s_cancel_and_timeout_leave_the_others_waiting(void **state)
{
    (void)state;
    enum { FEW = 9 };
    whorl_task *tasks[FEW];
    const whorl_resolve_options soon = {.timeout = WHORL_MS(1)};
    answer_lookups_by(one_when_let);
    for (int i = 0; i < FEW; i++)
        assert_non_null(tasks[i] = whorl_spawn(ask_for_one, (void *)1));
    yield_until(&lookups_begun, 1);
    assert_int_equal(resolve_quickly("name.test", &soon), -ETIMEDOUT);
    for (int i = 0; i < FEW; i += 2) {
        assert_int_equal(whorl_cancel(tasks[i]), 0);
        assert_int_equal(whorl_join(tasks[i]), -ECANCELED);
    }
    atomic_store(&lookups_may_end, 1);
    for (int i = 1; i < FEW; i += 2)
        assert_int_equal(whorl_join(tasks[i]), 1);
    assert_int_equal(begun(), 1);
}

/* --- Soon after --- */

static void an_answer_is_kept_for_half_a_minute(void **state)
{
    (void)state;
    answer_lookups_by(one_address);
    for (int i = 0; i < 10; i++)
        check_resolves("name.test", "80", NULL, "10.0.0.1:80");
    assert_int_equal(begun(), 1);
    assert_int_equal(whorl_sleep(WHORL_SECONDS(29)), 0);
    check_resolves("name.test", "81", NULL, "10.0.0.1:81");
    assert_int_equal(begun(), 1);
    assert_int_equal(whorl_sleep(WHORL_SECONDS(2)), 0);
    check_resolves("name.test", "82", NULL, "10.0.0.1:82");
    assert_int_equal(begun(), 2);
    check_resolves("name.test", "83", NULL, "10.0.0.1:83");
    assert_int_equal(begun(), 2);
}

static void a_call_says_how_old_an_answer_it_takes(void **state)
{
    (void)state;
    const whorl_resolve_options hour = {.max_age = WHORL_SECONDS(3600)};
    const whorl_resolve_options second = {.max_age = WHORL_SECONDS(1)};
    const whorl_resolve_options anew = {.max_age = -1};
    const whorl_resolve_options for_ever = {.max_age = WHORL_FOREVER};
    answer_lookups_by(one_address);
    assert_int_equal(resolve_quickly("name.test", &hour), 1);
    assert_int_equal(whorl_sleep(WHORL_SECONDS(1000)), 0);
    assert_int_equal(resolve_quickly("name.test", &hour), 1);
    assert_int_equal(begun(), 1);
    assert_int_equal(resolve_quickly("name.test", &second), 1);
    assert_int_equal(begun(), 2);
    assert_int_equal(resolve_quickly("name.test", &second), 1);
    assert_int_equal(begun(), 2);
    assert_int_equal(resolve_quickly("name.test", &anew), 1);
    assert_int_equal(begun(), 3);
    assert_int_equal(whorl_sleep(WHORL_SECONDS(100000)), 0);
    assert_int_equal(resolve_quickly("name.test", &for_ever), 1);
    assert_int_equal(begun(), 3);
}

static int fail_once(const char *host, const char *service, const struct addrinfo *hints,
                     struct addrinfo **list)
{
    return begun() == 1 ? EAI_AGAIN : one_address(host, service, hints, list);
}

static void a_failure_is_not_kept(void **state)
{
    (void)state;
    answer_lookups_by(fail_once);
    assert_int_equal(resolve_quickly("name.test", NULL), -EAGAIN);
    assert_int_equal(resolve_quickly("name.test", NULL), 1);
    assert_int_equal(begun(), 2);
}

static int fail_later(const char *host, const char *service, const struct addrinfo *hints,
                      struct addrinfo **list)
{
    return begun() > 1 ? EAI_AGAIN : one_address(host, service, hints, list);
}

static void a_failure_leaves_what_was_known(void **state)
{
    (void)state;
    const whorl_resolve_options anew = {.max_age = -1};
    answer_lookups_by(fail_later);
    assert_int_equal(resolve_quickly("name.test", NULL), 1);
    assert_int_equal(resolve_quickly("name.test", &anew), -EAGAIN);
    assert_int_equal(resolve_quickly("name.test", NULL), 1);
    assert_int_equal(begun(), 2);
}

static void questions_that_differ_have_answers_of_their_own(void **state)
{
    (void)state;
    const whorl_resolve_options in6 = {.family = AF_INET6}, udp = {.socktype = SOCK_DGRAM};
    answer_lookups_by(one_address);
    check_resolves("name.test", "80", NULL, "10.0.0.1:80");
    check_resolves("other.test", "80", NULL, "10.0.0.1:80");
    check_resolves("name.test", "80", &in6, "[2001:db8::1]:80");
    check_resolves("name.test", "service", NULL, "10.0.0.1:99");
    check_resolves("name.test", "service", &udp, "10.0.0.1:99");
    assert_int_equal(begun(), 5);
    check_resolves("name.test", "service", &udp, "10.0.0.1:99");
    check_resolves("name.test", "service", NULL, "10.0.0.1:99");
    check_resolves("name.test", "80", &in6, "[2001:db8::1]:80");
    check_resolves("name.test", NULL, NULL, "10.0.0.1:0");
    assert_int_equal(begun(), 5);
}

static int ask_for_number(int number)
{
    char host[32];
    snprintf(host, sizeof host, "host-%d.test", number);
    return resolve_quickly(host, NULL);
}

static void of_many_names_those_last_asked_for_are_kept(void **state)
{
    (void)state;
    enum { MORE = 44 };
    answer_lookups_by(one_address);
    for (int i = 0; i < WHORL_RESOLVED_MAX; i++)
        assert_int_equal(ask_for_number(i), 1);
    for (int i = 0; i < MORE; i++) /* the first are younger than the others again */
        assert_int_equal(ask_for_number(i), 1);
    assert_int_equal(begun(), WHORL_RESOLVED_MAX);
    for (int i = 0; i < MORE; i++)
        assert_int_equal(ask_for_number(WHORL_RESOLVED_MAX + i), 1);
    assert_int_equal(begun(), WHORL_RESOLVED_MAX + MORE);
    for (int i = 0; i < MORE; i++)
        assert_int_equal(ask_for_number(i), 1);
    for (int i = 2 * MORE; i < WHORL_RESOLVED_MAX + MORE; i++)
        assert_int_equal(ask_for_number(i), 1);
    assert_int_equal(begun(), WHORL_RESOLVED_MAX + MORE);
    assert_int_equal(ask_for_number(MORE), 1);
    assert_int_equal(begun(), WHORL_RESOLVED_MAX + MORE + 1);
}

/* --- Forgotten --- */

static void a_name_is_forgotten_alone_or_with_all(void **state)
{
    (void)state;
    const whorl_resolve_options in4 = {.family = AF_INET};
    assert_int_equal(whorl_resolve_forget(NULL), 0);
    answer_lookups_by(one_address);
    assert_int_equal(resolve_quickly("one.test", NULL), 1);
    assert_int_equal(resolve_quickly("one.test", &in4), 1);
    assert_int_equal(resolve_quickly("other.test", NULL), 1);
    assert_int_equal(begun(), 3);
    assert_int_equal(whorl_resolve_forget("one.test"), 0);
    assert_int_equal(resolve_quickly("other.test", NULL), 1);
    assert_int_equal(begun(), 3);
    assert_int_equal(resolve_quickly("one.test", NULL), 1);
    assert_int_equal(resolve_quickly("one.test", &in4), 1);
    assert_int_equal(begun(), 5);
    assert_int_equal(whorl_resolve_forget("no-such.test"), 0);
    assert_int_equal(whorl_resolve_forget(NULL), 0);
    assert_int_equal(resolve_quickly("one.test", NULL), 1);
    assert_int_equal(resolve_quickly("other.test", NULL), 1);
    assert_int_equal(begun(), 7);
}

static void forgotten_while_it_is_looked_up_a_name_goes_to_who_waits_alone(void **state)
{
    (void)state;
    answer_lookups_by(one_when_let);
    whorl_task *early = whorl_spawn(ask_for_one, (void *)1);
    yield_until(&lookups_begun, 1);
    assert_int_equal(whorl_resolve_forget("name.test"), 0);
    whorl_task *late = whorl_spawn(ask_for_one, (void *)2);
    yield_until(&lookups_begun, 2);
    atomic_store(&lookups_may_end, 1);
    assert_int_equal(whorl_join(early), 1);
    whorl_task *latest = whorl_spawn(ask_for_one, (void *)3);
    assert_int_equal(whorl_yield(), 0);
    assert_false(whorl_is_done(latest));
    atomic_store(&lookups_may_end, 2);
    assert_int_equal(whorl_join(late), 1);
    assert_int_equal(whorl_join(latest), 1);
    assert_int_equal(begun(), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(ten_thousand_tasks_share_one_lookup),
        as_task(one_s_cancel_and_timeout_leave_the_others_waiting),
        as_task(an_answer_is_kept_for_half_a_minute),
        as_task(a_call_says_how_old_an_answer_it_takes),
        as_task(a_failure_is_not_kept),
        as_task(a_failure_leaves_what_was_known),
        as_task(questions_that_differ_have_answers_of_their_own),
        as_task(of_many_names_those_last_asked_for_are_kept),
        as_task(a_name_is_forgotten_alone_or_with_all),
        as_task(forgotten_while_it_is_looked_up_a_name_goes_to_who_waits_alone),
    };
    return run_behaviours("resolve_cache", tests);
}
